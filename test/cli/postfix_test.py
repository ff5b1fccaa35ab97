"""The command against a real Postfix: what was delivered is compared byte for byte with what was sent."""

import email
import email.policy
import os
import pathlib
import unittest

import support

import maildir
import postfix
from sink_test import nasty_bodies

ALICE = f"alice@{postfix.DOMAIN}"
BOB = f"bob@{postfix.DOMAIN}"
CAROL = f"carol@{postfix.DOMAIN}"  # whose password is not ASCII


class PostfixTest(support.CommandTest):
    HEADER = f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: nasty\r\nMessage-ID: <n@mail.test>\r\n\r\n".encode()

    @classmethod
    def setUpClass(cls):
        cls.server = postfix.Postfix(size=60_000_000)
        cls.info = cls.server.start()  # says what is missing, where it cannot be started
        cls.addClassCleanup(cls.server.stop)
        cls.password = cls.info["users"][ALICE]

    def url(self, port, scheme="smtp+tls", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.info['ports'][port]}"

    def login(self, user=ALICE):
        return ["--ca-file", self.info["ca"], "--user", user, "--password-file", self.file("password-" + user.split("@")[0], self.info["users"][user])]

    def delivered(self, mailbox, before):
        return maildir.delivered(self.info["mailboxes"][mailbox], before)[0]

    def seen(self, mailbox):
        return maildir.snapshot(self.info["mailboxes"][mailbox])

    def test_starttls_and_a_password(self):
        for port, scheme in (("submission", "smtp+tls"), ("submission", "smtp"), ("smtps", "smtps")):
            for user in self.info["users"]:
                for auth in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
                    with self.subTest(port=port, user=user, auth=auth):
                        before = self.seen(BOB)
                        words = ("--auth", auth, "--from", user, "--to", BOB, "--subject", "Grüße", "-v", "--body", "Text\n.\n")
                        result = self.expect(self.send(self.url(port, scheme), *self.login(user), *words), 0)
                        self.assert_secret_stays(result, self.info["users"][user], user)
                        message = email.message_from_bytes(self.delivered(BOB, before), policy=email.policy.default)
                        self.assertEqual((message["subject"], message.get_content()), ("Grüße", "Text\n.\n"))

    def test_which_mechanism_is_taken(self):
        for port, scheme, user, words, mechanism in (
            ("submission", "smtp+tls", ALICE, (), "PLAIN"),
            ("plainauth", "smtp", ALICE, ("--insecure-auth-in-clear",), "SCRAM-SHA-256"),
            ("plainauth", "smtp", CAROL, ("--insecure-auth-in-clear",), "CRAM-MD5"),
        ):
            with self.subTest(port=port, user=user, words=words):
                result = self.expect(self.send(self.url(port, scheme), *self.login(user), "--from", user, "--to", BOB, *words, "--json"), 0)
                self.assertEqual(result.json["server"]["mechanism"], mechanism)

    def test_wrong_password_by_every_mechanism(self):
        wrong = self.file("wrong", "wrong")
        for auth in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            with self.subTest(auth=auth):
                words = ("--ca-file", self.info["ca"], "--user", ALICE, "--password-file", wrong, "--auth", auth)
                self.assertIn("535", self.expect(self.send(self.url("submission"), *words), 77).text)

    def test_bodies_arrive_as_they_are(self):
        bodies = list(nasty_bodies())
        for options in ((), ("--no-chunking",), ("--no-chunking", "--no-pipelining")):
            for name, body in bodies:
                with self.subTest(name=name, options=options):
                    sent = self.HEADER + body
                    before = self.seen(BOB)
                    self.expect(self.run_command("send", "--server", self.url("submission"), *self.login(), "--message", self.file(name, sent), *options), 0)
                    self.assertIsNone(maildir.difference(self.delivered(BOB, before), sent))

    def test_a_message_of_25_megabytes(self):
        data = os.urandom(25_000_000)
        before = self.seen(BOB)
        path = self.file("large.bin", data)
        self.expect(self.send(self.url("submission"), *self.login(), "--from", ALICE, "--to", BOB, "--attach", path), 0)
        message = email.message_from_bytes(maildir.delivered(self.info["mailboxes"][BOB], before, wait=30)[0])
        self.assertEqual([part.get_payload(decode=True) for part in message.walk() if part.get_filename() == "large.bin"], [data])

    def test_utf8_addresses(self):
        unicode, idn = f"ünïcode@{postfix.DOMAIN}", f"leser@{postfix.IDN_DOMAIN}"
        before = {name: self.seen(name) for name in (unicode, idn)}
        result = self.expect(self.send(self.url("submission"), *self.login(), "--from", ALICE, "--to", f"{unicode}, {idn}", "--json"), 0).json
        self.assertEqual([one["address"] for one in result["recipients"]], [unicode, idn])
        for name in (unicode, idn):
            self.assertIn("To: ünïcode@", self.delivered(name, before[name]).decode())

    def test_refused_beside_accepted(self):
        before = self.seen(BOB)
        words = ("--from", ALICE, "--to", BOB, "--to", f"refused@{postfix.DOMAIN}", "--to", f"later@{postfix.DOMAIN}", "--json")
        report = self.expect(self.send(self.url("submission"), *self.login(), *words), 1).json
        self.assertEqual([(one["outcome"], one["code"]) for one in report["recipients"]], [("delivered", 250), ("permanent", 550), ("transient", 450)])
        self.assertEqual(report["recipients"][1]["enhanced"], "5.1.1")
        self.assertIn("no such mailbox here", report["recipients"][1]["text"])
        self.assertTrue(self.delivered(BOB, before))
        # Other mail for the same mailbox may still be on its way through the server: this one is told by its subject.
        self.expect(self.send(self.url("submission"), *self.login(), *words, "--subject", "All or nothing", "--all-or-nothing"), 75)
        arrived = [path.read_bytes() for path in pathlib.Path(self.info["mailboxes"][BOB]).rglob("new/*")]
        self.assertTrue(arrived)
        self.assertFalse([message for message in arrived if b"All or nothing" in message])

    def test_exit_codes(self):
        anonymous = self.url("smtp")
        ca = ("--ca-file", self.info["ca"])
        for status, url, words in (
            (77, self.url("submission"), [*ca, "--from", ALICE, "--to", BOB, "--user", ALICE, "--password-file", self.file("wrong", "wrong")]),
            (69, anonymous, [*ca, "--from", ALICE, "--to", f"refused@{postfix.DOMAIN}"]),
            (75, anonymous, [*ca, "--from", ALICE, "--to", f"later@{postfix.DOMAIN}"]),
            (69, anonymous, [*ca, "--from", ALICE, "--to", "somebody@elsewhere.test"]),
            (69, anonymous, [*ca, "--from", f"badsender@{postfix.DOMAIN}", "--to", BOB]),
            (75, anonymous, [*ca, "--from", f"busysender@{postfix.DOMAIN}", "--to", BOB]),
            (69, anonymous, [*ca, "--from", f"badcontent@{postfix.DOMAIN}", "--to", BOB]),
            (75, anonymous, [*ca, "--from", f"busycontent@{postfix.DOMAIN}", "--to", BOB]),
            (75, anonymous, [*ca, "--from", ALICE, "--to", f"closing@{postfix.DOMAIN}"]),
            (76, anonymous, ["--from", ALICE, "--to", BOB]),
            (76, self.url("plainauth"), ["--from", ALICE, "--to", BOB]),
            (77, self.url("plainauth", "smtp"), ["--from", ALICE, "--to", BOB, *self.login(), "--auth", "PLAIN"]),
            (77, self.url("plainauth", "smtp"), ["--from", ALICE, "--to", BOB, *self.login(), "--auth", "CRAM-MD5"]),
            (77, self.url("plainauth", "smtp"), ["--from", ALICE, "--to", BOB, *self.login(CAROL)]),
            (77, self.url("plainauth", "smtp"), ["--from", ALICE, "--to", BOB, *self.login()]),
            (77, self.url("plainauth", "smtp"), ["--from", ALICE, "--to", BOB, *self.login(), "--auth", "SCRAM-SHA-256"]),
            (77, self.url("submission"), ["--from", ALICE, "--to", BOB, *self.login(), "--auth", "XOAUTH2"]),
            (0, self.url("plainauth", "smtp"), ["--from", ALICE, "--to", BOB, *self.login(), "--insecure-auth-in-clear"]),
            (69, self.url("submission"), [*ca, "--from", ALICE, "--to", BOB]),
            (0, self.url("bare", "smtp"), ["--from", ALICE, "--to", BOB, "--body", "ü"]),
            (65, self.url("bare", "smtp"), ["--from", ALICE, "--to", f"ünïcode@{postfix.DOMAIN}"]),
        ):  # fmt: skip
            with self.subTest(status=status, url=url, words=words):
                result = self.expect(self.send(url, *words), status)
                if status:
                    self.assertRegex(result.err.decode(), r"(?s)postrider: .+\n  where: .+\n  server: .+\n  next: ")

    def test_too_large_is_known_before_it_is_sent(self):
        path = self.file("too-large", (b"x" * 71 + b"\n") * 900_000)
        result = self.expect(self.send(self.url("submission"), *self.login(), "--from", ALICE, "--to", BOB, "--body-file", path, "-v"), 65)
        self.assertNotIn("MAIL FROM", result.text)

    def test_client_certificate(self):
        client = self.info["clients"]["client-good"]
        ca = ("--ca-file", self.info["ca"], "--from", ALICE, "--to", BOB)
        self.expect(self.send(self.url("mtls", "smtps"), *ca, "--client-cert", client["chain"], "--client-key", client["key"]), 0)
        self.assertIn(self.send(self.url("mtls", "smtps"), *ca).status, (75, 76))

    def test_check(self):
        report = self.expect(self.run_command("check", "--server", self.url("submission"), *self.login(), "--from", ALICE, "--to", BOB, "--json"), 0).json
        self.assertEqual({step["verdict"] for step in report["steps"] if step["step"] != "dns"}, {"ok"})
        self.assertTrue(all(one["known"] for one in report["capabilities"]), report["capabilities"])

    @unittest.skipUnless(postfix.fixture.has_ipv6(), "no IPv6 here")
    def test_ipv6(self):
        self.expect(self.send(f"smtp+tls://[::1]:{self.info['ports']['submission']}", *self.login(), "--from", ALICE, "--to", BOB), 0)


if __name__ == "__main__":
    support.main()
