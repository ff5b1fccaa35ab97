#!/usr/bin/python3
"""The test servers, tested: does each do what the tests of Postrider take for granted?

    selftest.py                 everything that can run here
    selftest.py PostfixTest     one part

Python's smtplib is the client here: the oracle must not be the program under test.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

import capture
import certs
import dovecot_lmtp
import evil
import exim
import fixture
import maildir
import opensmtpd
import postfix
import scenarios
import smtp_server
import tls_server

HERE = pathlib.Path(__file__).resolve().parent
NASTY = (
    b"From: Alice <alice@mail.test>\r\nTo: bob@mail.test\r\nBcc: secret@mail.test\r\n"
    b"Subject: =?utf-8?q?n=C3=A4sty?=\r\n"
    b"Received: from a hop of our own\r\n\tby elsewhere\r\nMIME-Version: 1.0\r\n\r\n"
    b".\r\n..\r\n.dot first\r\ntrailing blank \r\n\t\r\nFrom here\r\n8-bit \xc3\xbc\xff\r\n"
    + b"x" * 998
    + b"\r\n\r\n.\r\n\r\nlast\r\n"
)


def send_literally(client, sender, recipients, message, options=()):
    """Envelope and content exactly as given: smtplib's sendmail would repair line ends."""
    steps = [client.docmd("MAIL", f"FROM:<{sender}>" + "".join(" " + option for option in options))]
    steps += [client.docmd("RCPT", f"TO:<{recipient}>") for recipient in recipients]
    if any(code not in (250, 251) for code, _ in steps):
        return steps
    steps.append(client.docmd("DATA"))
    client.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return steps + [client.getreply()]


def scram_sha_256(client, user, password):
    """AUTH SCRAM-SHA-256 (RFC 5802, 7677), which smtplib lacks; returns the final reply code."""
    nonce = base64.b64encode(os.urandom(18)).decode()
    bare = f"n={user},r={nonce}"
    code, text = client.docmd("AUTH", "SCRAM-SHA-256 " + base64.b64encode(f"n,,{bare}".encode()).decode())
    if code != 334:
        return code
    server_first = base64.b64decode(text).decode()
    parts = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    without_proof = f"c=biws,r={parts['r']}"
    message = f"{bare},{server_first},{without_proof}".encode()
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
    code, text = client.docmd(base64.b64encode(f"{without_proof},p={proof}".encode()).decode())
    if code != 334:
        return code
    expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
    if base64.b64decode(text) != b"v=" + base64.b64encode(expected):
        raise AssertionError("the server's signature is wrong")
    return client.docmd("")[0]


def skip_unless_available(server_class):
    """A part whose server cannot run here is skipped as a whole, and says why."""
    if not server_class.available():
        raise unittest.SkipTest("; ".join(server_class.missing()))


class FixtureTest(unittest.TestCase):
    """Ports, processes, and that nothing survives its test."""

    def test_ports_are_free_and_different(self):
        ports = fixture.free_ports(20)
        self.assertEqual(len(set(ports)), 20)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", ports[0]))
            taken.listen()
            self.assertFalse(fixture.is_free(ports[0]))
            self.assertTrue(fixture.is_free(ports[1]))

    def test_a_recycled_pid_is_left_alone(self):
        with subprocess.Popen(["sleep", "60"]) as child:
            mine = fixture.identity(child.pid)
            stranger = {"pid": child.pid, "started": mine["started"] - 1}
            fixture.end([stranger])
            self.assertTrue(fixture.is_alive(mine))
            fixture.end([mine])
            self.assertFalse(fixture.is_alive(mine))

    def test_descendants_end_too(self):
        command = ["sh", "-c", "trap '' TERM; sleep 60 & sleep 60 & wait; wait; wait"]
        with subprocess.Popen(command, start_new_session=True) as child:
            limit = time.monotonic() + 5
            while len(fixture.with_descendants([fixture.identity(child.pid)])) < 3 and time.monotonic() < limit:
                time.sleep(0.01)
            family = fixture.with_descendants([fixture.identity(child.pid)])
            self.assertEqual(len(family), 3)
            fixture.end([fixture.identity(child.pid)], patience=0.3)
            self.assertFalse(any(fixture.is_alive(process) for process in family))

    def test_unready_server_is_an_error_that_says_so(self):
        with self.assertRaisesRegex(fixture.FixtureError, "no 220"):
            fixture.wait_for_greeting(("127.0.0.1", fixture.free_ports(1)[0]), 0.2, lambda: True)
        with self.assertRaisesRegex(fixture.FixtureError, "ended"):
            fixture.wait_for_greeting(("127.0.0.1", 1), 5, lambda: False)


class MaildirTest(unittest.TestCase):
    """Cutting the trace, comparing."""

    trace = b"Return-Path: <a@b>\nX-Original-To: c@d\nDelivered-To: c@d\nReceived: from x\n\tby y\n\tfor z; date\n"

    def test_only_the_servers_trace_is_cut(self):
        own = b"Received: from own\n\tfolded\nDelivered-To: own\nSubject: x\n\nbody\n"
        self.assertEqual(maildir.split_trace(self.trace + own), (self.trace, own))
        self.assertEqual(maildir.split_trace(b"Subject: x\n\nReceived: y\n"), (b"", b"Subject: x\n\nReceived: y\n"))
        self.assertEqual(maildir.split_trace(self.trace), (self.trace, b""))

    def test_difference(self):
        self.assertIsNone(maildir.difference(b"a\nb\n", b"a\r\nb\r\n"))
        self.assertIsNone(maildir.difference(b"a\nb\nc\n", b"a\rb\nc"))
        self.assertIn("octet 2 (line 2)", maildir.difference(b"a\nB\n", b"a\r\nb\r\n"))
        self.assertIn("lengths 2 and 4", maildir.difference(b"a\n", b"a\r\nb\r\n"))


class CertsTest(unittest.TestCase):
    """The matrix is what its index says, by a client other than Postrider."""

    def test_every_case(self):
        index = certs.ensure()
        self.assertGreater(len(index["cases"]), 70)
        self.assertEqual(len({case["name"] for case in index["cases"]}), len(index["cases"]))
        for case in index["cases"]:
            with self.subTest(case["name"], why=case["why"]):
                self.check(index, case)

    def check(self, index, case):
        if "must-staple" in case["needs"]:
            self.assertIsNone(self.verdict(index, case), "Python cannot see it; everything else must be right")
            return
        if "crl" in case["needs"]:
            self.assertIsNone(self.verdict(index, case))
        found = self.verdict(index, case, crl="crl" in case["needs"])
        self.assertEqual("fail" if found else "ok", case["expected"], found)

    @staticmethod
    def verdict(index, case, crl=False):
        """None when Python accepts, else its reason; the handshake runs in memory."""
        server = certs.server_context(case)
        client = certs.client_context(index, crl)
        pipes = [ssl.MemoryBIO(), ssl.MemoryBIO()]
        try:
            ends = [
                client.wrap_bio(pipes[0], pipes[1], server_hostname=case["host"].rstrip(".")),
                server.wrap_bio(pipes[1], pipes[0], server_side=True),
            ]
        except ValueError as error:
            return str(error)
        done = [False, False]
        for turn in range(20):
            try:
                ends[turn % 2].do_handshake()
                done[turn % 2] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                return str(error)
        return None if all(done) else "handshake did not end"

    def test_cache(self):
        made = os.stat(certs.ensure()["crl"]).st_mtime_ns
        self.assertEqual(os.stat(certs.ensure()["crl"]).st_mtime_ns, made)
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "other").touch()
            with self.assertRaisesRegex(fixture.FixtureError, "other things"):
                certs.ensure(folder)


class PostfixTest(unittest.TestCase):
    """Every listener, every refusal, delivery octet by octet."""

    @classmethod
    def setUpClass(cls):
        skip_unless_available(postfix.Postfix)
        before = time.monotonic()
        cls.server = postfix.Postfix()
        cls.info = cls.server.start()
        cls.startup = time.monotonic() - before
        cls.tls = certs.client_context(certs.ensure())

    @classmethod
    def tearDownClass(cls):
        family = fixture.with_descendants(fixture._noted(cls.server.directory))
        cls.server.stop()
        assert not any(fixture.is_alive(process) for process in family), "Postfix left processes"
        assert not cls.server.directory.exists(), "Postfix left files"

    def client(self, port, host="127.0.0.1"):
        number = self.info["ports"][port]
        if port in ("smtps", "mtls"):
            found = smtplib.SMTP_SSL(timeout=10, context=self.tls)
        else:
            found = smtplib.SMTP(timeout=10)
        found._host = "mail.test"
        found.connect(host, number)
        self.addCleanup(found.close)
        if port == "submission":
            found.ehlo("client.test")
            found.starttls(context=self.tls)
        found.ehlo("client.test")
        return found

    def signed_in(self, port, user="alice@mail.test"):
        found = self.client(port)
        found.user, found.password = user, self.info["users"][user]
        self.assertEqual(found.auth("PLAIN", found.auth_plain)[0], 235)
        return found

    def test_starts_fast(self):
        # A quarter of a second on an idle machine; far more means that Postfix waits for something.
        self.assertLess(self.startup, 8)

    def test_listeners(self):
        self.assertNotIn("auth", self.client("smtp").esmtp_features)
        self.assertTrue(
            {"starttls", "pipelining", "chunking", "dsn", "smtputf8", "8bitmime", "size"}
            <= set(self.client("smtp").esmtp_features)
        )
        self.assertEqual(self.client("bare").esmtp_features, {})
        self.assertNotIn("starttls", self.client("plainauth").esmtp_features)
        for port in ("submission", "smtps", "plainauth"):
            self.assertTrue(
                {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} <= set(self.client(port).esmtp_features["auth"].split())
            )

    def test_ipv6(self):
        if not self.info["host6"]:
            self.skipTest("no IPv6 on this machine")
        for port in ("smtp", "submission", "smtps"):
            self.assertEqual(self.client(port, "::1").noop()[0], 250)

    def test_submission_wants_tls_and_authentication(self):
        with smtplib.SMTP("127.0.0.1", self.info["ports"]["submission"], "client.test", 10) as plain:
            self.assertEqual(plain.mail("alice@mail.test")[0], 530)
        for port in ("submission", "smtps", "plainauth"):
            self.assertEqual(self.client(port).mail("alice@mail.test")[0], 554)

    def test_mechanisms(self):
        for user, password in self.info["users"].items():
            for port in ("submission", "smtps", "plainauth"):
                client = self.client(port)
                self.assertEqual(scram_sha_256(client, user, password), 235, (user, port))
            if password.isascii():  # smtplib's CRAM-MD5 and LOGIN take ASCII passwords only
                for mechanism in ("CRAM-MD5", "LOGIN", "PLAIN"):
                    client = self.client("submission")
                    client.user, client.password = user, password
                    method = getattr(client, "auth_" + mechanism.lower().replace("-", "_"))
                    self.assertEqual(client.auth(mechanism, method)[0], 235, (user, mechanism))

    def test_wrong_password(self):
        client = self.client("submission")
        client.user, client.password = "alice@mail.test", "wrong"
        with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
            client.auth("PLAIN", client.auth_plain)
        self.assertEqual(caught.exception.smtp_code, 535)
        self.assertEqual(scram_sha_256(self.client("submission"), "alice@mail.test", "wrong"), 535)

    def test_recipients(self):
        client = self.client("smtp")
        for address, reply in self.info["recipients"].items():
            if not reply.startswith("421"):
                client.mail("alice@mail.test")
                code, text = client.rcpt(address)
                self.assertTrue(reply.startswith(f"{code} {text.decode().split()[0]}"), (address, code, text))
                self.assertEqual(client.rset()[0], 250)
        client.mail("alice@mail.test")
        self.assertEqual(client.rcpt("somebody@elsewhere.test")[0], 554)
        self.assertEqual(client.rcpt("closing@mail.test")[0], 421)
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            client.docmd("NOOP")

    def test_senders(self):
        client = self.client("smtp")
        self.assertEqual(client.mail("badsender@mail.test")[0], 550)
        self.assertEqual(client.mail("busysender@mail.test")[0], 451)
        self.assertEqual(client.mail("lateban@mail.test")[0], 250)
        self.assertEqual(client.rcpt("bob@mail.test")[0], 550)
        for sender, code in (("badcontent@mail.test", 554), ("busycontent@mail.test", 451)):
            # Postfix keeps the transaction open after such a refusal: without RSET the next MAIL is "nested".
            client.rset()
            self.assertEqual(
                [step[0] for step in send_literally(client, sender, ["bob@mail.test"], NASTY)], [250, 250, 354, code]
            )

    def deliver(self, port, recipients, message, options=("BODY=8BITMIME",), client=None):
        boxes = [self.info["mailboxes"].get(address, self.info["mailboxes"]["@mail.test"]) for address in recipients]
        before = {box: maildir.snapshot(box) for box in boxes}
        steps = send_literally(client or self.signed_in(port), "alice@mail.test", recipients, message, options)
        self.assertEqual(steps[-1][0], 250, steps)
        for box in boxes:
            (content,) = maildir.delivered(box, before[box])
            self.assertIsNone(maildir.difference(content, message), box)

    def test_delivery_is_literal(self):
        for port in ("submission", "smtps", "plainauth"):
            self.deliver(port, ["bob@mail.test"], NASTY)
        self.deliver("smtp", ["alice@mail.test"], NASTY, client=self.client("smtp"))
        self.deliver("bare", ["alice@mail.test"], NASTY, options=(), client=self.client("bare"))
        self.deliver(
            "submission", ["alice@mail.test", "nobody.special@mail.test"], b"Subject: no other field\r\n\r\n\r\n\r\n"
        )

    def test_delivery_of_utf8_addresses(self):
        client = self.client("smtp")
        client.command_encoding = "utf-8"
        for address in ("ünïcode@mail.test", "leser@bücher.test"):
            self.deliver("smtp", [address], NASTY, ("SMTPUTF8", "BODY=8BITMIME"), client)

    def test_large_message(self):
        line = b"0123456789abcdef" * 4 + b"\r\n"
        self.deliver("smtp", ["bob@mail.test"], b"Subject: large\r\n\r\n" + line * 400_000, client=self.client("smtp"))

    def test_bare_newline_is_refused(self):
        client = self.client("smtp")
        steps = send_literally(client, "alice@mail.test", ["bob@mail.test"], b"Subject: x\r\n\r\nbare\nnewline\r\n")
        self.assertEqual(steps[-1][0], 550, steps)

    def test_client_certificates(self):
        self.assert_mtls("client-good", 250)
        self.assert_mtls("client-unknown-root", None)
        self.assert_mtls(None, None)

    def assert_mtls(self, name, code):
        context = certs.client_context(certs.ensure())
        if name:
            context.load_cert_chain(self.info["clients"][name]["chain"], self.info["clients"][name]["key"])
        found = None
        try:
            client = smtplib.SMTP_SSL(timeout=10, context=context)
            client._host = "mail.test"
            client.connect("127.0.0.1", self.info["ports"]["mtls"])
            client.ehlo("client.test")
            found = client.mail("alice@mail.test")[0]
            client.close()
        except (OSError, smtplib.SMTPException):
            pass
        self.assertEqual(found if found == 250 else None, code, name)


class CommandLineTest(unittest.TestCase):
    """The command line: options, parallel instances, and that nothing is left behind."""

    @classmethod
    def setUpClass(cls):
        skip_unless_available(postfix.Postfix)

    def run_with(self, *arguments, **keywords):
        return subprocess.run(
            [sys.executable, HERE / "postfix.py", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **keywords,
        )

    def processes_of(self, directory):
        return fixture.with_descendants(fixture._noted(pathlib.Path(directory)))

    def test_start_and_stop(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            here = folder + "/server"
            done = self.run_with(
                "start",
                "--dir",
                here,
                "--json-out",
                folder + "/info.json",
                "--size",
                "1000",
                "--discard",
                "chunking,pipelining",
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(pathlib.Path(folder, "info.json").read_text("utf-8"), done.stdout)
            family = self.processes_of(here)
            self.assertTrue(family)
            again = self.run_with("start", "--dir", here)
            self.assertIn("running in", again.stderr)
            with smtplib.SMTP("127.0.0.1", json.loads(done.stdout)["ports"]["smtp"], "client.test", 10) as client:
                client.ehlo()
                self.assertEqual(client.esmtp_features["size"], "1000")
                self.assertNotIn("chunking", client.esmtp_features)
            self.assertEqual(self.run_with("stop", "--dir", here).returncode, 0)
            self.assertFalse(any(fixture.is_alive(process) for process in family))

    def test_with_passes_the_exit_status(self):
        done = self.run_with(
            "with",
            "--",
            "sh",
            "-c",
            'test -s "$POSTRIDER_TEST_POSTFIX_JSON" && echo "$POSTRIDER_TEST_POSTFIX_JSON"; exit 7',
        )
        self.assertEqual(done.returncode, 7)
        self.assertFalse(pathlib.Path(done.stdout.strip()).parent.exists())

    def test_nothing_survives_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(number.name):
                self.interrupt(number)

    def interrupt(self, number):
        command = [
            sys.executable,
            HERE / "postfix.py",
            "with",
            "--",
            "sh",
            "-c",
            'echo "$POSTRIDER_TEST_POSTFIX_JSON"; exec sleep 60',
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
            directory = pathlib.Path(runner.stdout.readline().strip()).parent
            family = self.processes_of(directory)
            sleeper = fixture.with_descendants([fixture.identity(runner.pid)])
            self.assertTrue(family)
            runner.send_signal(number)
            runner.wait(timeout=30)
            limit = time.monotonic() + 30
            while directory.exists() and time.monotonic() < limit:
                time.sleep(0.02)
            self.assertFalse(directory.exists())
            self.assertFalse(any(fixture.is_alive(process) for process in family))
            # With SIGKILL the command is its caller's to end, as with any process.
            fixture.end(sleeper)

    def test_parallel_instances(self):
        servers = [postfix.Postfix() for _ in range(3)]
        try:
            ports = [port for server in servers for port in server.start()["ports"].values()]
            self.assertEqual(len(set(ports)), len(ports))
        finally:
            for server in servers:
                server.stop()

    def test_a_port_taken_at_the_last_moment(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            real, calls = fixture.free_ports, []

            def first_collides(count):
                calls.append(count)
                return [taken.getsockname()[1], *real(count - 1)] if len(calls) == 1 else real(count)

            fixture.free_ports = first_collides
            try:
                with postfix.Postfix():
                    self.assertEqual(len(calls), 2)
            finally:
                fixture.free_ports = real


class CaptureTest(unittest.TestCase):
    """The proxy changes nothing, counts right, delays, and passes on every kind of end."""

    def test_a_session_through_the_proxy(self):
        scenario = scenarios.named("right-plain")
        with evil.EvilServer(scenario) as server, tempfile.TemporaryDirectory() as folder:
            with capture.CaptureProxy(("127.0.0.1", server.port), record=folder) as proxy:
                with smtplib.SMTP("127.0.0.1", proxy.port, "client.test", 10) as client:
                    client.sendmail("alice@mail.test", ["bob@mail.test"], NASTY)
            (connection,) = proxy.connections
            self.assertEqual(connection.sent("c2s"), bytes(server.records[0].clear))
            self.assertEqual(connection.sent("c2s"), pathlib.Path(folder, "1.c2s").read_bytes())
            self.assertEqual(len(connection.sent("s2c")), server.records[0].sent)
            # EHLO, MAIL, RCPT, DATA, content, QUIT: smtplib does not pipeline.
            self.assertEqual(connection.round_trips, 6)
            summary = connection.summary()
            self.assertEqual(summary["segments"]["s2c"], 7)
            self.assertEqual(summary["ends"], {"c2s": "eof", "s2c": "eof"})
            lines = [json.loads(line) for line in pathlib.Path(folder, "1.jsonl").read_text("ascii").splitlines()]
            self.assertEqual(
                b"".join(base64.b64decode(line.get("data", "")) for line in lines if line["direction"] == "c2s"),
                connection.sent("c2s"),
            )

    def test_delay(self):
        with evil.EvilServer(scenarios.named("right-plain")) as server:
            with capture.CaptureProxy(("127.0.0.1", server.port), delay_ms=50) as proxy:
                before = time.monotonic()
                with smtplib.SMTP("127.0.0.1", proxy.port, "client.test", 10) as client:
                    client.noop()
                # The greeting one way, NOOP and QUIT both ways.
                self.assertGreaterEqual(time.monotonic() - before, 0.25)

    def echo_through(self, act):
        """Connects through a proxy to a server that does `act` with its socket; returns the client's end."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        proxy = capture.CaptureProxy(listener.getsockname())
        self.addCleanup(proxy.close)
        client = socket.create_connection(proxy.address, 5)
        self.addCleanup(client.close)
        server, _ = listener.accept()
        self.addCleanup(server.close)
        act(server)
        return client, server

    def test_ends(self):
        client, _ = self.echo_through(lambda server: server.close())
        self.assertEqual(client.recv(1), b"")
        client, _ = self.echo_through(capture.reset)
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        client, server = self.echo_through(lambda server: server.settimeout(5))
        capture.reset(client)
        with self.assertRaises(ConnectionResetError):
            server.recv(1)
        client, server = self.echo_through(lambda server: server.settimeout(5))
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(server.recv(1), b"")
        server.sendall(b"still here")
        self.assertEqual(client.recv(20), b"still here")

    def test_unix_sockets(self):
        with evil.EvilServer(scenarios.named("right-plain")) as server, tempfile.TemporaryDirectory() as folder:
            with capture.CaptureProxy(("127.0.0.1", server.port), listen=folder + "/socket"):
                fixture.wait_for_greeting(folder + "/socket", 5, lambda: True)


class EvilTest(unittest.TestCase):
    """The misbehaving server: a strict client passes, a trusting one is found out."""

    strict = (
        "right-helo right-chunking right-auth-starttls right-some-refused right-lmtp-some "
        "inject-required-line-same inject-required-octet-later strip-keyword strip-220-cut before-tls-auth "
        "auth-in-clear challenge-login-endless challenge-plain-huge scram-right scram-wrong-signature "
        "flood-lines-ehlo flood-line-greeting grammar-mail-mixed early-everything extra-data-250-single "
        "class-data-250 cut-final-tls cut-quit-plain 421-rcpt drip-greeting size-huge text-escape "
    ).split()
    # What the trusting client does wrong there.
    naive = {
        "inject-required-line-same": "exit status",
        "strip-keyword": "sent in clear",
        "strip-cert-wrong-host": "sent",
        "before-tls-auth": "exit status",
        "auth-in-clear": "the password went over the wire in clear",
        "early-everything": "exit status 0",
        "size-small": "exit status",
        "cut-final-plain": "exit status 75",
    }

    def run_model(self, names, *options):
        wanted = [scenarios.named(name) for name in names]
        client = [sys.executable, str(HERE / "model_client.py"), *options]
        return evil.check(client, wanted, 4, report=lambda text: None)

    def test_a_strict_client_passes(self):
        for result in self.run_model(self.strict):
            with self.subTest(result["name"]):
                self.assertEqual(result["faults"], [], result["output"])

    def test_a_trusting_client_is_found_out(self):
        for result in self.run_model(self.naive, "--naive"):
            with self.subTest(result["name"]):
                self.assertIn(self.naive[result["name"]], "; ".join(result["faults"]))

    def test_scenarios_are_well_formed(self):
        found = scenarios.all_scenarios()
        self.assertGreater(len(found), 350)
        self.assertTrue(
            {
                "T1",
                "T2",
                "T3",
                "T5",
                "T8",
                "A1",
                "A2",
                "A3",
                "A4",
                "A5",
                "A6",
                "A7",
                "R1",
                "R2",
                "R4",
                "R5",
                "R6",
                "R7",
                "R8",
            }
            <= {each["threat"] for each in found}
        )
        for each in found:
            self.assertEqual(json.loads(json.dumps(each)), each)
            self.assertTrue(set(each["exit"]) <= {0, 1, 2, 64, 65, 69, 75, 76, 77, 78}, each["name"])
            for step in each["steps"]:
                self.assertTrue(hasattr(evil.Dialogue, "do_" + next(iter(step))), step)

    def test_no_encoding_hides_the_password(self):
        password = scenarios.PASSWORD
        for length in range(12):
            for before, after in (("\0" + "u" * length + "\0", ""), ("x" * length, "tail"), ("", "t" * length)):
                mixed = (before + password + after).encode()
                for encoded in (mixed, mixed.hex().encode(), base64.b64encode(mixed), base64.urlsafe_b64encode(mixed)):
                    self.assertTrue(
                        any(trace in encoded for trace in evil.traces_of(password)), (before, after, encoded)
                    )
        self.assertFalse(any(trace in base64.b64encode(os.urandom(3000)) for trace in evil.traces_of(password)))

    def test_output_is_judged(self):
        scenario = scenarios.named("right-plain")
        run = evil.Run(0, b"fine\n", 0.1, [evil.Record()])
        self.assertEqual(evil.judge(scenario, run), [])
        for output in (b"\x1b[31m", b"\xc2\x9b", b"\xe2\x80\xae", b"a\rb", b"\xff", scenarios.PASSWORD.encode()):
            self.assertNotEqual(evil.judge(scenario, run._replace(output=output)), [], output)
        self.assertNotEqual(evil.judge(scenario, run._replace(records=[])), [])
        self.assertNotEqual(evil.judge(scenario, run._replace(status=1)), [])

    def test_a_client_that_pipelines_unasked_is_found_out(self):
        with evil.EvilServer(scenarios.named("right-one-by-one")) as server:
            with socket.create_connection(("127.0.0.1", server.port), 5) as client:
                client.recv(100)
                client.sendall(b"EHLO x\r\nMAIL FROM:<a@b.test>\nRCPT TO:<a@b.test>\r\nQUIT\r\n")
                while client.recv(1000):
                    pass
        text = "; ".join(server.records[0].violations)
        self.assertIn("pipelined after EHLO", text)
        self.assertIn("bare LF", text)

    def test_serve_on_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            port_file = pathlib.Path(folder, "port")
            command = [
                sys.executable,
                HERE / "evil.py",
                "serve",
                "--scenario",
                "right-starttls",
                "--port-file",
                port_file,
                "--record",
                folder + "/record",
            ]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
                port = int(server.stdout.readline())
                self.assertEqual(port_file.read_text("ascii"), f"{port}\n")
                with smtplib.SMTP("127.0.0.1", port, "client.test", 10) as client:
                    client._host = "mail.test"
                    client.starttls(context=certs.client_context(certs.ensure()))
                    client.sendmail("alice@mail.test", ["bob@mail.test"], NASTY)
                server.send_signal(signal.SIGTERM)
                (story,) = json.loads(server.stdout.read())
            self.assertEqual(story["violations"], [])
            self.assertEqual(pathlib.Path(folder, "record/1.clear").read_bytes(), b"ehlo client.test\r\nSTARTTLS\r\n")
            self.assertIn(b"\r\n..dot first\r\n", pathlib.Path(folder, "record/1.secure").read_bytes())


class TlsServerTest(unittest.TestCase):
    """Certificates over real sockets, both ways into TLS."""

    cases = "good chain-missing cn-only expired sha1 rsa1024 tls1.0 tls1.3 san-nul".split()

    def test_a_strict_client_agrees_with_the_index(self):
        index = certs.ensure()
        with tls_server.running(index, self.cases) as served:
            self.assertEqual(
                [case["name"] for case in served["cases"]],
                [case["name"] for case in index["cases"] if case["name"] in self.cases],
            )
            for case in served["cases"]:
                for mode, port in case["ports"].items():
                    with self.subTest(case["name"], mode=mode):
                        self.assertEqual(self.verdict(index, case, mode, port), case["expected"])

    @staticmethod
    def verdict(index, case, mode, port):
        context = certs.client_context(index)
        try:
            if mode == "implicit":
                client = smtplib.SMTP_SSL(timeout=10, context=context)
                client._host = case["host"]
                client.connect("127.0.0.1", port)
            else:
                client = smtplib.SMTP("127.0.0.1", port, timeout=10)
                client._host = case["host"]
                client.starttls(context=context)
            client.quit()
            return "ok"
        except ssl.SSLError:
            return "fail"

    def test_with_on_the_command_line(self):
        script = 'grep -c \'"starttls"\' "$POSTRIDER_TEST_TLS_JSON"; exit 5'
        command = [
            sys.executable,
            HERE / "tls_server.py",
            "with",
            "--case",
            "good",
            "--case",
            "expired",
            "--",
            "sh",
            "-c",
            script,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (5, "2\n"))
        done = subprocess.run(
            [sys.executable, HERE / "tls_server.py", "with", "--case", "gud", "--", "true"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("no case named gud", done.stderr)


class OtherServer:
    """What the tests of the other servers share: one instance, gone without trace at the end."""

    server_class = None
    message = NASTY

    @classmethod
    def setUpClass(cls):
        skip_unless_available(cls.server_class)
        cls.server = cls.server_class()
        cls.info = cls.server.start()
        cls.tls = certs.client_context(certs.ensure())

    @classmethod
    def tearDownClass(cls):
        family = fixture.with_descendants(fixture._noted(cls.server.directory))
        assert family
        cls.server.stop()
        assert not any(fixture.is_alive(process) for process in family), "it left processes"
        assert not cls.server.directory.exists(), "it left files"

    def client(self, port):
        if port == "smtps":
            found = smtplib.SMTP_SSL(timeout=10, context=self.tls)
        else:
            found = (smtplib.LMTP if port == "lmtp" else smtplib.SMTP)(local_hostname="client.test")
        found._host = "mail.test"
        found.connect("127.0.0.1", self.info["ports"][port])
        self.addCleanup(found.close)
        found.ehlo("client.test")
        if port == "submission":
            found.starttls(context=self.tls)
            found.ehlo("client.test")
        return found

    def deliver(self, client, box):
        before = maildir.snapshot(box)
        steps = send_literally(client, "alice@mail.test", ["bob@mail.test"], self.message, ("BODY=8BITMIME",))
        self.assertEqual(steps[-1][0], 250, steps)
        (content,) = maildir.delivered(box, before)
        self.assertIsNone(maildir.difference(content, self.message))

    def refused(self, client, reply_to=lambda reply: int(reply[:3])):
        for address, reply in self.info["recipients"].items():
            client.docmd("MAIL", "FROM:<alice@mail.test>")
            self.assertEqual(client.rcpt(address)[0], reply_to(reply), address)
            client.rset()


class DovecotTest(OtherServer, unittest.TestCase):
    """LMTP on TCP and on a Unix socket."""

    server_class = dovecot_lmtp.DovecotLmtp

    def test_delivery(self):
        self.deliver(self.client("lmtp"), self.info["mailboxes"]["bob@mail.test"])
        with smtplib.LMTP(self.info["socket"], local_hostname="client.test") as client:
            client.ehlo()
            self.deliver(client, self.info["mailboxes"]["bob@mail.test"])

    def test_a_reply_per_recipient(self):
        client = self.client("lmtp")
        client.docmd("MAIL", "FROM:<alice@mail.test>")
        recipients = ("alice", "nobody", "full", "bob")
        self.assertEqual([client.rcpt(f"{name}@mail.test")[0] for name in recipients], [250, 550, 250, 250])
        self.assertEqual(client.docmd("DATA")[0], 354)
        client.send(NASTY.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        self.assertEqual([client.getreply()[0] for _ in range(3)], [250, 552, 250])


class EximTest(OtherServer, unittest.TestCase):
    """Exim out of its packages."""

    server_class = exim.Exim

    def test_delivery(self):
        for port in ("smtp", "submission", "smtps"):
            client = self.client(port)
            if port != "smtp":
                self.assertEqual(client.mail("alice@mail.test")[0], 250)
                self.assertEqual(client.rcpt("bob@mail.test")[0], 550)
                client.rset()
                client.login("alice@mail.test", self.info["users"]["alice@mail.test"])
            self.deliver(client, self.info["mailboxes"]["bob@mail.test"])

    def test_refusals(self):
        self.refused(self.client("smtp"))


class OpenSmtpdTest(OtherServer, unittest.TestCase):
    """OpenSMTPD out of its packages."""

    server_class = opensmtpd.OpenSmtpd
    # It drops Bcc, and adds Date and Message-ID where they are missing.
    message = b"Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@client.test>\r\n" + NASTY.replace(
        b"Bcc: secret@mail.test\r\n", b""
    )

    def test_delivery(self):
        client = self.client("smtp")
        self.assertNotIn("pipelining", client.esmtp_features)
        self.deliver(client, self.info["mailboxes"]["bob@mail.test"])

    def test_refusals(self):
        self.refused(self.client("smtp"))


class SmtpServerTest(OtherServer, unittest.TestCase):
    """smtp-server out of npm's cache."""

    server_class = smtp_server.SmtpServer

    def test_delivery(self):
        for port in ("smtp", "submission", "smtps"):
            client = self.client(port)
            if port != "smtp":
                self.assertEqual(client.mail("alice@mail.test")[0], 530)
                client.login("alice@mail.test", self.info["users"]["alice@mail.test"])
            before = set(pathlib.Path(self.info["mail_folder"]).glob("*.eml"))
            self.assertEqual(send_literally(client, "alice@mail.test", ["bob@mail.test"], NASTY)[-1][0], 250)
            (file,) = set(pathlib.Path(self.info["mail_folder"]).glob("*.eml")) - before
            self.assertEqual(file.read_bytes(), NASTY)
            envelope = json.loads(file.with_suffix(".json").read_text("utf-8"))["envelope"]
            self.assertEqual(envelope["rcptTo"][0]["address"], "bob@mail.test")

    def test_token(self):
        client = self.client("submission")
        text = f"user=alice@mail.test\1auth=Bearer {self.info['tokens']['alice@mail.test']}\1\1"
        self.assertEqual(client.docmd("AUTH", "XOAUTH2 " + base64.b64encode(text.encode()).decode())[0], 235)

    def test_refusals(self):
        self.refused(self.client("smtp"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
