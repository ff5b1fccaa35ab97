"""What the command decides before it talks to anybody: arguments, URLs, accounts, messages, help."""

import email
import email.policy
import getpass
import os
import pathlib
import re
import shutil
import socket
import subprocess
import unittest

import support

DRY = ("--dry-run", "--json")


def lines(part):
    """The text of a part, lines ended as people count them."""
    return part.get_content().replace("\r\n", "\n")


class UrlTest(support.CommandTest):
    GOOD = {
        "smtps://mail.example.org": "smtps://mail.example.org:465",
        "smtps://mail.example.org:2465/": "smtps://mail.example.org:2465",
        "SMTPS://Mail.Example.ORG": "smtps://Mail.Example.ORG:465",
        "smtp://mail.example.org": "smtp://mail.example.org:587",
        "smtp://mail.example.org:25": "smtp://mail.example.org:25",
        "smtp://mail.example.org.": "smtp://mail.example.org.:587",
        "smtp+tls://mail.example.org": "smtp://mail.example.org:587",
        "smtp+opportunistic://mail.example.org": "smtp+opportunistic://mail.example.org:25",
        "smtp+notls://mail.example.org": "smtp+notls://mail.example.org:25",
        "lmtp://mail.example.org": "lmtp://mail.example.org:24",
        "lmtp+notls://mail.example.org": "lmtp+notls://mail.example.org:24",
        "smtp://127.0.0.1:2525": "smtp://127.0.0.1:2525",
        "smtp+tls://127.0.0.1:2525": "smtp+tls://127.0.0.1:2525",
        "smtp://localhost": "smtp://localhost:587",
        "smtps://[2001:db8::1]": "smtps://[2001:db8::1]:465",
        "smtps://[2001:db8::1]:465": "smtps://[2001:db8::1]:465",
        "smtp://[::1]:25": "smtp://[::1]:25",
        "smtp://[fe80::1%25eth0]:25": "smtp://[fe80::1%eth0]:25",
        "smtp://192.0.2.1": "smtp://192.0.2.1:587",
        "smtp://m%61il.example.org": "smtp://mail.example.org:587",
        "smtp://bücher.example": "smtp://bücher.example:587",
        "lmtp+unix:///run/lmtp": "lmtp+unix:///run/lmtp",
        "lmtp+unix:///run/with%20blank": "lmtp+unix:///run/with blank",
        "smtps://alice@mail.example.org": "smtps://mail.example.org:465",
        "smtps://alice%40example.org@mail.example.org": "smtps://mail.example.org:465",
        "smtps://alice%3Ax@mail.example.org": "smtps://mail.example.org:465",
    }
    BAD = [
        "", "mail.example.org", "mail.example.org:25", "smtp:mail.example.org", "smtp:/mail.example.org", "http://mail.example.org",
        "smtp://", "smtp:///", "smtp://:25", "smtp://host:", "smtp://host:0", "smtp://host:65536", "smtp://host:99999999999999999999",
        "smtp://host:+25", "smtp://host: 25", "smtp://host:25x", "smtp://host:0x19", "smtp://ho st", "smtp://host/path", "smtp://host?x",
        "smtp://host#x", "smtp://2001:db8::1", "smtp://[2001:db8::1", "smtp://[127.0.0.1]", "smtp://[::1]x", "smtp://[::1]25", "smtp://[]",
        "smtp://[::1%25]", "smtp://ho%st", "smtp://ho%2", "smtp://host%00", "smtp://host%0d%0a", "smtp://host\r\nRSET", "smtp://a..b",
        "smtp://.a", "smtp://-a", "smtp://@host", "smtp://a@b@host", "lmtp+unix://", "lmtp+unix:///", "lmtp+unix://relative/path",
        "lmtp+unix:///" + "x" * 120, "smtp+tls+tls://host", "smtps+tls://host", "lmtps://host", " smtp://host", "smtp://ho\tst",
    ]  # fmt: skip

    def test_good_ones(self):
        for url, plainest in self.GOOD.items():
            with self.subTest(url=url):
                result = self.expect(self.send(url, *DRY), 0)
                self.assertEqual(result.json["server"]["url"], plainest)

    def test_bad_ones_are_usage_errors_that_say_what_to_write(self):
        for url in self.BAD:
            with self.subTest(url=url):
                result = self.expect(self.send(url, *DRY), 64)
                self.assertIn("postrider: ", result.err.decode())
                self.assertRegex(result.text, r"next:|no server is named|takes|octets")

    def test_a_password_is_refused_and_not_repeated(self):
        for url in ("smtp://u:hunter2@host", "smtps://u:hun/ter2@host:465", "smtp://u:hunter2@", "smtp://u:hunter2", "smtp://u:@hunter2@host",
                    "lmtp://:hunter2@host", "smtp://host:hunter2", "u:hunter2@host", "smtp://u:hunter2#@host"):  # fmt: skip
            with self.subTest(url=url):
                result = self.expect(self.send(url, *DRY), 64)
                self.assertNotIn("ter2", result.text)
        self.assertIn("--password-command", self.send("smtp://u:hunter2@host", *DRY).text)


class UsageTest(support.CommandTest):
    def test_without_a_command_there_is_help_and_64(self):
        result = self.expect(self.run_command(), 64)
        self.assertIn("send", result.err.decode())
        self.assertEqual(result.out, b"")

    def test_version_and_help(self):
        self.assertRegex(self.expect(self.run_command("--version"), 0).out, rb"^postrider \d+\.\d+\.\d+\n$")
        for command in ("send", "check", "sink"):
            page = self.expect(self.run_command(command, "--help"), 0).out
            self.assertIn(b"--server" if command != "sink" else b"--listen", page)
            self.assertIn(page.split(b"\n\n")[1], self.expect(self.run_command("help", command), 0).out)
        self.expect(self.run_command("help"), 0)
        self.expect(self.run_command("help", "nonsense"), 64)

    def test_wrong_arguments(self):
        url = ("--server", "smtp://host")
        for words in (
            ["send", *url, "--nonsense"], ["send", *url, "stray"], ["nonsense"], ["send", "--to"], ["send", *url, "--timeout", "soon"],
            ["send", *url, "--timeout", "0"], ["send", *url, "--timeout", "-1s"], ["send", *url, "--timeout", "9999999h"],
            ["send", *url, "--from", "a@b.c", "--body", "x"], ["send", *url, "--to", "a@b.c", "--body", "x"],
            ["send", *url, "--from", "a@b.c", "--from", "a@b.c", "--to", "b@c.d"], ["send", *url, "-4", "-6"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--dsn", "sometimes"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--date", "yesterday"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--date", "2026-02-30T00:00:00Z"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--header", "no colon"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--html", "x", "--inline", "nothing"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--helo", "not a name"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--source-address", "here"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--fingerprint", "abc"],
            ["send", *url, "--from", "a@b.c", "--to", "b@c.d", "--body", "x", "--auth", "PLAIN"],
            ["send", *url, "--user", "u", "--auth", "SCRAM-SHA-512"], ["send", *url, "--account", "x"],
            ["send", *url, "--password-file", "x", "--password-fd", "3"], ["send", *url, "--client-cert", "x"],
            ["send", *url, "--body", "x", "--body-file", "y"], ["send", *url, "--message", "x", "--subject", "y"],
            ["send", "--from", "a@b.c", "--to", "b@c.d", "--body", "x"], ["check"], ["send", *url, "--quiet", "--json"],
        ):  # fmt: skip
            with self.subTest(words=words):
                words = [*words, "--dry-run"] if words[0] == "send" else words
                self.assertIn("postrider: ", self.expect(self.run_command(*words), 64).err.decode())

    def test_unusable_data(self):
        name = self.file("nul", b"a\0b\n")
        latin = self.file("latin", "caf\xe9\n".encode("latin-1"))
        for words in (
            ["--to", "nonsense"], ["--to", "a@b@c"], ["--to", "a b@c.d"], ["--to", "a@b.c\r\nRCPT TO:<x@y.z>"],
            ["--to", "<a@b.c> SIZE=1"], ["--from", "a@b.c, d@e.f"], ["--to", "x" * 65 + "@b.c"], ["--envelope-from", "nonsense"],
            ["--subject", "a\nBcc: x@y.z"], ["--subject", "a\rb"], ["--header", "X-A: b\r\nX-C: d"], ["--header", "Subject: twice"],
            ["--header", "Bcc: a@b.c"], ["--header", "bad name: x"], ["--message-id", "a b"], ["--body-file", "/nonexistent"],
            ["--body-file", name], ["--body-file", latin], ["--attach", "/nonexistent"], ["--attach", self.folder],
            ["--message", "/nonexistent"], ["--message", name], ["--message", self.file("no-header", b"just text\n")],
            ["--message", self.file("no-recipient", b"From: a@b.c\n\nx\n")], ["--message", self.file("no-sender", b"To: a@b.c\n\nx\n")],
        ):  # fmt: skip
            with self.subTest(words=words):
                result = self.expect(self.send("smtp://host", *words, "--dry-run"), 65)
                self.assertIn("postrider: ", result.err.decode())
                self.assertNotRegex(result.text, "\r")

    def test_data_that_looks_like_options(self):
        """I10: an argument of an option is data, whatever it begins with."""
        for to in ("-x@example.org", "--help@example.org", "%s%n@example.org", "-4@example.org"):
            with self.subTest(to=to):
                words = ["--to", to, "--subject", "--json", "--body", "@/etc/hostname"]
                result = self.expect(self.send("smtp://host", *words, *DRY), 0)
                self.assertEqual(result.json["envelope"]["recipients"], [to])
        result = self.expect(self.send("smtp://host", "--subject", "--help", "--body", "@/etc/hostname", "--dry-run"), 0)
        self.assertIn(b"Subject: --help\r\n", result.out)
        self.assertTrue(result.out.endswith(b"\r\n\r\n@/etc/hostname\r\n"), result.out)

    def test_an_empty_value_eats_nothing(self):
        result = self.expect(self.run_command("send", "--server", "smtp://host", "--subject=", "--from", "a@b.c", "--to=b@c.d", "--body=", "--dry-run"), 0)
        self.assertNotIn(b"Subject", result.out)
        self.assertIn(b"From: a@b.c\r\n", result.out)

    def test_a_password_argument_is_explained_and_not_repeated(self):
        for words in (["--password", "hunter2"], ["--password=hunter2"], ["--pass=hunter2"], ["--passwd", "hunter2"]):
            with self.subTest(words=words):
                result = self.expect(self.send("smtp://host", "--user", "u", *words, "--dry-run"), 64)
                self.assertNotIn("hunter2", result.text)
        self.assertIn("--password-command", self.send("smtp://host", "--password", "hunter2", "--dry-run").text)

    def test_what_is_foreign_is_escaped(self):
        evil = "\x1b[31m\u202eevil\x9b\x07@"
        for words in (["--to", evil], ["--attach", evil], ["--timeout", evil], ["--helo", evil], ["--server", "smtp://" + evil]):
            with self.subTest(words=words):
                text = self.run_command("send", "--from", "a@b.c", "--to", "a@b.c", "--body", "x", "--server", "smtp://h", *words).text
                self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

    def test_a_closed_output_is_said(self):
        done = subprocess.run(
            f"exec '{support.COMMAND}' send --server smtp://h --from a@b.c --to b@c.d --body x --dry-run >/dev/full",
            shell=True, capture_output=True, check=False, env=support.environment(self.folder),
        )  # fmt: skip
        self.assertEqual(done.returncode, 74, done.stderr)
        self.assertIn(b"standard output", done.stderr)


class AccountTest(support.CommandTest):
    def config(self, text, mode=0o600):
        folder = self.folder / ".config/postrider"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def dry(self, *words, **more):
        return self.run_command("send", *words, "--to", "bob@example.net", "--body", "x", *DRY, **more)

    def test_the_account_says_server_and_sender(self):
        self.config('default = "a"\n[account.a]\nserver = "smtps://a.example"\nfrom = "Al <al@a.example>"\n[account.b]\nserver = "smtps://b.example"\n')
        result = self.expect(self.dry(), 0).json
        self.assertEqual((result["server"]["host"], result["envelope"]["from"]), ("a.example", "al@a.example"))
        result = self.expect(self.dry("--account", "b", "--from", "x@b.example"), 0).json
        self.assertEqual((result["server"]["host"], result["envelope"]["from"]), ("b.example", "x@b.example"))
        # A server that is named has nothing to do with any account.
        self.expect(self.dry("--server", "smtps://c.example"), 64)

    def test_the_only_account_is_the_default(self):
        self.config('[account.a]\nserver = "smtps://a.example"\nfrom = "al@a.example"\n')
        self.expect(self.dry(), 0)
        self.config('[account.a]\nserver = "smtps://a.example"\n[account.b]\nserver = "smtps://b.example"\n')
        self.expect(self.dry(), 64)

    def test_xdg_and_config_option(self):
        other = self.file("other.toml", '[account.o]\nserver = "smtps://o.example"\nfrom = "o@o.example"\n')
        self.expect(self.dry("--config", other), 0)
        (self.folder / "xdg/postrider").mkdir(parents=True)
        shutil.copy(other, self.folder / "xdg/postrider/config.toml")
        self.expect(self.dry(env={"XDG_CONFIG_HOME": str(self.folder / "xdg")}), 0)
        self.expect(self.dry("--config", "/nonexistent"), 78)

    def test_a_password_that_others_can_read_is_refused(self):
        text = '[account.a]\nserver = "smtps://a.example"\nfrom = "al@a.example"\nuser = "al"\npassword = "hunter2"\n'
        for mode in (0o644, 0o640, 0o604, 0o660, 0o620, 0o602):
            with self.subTest(mode=oct(mode)):
                path = self.config(text, mode)
                result = self.expect(self.dry(), 78)
                self.assertIn(f"{path}, line 5", result.err.decode())
                self.assertIn("chmod 600", result.text)
                self.assertNotIn("hunter2", result.text)
        self.config(text, 0o600)
        self.expect(self.dry(), 0)
        # Without a password in it everybody may read it.
        self.config(text.replace('password = "hunter2"', 'password_command = "pass x"'), 0o644)
        self.expect(self.dry(), 0)

    def test_mistakes_are_told_with_their_line(self):
        good = '[account.a]\nserver = "smtps://a.example"\nfrom = "al@a.example"\n'
        for text, words in {
            good + 'ca_flie = "x"\n': ["line 4", "ca_flie", "ca_file"],
            good + "timeout = 30\n": ["line 4", "timeout"],
            good + 'ipv4 = "yes"\n': ["line 4", "ipv4"],
            good + 'user = ""\n': ["line 4", "user"],
            good + "x = [\n": ["line"],
            good + 'server = "again"\n': ["line 4"],
            '[account.a]\nfrom = "al@a.example"\n': ["line 1", "server"],
            'account = "a"\n': ["line 1"],
            "[accounts.a]\n": ["line 1", "accounts"],
            "[account]\na = 1\n": ["line 2"],
            good + 'password_command = "a"\npassword_file = "b"\n': ["more than once"],
            'default = "z"\n' + good: ["\"z\"", "a"],
            "\xff": [],
        }.items():
            with self.subTest(text=text):
                self.config(text)
                result = self.expect(self.dry(), 78)
                for word in words:
                    self.assertIn(word, result.text)


class ComposeTest(support.CommandTest):
    def compose(self, *words, **more):
        result = self.expect(self.send("smtp://host", *words, "--dry-run", **more), 0)
        self.raw = result.out
        self.assertNotRegex(self.raw, rb"(?<!\r)\n|\r(?!\n)")
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def test_header(self):
        message = self.compose(
            "--from", "Zoë Müller <zoe@example.org>", "--to", '"Doe, J." <j@example.net>, k@example.net', "--to", "l@example.net",
            "--cc", "m@example.net", "--bcc", "secret@example.net", "--subject", "Grüße an alle — und mehr " + "x" * 100, "--reply-to", "r@example.org",
            "--date", "2026-11-24T12:00:00+01:00", "--message-id", "abc@example.org", "--in-reply-to", "<q@example.org>", "--header", "List-Id: <l.example.org>",
            "--header", "X-Odd: ü", "--priority", "high", "--body", "text",
        )  # fmt: skip
        self.assertEqual(message["from"].addresses[0].display_name, "Zoë Müller")
        self.assertEqual([one.addr_spec for one in message["to"].addresses], ["j@example.net", "k@example.net", "l@example.net"])
        self.assertEqual(message["to"].addresses[0].display_name, "Doe, J.")
        self.assertEqual(message["cc"], "m@example.net")
        self.assertNotIn(b"secret", self.raw)
        self.assertEqual(message["subject"], "Grüße an alle — und mehr " + "x" * 100)
        self.assertEqual(message["date"].datetime.isoformat(), "2026-11-24T12:00:00+01:00")
        self.assertEqual(message["message-id"], "<abc@example.org>")
        self.assertEqual((message["in-reply-to"], message["references"]), ("<q@example.org>", "<q@example.org>"))
        self.assertEqual((message["reply-to"], message["list-id"], message["x-odd"]), ("r@example.org", "<l.example.org>", "ü"))
        self.assertEqual(message["importance"], "high")
        self.assertTrue(all(len(line) <= 998 for line in self.raw.split(b"\r\n")))

    def test_parts(self):
        picture = self.file("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
        odd = self.file("Größe \"x\".bin", os.urandom(5000))
        html = self.file("page.html", '<p>Grüße</p><img src="cid:logo">\n')
        message = self.compose(
            "--body", "Text mit ü\nund einem . \n.\n", "--html", html, "--inline", f"logo={picture}", "--attach", odd, "--attach", f"{picture}:application/x-odd"
        )
        self.assertEqual(lines(message.get_body(("plain",))), "Text mit ü\nund einem . \n.\n")
        self.assertEqual(lines(message.get_body(("html",))), '<p>Grüße</p><img src="cid:logo">\n')
        attached = {part.get_filename(): part for part in message.iter_attachments()}
        self.assertEqual(set(attached), {odd.name, "logo.png"})
        self.assertEqual(attached[odd.name].get_content(), odd.read_bytes())
        self.assertEqual(attached["logo.png"].get_content_type(), "application/x-odd")
        inline = [part for part in message.walk() if part["content-id"]]
        self.assertEqual([(part["content-id"], part.get_content()) for part in inline], [("<logo>", picture.read_bytes())])

    def test_text_from_standard_input(self):
        for words in ((), ("--body-file", "-")):
            message = self.compose(*words, stdin=b"one\ntwo\r\nthree\rfour")
            self.assertEqual(lines(message), "one\ntwo\nthree\nfour\n")

    def test_nothing_of_this_machine_goes_out(self):
        self.compose("--attach", self.file("a.txt", "x"))
        for word in (socket.gethostname(), getpass.getuser() + "@", str(self.folder), os.getcwd(), "postrider", "127.0.0.1"):
            self.assertNotIn(word.encode(), self.raw)
        self.assertIn(b" +0000\r\n", re.search(rb"Date:.*?\r\n", self.raw)[0])

    def test_finished_message(self):
        text = (
            b"From: Alice <alice@example.org>\r\nTo: b@example.net\r\nBCC : hidden@example.net,\r\n\tother-hidden@example.net\r\n"
            b"Cc: c@example.net\r\nbcc:\r\nMessage-ID: <id@example.org>\r\nSubject: x\r\n\r\nBcc: in the text stays\r\n"
        )
        path = self.file("m.eml", text)
        result = self.expect(self.run_command("send", "--server", "smtp://h", "--message", path, "--dry-run"), 0)
        self.assertNotIn(b"hidden", result.out)
        self.assertIn(b"Bcc: in the text stays\r\n", result.out)
        self.assertIn(b"To: b@example.net\r\n", result.out)
        report = self.expect(self.run_command("send", "--server", "smtp://h", "--message", "-", *DRY, stdin=text), 0).json
        self.assertEqual(report["envelope"], {"from": "alice@example.org", "recipients": ["b@example.net", "c@example.net", "hidden@example.net", "other-hidden@example.net"]})
        self.assertEqual(report["message_id"], "<id@example.org>")
        named = self.expect(self.run_command("send", "--server", "smtp://h", "--message", path, "--to", "only@example.net", "--envelope-from", "<>", *DRY), 0).json
        self.assertEqual(named["envelope"], {"from": "", "recipients": ["only@example.net"]})

    def test_envelope(self):
        report = self.expect(self.send("smtp://h", "--to", "A <a@x.y>, b@x.y", "--cc", "a@x.y", "--bcc", "c@x.y", "--envelope-from", "bounce@x.y", *DRY), 0).json
        self.assertEqual(report["envelope"], {"from": "bounce@x.y", "recipients": ["a@x.y", "b@x.y", "c@x.y"]})


class DocumentTest(support.CommandTest):
    """Every option stands in the help, the manual and the completions, and none stands there that is not."""

    def options(self):
        return {command: support.options_in_help(self.run_command(command, "--help")) for command in ("send", "check", "sink")}

    def test_manual(self):
        page = (support.ROOT / "docs/man/postrider.1").read_text("utf-8")
        documented = {"--" + name for name in re.findall(r"Fl \\-([a-z0-9-]+)", page)}
        offered = set().union(*self.options().values())
        self.assertGreater(len(offered), 70)
        self.assertEqual(offered - documented - {"--help"}, set())
        self.assertEqual(documented - offered - {"--version"}, set())

    def test_manual_is_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        done = subprocess.run(["groff", "-ww", "-mdoc", "-Tutf8", support.ROOT / "docs/man/postrider.1"], capture_output=True, check=True)
        self.assertEqual(done.stderr, b"")

    def test_completions(self):
        options = self.options()
        for name, pattern in (("postrider.bash", r"(--[a-z0-9-]+)"), ("_postrider", r"(--[a-z0-9-]+)"), ("postrider.fish", r"(?m)^complete .*? -l ([a-z0-9-]+)")):
            text = (support.ROOT / "completions" / name).read_text("utf-8")
            found = {word if word.startswith("--") else "--" + word for word in re.findall(pattern, text)}
            with self.subTest(file=name):
                self.assertEqual(set().union(*options.values()) - found, set())
                self.assertEqual(found - set().union(*options.values()) - {"--version", "--"}, set())

    def test_bash_completion_works(self):
        script = (
            f"source {support.ROOT}/completions/postrider.bash\n"
            'COMP_WORDS=(postrider "$@"); COMP_CWORD=$#; _postrider; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        def complete(*words):
            done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True)
            return set(done.stdout.split())
        self.assertEqual(complete("se"), {"send"})
        self.assertEqual(complete("send", "--dsn-"), {"--dsn-return", "--dsn-id"})
        self.assertEqual(complete("send", "--auth", ""), set("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 OAUTHBEARER XOAUTH2".split()))
        for command, offered in self.options().items():
            self.assertEqual(complete(command, "--"), offered)

    def test_commands_of_the_readme_are_real(self):
        offered = set().union(*self.options().values()) | {"--help", "--version"}
        for name in ("README.md", "docs/command.md"):
            for line in re.findall(r"(?m)^[$ ]*(postrider (?:send|check|sink)\b.*(?:\\\n.*)*)", (support.ROOT / name).read_text("utf-8")):
                for option in re.findall(r"(?<=\s)--[a-z0-9-]+", line):
                    self.assertIn(option, offered, f"{name}: {line}")


if __name__ == "__main__":
    support.main()
