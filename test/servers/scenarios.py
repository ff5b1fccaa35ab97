"""The ways in which evil.py misbehaves, and what a right client does then.

Each scenario names the threat of docs/threats.md that it stands for, what the client is told
("url", "auth", "recipients", "options", "body"), what the server does ("tls", "steps"), and what is
right: "exit" (the statuses of `postrider send` that are acceptable), "max_seconds", "max_taken",
"never_clear", "never", "must".

The exit statuses: 0 all accepted, 1 some, 2 in doubt, 65 unusable message or address, 69 permanently
refused, 75 temporary, 76 protocol violation or TLS failure, 77 authentication, 78 configuration.
The rule behind most of them: until the terminator was handed over a lost link is temporary, after it
the outcome is in doubt, and after the final 2yz nothing can go wrong any more.
"""

import fixture

PASSWORD = "Tr0ub4dor&3-correct+horse/battery=staple"
GREETING = "220 mail.test ESMTP\r\n"
GREET = {"send": GREETING}
PIPELINED = ["PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
ONE_BY_ONE = ["SIZE 52428800", "8BITMIME", "SMTPUTF8"]
SERVE = {"serve": {}}
MIB = 1 << 20
FLOOD = 256 * MIB
CAP = 2 * MIB  # of a flood: what the client may read plus what the kernel takes on its behalf
NO_MAIL = [r"^MAIL", r"^RCPT", r"^Subject:"]
IN_CLEAR = [r"^AUTH", r"^MAIL", r"^RCPT", r"^DATA", r"^Subject:"]

DEFAULTS = {
    "threat": "-",
    "why": "",
    "url": "smtp+notls",
    "tls": "none",
    "auth": False,
    "recipients": ["bob@mail.test"],
    "options": [],
    "body": 0,
    "timeout": 10,
    "max_seconds": 8,
    "needs": [],
}


def complete(scenario):
    """Fills in what a scenario leaves out."""
    return {**DEFAULTS, **scenario}


def scenario(name, threat, exits, why, steps, **more):
    """One scenario; `exits` is an exit status or several."""
    return complete(
        {
            "name": name,
            "threat": threat,
            "why": why,
            "exit": [exits] if isinstance(exits, int) else list(exits),
            "steps": steps,
            **more,
        }
    )


def secure(**more):
    """A server that speaks STARTTLS, a client that requires it."""
    return {"url": "smtp+tls", "tls": "starttls", **more}


def implicit(**more):
    """Implicit TLS."""
    return {"url": "smtps", "tls": "implicit", **more}


def serve(**how):
    """The step in which the server is right except for `how`."""
    return {"serve": how}


def with_starttls(keywords=None):
    """Keywords with STARTTLS among them."""
    return [*(PIPELINED if keywords is None else keywords), "STARTTLS"]


def right_servers():
    """Servers that do nothing wrong: a client that fails here proves nothing elsewhere."""
    auth = ["AUTH PLAIN LOGIN"]
    yield scenario("right-plain", "-", 0, "a right server", [GREET, SERVE])
    yield scenario("right-one-by-one", "-", 0, "without PIPELINING", [GREET, serve(caps=ONE_BY_ONE)])
    yield scenario("right-chunking", "-", 0, "with CHUNKING", [GREET, serve(caps=[*PIPELINED, "CHUNKING"])])
    yield scenario("right-no-keywords", "-", 0, "an EHLO reply without keywords", [GREET, serve(caps=[])])
    yield scenario(
        "right-helo",
        "-",
        0,
        "a server that knows HELO only",
        [GREET, serve(caps=[], replies={"EHLO": "502 5.5.1 not implemented\r\n"})],
    )
    yield scenario(
        "right-starttls",
        "-",
        0,
        "STARTTLS",
        [GREET, serve(caps=with_starttls())],
        **secure(must=[r"^STARTTLS"], never_clear=IN_CLEAR),
    )
    yield scenario("right-implicit", "-", 0, "implicit TLS", [GREET, SERVE], **implicit(never_clear=["."]))
    for mechanism in ("PLAIN", "LOGIN"):
        caps = [*PIPELINED, f"AUTH {mechanism}"]
        yield scenario(
            f"right-auth-{mechanism.lower()}",
            "-",
            0,
            f"AUTH {mechanism}",
            [GREET, serve(caps=caps)],
            **implicit(auth=True, must=[rf"^AUTH {mechanism}"]),
        )
    yield scenario(
        "right-auth-starttls",
        "-",
        0,
        "AUTH within STARTTLS",
        [GREET, serve(caps=with_starttls(), tls_caps=PIPELINED + auth)],
        **secure(auth=True),
    )
    yield scenario(
        "right-multiline",
        "-",
        0,
        "multi-line replies everywhere",
        [{"send": "220-mail.test\r\n220-wel\r\n220 come\r\n"}, serve(replies=_multiline())],
    )
    yield scenario("right-big", "-", 0, "a larger body", [GREET, SERVE], body=4 * MIB)


def right_refusals():
    """Servers that refuse some or all, as they may."""
    two = ["bob@mail.test", "carol@mail.test"]
    some = {"RCPT": ["250 2.1.5 ok\r\n", "550 5.1.1 no such user\r\n"]}
    yield scenario(
        "right-some-refused",
        "R6",
        1,
        "one recipient refused, the other gets the mail",
        [GREET, serve(replies=some)],
        recipients=two,
    )
    none = {"RCPT": "550 5.1.1 no such user\r\n", "DATA": "554 5.5.1 no valid recipients\r\n"}
    yield scenario(
        "right-all-refused",
        "R6",
        69,
        "all recipients refused",
        [GREET, serve(replies=none)],
        recipients=two,
        never=[r"^Subject:"],
    )
    dozy = {"RCPT": "550 5.1.1 no such user\r\n"}
    yield scenario(
        "right-all-refused-354",
        "R6",
        69,
        "all refused, yet 354 to the pipelined DATA (RFC 2920 3.1): only a dot may follow",
        [GREET, serve(replies=dozy)],
        never=[r"^Subject:"],
    )
    lmtp = serve(lmtp=True, replies={".": ["250 2.0.0 first\r\n", "452 4.2.2 second is full\r\n"]})
    yield scenario(
        "right-lmtp-some", "R6", 1, "LMTP: a final reply per recipient", [GREET, lmtp], url="lmtp", recipients=two
    )


def _multiline():
    return {
        "MAIL": "250-2.1.0 a\r\n250-2.1.0 b\r\n250 2.1.0 c\r\n",
        "RCPT": "250-\r\n250\r\n",
        "DATA": "354-go\r\n354 ahead\r\n",
        ".": "250-2.0.0 ac\r\n250 2.0.0 cepted\r\n",
    }


def starttls_injection():
    """T1: plaintext behind the 220 that the client would take for what was said within TLS."""
    fragments = {
        "octet": "X",
        "lf": "\n",
        "line": "250 mail.test\r\n",
        "half-line": "250-mail.test\r\n250 AUTH PLAIN",
        "ehlo-reply": "250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1\r\n",
        "all-replies": "250 mail.test\r\n250 ok\r\n250 ok\r\n354 go\r\n250 accepted\r\n",
        "600-octets": "2" * 600,
        "tls-alert": "\x15\x03\x03\x00\x02\x01\x00",
    }
    for mode in ("smtp+tls", "smtp+opportunistic"):
        for name, text in fragments.items():
            for later in (False, True):
                tail = (
                    [{"send": "220 go ahead\r\n"}, {"delay": 0.05}, {"send": text}]
                    if later
                    else [{"send": "220 go ahead\r\n" + text}]
                )
                short = {"smtp+tls": "required", "smtp+opportunistic": "opportunistic"}[mode]
                yield scenario(
                    f"inject-{short}-{name}-{'later' if later else 'same'}",
                    "T1",
                    76,
                    f"{name} behind the 220, {'one segment later' if later else 'in the same segment'}",
                    [
                        GREET,
                        serve(caps=with_starttls(), until="STARTTLS"),
                        *tail,
                        {"starttls": True},
                        serve(caps=[*PIPELINED, "AUTH PLAIN LOGIN"]),
                    ],
                    **secure(auth=True, url=mode, never_clear=IN_CLEAR),
                )


def starttls_stripping():
    """T2: somebody in the middle keeps TLS from happening."""
    how = secure(auth=True, never_clear=IN_CLEAR, max_seconds=8)
    auth = [*PIPELINED, "AUTH PLAIN LOGIN"]
    yield scenario(
        "strip-keyword", "T2", 76, "STARTTLS is missing from the EHLO reply", [GREET, serve(caps=auth)], **how
    )
    yield scenario(
        "strip-overwritten",
        "T2",
        76,
        "STARTTLS overwritten with X, as firewalls do",
        [GREET, serve(caps=[*auth, "XXXXXXXA"])],
        **how,
    )
    yield scenario(
        "strip-lookalike",
        "T2",
        76,
        "keywords that only begin like STARTTLS",
        [GREET, serve(caps=[*auth, "STARTTLSX", "XSTARTTLS", "START TLS"])],
        **how,
    )
    yield scenario(
        "strip-ehlo-502",
        "T2",
        (69, 76),
        "EHLO refused, HELO accepted",
        [GREET, serve(replies={"EHLO": "502 no\r\n"})],
        **how,
    )
    yield scenario(
        "strip-ehlo-550", "T2", (69, 76), "EHLO refused for good", [GREET, serve(replies={"EHLO": "550 no\r\n"})], **how
    )
    yield scenario(
        "strip-greeting-all",
        "T2",
        76,
        "greeting and EHLO reply in one",
        [{"send": GREETING + "250 mail.test\r\n"}, serve(caps=auth)],
        **how,
    )
    yield from _starttls_refused(how, with_starttls(auth))
    yield from _starttls_then(how, with_starttls(auth))


def _starttls_refused(how, caps):
    replies = {
        "454": ("454 4.7.0 TLS not available\r\n", (75, 76)),
        "501": ("501 5.5.4 no parameters\r\n", (69, 76)),
        "502": ("502 5.5.1 not implemented\r\n", (69, 76)),
        "503": ("503 5.5.1 already in TLS\r\n", (69, 76)),
        "554": ("554 5.7.0 no\r\n", (69, 76)),
        "250": ("250 ok\r\n", 76),
        "354": ("354 go\r\n", 76),
        "421": ("421 4.3.2 later\r\n", (75, 76)),
        "junk": ("hello\r\n", 76),
        "empty": ("\r\n", 76),
    }
    for name, (reply, exits) in replies.items():
        yield scenario(
            f"strip-reply-{name}",
            "T2",
            exits,
            f"STARTTLS answered with {name}",
            [GREET, serve(caps=caps, replies={"STARTTLS": reply})],
            **how,
        )
        if name in ("250", "354", "junk", "empty"):
            yield scenario(
                f"strip-opportunistic-{name}",
                "T2",
                76,
                f"opportunistic; STARTTLS answered with {name}",
                [GREET, serve(caps=caps, replies={"STARTTLS": reply})],
                **{**how, "url": "smtp+opportunistic"},
            )


def _starttls_then(how, caps):
    until = [GREET, serve(caps=caps, until="STARTTLS"), {"send": "220 go ahead\r\n"}]
    yield scenario("strip-220-cut", "T2", (75, 76), "220, then the link is cut", [*until, {"cut": True}], **how)
    yield scenario("strip-220-reset", "T2", (75, 76), "220, then a reset", [*until, {"reset": True}], **how)
    yield scenario(
        "strip-220-plain",
        "T2",
        76,
        "220, then plaintext goes on",
        [*until, {"delay": 0.1}, {"send": "250 mail.test\r\n" * 20}],
        **how,
    )
    yield scenario(
        "strip-220-stall", "T2", (75, 76), "220, then nothing", [*until, {"stall": 20}], **{**how, "timeout": 2}
    )
    yield scenario(
        "strip-220-half",
        "T2",
        (75, 76),
        "a ServerHello that is never finished",
        [*until, {"read": 50}, {"send": "\x16\x03\x03\x00\x7a\x02"}, {"cut": True}],
        **how,
    )
    for leaf in ("wrong-host", "expired", "unknown-root", "self-signed", "cn-only"):
        yield scenario(
            f"strip-cert-{leaf}",
            "T5",
            76,
            f"certificate {leaf}",
            [GREET, serve(caps=caps)],
            **secure(auth=True, leaf=leaf, never=IN_CLEAR, never_clear=IN_CLEAR),
        )
        yield scenario(
            f"implicit-cert-{leaf}",
            "T5",
            76,
            f"implicit TLS, certificate {leaf}",
            [GREET, serve(caps=caps)],
            **implicit(auth=True, leaf=leaf, never=["."]),
        )


def knowledge_before_tls():
    """T3: what was learnt before TLS is forgotten (RFC 3207 4.2)."""

    def only_before(name, exits, keyword, why, **more):
        plain = with_starttls([*ONE_BY_ONE, keyword])
        steps = [GREET, serve(caps=plain, tls_caps=more.pop("after", []))]
        return scenario(f"before-tls-{name}", "T3", exits, why, steps, **secure(never_clear=IN_CLEAR, **more))

    yield only_before(
        "auth",
        77,
        "AUTH PLAIN LOGIN",
        "AUTH is gone within TLS: never send without it",
        auth=True,
        never=[r"^MAIL", r"^AUTH"],
    )
    yield only_before("size", 0, "SIZE 10", "the small SIZE was said before TLS")
    yield only_before("pipelining", 0, "PIPELINING", "PIPELINING was said before TLS only")
    yield only_before("chunking", 0, "CHUNKING", "CHUNKING was said before TLS only", never=[r"^BDAT"])
    yield only_before("8bitmime", 0, "8BITMIME", "8BITMIME was said before TLS only", never=[r"^MAIL.*8BITMIME"])
    yield only_before(
        "smtputf8",
        (65, 69),
        "SMTPUTF8",
        "SMTPUTF8 was said before TLS only",
        recipients=["ünïcode@mail.test"],
        never=[r"^MAIL.*SMTPUTF8"],
    )
    weaker = serve(caps=with_starttls([*PIPELINED, "AUTH PLAIN"]), tls_caps=[*PIPELINED, "AUTH XUNKNOWN"])
    yield scenario(
        "before-tls-mechanism",
        "T3",
        77,
        "the usable mechanism was offered before TLS only",
        [GREET, weaker],
        **secure(auth=True, never=[r"^MAIL", r"^AUTH"]),
    )
    again = serve(caps=with_starttls(), tls_caps=with_starttls())
    yield scenario(
        "starttls-offered-again",
        "T3",
        0,
        "STARTTLS is offered within TLS: not to be tried again",
        [GREET, again],
        **secure(never=[r"^STARTTLS\r\n[^$]*^STARTTLS"]),
    )
    refused = serve(caps=with_starttls(), replies={"EHLO-TLS": "502 5.5.1 not within TLS\r\n"})
    yield scenario(
        "ehlo-refused-within-tls",
        "T3",
        (0, 69, 76),
        "EHLO is refused within TLS: HELO or an error, nothing from before",
        [GREET, refused],
        **secure(never=[r"^MAIL.*(SIZE|BODY)="]),
    )


def authentication():
    """A1, A2, A5: credentials."""
    auth = [*PIPELINED, "AUTH PLAIN LOGIN"]
    yield scenario(
        "auth-in-clear",
        "A1",
        (64, 77, 78),
        "AUTH is offered without TLS",
        [GREET, serve(caps=auth)],
        auth=True,
        never_clear=[r"^AUTH (PLAIN|LOGIN)", *NO_MAIL],
    )
    yield scenario(
        "auth-in-clear-opportunistic",
        "A1",
        (64, 76, 77, 78),
        "opportunistic, no STARTTLS offered",
        [GREET, serve(caps=auth)],
        url="smtp+opportunistic",
        auth=True,
        never_clear=[r"^AUTH (PLAIN|LOGIN)", *NO_MAIL],
    )
    how = implicit(auth=True, never=NO_MAIL)
    yield scenario(
        "auth-missing", "T3", 77, "credentials given, no AUTH offered", [GREET, serve(caps=PIPELINED)], **how
    )
    yield scenario(
        "auth-no-mechanism", "A2", 77, "AUTH without any mechanism", [GREET, serve(caps=[*PIPELINED, "AUTH"])], **how
    )
    yield scenario(
        "auth-unknown-mechanisms",
        "A2",
        77,
        "no mechanism that the client knows",
        [GREET, serve(caps=[*PIPELINED, "AUTH XTOKEN NTLM GSSAPI"])],
        **how,
    )


def authentication_refused():
    """R5: every kind of reply to AUTH."""
    auth = [*PIPELINED, "AUTH PLAIN LOGIN"]
    how = implicit(auth=True, never=NO_MAIL)
    for code, exits in (
        ("535 5.7.8 wrong", 77),
        ("534 5.7.9 too weak", 77),
        ("538 5.7.11 encrypt", 77),
        ("504 5.5.4 unknown", 77),
        ("500 what", 77),
        ("454 4.7.0 later", (75, 77)),
        ("421 4.3.2 closing", (75, 77)),
        ("250 ok", (76, 77)),
        ("354 go", (76, 77)),
    ):
        yield scenario(
            f"auth-reply-{code[:3]}",
            "R5",
            exits,
            f"AUTH answered with {code}",
            [GREET, serve(caps=auth, replies={"AUTH": code + "\r\n"})],
            **how,
        )


def challenges():
    """A5: challenges that are none, too large or without end."""
    auth = [*PIPELINED, "AUTH PLAIN LOGIN"]
    how = implicit(auth=True, never=NO_MAIL)
    texts = {
        "bad-base64": ("334 !!!not base64!!!\r\n", "a challenge that is not base64"),
        "base64-junk-end": ("334 VXNlcm5hbWU6=x=\r\n", "junk behind the padding"),
        "base64-short": ("334 VXN\r\n", "base64 of a wrong length"),
        "text": ("334 Username:\r\n", "a challenge in plain words"),
        "huge": ("334 " + "A" * 1_000_000 + "\r\n", "a challenge of a million octets"),
        "multi-line": ("334-VXNl\r\n334 cm5hbWU6\r\n", "a multi-line challenge"),
    }
    for name, (reply, why) in texts.items():
        for mechanism in ("PLAIN", "LOGIN"):
            caps = [*PIPELINED, f"AUTH {mechanism}"]
            yield scenario(
                f"challenge-{mechanism.lower()}-{name}",
                "A5",
                (76, 77),
                why,
                [
                    GREET,
                    serve(caps=caps, replies={"AUTH": reply, "SASL": "535 5.7.8 no\r\n", "*": "501 cancelled\r\n"}),
                ],
                **how,
            )
    for mechanism in ("PLAIN", "LOGIN"):
        caps = [*PIPELINED, f"AUTH {mechanism}"]
        endless = serve(caps=caps, replies={"AUTH": "334 \r\n", "SASL": "334 \r\n", "*": "334 \r\n"})
        yield scenario(
            f"challenge-{mechanism.lower()}-endless",
            "A5",
            (76, 77),
            "334 without end, even to the *",
            [GREET, endless],
            **how,
        )
    flood = [GREET, serve(caps=auth, until="AUTH .*"), {"flood": "334 VXNlcm5hbWU6\r\n", "bytes": FLOOD}]
    yield scenario(
        "challenge-flood",
        "A5",
        (76, 77),
        "256 MB of challenges that nobody asked for",
        flood,
        **{**how, "max_taken": CAP},
    )


def scram():
    """A3, A4: SCRAM servers that do not know the password, or make the client work too hard."""
    how = implicit(auth=True, never=[r"^MAIL"], needs=["scram"], options=["--auth", "SCRAM-SHA-256"])
    caps = [*PIPELINED, "AUTH SCRAM-SHA-256 PLAIN"]

    def one(name, threat, why, exits=(76, 77), **wrong):
        steps = [GREET, serve(caps=caps, until="AUTH .*"), {"scram": wrong}, serve(caps=caps)]
        return scenario(f"scram-{name}", threat, exits, why, steps, **({**how, "never": []} if exits == 0 else how))

    yield one("right", "-", "a right server", exits=0)
    yield one("wrong-signature", "A3", "a wrong server signature", final="v=" + "A" * 43 + "=")
    yield one("no-signature", "A3", "no server signature", final="missing")
    yield one("empty-signature", "A3", "an empty server signature", final="v=")
    yield one("error", "A3", "e= in place of the signature, then 235", final="e=other-error")
    yield one("early", "A3", "235 before the server has proved anything", final="early")
    yield one("short-nonce", "A3", "a nonce that does not extend the client's", nonce="short")
    yield one("same-nonce", "A3", "a nonce that adds nothing to the client's", nonce="same")
    for iterations in ("0", "1", "4095", "2147483648", "18446744073709551616", "-1", "4096x", ""):
        yield one(f"iterations-{iterations or 'empty'}", "A4", f"i={iterations}", iterations=iterations)


def floods():
    """R1: replies without end cost bounded memory and time."""
    line, rest = "250-" + "x" * 60 + "\r\n", {"max_taken": CAP, "max_seconds": 15}
    places = {
        "greeting": ([], "220-", (75, 76)),
        "ehlo": ([GREET, serve(until="EHLO .*")], "250-", (75, 76)),
        "mail": ([GREET, serve(caps=ONE_BY_ONE, until="MAIL .*")], "250-", (75, 76)),
        "rcpt": ([GREET, serve(caps=ONE_BY_ONE, until="RCPT .*")], "250-", (75, 76)),
        "data": ([GREET, serve(until="DATA")], "354-", (75, 76)),
        "final": ([GREET, serve(until=".")], "250-", 2),
    }
    for name, (before, code, exits) in places.items():
        yield scenario(
            f"flood-lines-{name}",
            "R1",
            exits,
            "an endless multi-line reply",
            [*before, {"flood": code + line[4:], "bytes": FLOOD}],
            **rest,
        )
        yield scenario(
            f"flood-line-{name}",
            "R1",
            exits,
            "an endless line",
            [*before, {"send": code}, {"flood": "x" * 1000, "bytes": FLOOD}],
            **rest,
        )
    yield scenario(
        "flood-code-only",
        "R1",
        (75, 76),
        "endless lines without text",
        [GREET, serve(until="EHLO .*"), {"flood": "250-\r\n", "bytes": FLOOD}],
        **rest,
    )
    yield scenario("flood-nul", "R1", (75, 76), "endless NUL", [{"flood": "\0" * 1000, "bytes": FLOOD}], **rest)
    yield scenario("flood-lf", "R1", (75, 76), "endless empty lines", [{"flood": "\r\n", "bytes": FLOOD}], **rest)
    yield scenario(
        "flood-tls",
        "R1",
        (75, 76),
        "an endless EHLO reply within TLS",
        [GREET, serve(until="EHLO .*"), {"flood": line, "bytes": FLOOD}],
        **implicit(**rest),
    )


# What stands where a reply should be, and is none.
NO_REPLIES = {
    "letters": "abc\r\n",
    "two-digits": "22 x\r\n",
    "four-digits": "2200 x\r\n",
    "underscore": "220_x\r\n",
    "tab": "220\tx\r\n",
    "first-1": "120 x\r\n",
    "first-6": "620 x\r\n",
    "second-6": "260 x\r\n",
    "mixed": "220-a\r\n221 b\r\n",
    "mixed-class": "220-a\r\n421 b\r\n",
    "empty": "\r\n",
    "blank-first": " 220 x\r\n",
    "plus": "+220 x\r\n",
    "fullwidth": "\xef\xbc\x92\xef\xbc\x92\xef\xbc\x90 x\r\n",
    "pop3": "+OK POP3 ready\r\n",
    "imap": "* OK IMAP4rev1 ready\r\n",
    "http": "HTTP/1.1 400 Bad Request\r\n\r\n",
    "ssh": "SSH-2.0-OpenSSH_9.2\r\n",
    "tls": "\x15\x03\x01\x00\x02\x02\x46",
    "unfinished": "220-a\r\nb\r\n220 c\r\n",
}


def grammar():
    """R2: what is no reply is no success."""
    for name, text in NO_REPLIES.items():
        yield scenario(
            f"grammar-greeting-{name}",
            "R2",
            (75, 76) if name == "tls" else 76,
            f"greeting {text[:20]!r}",
            [{"send": text}, SERVE],
            never=[r"^MAIL"],
            timeout=3,
        )
    for stage in ("EHLO", "MAIL", "RCPT", "DATA"):
        for name in ("letters", "two-digits", "four-digits", "first-1", "first-6", "mixed", "empty"):
            text = NO_REPLIES[name].replace("220", "250").replace("221", "251")
            yield scenario(
                f"grammar-{stage.lower()}-{name}",
                "R2",
                76,
                f"{stage} answered with {text[:20]!r}",
                [GREET, serve(caps=ONE_BY_ONE, replies={stage: text})],
                never=[r"^Subject:"],
                timeout=3,
            )
    for name in ("letters", "two-digits", "first-6", "mixed"):
        text = NO_REPLIES[name].replace("220", "250").replace("221", "251")
        yield scenario(
            f"grammar-final-{name}",
            "R2",
            2,
            f"after the content {text[:20]!r}: nobody knows what became of the mail",
            [GREET, serve(replies={".": text})],
            timeout=3,
        )


def odd_replies():
    """R2: what only looks odd is a reply none the less."""
    good = {
        "code-only": "220\r\n",
        "empty-lines": "220-\r\n220\r\n",
        "eight-bit": "220 caf\xe9 \xc3\xa9\r\n",
        "long": "220 " + "x" * 900 + "\r\n",
        "many": "220-x\r\n" * 60 + "220 y\r\n",
    }
    for name, text in good.items():
        yield scenario(f"odd-greeting-{name}", "R2", 0, f"greeting {text[:20]!r}", [{"send": text}, SERVE])
    yield scenario(
        "odd-greeting-lf",
        "R2",
        (0, 75, 76),
        "a greeting ended by LF alone: accepted or refused, as documented",
        [{"send": "220 x\n"}, SERVE],
        timeout=3,
    )
    yield scenario("odd-greeting-nul", "R2", (0, 76), "NUL within the text", [{"send": "220 a\0b\r\n"}, SERVE])
    yield scenario(
        "odd-drip", "R2", 0, "a greeting octet by octet", [{"send": GREETING, "chunk": 1, "pause": 0.005}, SERVE]
    )


def unsolicited():
    """R4: replies that nobody asked for, and replies ahead of their command."""
    everything = "250-mail.test\r\n250 SIZE\r\n250 ok\r\n250 ok\r\n354 go\r\n250 accepted\r\n221 bye\r\n"
    yield scenario(
        "early-everything",
        "R4",
        76,
        "all replies at once, ahead of every command",
        [{"send": GREETING + everything}],
        never=[r"^Subject:"],
    )
    yield scenario(
        "early-after-ehlo",
        "R4",
        76,
        "all replies after EHLO",
        [GREET, {"expect": "EHLO .*"}, {"send": everything}],
        never=[r"^Subject:"],
    )
    yield scenario(
        "early-after-mail",
        "R4",
        76,
        "all replies after MAIL",
        [GREET, serve(caps=ONE_BY_ONE, until="MAIL .*"), {"send": "250 ok\r\n250 ok\r\n354 go\r\n250 accepted\r\n"}],
        never=[r"^Subject:"],
    )
    yield scenario(
        "early-final",
        "R4",
        76,
        "the final reply together with the 354",
        [GREET, serve(until="DATA"), {"send": "354 go\r\n250 accepted\r\n"}],
        never=[r"^Subject:"],
    )
    yield scenario(
        "early-within-tls",
        "R4",
        76,
        "all replies at once within TLS",
        [{"send": GREETING + everything}],
        **implicit(never=[r"^Subject:"]),
    )


def extra_replies():
    """R4: one reply too many, at each position of the dialogue."""
    greeting = {"send": GREETING + "250 extra\r\n"}
    yield scenario(
        "extra-greeting", "R4", 76, "an extra reply behind the greeting", [greeting, SERVE], never=[r"^MAIL"]
    )
    right = {
        "EHLO": "250-mail.test\r\n250 8BITMIME\r\n",
        "MAIL": "250 ok\r\n",
        "RCPT": "250 ok\r\n",
        "DATA": "354 go\r\n",
    }
    for stage, reply in right.items():
        for extra in ("250 extra\r\n", "354 extra\r\n", "550 extra\r\n"):
            for caps, how in ((ONE_BY_ONE, "single"), (PIPELINED, "pipelined")):
                if stage == "EHLO" and how == "pipelined":
                    continue
                # A surplus 4yz or 5yz within a pipelined group is taken for the next reply, and one behind the 354
                # for the refusal of a content that the server has seen enough of: a refusal then.
                exits = (69, 76) if (how == "pipelined" or stage == "DATA") and extra[0] == "5" else 76
                if (stage, extra[0], how) == ("RCPT", "3", "pipelined"):
                    exits = (
                        2,
                        76,
                    )  # taken for DATA's reply; the real one then comes in place of the final reply, or before
                yield scenario(
                    f"extra-{stage.lower()}-{extra[:3]}-{how}",
                    "R4",
                    exits,
                    f"an extra {extra[:3]} behind the reply to {stage}",
                    [GREET, serve(caps=caps, replies={stage: reply + extra})],
                    never=[] if how == "pipelined" and stage != "DATA" else [r"^Subject:"],
                    timeout=3,
                )
    yield scenario(
        "extra-final",
        "R4",
        0,
        "an extra reply behind the final 250 changes nothing",
        [GREET, serve(replies={".": "250 accepted\r\n250 extra\r\n"})],
    )
    yield scenario(
        "unsolicited-421",
        "R6",
        75,
        "421 ahead of MAIL, then the end",
        [GREET, serve(until="EHLO .*"), {"send": "250 mail.test\r\n421 4.3.2 closing\r\n"}, {"cut": True}],
    )


def wrong_class():
    """R5: each stage, each class of reply."""
    expected = {
        "greeting": {
            "354 go": 76,
            "421 later": 75,
            "450 later": 75,
            "521 no mail here": 69,
            "554 no": 69,
            "250 ok": (0, 76),
            "334 ": 76,
        },
        "EHLO": {"354 go": 76, "334 ": 76, "421 later": 75, "450 later": 75, "550 no": 69},
        "MAIL": {"354 go": 76, "334 ": 76, "421 later": 75, "451 later": 75, "552 too big": 69, "550 no": 69},
        "RCPT": {
            "354 go": 76,
            "334 ": 76,
            "421 later": 75,
            "450 later": 75,
            "550 no": 69,
            "551 elsewhere": 69,
            "251 forwarded": 0,
            "252 perhaps": (0, 76),
        },
        "DATA": {"250 ok": 76, "220 hi": 76, "334 ": 76, "421 later": 75, "451 later": 75, "503 no": 69, "554 no": 69},
        ".": {"354 go": 2, "334 ": 2, "421 later": 75, "451 later": 75, "552 too big": 69, "554 no": 69, "251 ok": 0},
        "QUIT": {"354 go": 0, "421 later": 0, "500 what": 0, "554 no": 0, "250 ok": 0},
    }
    for stage, replies in expected.items():
        for reply, exits in replies.items():
            name = {".": "final"}.get(stage, stage.lower())
            text = reply + "\r\n"
            steps = (
                [{"send": text}, SERVE]
                if stage == "greeting"
                else [GREET, serve(caps=ONE_BY_ONE, replies={stage: text})]
            )
            never = (
                [r"^MAIL"]
                if stage in ("greeting", "EHLO") and exits != (0, 76)
                else []
                if stage in (".", "QUIT") or 0 in _statuses(exits)
                else [r"^Subject:"]
            )
            yield scenario(
                f"class-{name}-{reply[:3]}",
                "R5",
                exits,
                f"{stage} answered with {reply.strip()}",
                steps,
                never=never,
                timeout=3,
            )


def _statuses(exits):
    return [exits] if isinstance(exits, int) else exits


def lost_links():
    """R6, T8: the link is lost, at every stage and within each reply."""
    places = {
        "greeting": ([], "220 mail.te", 75),
        "ehlo": ([GREET, serve(until="EHLO .*")], "250-mail.test\r\n250 SI", 75),
        "mail": ([GREET, serve(caps=ONE_BY_ONE, until="MAIL .*")], "250 o", 75),
        "rcpt": ([GREET, serve(caps=ONE_BY_ONE, until="RCPT .*")], "250 o", 75),
        "data": ([GREET, serve(until="DATA")], "354 g", 75),
        "final": ([GREET, serve(until=".")], "250 accepted", 2),
        "quit": ([GREET, serve(until="QUIT")], "221 b", 0),
    }
    for name, (before, half, exits) in places.items():
        for tls, how in (("plain", {}), ("tls", implicit())):
            if tls == "tls" and exits == 75:
                exits = (75, 76)
            for way in ("cut", "reset"):
                yield scenario(
                    f"{way}-{name}-{tls}", "R6", exits, f"{way} instead of the reply", [*before, {way: True}], **how
                )
            # Within TLS this is the truncation attack: an end without close_notify is no end of a reply.
            yield scenario(
                f"half-{name}-{tls}",
                "T8",
                exits,
                "half of the reply, then cut",
                [*before, {"send": half}, {"cut": True}],
                **how,
            )
        yield scenario(
            f"421-{name}",
            "R6",
            75 if name not in ("quit",) else 0,
            "421, then cut",
            [*before, {"send": "421 4.3.2 closing\r\n"}, {"cut": True}],
        )


def lost_in_the_middle():
    """R6: the link is lost within the content, within AUTH, between the final replies of LMTP."""
    content = [GREET, serve(until="DATA"), {"send": "354 go\r\n"}, {"read": 65536}]
    yield scenario(
        "cut-content", "R6", 75, "cut in the middle of the content", [*content, {"cut": True}], body=32 * MIB
    )
    yield scenario(
        "reset-content", "R6", 75, "reset in the middle of the content", [*content, {"reset": True}], body=32 * MIB
    )
    yield scenario(
        "421-content",
        "R6",
        (75, 76),
        "421 in the middle of the content, then cut",
        [*content, {"send": "421 4.3.2 closing\r\n"}, {"cut": True}],
        body=32 * MIB,
    )
    yield scenario(
        "552-content",
        "R6",
        (69, 75, 76),
        "552 in the middle of the content, then cut",
        [*content, {"send": "552 5.3.4 too big\r\n"}, {"cut": True}],
        body=32 * MIB,
    )
    auth = [GREET, serve(caps=[*PIPELINED, "AUTH PLAIN"], until="AUTH .*")]
    yield scenario(
        "cut-auth", "R6", (75, 77), "cut instead of the reply to AUTH", [*auth, {"cut": True}], **implicit(auth=True)
    )
    two = ["bob@mail.test", "carol@mail.test"]
    lmtp = [GREET, serve(lmtp=True, until="."), {"send": "250 2.0.0 first\r\n"}, {"cut": True}]
    yield scenario(
        "cut-lmtp-second", "R6", (1, 2), "LMTP: cut between the two final replies", lmtp, url="lmtp", recipients=two
    )


def slowness():
    """R7: deadlines that partial bytes do not extend."""
    slow = {"chunk": 1, "pause": 0.8}
    how = {"timeout": 2, "max_seconds": 10}
    long = "x" * 60 + "\r\n"
    places = {
        "greeting": ([], "220 " + long, 75),
        "ehlo": ([GREET, serve(until="EHLO .*")], "250 " + long, 75),
        "mail": ([GREET, serve(caps=ONE_BY_ONE, until="MAIL .*")], "250 " + long, 75),
        "data": ([GREET, serve(until="DATA")], "354 " + long, 75),
        "final": ([GREET, serve(until=".")], "250 " + long, 2),
    }
    for name, (before, text, exits) in places.items():
        yield scenario(
            f"drip-{name}",
            "R7",
            exits,
            "the reply drips in, an octet every 0.8 s",
            [*before, {"send": text, **slow}],
            **how,
        )
        yield scenario(f"stall-{name}", "R7", exits, "no reply at all", [*before, {"stall": 30}], **how)
    lines = [{"send": "220-x\r\n" * 40 + "220 y\r\n", "chunk": 7, "pause": 0.8}]
    yield scenario("drip-lines", "R7", 75, "a line every 0.8 s: whole lines extend nothing either", lines, **how)
    yield scenario(
        "stall-quit",
        "R7",
        0,
        "no reply to QUIT: the mail is accepted all the same",
        [GREET, serve(until="QUIT"), {"stall": 30}],
        **how,
    )
    yield scenario("stall-handshake", "R7", (75, 76), "no ServerHello", [{"stall": 30}], url="smtps", **how)
    unread = [GREET, serve(until="DATA"), {"send": "354 go\r\n"}, {"stall": 30}]
    yield scenario(
        "unread-content", "R7", 75, "the content is never read (a zero window)", unread, body=32 * MIB, **how
    )


def size_junk():
    """R8: SIZE with whatever may stand behind it."""
    for name, value in {
        "zero": "SIZE 0",
        "none": "SIZE",
        "negative": "SIZE -1",
        "huge": "SIZE 18446744073709551616",
        "hex": "SIZE 0x10",
        "words": "SIZE lots of it",
        "blank": "SIZE ",
    }.items():
        yield scenario(
            f"size-{name}", "R8", 0, f"{value!r}: no limit that means anything", [GREET, serve(caps=[value])]
        )
    yield scenario(
        "size-small",
        "R8",
        (65, 69),
        "SIZE 10: refused before MAIL",
        [GREET, serve(caps=["SIZE 10"])],
        never=[r"^Subject:"],
    )


def keyword_junk():
    """R8: mechanisms and keywords in every number and shape."""
    many = " ".join(f"X-MECH-{number}" for number in range(60))
    how = implicit(auth=True, must=[r"^AUTH PLAIN"])
    yield scenario(
        "auth-60-mechanisms",
        "R8",
        0,
        "PLAIN is the last of 61 mechanisms",
        [GREET, serve(caps=[f"AUTH {many} PLAIN"])],
        **how,
    )
    yield scenario(
        "auth-lower-case",
        "R8",
        0,
        "keywords and mechanisms in lower case",
        [GREET, serve(caps=["size 1000000", "auth plain"])],
        **how,
    )
    yield scenario(
        "auth-lookalike",
        "R8",
        77,
        "mechanisms that only begin like PLAIN",
        [GREET, serve(caps=["AUTH PLAINX XPLAIN LOGIN2"])],
        **implicit(auth=True, never=[r"^AUTH"]),
    )
    yield scenario(
        "auth-equals",
        "R8",
        (0, 77),
        "the old form AUTH=PLAIN alone",
        [GREET, serve(caps=["AUTH=PLAIN"])],
        **implicit(auth=True),
    )
    yield scenario(
        "keywords-100",
        "R8",
        0,
        "a hundred unknown keywords",
        [GREET, serve(caps=[f"X-UNKNOWN-{number} with words" for number in range(100)])],
    )
    yield scenario(
        "keywords-twice",
        "R8",
        (0, 65, 69),
        "SIZE twice, AUTH twice: the rule is documented",
        [GREET, serve(caps=["SIZE 1000000", "SIZE 2000000", "PIPELINING", "PIPELINING"])],
    )
    yield scenario(
        "keywords-odd",
        "R8",
        0,
        "keywords with characters they must not have",
        [GREET, serve(caps=["-", "_X", "8 BIT", "\x1b[31mRED", "CAF\xc9", "A" * 400])],
    )
    yield _keywords_in_the_first_line()


def _keywords_in_the_first_line():
    return scenario(
        "keyword-in-greeting",
        "R8",
        0,
        "keywords in the first line of the EHLO reply are none",
        [GREET, serve(replies={"EHLO": "250 CHUNKING PIPELINING STARTTLS\r\n"})],
        never=[r"^BDAT", r"^STARTTLS"],
    )


def terminal_injection():
    """A7: server text reaches logs and terminals, so its controls must not."""
    texts = {
        "escape": "550 5.1.1 \x1b[2J\x1b[1;31mno\x1b]0;title\x07\r\n",
        "csi-8bit": "550 5.1.1 \xc2\x9b31mno\r\n",
        "raw-c1": "550 5.1.1 \x9b31mno\r\n",
        "carriage-return": "550 5.1.1 refused\rOK: delivered\r\n",
        "bidi": "550 5.1.1 \xe2\x80\xaedereviled\xe2\x81\xa6\r\n",
        "invalid-utf8": "550 5.1.1 \xff\xfe\xc3\x28\xed\xa0\x80\xf4\x90\x80\x80\r\n",
        "backspace": "550 5.1.1 no\x08\x08ok\x7f\r\n",
        "nul": "550 5.1.1 no\0hidden\r\n",
        "fake-line": "550 5.1.1 no\x0b\x0c\xc2\x85250 ok\r\n",
    }
    for name, text in texts.items():
        yield scenario(
            f"text-{name}",
            "A7",
            (69, 76),
            f"RCPT refused with {text[:30]!r}",
            [GREET, serve(caps=ONE_BY_ONE, replies={"RCPT": text})],
            never=[r"^Subject:"],
        )
    yield scenario(
        "text-greeting",
        "A7",
        (0, 76),
        "controls in the greeting",
        [{"send": "220 \x1b[31m\x9b\xc2\x9b\xe2\x80\xae mail\r\n"}, SERVE],
    )
    yield scenario(
        "text-final",
        "A7",
        (0, 2, 76),
        "controls in the final reply",
        [GREET, serve(replies={".": "250 2.0.0 \x1b[31m\xc2\x9b\xe2\x80\xae\xff queued\r\n"})],
    )
    echo = {"AUTH": "535 5.7.8 wrong password " + PASSWORD + "\r\n"}
    yield scenario(
        "text-echoes-password",
        "A6",
        77,
        "the refusal repeats the password",
        [GREET, serve(caps=[*PIPELINED, "AUTH PLAIN"], replies=echo)],
        **implicit(auth=True),
    )


GROUPS = (
    right_servers,
    right_refusals,
    starttls_injection,
    starttls_stripping,
    knowledge_before_tls,
    authentication,
    authentication_refused,
    challenges,
    scram,
    floods,
    grammar,
    odd_replies,
    unsolicited,
    extra_replies,
    wrong_class,
    lost_links,
    lost_in_the_middle,
    slowness,
    size_junk,
    keyword_junk,
    terminal_injection,
)


def all_scenarios():
    """Every scenario, each name once."""
    found = [each for group in GROUPS for each in group()]
    names = [each["name"] for each in found]
    if len(set(names)) != len(names):
        raise ValueError(f"scenario names occur twice: {sorted({name for name in names if names.count(name) > 1})}")
    return found


def named(name):
    """The scenario of that name."""
    for each in all_scenarios():
        if each["name"] == name:
            return each
    raise fixture.FixtureError(f"no scenario is named {name}: evil.py list shows them")
