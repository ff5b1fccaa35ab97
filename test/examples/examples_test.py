"""The examples against a real Postfix, over IPv4 and IPv6: what arrives is compared with what they send."""

import email
import email.policy
import json
import os
import pathlib
import random
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import fixture  # noqa: E402
import maildir  # noqa: E402
import postfix  # noqa: E402

ALICE, BOB, BODY_LIMIT = f"alice@{postfix.DOMAIN}", f"bob@{postfix.DOMAIN}", 400_000


class ExampleTest(unittest.TestCase):
    """One Postfix for the class, a folder for each test, and ways to run an example."""

    folder_variable = "EXAMPLES_NETX"

    @classmethod
    def setUpClass(cls):
        cls.server = postfix.Postfix()
        cls.info = cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.password = cls.info["users"][ALICE]
        cls.hosts = fixture.hosts()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="postrider-examples-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_example(self, name, *words, **settings):
        path = pathlib.Path(os.environ[self.folder_variable]) / name
        done = subprocess.run([path, *words], env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False)
        self.assertGreaterEqual(done.returncode, 0, f"ended by signal {-done.returncode}: {done.stderr}")
        return done

    def box(self, mailbox):
        return self.info["mailboxes"][mailbox]

    def snapshots(self, *mailboxes):
        return {name: maildir.snapshot(self.box(name)) for name in mailboxes}

    def delivered(self, mailbox, before, count=1):
        """Postfix accepts first and delivers then: only a count says for how many to wait."""
        return maildir.delivered(self.box(mailbox), before[mailbox], count)

    def assert_nothing_new(self, before):
        for mailbox, seen in before.items():
            self.assertEqual(maildir.snapshot(self.box(mailbox)), seen)

    def settings(self, host, port, **more):
        server = {"MAIL_SERVER": host, "MAIL_PORT": str(self.info["ports"][port]), "MAIL_FROM": ALICE, "MAIL_TO": BOB}
        return {**server, "MAIL_USER": ALICE, "MAIL_PASSWORD": self.password, **more}


class Guide(ExampleTest):
    HEADER = f"""To: {BOB}
From: {ALICE}
Subject: NetX Duo SMTP Client Demo
Message-ID: ID
MIME-Version: 1.0
Content-Type: text/plain;
  charset="utf-8"
Content-Transfer-Encoding: 8bit

"""
    BODY = "NetX Duo SMTP client is an easy to use protocol\n.a line that begins with a dot stays as it is\n"

    def test_sends(self):
        for host in self.hosts:
            with self.subTest(host=host):
                before = self.snapshots(BOB)
                done = self.run_example("guide", **self.settings(host, "plainauth"))
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("create: 0x00\nsend: 0x00\ndelete: 0x00\n", done.stdout)
                (content,) = self.delivered(BOB, before)
                text = content.decode("ascii")
                identity = email.message_from_string(text)["Message-ID"]
                self.assertRegex(identity, r"^<[0-9a-f]{24}@mail\.test>$")
                self.assertEqual(text.replace(identity, "ID"), self.HEADER + self.BODY)

    def test_wrong_password(self):
        before = self.snapshots(BOB)
        done = self.run_example("guide", **self.settings(self.hosts[0], "plainauth", MAIL_PASSWORD="wrong"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("send: 0xAD\ndelete: 0x00\n", done.stdout)
        self.assert_nothing_new(before)

    def test_missing_setting(self):
        settings = self.settings(self.hosts[0], "plainauth")
        for name, value in (("MAIL_SERVER", "mail.test"), ("MAIL_PORT", "0x19"), ("MAIL_PORT", "65536")):
            done = self.run_example("guide", **{**settings, name: value})
            self.assertEqual((done.returncode, done.stderr.startswith(name)), (64, True), done.stderr)


class Alarm(ExampleTest):
    OTHER = f"unknown@{postfix.DOMAIN}"  # the catch-all mailbox

    def alarm(self, host, port="submission", **more):
        ca = self.folder / "ca.der"
        ca.write_bytes(ssl.PEM_cert_to_DER_cert(pathlib.Path(more.pop("CA", self.info["ca"])).read_text("ascii")))
        given = {"MAIL_CC": self.OTHER, "MAIL_BCC": ALICE, "MAIL_SERVER_NAME": postfix.DOMAIN, "MAIL_CA": str(ca), "MAIL_LOG": str(self.folder / "log"), **more}
        return self.run_example("alarm", **self.settings(host, port, **given))

    def log(self, size=BODY_LIMIT):
        """A log with what logs hold: dots at line starts, empty lines, no end to its last line."""
        choose = random.Random(size)
        lines = [choose.choice(("", ".", "..", "tank 1: 71.5 %", ". level", "x" * 900)) for _ in range(size // 80)]
        text = "\n".join([*lines, "the end"])
        (self.folder / "log").write_text(text)
        return text

    def test_three_recipients(self):
        for host in self.hosts:
            with self.subTest(host=host):
                log = self.log()
                self.assertGreater(len(log), 500_000)  # more than all its pools hold, by far
                before = self.snapshots(BOB, ALICE, f"@{postfix.DOMAIN}")
                done = self.alarm(host)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                for mailbox in before:
                    (content,) = self.delivered(mailbox, before)
                    message = email.message_from_bytes(content, policy=email.policy.compat32)
                    self.assertEqual((message["To"], message["Cc"], message["Bcc"]), (BOB, self.OTHER, None))
                    self.assertEqual((message["Importance"], message["Subject"]), ("high", "Alarm: limit exceeded"))
                    self.assertIsNotNone(message["Date"])
                    self.assertEqual(message.get_payload(), log + "\n")
                    self.assertEqual(content.count(ALICE.encode()), 1)  # as the sender

    def test_another_servers_certificate(self):
        self.log(100)
        before = self.snapshots(BOB)
        done = self.alarm(self.hosts[0], MAIL_SERVER_NAME="other.test")
        self.assertEqual((done.returncode, "send: 0xB4" in done.stdout), (1, True), done.stdout)
        self.assert_nothing_new(before)

    def test_another_ca(self):
        other = json.loads(pathlib.Path(self.info["certs"]).read_text("utf-8"))["leaves"]["self-signed-ca"]["chain"]
        self.log(100)
        before = self.snapshots(BOB)
        done = self.alarm(self.hosts[0], CA=other)
        self.assertEqual((done.returncode, "send: 0xB4" in done.stdout), (1, True), done.stdout)
        self.assert_nothing_new(before)

    def test_no_starttls_no_password(self):
        self.log(100)
        before = self.snapshots(BOB)
        done = self.alarm(self.hosts[0], "plainauth")
        self.assertEqual((done.returncode, "send: 0xB3" in done.stdout), (1, True), done.stdout)
        self.assert_nothing_new(before)

    def test_one_refused(self):
        self.log(100)
        before = self.snapshots(BOB, ALICE)
        done = self.alarm(self.hosts[0], MAIL_CC=f"refused@{postfix.DOMAIN}")
        self.assertEqual((done.returncode, "send: 0xAA" in done.stdout), (1, True), done.stdout)
        for mailbox in before:
            self.assertEqual(len(self.delivered(mailbox, before)), 1)


class Client(ExampleTest):
    folder_variable = "EXAMPLES_CLIENT"
    OTHER = f"unknown@{postfix.DOMAIN}"

    def send(self, name, host, *to, password=None):
        port = str(self.info["ports"]["submission"])
        return self.run_example(name, host, port, self.info["ca"], ALICE, ALICE, *to, PASSWORD=password or self.password)

    def test_blocking(self):
        for host in self.hosts:
            with self.subTest(host=host):
                before = self.snapshots(BOB, f"@{postfix.DOMAIN}")
                done = self.send("blocking_send", host, BOB, self.OTHER)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                for mailbox in before:
                    message = email.message_from_bytes(self.delivered(mailbox, before)[0], policy=email.policy.default)
                    self.assertEqual((message["To"], message["Subject"]), (f"{BOB}, {self.OTHER}", "Grüße"))
                    self.assertEqual(message.get_content(), "Hello, all of you\n.\n")

    def test_coroutine(self):
        for host in self.hosts:
            with self.subTest(host=host):
                before = self.snapshots(BOB, ALICE)
                done = self.send("coroutine_send", host, BOB, f"refused@{postfix.DOMAIN}", ALICE)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertRegex(done.stdout, rf"^{BOB}: delivered 250 .*\nrefused@mail.test: permanent 550 .*\n{ALICE}: delivered 250 ")
                for mailbox in before:
                    (content,) = self.delivered(mailbox, before)
                    self.assertEqual(content, f"From: {ALICE}\nTo: {mailbox}\nSubject: For you alone\n\nHello\n.\n".encode())

    def test_pool(self):
        before = self.snapshots(BOB, ALICE)
        done = self.send("pool_send", self.hosts[0], BOB, f"refused@{postfix.DOMAIN}", ALICE)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "200 of 300 delivered")
        for mailbox in before:
            subjects = [email.message_from_bytes(m)["Subject"] for m in self.delivered(mailbox, before, 100)]
            self.assertCountEqual(subjects, [f"Number {n}" for n in range(100)])

    def test_wrong_password(self):
        for name in ("blocking_send", "coroutine_send", "pool_send"):
            before = self.snapshots(BOB)
            done = self.send(name, self.hosts[0], BOB, password="wrong")
            self.assertEqual((done.returncode, "refused the credentials" in done.stderr), (1, True), done.stderr)
            self.assert_nothing_new(before)

    def test_usage(self):
        self.assertEqual(self.run_example("blocking_send", "a", "b", PASSWORD="x").returncode, 64)
        self.assertEqual(self.run_example("coroutine_send", "a", "25x", "c", "d", "e", "f", PASSWORD="x").returncode, 64)


if __name__ == "__main__":
    unittest.main(verbosity=2)
