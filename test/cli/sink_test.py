"""The command against the bundled sink: outcomes, exit codes, passwords, transcripts, JSON, check."""

import email
import errno
import json
import os
import pathlib
import pty
import random
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

import support

import evil
import scenarios
from support import PASSWORD, Sink

USER = "alice@mail.test"


def nasty_bodies():
    """Contents that clients get wrong, by name, as a finished message has them behind its header."""
    generator = random.Random(1)
    yield "dots", b".\r\n..\r\n...\r\n.a\r\n.\r\n\r\n.\r\n"
    yield "dot-last", b"text\r\n.\r\n"
    yield "no-last-line-end", b"text without an end."
    yield "bare", b"a\nb\rc\r\rd\n\ne\r\n.\n.\r.\r\n\r.\r\n"
    yield "smuggling", b"\n.\nMAIL FROM:<x@y.z>\n\r.\r\r\n.\rDATA\r\n"
    yield "8bit", bytes(range(1, 256)) + b"\r\n"
    yield "998", b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n" + b"y" * 998 + b"\r\n"
    yield "empty", b""
    yield "blank-ends", b"a \t\r\n \r\n\t\r\n"
    yield "utf-8", "Grüße, 日本語, 🚴\r\n".encode()
    yield "random", bytes(generator.choice(b"\r\n.ab") for _ in range(70000))


def canonical(octets):
    """What SMTP carries: every line ends in CRLF, the last one too."""
    lines = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return lines if lines.endswith(b"\r\n") or not lines else lines + b"\r\n"


FAST_OPEN = """
import fcntl, json, pathlib, socket, struct, subprocess, sys
import support
command, folder = sys.argv[1], pathlib.Path(sys.argv[2])

def count():
    names, values = [line.split() for line in pathlib.Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt")]
    return int(dict(zip(names, values))["TCPFastOpenActive"])

try:
    with socket.socket() as some:
        fcntl.ioctl(some, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    pathlib.Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("3")
    count()
except (OSError, KeyError) as error:
    sys.exit(f"unshared, but without Fast Open: {error!r}")

def send(url, *more):
    words = [command, "send", "--server", url, "--ca-file", ca, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--json", *more]
    done = subprocess.run(words, capture_output=True)
    return done.returncode, json.loads(done.stdout)

def sent(url, *more):
    return [send(url, *more)[0], count()]

with support.Sink(folder, tls="implicit") as sink:
    url, ca = sink.url("smtps"), sink.ca
    without = sent(url) + sent(url)
    first = sent(url, "--fast-open")
    later = sent(url, "--fast-open")
with support.Sink(folder, tls="starttls") as sink:
    ca = sink.ca
    assert sent(sink.url("smtp+tls"), "--fast-open") == [0, 1]
with support.Sink(folder, tls="implicit") as sink:
    ca = sink.ca
    later += sent(sink.url("smtps"), "--fast-open")
code, report = send(url, "--fast-open")
print(json.dumps([without, first, later, [code, report["error"]["name"]]]))
"""


class DeliveryTest(support.CommandTest):
    HEADER = b"From: alice@mail.test\r\nTo: bob@mail.test\r\nSubject: nasty\r\nMessage-ID: <n@mail.test>\r\n\r\n"

    def test_bodies_arrive_as_they_are(self):
        for options in ((), ("--no-chunking",), ("--no-chunking", "--no-pipelining")):
            with Sink(self.folder) as sink:
                sent = []
                for name, body in nasty_bodies():
                    path = self.file(name, self.HEADER + body)
                    with self.subTest(name=name, options=options):
                        self.expect(self.run_command("send", "--server", sink.url(), "--message", path, *options), 0)
                        sent.append(canonical(self.HEADER + body))
                        self.assertEqual(sink.messages()[-1], sent[-1])
                self.assertEqual(len(sink.messages()), len(sent))
                self.assertEqual({one["transfer"] for one in sink.envelopes()}, {"DATA" if options else "BDAT"})

    def test_a_large_attachment(self):
        data = os.urandom(25_000_000)
        path = self.file("large.bin", data)
        with Sink(self.folder, tls="starttls") as sink:
            self.expect(self.send(sink.url("smtp+tls"), "--ca-file", sink.ca, "--attach", path), 0)
            message = email.message_from_bytes(sink.only())
            self.assertEqual([part.get_payload(decode=True) for part in message.walk() if part.get_filename()], [data])

    def test_text_from_standard_input(self):
        with Sink(self.folder) as sink:
            self.expect(self.send(sink.url(), stdin=b"a line\n.\nlast"), 0)
            self.assertTrue(sink.only().endswith(b"\r\n\r\na line\r\n.\r\nlast\r\n"))

    def test_bcc_gets_the_mail_and_is_not_in_it(self):
        with Sink(self.folder) as sink:
            self.expect(self.send(sink.url(), "--to", "b@mail.test", "--bcc", "hidden@mail.test"), 0)
            self.assertNotIn(b"hidden", sink.only())
            self.assertEqual([one["address"] for one in sink.envelopes()[0]["rcpt_to"]], ["b@mail.test", "hidden@mail.test"])

    def test_what_goes_into_the_envelope(self):
        with Sink(self.folder) as sink:
            self.expect(
                self.send(sink.url(), "--helo", "client.example.org", "--dsn", "success,delay", "--dsn-return", "headers", "--dsn-id", "id 1+", "--envelope-from", "<>"), 0
            )
            seen = sink.envelopes()[0]
            self.assertEqual((seen["client"], seen["mail_from"]), ("client.example.org", ""))
            self.assertEqual((seen["parameters"]["RET"], seen["parameters"]["ENVID"]), ("HDRS", "id+201+2B"))
            self.assertEqual(set(seen["rcpt_to"][0]["NOTIFY"].split(",")), {"SUCCESS", "DELAY"})

    def test_a_utf8_address_and_a_server_without_8bit(self):
        with Sink(self.folder) as sink:
            self.expect(self.send(sink.url(), "--to", "ünïcode@mail.test", "--body", "ü"), 0)
            self.assertTrue(sink.envelopes()[0]["parameters"].get("SMTPUTF8"))
            self.assertIn("To: ünïcode@mail.test\r\n".encode(), sink.only())
        with Sink(self.folder, "--no", "8BITMIME", "--no", "SMTPUTF8") as sink:
            self.expect(self.send(sink.url(), "--body", "ü" * 3000, "--subject", "ü"), 0)
            self.assertTrue(sink.only().isascii())
            self.assertIn("SMTPUTF8", self.expect(self.send(sink.url(), "--to", "ünïcode@mail.test"), 65).text)
            eight = self.file("8bit.eml", self.HEADER + "ü\r\n".encode())
            self.assertIn("8BITMIME", self.expect(self.run_command("send", "--server", sink.url(), "--message", eight), 65).text)
            self.assertEqual(len(sink.messages()), 1)

    def test_lmtp_over_a_unix_socket(self):
        path = self.folder / "lm tp"
        with Sink(self.folder, "--unix", str(path), "--lmtp", "--reject-delivery", "full@*=452 4.2.2 Full") as sink:
            url = "lmtp+unix://" + str(path).replace(" ", "%20")
            result = self.expect(self.send(url, "--to", "b@mail.test", "--to", "full@mail.test", "--json"), 1).json
            self.assertEqual([one["outcome"] for one in result["recipients"]], ["delivered", "transient"])
            self.assertEqual(result["server"]["protocol"], "lmtp")
            self.assertEqual(len(sink.messages()), 1)


class OutcomeTest(support.CommandTest):
    """Exit codes, and what is said about each."""

    def test_refusals(self):
        reject = ("--reject", "no@*=550 5.1.1 No such user", "--reject", "later@*=450 4.2.1 Busy")
        for recipients, options, status, outcomes in (
            (["a", "b"], [], 0, ["delivered", "delivered"]),
            (["a", "no"], [], 1, ["delivered", "permanent"]),
            (["later", "a"], [], 1, ["transient", "delivered"]),
            (["a", "no"], ["--all-or-nothing"], 69, ["permanent", "permanent"]),
            (["no"], [], 69, ["permanent"]),
            (["later"], [], 75, ["transient"]),
            (["no", "later"], [], 75, ["permanent", "transient"]),
        ):
            with self.subTest(recipients=recipients, options=options), Sink(self.folder, *reject) as sink:
                words = [word for one in recipients for word in ("--to", f"{one}@mail.test")]
                report = self.expect(self.send(sink.url(), *words, *options, "--json"), status).json
                self.assertEqual([one["outcome"] for one in report["recipients"]], outcomes)
                self.assertEqual(report["exit_code"], status)
                delivered = "delivered" in outcomes
                self.assertEqual(len(sink.messages()), int(delivered))
                result = self.send(sink.url(), *words, *options)
                self.assertEqual(len(sink.messages()), 2 * int(delivered))
                if status:
                    self.assertRegex(result.err.decode(), r"(?s)postrider: .*\n  where:   smtp://127.0.0.1:\d+ \(127.0.0.1:\d+, .*at rcpt\n  server:  [45]50 .*\n  next:    \w")

    def test_failures_of_the_server(self):
        for fault, status, outcome in (
            ("connect=554 No service", 69, "permanent"), ("connect=421 Busy", 75, "transient"), ("connect=close", 75, "transient"),
            ("ehlo=close", 75, "transient"), ("mail=451 4.3.0 Later", 75, "transient"), ("mail=550 5.7.1 No", 69, "permanent"),
            ("rcpt=421 4.3.2 Closing", 75, "transient"), ("data=451 Later", 75, "transient"), 
            ("end=552 5.3.4 Too big", 69, "permanent"), ("end=451 4.3.0 Later", 75, "transient"), ("end=close", 2, "in_doubt"),
            ("end=reset", 2, "in_doubt"), ("quit=close", 0, "delivered"), ("quit=554 No", 0, "delivered"),         ):  # fmt: skip
            with self.subTest(fault=fault), Sink(self.folder, "--fail", fault) as sink:
                report = self.expect(self.send(sink.url(), "--no-chunking", "--json"), status).json
                self.assertEqual(report["recipients"][0]["outcome"], outcome)
                if status:
                    self.assertTrue(report["error"]["next"])

    def test_a_server_that_hangs(self):
        for fault, status in (("connect=stall", 75), ("mail=stall", 75), ("end=stall", 2), ("quit=stall", 0)):
            with self.subTest(fault=fault), Sink(self.folder, "--fail", fault) as sink:
                begun = time.monotonic()
                # BDAT would run ahead of the reply to MAIL, and then the message may well have been taken.
                result = self.expect(self.send(sink.url(), "--timeout", "700ms", "--no-chunking"), status)
                self.assertLess(time.monotonic() - begun, 20)
                if status:
                    self.assertIn("did not answer in time", result.text)

    def test_doubt_names_the_message(self):
        with Sink(self.folder, "--fail", "end=close") as sink:
            result = self.expect(self.send(sink.url(), "--message-id", "doubt@mail.test"), 2)
            self.assertIn("IN DOUBT", result.text)
            self.assertIn("<doubt@mail.test>", result.text)
            self.assertEqual(len(sink.messages()), 1)  # and that is why

    def test_nobody_listens(self):
        with Sink(self.folder) as sink:
            url = sink.url()
        result = self.expect(self.send(url), 75)
        self.assertIn("refused", result.text)
        self.expect(self.send("lmtp+unix:///nonexistent/socket"), 75)

    def test_no_such_host(self):
        """Without name servers, so that nothing leaves this machine."""
        switch = self.file("nsswitch.conf", "hosts: files\n", 0o644)
        script = 'mount --bind "$0" /etc/nsswitch.conf && exec "$@"'
        words = [support.COMMAND, "send", "--server", "smtps://no-such-host.test", "--from", "a@b.c", "--to", "b@c.d", "--body", "x"]
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, switch, *words], capture_output=True, env=support.environment(self.folder), check=False, timeout=60
        )
        if done.returncode in (1, 32):
            self.skipTest(f"no mount namespace here: {done.stderr}")
        self.assertEqual(done.returncode, 68, done.stderr)
        self.assertIn(b"no-such-host.test", done.stderr)

    def test_tls_is_required_where_it_is_said(self):
        with Sink(self.folder) as sink:
            for scheme in ("smtp+tls", "smtps"):
                with self.subTest(scheme=scheme):
                    self.expect(self.send(sink.url(scheme), "--timeout", "5s"), 76)
            for scheme in ("smtp", "smtp+notls", "smtp+opportunistic"):
                self.expect(self.send(sink.url(scheme)), 0)
            self.expect(self.send(f"smtp://localhost:{sink.port}", "-4"), 0)

    def test_certificates(self):
        for tls, scheme in (("starttls", "smtp+tls"), ("implicit", "smtps")):
            with self.subTest(tls=tls), Sink(self.folder, tls=tls) as sink:
                ours = ("--ca-file", sink.ca)
                self.assertIn("next:", self.expect(self.send(sink.url(scheme)), 76).text)
                self.expect(self.send(sink.url(scheme), *ours), 0)
                self.expect(self.send(sink.url(scheme), *ours, "--tls-name", "mail.example.org"), 76)
                self.expect(self.send(sink.url(scheme), "--insecure-no-verify"), 0)
                self.expect(self.send(sink.url(scheme), "--fingerprint", "00" * 32), 76)
                self.expect(self.send(sink.url(scheme), "--ca-file", "/nonexistent"), 78)
                self.expect(self.send(sink.url(scheme), "--ca-file", self.file("junk.pem", "junk")), 78)
                report = self.run_command("check", "--server", sink.url(scheme), *ours, "--json").json
                self.expect(self.send(sink.url(scheme), "--fingerprint", report["tls"]["certificate"]["sha256"]), 0)
                self.assertEqual(len(sink.messages()), 3)

    def test_fast_open(self):
        """In a network namespace of its own, where it is switched on for servers, too: the kernel counts."""
        words = [sys.executable, "-c", FAST_OPEN, support.COMMAND, str(self.folder)]
        done = subprocess.run(
            ["unshare", "-n", *words], capture_output=True, text=True, check=False, timeout=60, cwd=pathlib.Path(__file__).parent, env=support.environment(self.folder)
        )
        if done.returncode == 1 and done.stderr.startswith("unshare"):
            self.skipTest(f"no network namespace here: {done.stderr}")
        self.assertEqual(done.returncode, 0, done.stderr)
        without, first, later, refused = json.loads(done.stdout)
        self.assertEqual(without, [0, 0, 0, 0])
        self.assertEqual(first, [0, 0], "the first one asks for a cookie")
        self.assertEqual(later, [0, 1, 0, 2])
        self.assertEqual(refused, [75, "connection_refused"])

    def test_the_system_s_authorities(self):
        """All in one file, and each under the hash of its name in a folder."""
        with Sink(self.folder, tls="implicit") as sink:
            folder = self.folder / "authorities"
            folder.mkdir()
            shutil.copy(sink.ca, folder / "ca.pem")
            subprocess.run(["openssl", "rehash", str(folder)], check=True)
            for file, place, code in (
                (sink.ca, self.folder / "none", 0),
                (self.folder / "none", folder, 0),
                (self.folder / "none", self.folder / "none", 76),
                (self.file("junk.pem", "junk"), self.folder / "none", 76),
            ):
                with self.subTest(file=file, place=place):
                    self.expect(self.send(sink.url("smtps"), env={"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(place)}), code)

    def test_the_rules_of_the_system_hold(self):
        """What OpenSSL's configuration leaves out is not offered; else AES-128 is preferred."""
        rules = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = strict\n[strict]\nCiphersuites = {}\n"
        with Sink(self.folder, tls="implicit") as sink:
            for suites, used in (
                ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
                ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
                ("TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
            ):
                with self.subTest(suites=suites):
                    path = self.file("openssl.cnf", rules.format(suites))
                    result = self.expect(self.send(sink.url("smtps"), "--ca-file", sink.ca, "--json", env={"OPENSSL_CONF": str(path)}), 0)
                    self.assertEqual(result.json["tls"]["cipher"], used)


class PasswordTest(support.CommandTest):
    def sources(self):
        path = self.file("password", PASSWORD + "\nsecond line\n")
        crlf = self.file("password-crlf", PASSWORD + "\r\n")
        yield ["--password-file", path], {}
        yield ["--password-file", crlf], {}
        yield ["--password-command", f"cat '{path}'"], {}
        yield ["--password-fd", "0", "--body", "x"], {"stdin": PASSWORD.encode() + b"\n"}
        yield [], {"env": {"POSTRIDER_PASSWORD": PASSWORD}}

    def test_every_source_and_mechanism(self):
        with Sink(self.folder, tls="starttls", user=USER) as sink:
            for words, more in self.sources():
                for auth in ((), ("--auth", "PLAIN"), ("--auth", "login")):
                    with self.subTest(words=words, auth=auth):
                        more.setdefault("stdin", b"")
                        words = words if "--body" in words else [*words, "--body", "x"]
                        result = self.expect(self.send(sink.url("smtp+tls"), "--ca-file", sink.ca, "--user", USER, *words, *auth, "-v", **more), 0)
                        self.assert_secret_stays(result)
                        self.assertRegex(result.err.decode(), r"(?m)^~> AUTH")
            self.assertEqual({one["user"] for one in sink.envelopes()}, {USER})
            result = self.expect(self.send(sink.url("smtp+tls").replace("//", "//alice%40mail.test@"), "--ca-file", sink.ca, "--json", env={"POSTRIDER_PASSWORD": PASSWORD}), 0)
            self.assertEqual((result.json["server"]["authenticated"], result.json["server"]["mechanism"]), (True, "PLAIN"))
            self.assert_secret_stays(result)

    def test_from_the_account(self):
        with Sink(self.folder, tls="implicit", user=USER) as sink:
            for line in (f"password = '{PASSWORD}'", f"password_file = '{self.file('p', PASSWORD)}'", "password_command = 'cat p'"):
                with self.subTest(line=line):
                    text = f"[account.a]\nserver = '{sink.url('smtps')}'\nfrom = '{USER}'\nuser = '{USER}'\nca_file = '{sink.ca}'\n{line}\n"
                    config = self.file("config.toml", text)
                    result = self.expect(self.run_command("send", "--config", config, "--to", "b@mail.test", "--body", "x", "-v", cwd=self.folder), 0)
                    self.assert_secret_stays(result)

    def test_a_wrong_password(self):
        with Sink(self.folder, tls="implicit", user=USER) as sink:
            words = ("--ca-file", sink.ca, "--user", USER)
            result = self.expect(self.send(sink.url("smtps"), *words, "-v", env={"POSTRIDER_PASSWORD": "wrong"}), 77)
            self.assertRegex(result.text, r"(?s)refused the credentials.*where: .*at auth.*server:  535.*next: ")
            self.assertEqual(sink.envelopes(), [])

    def test_not_without_authentication(self):
        with Sink(self.folder, tls="implicit") as sink:
            self.expect(self.send(sink.url("smtps"), "--ca-file", sink.ca, "--user", USER, env={"POSTRIDER_PASSWORD": PASSWORD}), 77)
            self.assertEqual(sink.envelopes(), [])

    def test_not_in_clear(self):
        with Sink(self.folder, user=USER) as sink:
            for scheme in ("smtp", "smtp+notls", "smtp+opportunistic"):
                with self.subTest(scheme=scheme):
                    result = self.expect(self.send(sink.url(scheme), "--user", USER, "-v", env={"POSTRIDER_PASSWORD": PASSWORD}), 77)
                    self.assertNotIn("-> AUTH", result.text)
            allowed = self.expect(self.send(sink.url(), "--user", USER, "-v", "--insecure-auth-in-clear", env={"POSTRIDER_PASSWORD": PASSWORD}), 0)
            self.assert_secret_stays(allowed)
        with Sink(self.folder, tls="starttls", user=USER) as sink:  # encrypted, but to whom?
            self.expect(self.send(sink.url("smtp+tls"), "--insecure-no-verify", "--user", USER, env={"POSTRIDER_PASSWORD": PASSWORD}), 77)
            self.assertEqual(sink.envelopes(), [])

    def test_sources_that_fail(self):
        for words, status in (
            (["--password-file", "/nonexistent"], 78), (["--password-file", self.file("empty", "")], 78), (["--password-command", "exit 3"], 78),
            (["--password-command", "echo; echo x"], 78), (["--password-command", "printf 'a\\0b\\n'"], 78), (["--password-fd", "77"], 78), ([], 64),
        ):  # fmt: skip
            with self.subTest(words=words):
                result = self.expect(self.send("smtps://127.0.0.1:1", "--user", USER, *words, start_new_session=True), status)
                self.assertIn("password", result.text)
        for words in (["--body-file", "-"], ["--message", "-"], ["--html", "-"]):
            self.expect(self.send("smtps://127.0.0.1:1", "--user", USER, "--password-fd", "0", *words, stdin=b"x\n"), 64)

    def test_no_argument_and_no_child_sees_it(self):
        with Sink(self.folder, "--fail", "mail=stall", tls="implicit", user=USER) as sink:
            seen = self.folder / "seen"
            words = [support.COMMAND, "send", "--server", sink.url("smtps"), "--ca-file", sink.ca, "--from", USER, "--to", "b@mail.test", "--body", "x", "--user", USER]
            log = self.folder / "log"
            with open(log, "wb") as out, subprocess.Popen(
                [*map(str, words), "-v"], env=support.environment(self.folder, {"POSTRIDER_PASSWORD": PASSWORD}), stderr=out
            ) as process:
                wait_until(lambda: "~> MAIL" in log.read_text("utf-8"), 20)
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{process.pid}/{name}", "rb") as file:
                        self.assertNotIn(PASSWORD.encode(), file.read())
                process.terminate()
            self.expect(
                self.send("smtps://127.0.0.1:1", "--user", USER, "--password-command", f"env > '{seen}'; echo x", env={"POSTRIDER_PASSWORD": PASSWORD}), 75
            )
            self.assertNotIn(PASSWORD, seen.read_text("utf-8"))

    def test_asked_for_at_the_terminal_without_echo(self):
        with Sink(self.folder, tls="implicit", user=USER) as sink:
            words = [support.COMMAND, "send", "--server", sink.url("smtps"), "--ca-file", str(sink.ca), "--from", USER, "--to", "b@mail.test", "--body", "x", "--user", USER]
            terminal = Terminal(words, support.environment(self.folder))
            terminal.wait_for("Password for alice@mail.test: ")
            terminal.type(PASSWORD + "\r")
            self.assertEqual(terminal.finish(), 0, terminal.text)
            self.assertNotIn(PASSWORD, terminal.text)
            self.assertIn("delivered", terminal.text)
            # Interrupted, it leaves the terminal as it was.
            terminal = Terminal(["/bin/sh", "-c", '"$@"; stty -a', "sh", *words], support.environment(self.folder))
            terminal.wait_for("Password for alice@mail.test: ")
            terminal.type("\x03")
            terminal.finish()
            self.assertNotIn("-echo ", terminal.text)


class TalkTest(support.CommandTest):
    """What is printed."""

    def test_transcript(self):
        with Sink(self.folder, tls="starttls") as sink:
            lines = self.expect(self.send(sink.url("smtp+tls"), "--ca-file", sink.ca, "-v"), 0).err.decode().splitlines()
            first = [line[:8] for line in lines[:4]]
            self.assertEqual((first[0], first[1]), ("<- 220 l", "-> EHLO "))
            self.assertIn("-> STARTTLS", lines)
            secured = lines[lines.index("-> STARTTLS") + 2]
            self.assertRegex(secured, r"^~> EHLO localhost")
            after = lines[lines.index("-> STARTTLS") + 2 :]
            self.assertTrue(all(line[:3] in ("~> ", "<~ ") or line.startswith("* ") for line in after), after)
            self.assertTrue(any(line.startswith("~> MAIL FROM:<alice@mail.test>") for line in after))

    def test_quiet(self):
        with Sink(self.folder, "--reject", "no@*") as sink:
            result = self.expect(self.send(sink.url(), "-q"), 0)
            self.assertEqual((result.out, result.err), (b"", b""))
            self.assertIn(b"no@mail.test", self.expect(self.send(sink.url(), "-q", "--to", "no@mail.test"), 69).err)

    def test_json(self):
        with Sink(self.folder, "--reject", "no@*=550 5.1.1 Un\u202eknown", tls="starttls") as sink:
            report = self.expect(self.send(sink.url("smtp+tls"), "--ca-file", sink.ca, "--to", "no@mail.test,b@mail.test", "--message-id", "j@mail.test", "--json"), 1).json
            self.assertEqual(list(report), ["command", "outcome", "exit_code", "message_id", "envelope_from", "recipients", "error", "server", "tls", "timing"])
            self.assertEqual((report["outcome"], report["exit_code"], report["message_id"]), ("partial", 1, "<j@mail.test>"))
            refused, accepted = report["recipients"]
            self.assertEqual(list(refused), ["address", "outcome", "stage", "error", "code", "enhanced", "text"])
            self.assertEqual((refused["code"], refused["enhanced"], refused["stage"], refused["error"]), (550, "5.1.1", "rcpt", "recipient_refused"))
            self.assertIn("Un", refused["text"])
            self.assertEqual((accepted["outcome"], accepted["code"] // 100, accepted["error"]), ("delivered", 2, None))
            self.assertEqual((report["tls"]["version"], report["tls"]["verified"]), ("TLSv1.3", True))
            self.assertIn("127.0.0.1", report["tls"]["certificate"]["names"])
            self.assertIn("EHLO", [step["what"] for step in report["timing"]["steps"]])
            self.assertGreater(report["timing"]["total_ms"], 0)
        broken = self.expect(self.send("nonsense", "--json"), 64).json
        self.assertEqual((broken["outcome"], broken["exit_code"]), ("not_tried", 64))

    def test_a_hostile_server_does_not_reach_the_terminal(self):
        odd = "\x1b[2J\x07\x9b\u202e\u200b\x7f\xff".encode().decode("latin-1")
        said = {"EHLO": f"250-mail.test {odd}\r\n250 X-{odd}\r\n", "RCPT": ["250 ok\r\n", f"550-5.1.1 {odd}\r\n550 5.1.1 again\r\n"], ".": f"554 5.6.0 {odd}\r\n"}
        scenario = scenarios.complete({"name": "x", "steps": [{"send": f"220 mail.test {odd}\r\n"}, scenarios.serve(caps=[], replies=said)]})
        for words in (("-v",), ("--json",)):
            with evil.EvilServer(scenario) as server:
                result = self.expect(self.send(f"smtp://127.0.0.1:{server.port}", "--to", "b@mail.test", "--to", "c@mail.test", *words), 69)
                self.assertNotRegex(result.text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]")
                self.assertIn("again", result.text)
        with evil.EvilServer(scenario) as server:
            result = self.run_command("check", "--server", f"smtp://127.0.0.1:{server.port}", "--to", "b@mail.test,c@mail.test", "-v")
            self.assertEqual(result.status, 1, result.text)
            self.assertNotRegex(result.text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]")

    def test_progress(self):
        with Sink(self.folder) as sink:
            large = self.file("large", os.urandom(3_000_000))
            self.assertNotIn("%", self.expect(self.send(sink.url(), "--attach", large), 0).text)
            self.assertIn("100 %", self.expect(self.send(sink.url(), "--attach", large, "--progress", "always"), 0).err.decode())
            words = [support.COMMAND, "send", "--server", sink.url(), "--from", USER, "--to", "b@mail.test", "--body", "x"]
            terminal = Terminal(words, support.environment(self.folder))  # done within a second
            self.assertEqual(terminal.finish(), 0)
            self.assertNotIn("%", terminal.text)
        with Sink(self.folder, "--delay", "700") as sink:
            terminal = Terminal([*words[:3], sink.url(), *words[4:]], support.environment(self.folder))
            self.assertEqual(terminal.finish(), 0)
            self.assertIn("%", terminal.text)


class InterruptionTest(support.CommandTest):
    def interrupted(self, fault, number):
        with Sink(self.folder, "--fail", fault) as sink:
            words = [support.COMMAND, "send", "--server", sink.url(), "--from", USER, "--to", "b@mail.test", "--body", "x", "--no-chunking", "-v"]
            log = self.folder / "interrupted"
            with open(log, "wb") as out, subprocess.Popen(words, stdout=out, stderr=out, env=support.environment(self.folder)) as process:
                mark = {"mail=stall": "-> MAIL", "end=stall": "-> .", "quit=stall": "-> QUIT"}[fault]
                wait_until(lambda: f"\n{mark}" in log.read_text("utf-8"), 20)
                time.sleep(0.3)
                process.send_signal(number)
                status = process.wait(20)
            return status, log.read_text("utf-8")

    def test_the_outcome_is_told(self):
        for fault, status, word in (("mail=stall", 75, "cancelled"), ("end=stall", 2, "IN DOUBT"), ("quit=stall", 0, "delivered")):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(fault=fault, number=number):
                    left, text = self.interrupted(fault, number)
                    self.assertEqual(left, status, text)
                    self.assertIn(word, text)
                    self.assertIn("interrupted", text)


class CheckTest(support.CommandTest):
    def steps(self, result):
        return [(step["step"], step["verdict"]) for step in result.json["steps"]]

    def test_everything_is_well(self):
        with Sink(self.folder, tls="starttls", user=USER) as sink:
            words = ("check", "--server", f"smtp+tls://localhost:{sink.port}", "-4", "--ca-file", sink.ca, "--user", USER, "--to", "b@mail.test")
            result = self.expect(self.run_command(*words, "--json", env={"POSTRIDER_PASSWORD": PASSWORD}), 0)
            self.assertEqual([verdict for _, verdict in self.steps(result)], ["ok"] * 9, result.text)
            self.assertEqual([step for step, _ in self.steps(result)], ["dns", "connect", "greeting", "ehlo", "tls", "ehlo", "auth", "mail", "rcpt"])
            known = {line["line"].split()[0]: line for line in result.json["capabilities"]}
            self.assertTrue(known["PIPELINING"]["known"] and known["AUTH"]["known"])
            self.assertEqual(result.json["recipients"][0]["outcome"], "accepted")
            text = self.expect(self.run_command(*words, env={"POSTRIDER_PASSWORD": PASSWORD}), 0)
            self.assert_secret_stays(text)
            self.assertRegex(text.text, r"(?m)^ok   tls +TLSv1.3, .*verified$")
            self.assertRegex(text.text, r"valid +\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d \(\d+ days left\)")
            self.assertRegex(text.text, r"(?m)^  SIZE 67108864 +takes messages up to 67.1 MB")
            self.assertEqual(sink.envelopes(), [])  # nothing was sent

    def test_what_fails_is_named(self):
        with Sink(self.folder, "--reject", "no@*", "--reject-sender", "bad@*", tls="starttls", user=USER) as sink:
            url, ca = sink.url("smtp+tls"), ("--ca-file", sink.ca)
            env = {"env": {"POSTRIDER_PASSWORD": PASSWORD}}
            login = ("--user", USER)
            for words, more, status, failed in (
                (("--server", url), {}, 76, "tls"),
                (("--server", url, *ca, "--tls-name", "other.test"), {}, 76, "tls"),
                (("--server", url, *ca, *login), {"env": {"POSTRIDER_PASSWORD": "wrong"}}, 77, "auth"),
                (("--server", url, *ca, *login, "--to", "no@mail.test"), env, 69, "rcpt"),
                (("--server", url, *ca, *login, "--to", "b@mail.test", "--from", "bad@mail.test"), env, 69, "mail"),
                (("--server", url, *ca, *login, "--to", "b@mail.test", "--to", "no@mail.test"), env, 1, "rcpt"),
            ):
                with self.subTest(words=words[2:]):
                    result = self.expect(self.run_command("check", *words, "--json", **more), status)
                    self.assertEqual([step for step, verdict in self.steps(result) if verdict == "fail"], [failed], result.text)
                    self.assertEqual(result.json["exit_code"], status)
                    text = self.expect(self.run_command("check", *words, **more), status).text
                    self.assertRegex(text, rf"(?m)^FAIL {failed} ")
                    self.assertIn("next:", text)
            certificate = self.run_command("check", "--server", url, "--json").json["tls"]["certificate"]
            self.assertIn("localhost", certificate["names"])  # also when it is not trusted
            dead = sink.url()
        result = self.expect(self.run_command("check", "--server", dead, "--json"), 75)
        self.assertIn(("connect", "fail"), self.steps(result))

    def test_plain_lines_are_judged_by_where_they_go(self):
        with Sink(self.folder) as sink:
            result = self.expect(self.run_command("check", "--server", sink.url(), "--json"), 0)
            self.assertIn(("tls", "ok"), self.steps(result))

    def test_unknown_keywords_are_called_unknown(self):
        scenario = scenarios.complete({"name": "x", "steps": [scenarios.GREET, scenarios.serve(caps=["X-ODD with words", "DSN", "SIZE 0", "LIMITS RCPTMAX=5"])]})
        with evil.EvilServer(scenario) as server:
            report = self.expect(self.run_command("check", "--server", f"smtp://127.0.0.1:{server.port}", "--json"), 0).json
        lines = {one["line"]: (one["known"], one["meaning"]) for one in report["capabilities"]}
        self.assertEqual(lines["X-ODD with words"][0], False)
        self.assertIn("unknown", lines["X-ODD with words"][1])
        self.assertTrue(lines["DSN"][0] and lines["LIMITS RCPTMAX=5"][0])
        self.assertIn("no fixed limit", lines["SIZE 0"][1])


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, words, env):
        self.text = ""
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(words[0], [str(word) for word in words], env)
            finally:
                os._exit(127)

    def _read(self, limit):
        ready, _, _ = select.select([self.file], [], [], max(0, limit - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more on the terminal: {self.text!r}")
        try:
            data = os.read(self.file, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def wait_for(self, text, seconds=20):
        limit = time.monotonic() + seconds
        while text not in self.text:
            if not self._read(limit):
                raise AssertionError(f"{text!r} did not come: {self.text!r}")
        time.sleep(0.1)

    def type(self, text):
        os.write(self.file, text.encode())

    def finish(self, seconds=30):
        limit = time.monotonic() + seconds
        while self._read(limit):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.file)
        return os.waitstatus_to_exitcode(status)


def wait_until(condition, seconds):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError("it did not come to that in time")
        time.sleep(0.02)


if __name__ == "__main__":
    support.main()
