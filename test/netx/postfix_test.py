"""The NetX Duo SMTP client on hosted NetX against a real Postfix: what was delivered is what was sent, octet for octet."""

import os
import pathlib
import random
import re
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import maildir
import postfix

ALICE = f"alice@{postfix.DOMAIN}"
BOB = f"bob@{postfix.DOMAIN}"
MAILER = os.environ["NETX_MAILER"]
HOSTS = ["127.0.0.1", "::1"] if postfix.fixture.has_ipv6() else ["127.0.0.1"]


def nasty_bodies():
    """Contents that clients get wrong, by name."""
    generator = random.Random(3)
    yield "dots", b".\r\n..\r\n...\r\n.a\r\n.\r\n\r\n.\r\n"
    yield "dot-last", b"text\r\n."
    yield "bare", b"a\nb\rc\r\rd\n\ne\r\n.\n.\r.\r\n\r.\r\n"
    yield "smuggling", b"\n.\nMAIL FROM:<x@y.z>\n\r.\r\r\n.\rDATA\r\nQUIT\r\n.\r\nRSET\r\n"
    yield "8bit", bytes(range(1, 256)) + b"\r\n"
    yield "long", b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n" + b"y" * 998 + b"\r\n"
    yield "empty-lines-last", b"text\r\n\r\n\r\n\r\n"
    yield "blanks-last", b"a \t\r\n \r\n\t\r\n"
    yield "one", b"\n"
    yield "utf-8", "Grüße, 日本語, 🚴\r\n".encode()
    yield "random", bytes(generator.choice(b"\r\n.ab") for _ in range(60000))
    yield "large", (b"0123456789" * 7 + b"\r\n") * 7000


class PostfixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = postfix.Postfix()
        cls.info = cls.server.start()  # says what is missing, where it cannot be started
        cls.addClassCleanup(cls.server.stop)
        folder = tempfile.TemporaryDirectory(prefix="postrider-netx-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.authority = cls.folder / "ca.der"
        cls.authority.write_bytes(ssl.PEM_cert_to_DER_cert(pathlib.Path(cls.info["ca"]).read_text(encoding="ascii")))

    def send(self, host, port, mode, contents, authority="-"):
        """Sends the contents over one session; gives what was delivered, in that order."""
        box = self.info["mailboxes"][BOB]
        before = maildir.snapshot(box)
        files = []
        for name, content in contents:
            files.append(self.folder / name)
            files[-1].write_bytes(content)
        words = [MAILER, host, str(self.info["ports"][port]), ALICE, self.info["users"][ALICE], f"<{ALICE}>", f"<{BOB}>", str(authority), mode]
        done = subprocess.run([*words, *map(str, files)], capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(re.findall(r": 0x00 250 ", done.stdout)), len(files), done.stdout)
        delivered = maildir.delivered(box, before, len(files), wait=20)
        self.assertEqual(len(delivered), len(files))
        return delivered

    def compare(self, delivered, contents, split):
        """Whatever order the mailbox was filled in, each content is there once."""
        left = [split(one) for one in delivered]
        for name, content in contents:
            with self.subTest(name=name):
                wanted = maildir.canonical(content)
                if wanted not in left:
                    differences = [maildir.difference(one, content) for one in left]
                    self.fail(f"{name} was not delivered as it was sent; the others differ: {differences[:3]}")
                left.remove(wanted)
        self.assertEqual(left, [])

    @staticmethod
    def body(message):
        return message.partition(b"\n\n")[2]

    def test_texts_arrive_as_they_are(self):
        contents = list(nasty_bodies())
        for host in HOSTS:
            for mode in ("text", "stream"):
                with self.subTest(host=host, mode=mode):
                    delivered = self.send(host, "plainauth", mode, contents)
                    self.compare(delivered, contents, self.body)
                    for message in delivered:
                        header = message.partition(b"\n\n")[0].decode()
                        self.assertRegex(
                            header,
                            f"(?s)^To: {BOB}\nFrom: {ALICE}\nSubject: A subject\nDate: [^\n]+ \\+0000\nMessage-ID: <[^\n]+@mail.test>\n.*8bit$",
                        )

    def test_whole_messages_arrive_as_they_are(self):
        header = f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: raw\r\nMessage-ID: <r@mail.test>\r\n\r\n".encode()
        contents = [(name, header + body) for name, body in nasty_bodies()]
        for host in HOSTS:
            with self.subTest(host=host):
                self.compare(self.send(host, "plainauth", "raw", contents), contents, lambda message: message)

    def test_under_starttls(self):
        contents = list(nasty_bodies())
        for host in HOSTS:
            with self.subTest(host=host):
                self.compare(self.send(host, "submission", "text", contents, self.authority), contents, self.body)


if __name__ == "__main__":
    unittest.main()
