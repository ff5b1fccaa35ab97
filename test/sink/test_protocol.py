"""The sink as a server of RFC 5321 and its extensions, over raw sockets."""
import base64
import os
import random
import unittest

from harness import Sink, main, trusting, until

SMUGGLES = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r.\n", b"\r\n\x00.\r\n",
            b"\r\r\n.\n", b"\n\n.\n\n", b"\r\n.\r\r\n", b"\r\n .\r\n", b"\r\n.\x00\r\n"]


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def stored(sink):
    files = sorted((sink.path / "mail/new").iterdir(), key=lambda f: int(f.name.split("Q")[1].split(".")[0]))
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in files)
    assert list((sink.path / "mail/tmp").iterdir()) == []
    return [f.read_bytes() for f in files]


def begun(sink, hello="EHLO client.example"):
    line = sink.line()
    line.say(hello, 250)
    return line


class Syntax(unittest.TestCase):
    def test_each_command(self):
        with Sink() as sink, sink.line() as line:
            line.say("MAIL FROM:<a@b>", 503)
            line.say("RCPT TO:<a@b>", 503)
            line.say("EHLO", 501)
            line.say("EHLO bad_)domain", 501)
            line.say("helo client.example", 250)
            line.say("EHLO [127.0.0.1]", 250)
            line.say("EHLO [IPv6:::1]", 250)
            line.say("NOOP anything", 250)
            line.say("VRFY someone", 252)
            line.say("VRFY", 501)
            line.say("EXPN list", 502)
            line.say("HELP", 214)
            line.say("RSET ", 250)  # white space at the end is tolerated
            line.say("RSET now", 501)
            line.say("DATA", 503)
            line.say("LHLO client.example", 500)
            line.say("STARTTLS", 502)
            line.say("AUTH PLAIN", 502)
            line.say("TURN", 500)
            line.say("", 500)
            line.say("NOOP \x01", 500)
            line.say(b"NOOP \r x", 500)
            line.send(b"NOOP\n")
            self.assertIn("bare LF", line.expect(500)[0])
            line.say("QUIT", 221)
            self.assertTrue(line.at_end())

    def test_keywords_and_their_absence(self):
        with Sink("--size-limit", "1000") as sink, sink.line() as line:
            self.assertEqual(line.say("EHLO c", 250)[1:], [
                "PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME"])
        absent = ["pipelining", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING"]
        with Sink(*[x for k in absent for x in ("--no", k)]) as sink, sink.line() as line:
            self.assertEqual(line.say("EHLO c", 250), ["localhost"])
            for parameter in ("SIZE=1", "BODY=7BIT", "SMTPUTF8", "RET=FULL", "ENVID=x", "AUTH=<>"):
                line.say("MAIL FROM:<a@b> " + parameter, 555)
            self.assertEqual(line.say("MAIL FROM:<a@b>", 250), ["Sender ok"])
            line.say("RCPT TO:<a@b> NOTIFY=NEVER", 555)
            line.say("RCPT TO:<a@b>", 250)
            line.send("BDAT 6\r\nQUIT\r\n")  # not offered: refused, and its octets are still no command
            line.expect(502)
            line.say("NOOP", 250)

    def test_paths(self):
        good = ["a@b", "a.b+c@x-y.example", '"a b"@c', '"a\\"b>"@c', "a@[127.0.0.1]", "a@[IPv6:::1]", "@x,@y:a@b",
                "x" * 64 + "@b", "a@" + ".".join(["d" * 63] * 2)]
        bad = ["a", "a@", "@b", "a..b@c", ".a@b", "a.@b", "a@-b", "a@b-", "a@b..c", "a b@c", '"a@b', "a@[1.2.3]",
               "a@[IPv6:1]", "x" * 65 + "@b", "a@" + "d" * 64, "a@" + ".".join(["d" * 63] * 4), "a<b@c", "a@b,c@d"]
        with Sink() as sink, begun(sink) as line:
            for path in good:
                line.say(f"MAIL FROM:<{path}>", 250)
                line.say(f"RCPT TO:<{path}>", 250)
                line.say("RSET", 250)
            for path in bad:
                line.say(f"MAIL FROM:<{path}>", 501)
            for command in ("MAIL FROM: <a@b>", "MAIL FROM:a@b", "MAIL FROM:<a@b", "MAIL", "MAIL TO:<a@b>", "MAIL FROM:<a@b>x",
                            "MAIL FROM:<a@b> =x", "MAIL FROM:<a@b> SIZE", "MAIL FROM:<a@b>  SIZE=1", "MAIL FROM:<a@b> SIZE="):
                line.say(command, 501)
            line.say("MAIL FROM:<>", 250)
            line.say("MAIL FROM:<a@b>", 503)
            line.say("RCPT TO:<>", 501)
            line.say("RCPT TO:<postmaster>", 250)

    def test_parameters(self):
        with Sink("--size-limit", "1000") as sink, begun(sink) as line:
            for parameter, code in [("SIZE=1000", 250), ("SIZE=1001", 552), ("SIZE=x", 501), ("SIZE=-1", 501),
                                    ("SIZE=" + "9" * 25, 501), ("BODY=8BITMIME", 250), ("body=7bit", 250),
                                    ("BODY=BINARYMIME", 250), ("BODY=9BIT", 501), ("SMTPUTF8", 250), ("SMTPUTF8=1", 501),
                                    ("RET=HDRS", 250), ("RET=SOME", 501), ("ENVID=a+2Bb", 250), ("ENVID=a+2b", 501),
                                    ("ENVID=" + "x" * 101, 501), ("ENVID", 501), ("AUTH=<>", 555), ("X=1", 555),
                                    ("SIZE=1 SIZE=1", 501)]:
                line.say("MAIL FROM:<a@b> " + parameter, code)
                line.say("RSET", 250)
            line.say("MAIL FROM:<a@b>", 250)
            for parameter, code in [("NOTIFY=NEVER", 250), ("NOTIFY=SUCCESS,FAILURE,DELAY", 250), ("NOTIFY=NEVER,DELAY", 501),
                                    ("NOTIFY=DELAY,DELAY", 501), ("NOTIFY=", 501), ("ORCPT=rfc822;a+2Bb@c", 250),
                                    ("ORCPT=rfc822", 501), ("ORCPT=rfc822;a+b", 501), ("SIZE=1", 555)]:
                line.say("RCPT TO:<a@b> " + parameter, code)
            line.say("HELO c", 250)
            line.say("MAIL FROM:<a@b> SIZE=1", 555)

    def test_utf8_addresses(self):
        with Sink() as sink, begun(sink) as line:
            line.say("MAIL FROM:<jürgen@b>", 553)
            line.say(b"MAIL FROM:<j\xfc@b> SMTPUTF8", 501)
            line.say("MAIL FROM:<jürgen@bücher.example> SMTPUTF8", 250)
            line.say("RCPT TO:<用户@例え.example>", 250)
            line.say("RSET", 250)
            line.say("MAIL FROM:<a@b>", 250)
            line.say("RCPT TO:<用户@b>", 553)

    def test_long_lines_and_mistakes(self):
        with Sink() as sink, begun(sink) as line:
            line.say("NOOP " + "x" * 1900, 250)
            line.say("NOOP " + "x" * 200000, 500)
            line.say("NOOP", 250)
        with Sink() as sink, sink.line() as line:
            line.send("WHAT\r\n" * 200)
            line.expect(*[500] * 99, 421)

    def test_recipients_up_to_1000(self):
        with Sink() as sink, begun(sink) as line:
            line.send("MAIL FROM:<a@b>\r\n" + "".join(f"RCPT TO:<u{i}@b>\r\n" for i in range(1001)))
            line.expect(250, *[250] * 1000, 452)
            line.say("DATA", 354)
            line.say("x\r\n.", 250)
            self.assertEqual(len(sink.messages()[0]["rcpt_to"]), 1000)


class Content(unittest.TestCase):
    def test_dots_and_look_alikes_stay_content(self):
        bodies = [b"", b"x\r\n", b"..\r\n", b"...x\r\n", b"\r\n", b"..\r\n..\r\n"] + [b"a" + s + b"b\r\n" for s in SMUGGLES]
        with Sink("--maildir", "@DIR@/mail") as sink, begun(sink) as line:
            for body in bodies:
                line.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
                line.expect(250, 250, 354)
                line.send(body + b".\r\n")
                line.expect(250)
            line.say("QUIT", 221)

            def unstuffed(body):
                return b"\r\n".join(l[1:] if l.startswith(b".") else l for l in body.split(b"\r\n"))
            self.assertEqual(stored(sink), [unstuffed(b) for b in bodies])

    def test_every_cut_gives_the_same(self):
        """A pipelined dialogue whole, byte by byte, and cut at random: the same replies and files."""
        octets = bytes(range(256)) * 40
        dialogue = (b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n...\r\na\r.\r\nb\n.\r\n.\r\n"
                    b"MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\nBDAT %d\r\n%sBDAT 0\r\nBDAT 3 LAST\r\n.\r\n"
                    b"NOOP\r\nQUIT\r\n" % (len(octets), octets))
        chance = random.Random(7)
        cuts = [[len(dialogue)], [1] * 400 + [len(dialogue)], [chance.randint(1, 60) for _ in range(len(dialogue))]]
        with Sink("--maildir", "@DIR@/mail") as sink:
            for sizes in cuts:
                with sink.line() as line:
                    at = 0
                    for size in sizes:
                        line.send(dialogue[at:at + size])
                        at += size
                    line.expect(250, 250, 250, 354, 250, 250, 250, 250, 250, 250, 250, 221)
                    self.assertTrue(line.at_end())
            text = b"Subject: x\r\n\r\n.dot\r\n..\r\na\r.\r\nb\n.\r\n"
            self.assertEqual(stored(sink), [text, octets + b".\r\n"] * 3)
            self.assertEqual([(m["transfer"], m["chunks"]) for m in sink.messages()], [("DATA", 0), ("BDAT", 3)] * 3)
            self.assertEqual(sink.messages()[0]["notes"], ["bare CR in the content", "bare LF in the content"])

    def test_a_pipelined_group_is_answered_at_once(self):
        with Sink() as sink, begun(sink) as line:
            line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n")
            until(lambda: line.socket.recv(65536, 0x02).count(b"\r\n") == 4, "all four replies")  # MSG_PEEK

    def test_bdat_errors(self):
        with Sink("--reject", "bad@*", "--size-limit", "10") as sink:
            with begun(sink) as line:
                line.send("BDAT 6 LAST\r\nQUIT\r\n")
                line.expect(503)
                line.say("MAIL FROM:<a@b>", 250)
                line.say("RCPT TO:<bad@d>", 550)
                line.send("BDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\n")  # octets are content, never commands
                line.expect(554, 503)
                line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 11\r\n" + "x" * 11)
                line.expect(250, 250, 552)
                line.say("MAIL FROM:<a@b>", 503)
                line.say("DATA", 503)
                line.say("RSET", 250)
                line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 4\r\nabcd")
                line.expect(250, 250, 250)
                line.say("RCPT TO:<c@d>", 503)
                line.say("DATA", 503)
                line.say("BDAT 0 LAST", 250)
            for argument in ("", "x", "-1", "1 FIRST", "99999999999999999999999"):
                with begun(sink) as line:
                    line.say("BDAT " + argument, 501)
                    self.assertTrue(line.at_end())

    def test_binary_needs_bdat(self):
        with Sink() as sink, begun(sink) as line:
            line.send("MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\nDATA\r\n")
            line.expect(250, 250, 503)

    def test_oversize_is_refused_and_not_kept(self):
        with Sink("--size-limit", "5000", "--maildir", "@DIR@/mail") as sink, begun(sink) as line:
            for size, code in ((4998, 250), (4999, 552), (300000, 552)):
                line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
                line.expect(250, 250, 354)
                line.send("x" * size + "\r\n.\r\n")
                line.expect(code)
            line.say("QUIT", 221)
            self.assertEqual(stored(sink), [b"x" * 4998 + b"\r\n"])

    def test_notes(self):
        with Sink() as sink, begun(sink) as line:
            line.send("MAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<c@d>\r\nDATA\r\n")
            line.expect(250, 250, 354)
            line.send(b"\xc3\xa9\x00\r\n" + b"x" * 999 + b"\r\n.\r\n")
            line.expect(250)
            self.assertEqual(sink.messages()[0]["notes"], [
                "8-bit content without BODY=8BITMIME", "NUL in the content", "a line of 999 octets, 998 are allowed",
                "SIZE=1 was declared, 1006 octets came"])

    def test_line_limit(self):
        with Sink("--line-limit", "998") as sink, begun(sink) as line:
            for size, code in ((998, 250), (999, 554)):
                line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
                line.expect(250, 250, 354)
                line.send("x" * size + "\r\n.\r\n")
                line.expect(code)


class Tls(unittest.TestCase):
    def test_state_before_tls_is_forgotten(self):
        with Sink("--tls", "starttls", "--write-cert", "@DIR@/ca.pem") as sink, sink.line() as line:
            self.assertIn("STARTTLS", line.say("EHLO c", 250))
            line.say("MAIL FROM:<a@b>", 250)
            line.say("STARTTLS x", 501)
            line.say("STARTTLS", 220)
            line.start_tls(trusting(sink))
            line.say("MAIL FROM:<a@b>", 503)
            self.assertNotIn("STARTTLS", line.say("EHLO c", 250))
            line.say("STARTTLS", 503)
            line.say("MAIL FROM:<a@b>", 250)
            line.say("RCPT TO:<a@b>", 250)
            line.say("DATA", 354)
            line.say("x\r\n.", 250)
            line.say("QUIT", 221)
            self.assertEqual(sink.messages()[0]["protocol"], "ESMTPS")
            self.assertEqual(sink.messages()[0]["tls"]["version"], "TLSv1.3")

    def test_plaintext_behind_starttls_is_an_error(self):
        with Sink("--tls", "starttls") as sink, begun(sink) as line:
            line.send("STARTTLS\r\nMAIL FROM:<a@b>\r\n")
            line.expect(554)
            self.assertTrue(line.at_end())

    def test_required_and_implicit(self):
        with Sink("--tls", "starttls", "--require-tls") as sink, begun(sink) as line:
            line.say("MAIL FROM:<a@b>", 530)
        with Sink("--tls", "implicit", "--write-cert", "@DIR@/ca.pem") as sink, sink.line(greeting=False) as line:
            line.start_tls(trusting(sink))
            line.expect(220)
            line.say("EHLO c", 250)
            line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 200000 LAST\r\n" + "x" * 199998 + "\r\n")
            line.expect(250, 250, 250)
            self.assertEqual(sink.messages()[0]["size"], 200000)


class Auth(unittest.TestCase):
    def sink(self, *options):
        os.environ["SINK_TEST_PASSWORD"] = "pässword"
        return Sink("--user", "alice", "--password-env", "SINK_TEST_PASSWORD", *options)

    def test_plain_and_login(self):
        plain = b64("\0alice\0pässword")
        ways = [[f"AUTH PLAIN {plain}"], ["AUTH PLAIN", plain], ["auth login", b64("alice"), b64("pässword")],
                [f"AUTH LOGIN {b64('alice')}", b64("pässword")], [f"AUTH PLAIN {b64(chr(0).join(['alice', 'alice', 'pässword']))}"]]
        with self.sink() as sink:
            for way in ways:
                with sink.line() as line:
                    self.assertIn("AUTH PLAIN LOGIN", line.say("EHLO c", 250))
                    line.say("MAIL FROM:<a@b>", 530)
                    for step in way[:-1]:
                        line.say(step, 334)
                    line.say(way[-1], 235)
                    line.say("AUTH PLAIN", 503)
                    line.say("MAIL FROM:<a@b> AUTH=<>", 250)
            self.assertNotIn("pässword", sink.errors())

    def test_refused_cancelled_malformed(self):
        with self.sink() as sink, begun(sink) as line:
            for user, password in (("alice", "wrong"), ("bob", "pässword"), ("alice", ""), ("", "")):
                line.say("AUTH PLAIN " + b64(f"\0{user}\0{password}"), 535)
            line.say("AUTH PLAIN " + b64("bob\0alice\0pässword"), 535)
            line.say("AUTH PLAIN =", 501)
            line.say("AUTH PLAIN", 334)
            line.say("*", 501)
            line.say("AUTH LOGIN", 334)
            line.say(b64("alice"), 334)
            line.say("*", 501)
            for junk in ("a", "ab=c", "!!!!", b64("nothing"), "YR==", "===="):
                line.say("AUTH PLAIN " + junk, 501)
            line.say("AUTH CRAM-MD5", 504)
            line.say("AUTH", 501)
            line.say("AUTH PLAIN", 334)
            line.say("B" * 11000, 501)
            line.say("AUTH PLAIN", 334)
            line.say("A" * 20000, 500)
            line.say("MAIL FROM:<a@b>", 530)

    def test_only_behind_tls(self):
        with self.sink("--tls", "starttls", "--write-cert", "@DIR@/ca.pem") as sink, sink.line() as line:
            self.assertNotIn("AUTH PLAIN LOGIN", line.say("EHLO c", 250))
            line.say("AUTH PLAIN", 538)
            line.say("STARTTLS", 220)
            line.start_tls(trusting(sink))
            self.assertIn("AUTH PLAIN LOGIN", line.say("EHLO c", 250))
            line.say("AUTH PLAIN " + b64("\0alice\0pässword"), 235)
            line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
            line.expect(250, 250, 354)
            line.say(".", 250)
            self.assertEqual((sink.messages()[0]["protocol"], sink.messages()[0]["user"]), ("ESMTPSA", "alice"))

    def test_secrets_stay_out_of_the_transcript(self):
        os.environ["SINK_TEST_PASSWORD"] = "pässword"
        with Sink("--user", "alice", "--password-env", "SINK_TEST_PASSWORD", "-v", json_lines=False) as sink, begun(sink) as line:
            secret = b64("\0alice\0pässword")
            line.say("AUTH PLAIN " + secret, 235)
            line.say("RSET", 250)
            self.assertIn(b"AUTH PLAIN ***", sink.printed())
            self.assertNotIn(secret.encode(), sink.printed())


class Lmtp(unittest.TestCase):
    def test_one_reply_per_recipient(self):
        options = ("--lmtp", "--reject", "no@*", "--reject-delivery", "late@*=452 4.2.2 Full", "--maildir", "@DIR@/mail")
        with Sink(*options, unix="socket") as sink, sink.line() as line:
            line.say("EHLO c", 500)
            line.say("LHLO c", 250)
            for content, replies in (("DATA\r\n", 354), ("BDAT 5 LAST\r\n", None)):
                line.send("MAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nRCPT TO:<no@y>\r\nRCPT TO:<late@y>\r\nRCPT TO:<z@y>\r\n" + content)
                line.expect(250, 250, 550, 250, 250, *([replies] if replies else []))
                line.send("hey\r\n" + (".\r\n" if replies else ""))
                line.expect(250, 452, 250)
            line.send("MAIL FROM:<a@b>\r\nRCPT TO:<late@y>\r\nDATA\r\n")
            line.expect(250, 250, 354)
            line.say(".", 452)
            line.say("DATA", 503)
            self.assertEqual(stored(sink), [b"hey\r\n"] * 2)
            first = sink.messages()[0]
            self.assertEqual([r["address"] for r in first["rcpt_to"]], ["x@y", "z@y"])
            self.assertEqual([r["code"] for r in first["refused"]], [550, 452])
            self.assertEqual((first["protocol"], first["peer"]), ("LMTP", "unix"))


if __name__ == "__main__":
    main()
