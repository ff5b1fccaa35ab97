"""`send` for many messages: lists of every kind, merged ones, and journals that survive whatever ends a run."""

import collections
import csv
import email
import email.header
import email.policy
import email.utils
import json
import mailbox
import os
import random
import re
import signal
import socket
import subprocess
import time
import threading
import unittest

import support

import maildir
import postfix
from sink_test import Terminal, canonical, nasty_bodies, wait_until
from support import Sink

BOOT = "00000000-0000-0000-0000-000000000000"


def message(number, to="bob@mail.test", body=b""):
    head = f"From: alice@mail.test\r\nTo: {to}\r\nSubject: message {number}\r\nMessage-ID: <{number}@mail.test>\r\n\r\n"
    return head.encode() + (body or b"Hello %d\r\n.dot\r\nFrom here on\r\n>From there on\r\n" % number)


def number_of(octets):
    return int(re.search(rb"(?m)^Message-ID: <(\d+)@", octets)[1])


def text_of(part):
    """Of a text part, with LF for the end of a line."""
    return part.get_content().replace("\r\n", "\n")


def recipients(envelope):
    return tuple(who["address"] for who in envelope["rcpt_to"])


def decoded(octets, name):
    """Of a header field what RFC 2047 says: the parser's own reading loses blanks between encoded words."""
    raw = email.message_from_bytes(octets)[name].replace("\r\n", "")
    return str(email.header.make_header(email.header.decode_header(raw)))


def mailbox_of(octets, name):
    """Display name and address of a field with one mailbox."""
    shown, address = email.utils.parseaddr(email.message_from_bytes(octets)[name].replace("\r\n", ""))
    return str(email.header.make_header(email.header.decode_header(shown))), address


class BulkTest(support.CommandTest):
    """What these tests share."""

    def messages(self, count, folder="outbox", **more):
        """A folder with so many messages, and what must arrive, by number."""
        place = self.folder / folder
        place.mkdir(exist_ok=True)
        made = {number: message(number, **more) for number in range(count)}
        for number, octets in made.items():
            (place / f"{number:05}.eml").write_bytes(octets)
        return place, {number: canonical(octets) for number, octets in made.items()}

    def entry(self, number):
        """Of an mbox."""
        return b"From a@b Tue Nov 24 09:00:00 2026\n" + re.sub(rb"(?m)^(>*From )", rb">\1", message(number, body=b"Hello\r\nFrom here on\r\n")).replace(b">From:", b"From:") + b"\n"

    def bulk(self, sink, *words, **more):
        return self.run_command("send", "--server", sink.url() if isinstance(sink, Sink) else sink, *words, **more)

    def lines(self, result):
        """The JSON of each message, and of the whole."""
        self.assertTrue(result.out.isascii(), result.text)
        found = [json.loads(line) for line in result.out.splitlines()]
        self.assertIn("summary", found[-1], result.text)
        self.assertFalse(any("summary" in one for one in found[:-1]))
        return found[:-1], found[-1]

    def in_order(self, sink):
        """The contents kept, as they came: times on the disk are too coarse to tell."""
        paths = (sink.maildir / "new").iterdir()
        return [path.read_bytes() for path in sorted(paths, key=lambda path: int(re.search(r"Q(\d+)\.", path.name)[1]))]

    def arrived(self, sink):
        return collections.Counter(number_of(octets) for octets in sink.messages())

    def records(self, journal):
        return [json.loads(line) for line in journal.read_text("ascii").splitlines()]


class BulkListTest(BulkTest):
    """Files, folders, mboxes and maildirs, told apart by what they are."""

    def assert_arrived(self, sink, sent):
        self.assertEqual(sorted(sink.messages()), sorted(sent))

    def test_files(self):
        with Sink(self.folder) as sink:
            names = [self.file(f"{name}.eml", message(i, body=body)) for i, (name, body) in enumerate(nasty_bodies())]
            result = self.expect(self.bulk(sink, "--message", *names), 0)
            self.assert_arrived(sink, [canonical(path.read_bytes()) for path in names])
            self.assertIn(f"{len(names)} messages: {len(names)} delivered", result.text)
            self.assertEqual(self.bulk(sink, "--message", names[0], "--message", names[1], "-q").text, "")
            self.expect(self.bulk(sink, "--message", names[0], "-", stdin=message(9)), 0)
            self.assertEqual(len(sink.messages()), len(names) + 4)

    def test_folder(self):
        with Sink(self.folder) as sink:
            place, sent = self.messages(20)
            (place / "UPPER.EML").write_bytes(message(99))
            (place / "notes.txt").write_bytes(b"no message")
            (place / ".hidden.eml").write_bytes(b"no message")
            (place / "folder.eml").mkdir()
            self.expect(self.bulk(sink, "--message", place), 0)
            self.assert_arrived(sink, [*sent.values(), canonical(message(99))])

    def test_maildir(self):
        with Sink(self.folder) as sink:
            box = mailbox.Maildir(self.folder / "box", create=True)
            for number in range(10):
                one = mailbox.MaildirMessage(message(number))
                one.set_subdir("cur" if number % 2 else "new")
                one.set_flags("S" if number % 2 else "")
                box.add(one)
            (self.folder / "box/tmp/half").write_bytes(b"half a message")
            journal = self.folder / "journal"
            self.expect(self.bulk(sink, "--message", self.folder / "box", "--journal", journal), 0)
            self.assertEqual(sorted(self.arrived(sink)), list(range(10)))
            for key in list(box.keys()):  # read by somebody: it is still the same message
                one = box[key]
                one.set_subdir("cur")
                one.set_flags("RS")
                box[key] = one
            self.expect(self.bulk(sink, "--message", self.folder / "box", "--journal", journal), 0)
            self.assertEqual(len(sink.messages()), 10)

    def test_mbox(self):
        """Written by Python; what it quotes is unquoted."""
        bodies = [b"plain\n", b"From the start\n", b">From quoted\n>>From twice\n", b"\n\n\nblank\n\n", b"ends in blank\n\n", b"From \n"]
        box = mailbox.mbox(self.folder / "box")
        for number, body in enumerate(bodies):
            box.add(message(number, body=body).replace(b"\r\n", b"\n"))
        box.close()
        with Sink(self.folder) as sink:
            result = self.expect(self.bulk(sink, "--message", self.folder / "box", "--json"), 0)
            self.assertEqual([one["source"] for one in self.lines(result)[0]], [f"{self.folder}/box, message {i + 1}" for i in range(len(bodies))])
            # Python writes mboxo: `>From ` comes back as `From ` here, which is what mboxo loses.
            wanted = [canonical(message(i, body=body.replace(b">From", b"From").replace(b">>From", b">From"))) for i, body in enumerate(bodies)]
            self.assertEqual(self.in_order(sink), wanted)

    def test_mboxrd_and_mboxo(self):
        text = b"From a@b Tue Nov 24 09:00:00 2026\r\n" + message(1, body=b">From x\r\n>>From y\r\n>>>From z\r\n>Fromage\r\n") + b"\r\n"
        for kind, body in (("rd", b"From x\r\n>From y\r\n>>From z\r\n>Fromage\r\n"), ("o", b"From x\r\n>>From y\r\n>>>From z\r\n>Fromage\r\n")):
            with Sink(self.folder) as sink:
                self.expect(self.bulk(sink, "--message", self.file("box", text), "--mbox", kind), 0)
                self.assertEqual(sink.messages(), [message(1, body=body)])

    def test_dry_run_is_an_mbox(self):
        place, sent = self.messages(30)
        (place / "odd.eml").write_bytes(message(98, body=b"no end") + b"\nFrom \n>From x\n>>>>From y")
        (place / "cr.eml").write_bytes(message(99, body=b"a\rFrom b\r\n\r\n\r\n"))
        result = self.expect(self.bulk("smtp://127.0.0.1:1", "--message", place, "--dry-run"), 0)
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, "--message", self.file("all.mbox", result.out)), 0)
            sent.update({number_of(path.read_bytes()): canonical(path.read_bytes()) for path in (place / "odd.eml", place / "cr.eml")})
            self.assertEqual({number_of(one): one for one in sink.messages()}, sent)
        found = [json.loads(line) for line in self.bulk("smtp://127.0.0.1:1", "--message", place, "--dry-run", "--json").out.splitlines()]
        self.assertEqual({one["outcome"] for one in found}, {"dry_run"})
        self.assertEqual(len(found), 32)

    def test_random_contents_survive_an_mbox(self):
        generator = random.Random(4)
        words = [b"\n", b"\r\n", b">", b"From ", b"From", b" ", b"x", b"\n\n", b"\nFrom ", b"\n>From "]
        place, sent = self.folder / "random", {}
        place.mkdir()
        for number in range(200):
            octets = message(number, body=b"".join(generator.choice(words) for _ in range(generator.randrange(1, 60))))
            (place / f"{number}.eml").write_bytes(octets)
            sent[number] = canonical(octets)
        box = self.file("box", self.expect(self.bulk("smtp://127.0.0.1:1", "--message", place, "--dry-run", "-q"), 0).out)
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, "--message", box), 0)
            self.assertEqual({number_of(one): one for one in sink.messages()}, sent)

    def test_hostile_mboxes_are_refused_before_anything_is_sent(self):
        good = b"From a@b Tue Nov 24 09:00:00 2026\n" + message(1).replace(b"From here", b">From here") + b"\n"
        with Sink(self.folder) as sink:
            for name, text, words in (
                ("unquoted behind text", good + good.replace(b">From there", b"From there at 10:00 in 2026"), "follows no empty line"),
                ("unquoted behind an empty line", good[:-1] + b"\nFrom what I know\n", "has no date"),
                ("no date", b"From a@b\n" + message(1), "line 1"),
                ("long", good + b"From " + b"x" * 5_000_000 + b"\n", "has no date"),
                ("control", good + b"From \x1b[2J\n", "\\x1b"),
                ("nul", good + b"From \0\n", "has no date"),
            ):
                with self.subTest(name=name):
                    result = self.expect(self.bulk(sink, "--message", self.file("box", text)), 65)
                    self.assertIn(words, result.text)
                    self.assertLess(len(result.text), 2000)
            self.assertEqual(sink.messages(), [])

    def test_what_cannot_be_a_list(self):
        (self.folder / "empty").mkdir()
        (self.folder / "texts").mkdir()
        (self.folder / "texts/a.txt").write_bytes(b"x")
        good = self.file("good.eml", message(1))
        with Sink(self.folder) as sink:
            for words, status, told in (
                ((self.folder / "empty",), 65, "empty folder"),
                ((self.folder / "texts",), 65, "ends in .eml"),
                ((good, self.folder / "missing"), 65, "No such file"),
                ((good, good), 64, "twice"),
                ((good, self.folder / "empty" / ".." / "good.eml"), 64, "twice"),
                ((good, self.folder / "texts"), 65, "ends in .eml"),
                ((self.folder / "missing", "--journal", self.folder / "j"), 65, "No such file"),
                ((good, "--subject", "x", "--journal", self.folder / "j"), 64, "--message"),
                ((good, "--dry-run", "--journal", self.folder / "j"), 64, "--dry-run"),
                ((good, "--in-doubt", "repeat"), 64, "--journal"),
                ((good, "--merge", good, "--template", good), 64, "--message"),
            ):
                with self.subTest(words=words):
                    result = self.expect(self.bulk(sink, "--message", *words), status)
                    self.assertIn(told, result.text)
            self.expect(self.bulk(sink, "--journal", self.folder / "j", "--from", "a@b.c", "--to", "d@e.f"), 64)
            self.assertEqual(sink.messages(), [])
            self.assertFalse((self.folder / "j").exists())

    def test_a_bad_message_does_not_keep_the_others_back(self):
        place, sent = self.messages(5)
        (place / "none.eml").write_bytes(b"From: a@mail.test\r\n\r\nnobody\r\n")
        (place / "broken.eml").write_bytes(b"no header at all\r\n")
        (place / "gone.eml").symlink_to("nowhere")
        with Sink(self.folder) as sink:
            found, summary = self.lines(self.expect(self.bulk(sink, "--message", place, "--json"), 1))
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})
            bad = {os.path.basename(one["source"]): one for one in found if one["outcome"] != "delivered"}
            self.assertEqual(sorted(bad), ["broken.eml", "gone.eml", "none.eml"])
            self.assertTrue(all(one["exit_code"] == 65 and one["error"]["message"] for one in bad.values()))
            self.assertEqual(summary["summary"]["permanent"], 3)

    def test_json_and_text(self):
        with Sink(self.folder, "--reject", "no@*=550 5.1.1 Unknown", "--reject", "later@*=450 4.2.1 Busy") as sink:
            files = [self.file(f"{i}.eml", message(i, to=to)) for i, to in enumerate(("bob@mail.test", "no@mail.test", "later@mail.test", "bob@mail.test, no@mail.test", "carol@mail.test"))]
            found, summary = self.lines(self.expect(self.bulk(sink, "--message", *files, "--json"), 1))
            self.assertEqual([one["source"] for one in found], [str(path) for path in files])
            self.assertEqual([one["outcome"] for one in found], ["delivered", "permanent", "transient", "partial", "delivered"])
            self.assertEqual([one["exit_code"] for one in found], [0, 69, 75, 1, 0])
            self.assertEqual([one["message_id"] for one in found], [f"<{i}@mail.test>" for i in range(5)])
            self.assertEqual([who["outcome"] for who in found[3]["recipients"]], ["delivered", "permanent"])
            self.assertEqual(found[1]["error"]["enhanced"], "5.1.1")
            self.assertEqual(summary["summary"], {"messages": 5, "delivered": 2, "partial": 1, "permanent": 1, "transient": 1, "in_doubt": 0, "not_tried": 0, "skipped": 0})
            self.assertEqual((summary["exit_code"], summary["outcome"], summary["server"]["port"]), (1, "partial", sink.port))
            self.assertEqual(len(sink.messages()), 3)
            text = self.expect(self.bulk(sink, "--message", *files), 1)
            self.assertIn(f"{files[1]}: no@mail.test: refused: 550 5.1.1 Unknown", text.err.decode())
            self.assertIn(f"{files[4]}: carol@mail.test: delivered: 250", text.out.decode())
            self.assertIn("5 messages: 2 delivered, 1 delivered in part, 1 refused, 1 to be tried later", text.err.decode())
            for status, which in ((69, files[1:2] * 1), (75, files[1:3]), (1, files[:2]), (0, files[4:])):
                self.expect(self.bulk(sink, "--message", *which, "--journal", self.folder / f"j{status}"), status)

    def test_envelope_of_the_options(self):
        place, _ = self.messages(3)
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, "--message", place, "--to", "x@mail.test", "--bcc", "y@mail.test", "--envelope-from", "<>"), 0)
            self.assertEqual({(one["mail_from"], recipients(one)) for one in sink.envelopes()}, {("", ("x@mail.test", "y@mail.test"))})

    def test_progress(self):
        place, _ = self.messages(60)
        with Sink(self.folder, "--delay", "40") as sink:
            text = self.expect(self.bulk(sink, "--message", place, "--progress", "always", "--window", "1"), 0).err.decode()
            self.assertRegex(text, r"\[#+\.*\] \d+ of 60, +\d+ %, \d+/s, \d+ s left")
            terminal = Terminal([support.COMMAND, "send", "--server", sink.url(), "--message", str(place), "--window", "1"], support.environment(self.folder))
            self.assertEqual(terminal.finish(), 0, terminal.text)
            self.assertRegex(terminal.text, r"of 60, .*s left")

    @unittest.skipIf(support.SANITIZED, "AddressSanitizer keeps what was freed for a while")
    def test_memory_does_not_grow_with_the_list(self):
        def peak(count):
            box = self.file("box", b"".join(self.entry(i) for i in range(count)))
            words = [support.COMMAND, "send", "--server", sink.url(), "--message", str(box), "--connections", connections, "-q"]
            with subprocess.Popen(words, env=support.environment(self.folder)) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            return usage.ru_maxrss

        for connections, some in (("1", 50), ("4", 600)):  # as many as are taken from the list at once
            with self.subTest(connections=connections), Sink(self.folder) as sink:
                small, large = peak(some), peak(3000)
                self.assertLess(large, small + 3000, "kilobytes")


class BulkJournalTest(BulkTest):
    """Whatever ends a run, the next one does the rest and repeats only what it was told to."""

    def started(self, sink, *words):
        """The command under way, with its output in a file."""
        words = [support.COMMAND, "send", "--server", sink.url(), *map(str, words)]
        with open(self.folder / "output", "wb") as out:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=support.environment(self.folder))

    def output(self):
        return (self.folder / "output").read_text("utf-8")

    def test_five_hundred_once_each(self):
        place, sent = self.messages(500)
        with Sink(self.folder) as sink:
            journal = self.folder / "journal"
            words = ("--message", place, "--journal", journal)
            _, summary = self.lines(self.expect(self.bulk(sink, *words, "--json"), 0))
            self.assertEqual(summary["summary"]["delivered"], 500)
            self.assertEqual(len(sink.messages()), 500)
            self.assertEqual({number_of(octets): octets for octets in sink.messages()}, sent)
            self.assertEqual(journal.stat().st_mode & 0o777, 0o600)
            found, summary = self.lines(self.expect(self.bulk(sink, *words, "--json"), 0))
            self.assertEqual((found, summary["summary"]["skipped"]), ([], 500))
            self.assertEqual(len(sink.messages()), 500)

    def test_killed_again_and_again(self):
        for policy, window, width, connections in (("skip", "1", 1, 1), ("repeat", "1", 1, 1), ("skip", "auto", 64, 1), ("repeat", "16", 16, 1), ("skip", "1", 1, 4), ("repeat", "2", 2, 4)):
            with self.subTest(policy=policy, window=window, connections=connections), Sink(self.folder, "--delay", "3") as sink:
                place, sent = self.messages(200)
                journal = self.folder / f"journal-{policy}-{window}-{connections}"
                words = ("--message", place, "--journal", journal, "--in-doubt", policy, "--window", window, "--connections", str(connections), "--json")
                # For each kill a window under way, and one whose replies had come and were not written down yet.
                most = 3 * 2 * width * connections
                for kill in range(1, 4):
                    run = self.started(sink, *words)
                    wait_until(lambda enough=45 * kill: len(sink.envelopes()) >= enough or run.poll() is not None, 60)
                    self.assertIsNone(run.poll(), self.output())
                    run.kill()
                    run.wait(20)
                result = self.bulk(sink, *words)
                arrived = self.arrived(sink)
                found, summary = self.lines(result)
                if policy == "skip":
                    doubtful = {int(re.search(r"(\d+)\.eml", one["source"])[1]) for one in found if one["outcome"] == "in_doubt"}
                    self.assertLessEqual(len(doubtful), most)
                    self.assertEqual(summary["summary"]["in_doubt"], len(doubtful))
                    self.assertEqual(result.status, 2 if doubtful else 0)
                    self.assertEqual(set(arrived.values()), {1}, "nothing twice")
                    self.assertLessEqual(set(sent) - set(arrived), doubtful, "nothing lost but what is in doubt")
                else:
                    self.assertEqual(result.status, 0, result.text)
                    self.assertEqual(set(arrived), set(sent), "nothing lost")
                    self.assertLessEqual(sum(arrived.values()), 200 + most, "only those in doubt twice")
                for octets in sink.messages():
                    self.assertEqual(octets, sent[number_of(octets)])

    def test_a_line_cut_behind_the_terminator(self):
        place, sent = self.messages(20)
        journal = self.folder / "journal"
        words = ("--message", place, "--journal", journal, "--json")
        with Sink(self.folder, "--fail", "end=close", "--fail-first", "1") as sink:
            found, summary = self.lines(self.expect(self.bulk(sink, *words), 2))
            self.assertEqual((summary["summary"]["delivered"], summary["summary"]["in_doubt"]), (19, 1))
            self.assertEqual(sum(self.arrived(sink).values()), 20)  # the sink keeps it
            doubtful = next(one["source"] for one in found if one["outcome"] == "in_doubt")
            found, summary = self.lines(self.expect(self.bulk(sink, *words), 2))
            self.assertEqual([(one["source"], one["outcome"], one["tried"]) for one in found], [(doubtful, "in_doubt", False)])
            self.assertIn("before this run", self.bulk(sink, *words[:-1]).text)
            self.assertEqual(sum(self.arrived(sink).values()), 20)
            found, summary = self.lines(self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0))
            self.assertEqual([(one["source"], one["outcome"], one["tried"]) for one in found], [(doubtful, "delivered", True)])
            self.assertEqual({number: count for number, count in self.arrived(sink).items() if count != 1}, {number_of(open(doubtful, "rb").read()): 2})
            self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0)
            self.assertEqual(sum(self.arrived(sink).values()), 21)

    def test_a_window_cut_in_the_middle(self):
        """What was sent ahead is in doubt only as far as its end was handed over; all of the rest gets through."""
        place, sent = self.messages(100)
        for options in ((), ("--no", "CHUNKING")):
            journal = self.folder / f"journal{len(options)}"
            words = ("--message", place, "--journal", journal, "--window", "8", "--json")
            with self.subTest(options=options), Sink(self.folder, "--fail", "end=close", "--fail-first", "2", *options) as sink:
                _, summary = self.lines(self.expect(self.bulk(sink, *words), 2))
                self.assertEqual(summary["summary"]["delivered"] + summary["summary"]["in_doubt"], 100)
                self.assertLessEqual(summary["summary"]["in_doubt"], 16)
                self.assertEqual(set(self.arrived(sink).values()), {1})
                self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0)
                arrived = self.arrived(sink)
                self.assertEqual(set(arrived), set(sent))
                self.assertEqual(sum(arrived.values()), 102)  # the sink kept the two it cut the line for

    def test_windows(self):
        place, sent = self.messages(120)
        for window in ("1", "2", "64", "256", "auto"):
            with self.subTest(window=window), Sink(self.folder) as sink:
                self.expect(self.bulk(sink, "--message", place, "--window", window), 0)
                self.assertEqual({number_of(octets): octets for octets in sink.messages()}, sent)
                self.assertEqual(len(sink.messages()), 120)
        for window in ("0", "257", "-1", "x", ""):
            self.assertIn("--window", self.expect(self.bulk("smtp://127.0.0.1:1", "--message", place, "--window", window), 64).text)

    def test_a_server_that_cuts_every_line_ends_the_run(self):
        place, _ = self.messages(50)
        journal = self.folder / "journal"
        for fault, status, key in (("end=close", 2, "in_doubt"), ("mail=close", 75, "transient"), ("data=reset", 75, "transient")):
            with self.subTest(fault=fault), Sink(self.folder, "--fail", fault, "--no", "CHUNKING", "--no", "PIPELINING") as sink:
                journal.unlink(missing_ok=True)
                _, summary = self.lines(self.expect(self.bulk(sink, "--message", place, "--journal", journal, "--json"), status))
                counts = summary["summary"]
                self.assertLessEqual(counts[key], 3)
                self.assertEqual(counts["delivered"], 0)
                self.assertGreaterEqual(counts["not_tried"], 47)
                self.assertEqual(summary["error"]["name"], "connection_lost")
                self.assertEqual(self.records(journal)[-1]["end"]["stopped"], "connection_lost")

    def test_a_line_lost_before_the_content_is_tried_again_at_once(self):
        place, sent = self.messages(30)
        with Sink(self.folder, "--fail", "data=reset", "--fail-first", "2", "--no", "CHUNKING") as sink:
            self.expect(self.bulk(sink, "--message", place), 0)
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})

    def test_refused_ones_in_the_middle(self):
        place, _ = self.messages(10)
        for number, to in ((20, "no@mail.test"), (21, "later@mail.test"), (22, "bob@mail.test, later@mail.test, no@mail.test")):
            (place / f"{number}.eml").write_bytes(message(number, to=to))
        journal = self.folder / "journal"
        words = ("--message", place, "--journal", journal, "--json")
        with Sink(self.folder, "--reject", "no@*=550 5.1.1 Unknown", "--reject", "later@*=450 4.2.1 Busy") as sink:
            self.expect(self.bulk(sink, *words), 1)
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in [*range(10), 22]})
        with Sink(self.folder, "--reject", "no@*=550 5.1.1 Unknown") as sink:
            found, summary = self.lines(self.expect(self.bulk(sink, *words), 1))
            self.assertEqual(sorted(recipients(one) for one in sink.envelopes()), [("later@mail.test",), ("later@mail.test",)])
            outcomes = {os.path.basename(one["source"]): ([who["outcome"] for who in one["recipients"]], one["tried"]) for one in found}
            self.assertEqual(outcomes, {"20.eml": (["permanent"], False), "21.eml": (["delivered"], True), "22.eml": (["delivered", "delivered", "permanent"], True)})
            self.assertEqual((summary["summary"]["skipped"], summary["summary"]["partial"], summary["summary"]["permanent"]), (11, 1, 1))
            self.assertEqual(self.lines(self.expect(self.bulk(sink, *words), 1))[1]["summary"]["skipped"], 13)
            self.assertEqual(len(sink.messages()), 2)
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, *words, "--retry-refused"), 0)
            self.assertEqual(sorted(recipients(one) for one in sink.envelopes()), [("no@mail.test",), ("no@mail.test",)])
            self.expect(self.bulk(sink, *words, "--retry-refused"), 0)
            self.assertEqual(len(sink.messages()), 2)

    def test_a_server_that_dies(self):
        place, sent = self.messages(150)
        journal = self.folder / "journal"
        words = ("--message", place, "--journal", journal, "--window", "1")
        with Sink(self.folder, "--delay", "3") as sink:
            run = self.started(sink, *words)
            wait_until(lambda: len(sink.envelopes()) >= 40, 30)
            sink.process.kill()
            self.assertIn(run.wait(30), (1, 2))
            self.assertIn("not tried", self.output())
            before = self.arrived(sink)
        dead = self.expect(self.bulk(sink, *words, "--json"), self.bulk(sink, *words).status)
        self.assertEqual(self.lines(dead)[1]["error"]["name"], "connection_refused")
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0)
            after = self.arrived(sink)
        self.assertEqual(set(before) | set(after), set(sent))
        self.assertLessEqual(sum((before & after).values()), 1)

    def test_nothing_listens(self):
        place, _ = self.messages(3)
        with Sink(self.folder) as sink:
            dead = sink.url()
        _, summary = self.lines(self.expect(self.bulk(dead, "--message", place, "--json"), 75))
        self.assertEqual((summary["outcome"], summary["summary"]["not_tried"]), ("not_tried", 3))
        with Sink(self.folder, tls="implicit") as sink:
            self.expect(self.bulk(sink.url("smtps"), "--message", place), 76)
        with Sink(self.folder, tls="implicit", user="alice") as sink:
            words = ("--ca-file", sink.ca, "--user", "alice", "--password-file", self.file("wrong", "wrong"))
            result = self.expect(self.bulk(sink.url("smtps"), "--message", place, *words), 77)
            self.assertEqual(result.text.count("refused the credentials"), 1)  # not once per message

    def test_interrupted(self):
        # What has begun goes on to its end: twice what a window can hold, and some that are left.
        place, sent = self.messages(300)
        journal = self.folder / "journal"
        words = ("--message", place, "--journal", journal)
        with Sink(self.folder, "--delay", "5") as sink:
            for number in (signal.SIGINT, signal.SIGTERM):
                enough = len(sink.envelopes()) + 20
                run = self.started(sink, *words)
                wait_until(lambda enough=enough: len(sink.envelopes()) >= enough, 30)
                run.send_signal(number)
                self.assertEqual(run.wait(20), 1, self.output())  # none in doubt: what was under way came to its end
                self.assertEqual(self.records(journal)[-1]["end"]["stopped"], "interrupted")
            self.expect(self.bulk(sink, *words), 0)
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})

    def test_interrupted_while_the_server_is_silent(self):
        place, _ = self.messages(20)
        journal = self.folder / "journal"
        for fault, status in (("end=stall", 2), ("mail=stall", 75)):
            journal.unlink(missing_ok=True)
            with self.subTest(fault=fault), Sink(self.folder, "--fail", fault, "--no", "CHUNKING") as sink:
                run = self.started(sink, "--message", place, "--journal", journal)
                wait_until(lambda: journal.exists() and '{"begin"' in journal.read_text("ascii"), 20)
                time.sleep(0.3)
                run.send_signal(signal.SIGINT)
                self.assertEqual(run.wait(20), status, self.output())
                self.assertIn("20 messages: 0 delivered", self.output())

    def test_one_run_at_a_time(self):
        place, _ = self.messages(50)
        journal = self.folder / "journal"
        with Sink(self.folder, "--delay", "20") as sink:
            run = self.started(sink, "--message", place, "--journal", journal)
            wait_until(lambda: len(sink.envelopes()) >= 1, 20)
            result = self.expect(self.bulk(sink, "--message", place, "--journal", journal), 75)
            self.assertIn("in use", result.text)
            self.assertEqual(run.wait(60), 0)
            self.assertEqual(len(sink.messages()), 50)

    def test_a_torn_end_is_tolerated_and_nothing_else(self):
        place, sent = self.messages(10)
        journal = self.folder / "journal"
        words = ("--message", place, "--journal", journal)
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, *words), 0)
            whole = journal.read_bytes()
            for torn in (b'{"done":"0123', b"\0" * 4096, b"{", b'{"end":{}}'):
                journal.write_bytes(whole + torn)
                self.expect(self.bulk(sink, *words), 0)
                self.assertTrue(all(line.startswith(b"{") and line.endswith(b"}") for line in journal.read_bytes().splitlines()))
            # Cut anywhere: no message is lost, none that is known to be delivered is repeated.
            for size in range(0, len(whole), 97):
                journal.write_bytes(whole[:size])
                count = len(sink.messages())
                done = sum(b'"delivered"' in line and line.endswith(b"}\n") for line in whole[:size].splitlines(True) if line.startswith(b'{"done'))
                self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0)
                self.assertEqual(len(sink.messages()) - count, len(sent) - done)
            count = len(sink.messages())
            lines = whole.splitlines(True)
            for name, broken in (
                ("a line", lines[0] + b"garbage\n" + b"".join(lines[1:])),
                ("a record", lines[0] + b'{"done":"xyz","recipients":[]}\n' + b"".join(lines[1:])),
                ("an unknown record", lines[0] + b'{"what":1}\n' + b"".join(lines[1:])),
                ("two halves", b"".join(lines[:3]) + lines[3][:20] + b"".join(lines[4:])),
                ("a version", whole.replace(b'"version":1', b'"version":2', 1)),
                ("a foreign file", b"Dear Bob,\nthis is no journal\n"),
                ("a foreign file without an end", b"Dear Bob"),
                ("foreign JSON", b'{"a":1}\n'),
                ("a list", b"[1]\n"),
            ):
                with self.subTest(name=name):
                    journal.write_bytes(broken)
                    self.assertIn("line", self.expect(self.bulk(sink, *words), 65).text)
                    self.assertEqual(journal.read_bytes(), broken)  # untouched
            self.assertEqual(len(sink.messages()), count)

    def test_a_machine_that_went_down(self):
        """Another boot id: what was admitted may have gone out, though nothing says that it began."""
        place, _ = self.messages(10)
        journal = self.folder / "journal"
        words = ("--message", place, "--journal", journal, "--json")
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, *words), 0)
            lines = journal.read_text("ascii").splitlines(True)
            first = next(i for i, line in enumerate(lines) if line.startswith('{"begin"'))
            journal.write_text("".join(lines[:first]), "ascii")
            self.assertEqual(self.lines(self.expect(self.bulk(sink, *words), 0))[1]["summary"]["delivered"], 10)  # the process died
            journal.write_text(lines[0] + re.sub(r'"run":"[^"]*"', f'"run":"{BOOT}"', lines[1]) + "".join(lines[2:first]), "ascii")
            self.assertEqual(self.lines(self.expect(self.bulk(sink, *words), 2))[1]["summary"]["in_doubt"], 10)
            self.assertEqual(len(sink.messages()), 20)
            self.assertEqual(self.lines(self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0))[1]["summary"]["delivered"], 10)

    def test_another_run_is_refused(self):
        place, _ = self.messages(3)
        journal = self.folder / "journal"
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, "--message", place, "--journal", journal), 0)
            for words in (("--to", "x@mail.test"), ("--from", "x@mail.test"), ("--envelope-from", "")):
                result = self.expect(self.bulk(sink, "--message", place, "--journal", journal, *words), 64)
                self.assertIn(f"another {words[0]}", result.text)
            self.assertEqual(len(sink.messages()), 3)
        self.expect(self.bulk(sink, "--message", place, "--journal", self.folder), 74)
        self.expect(self.bulk(sink, "--message", place, "--journal", "/dev/null"), 64)

    def test_the_list_may_change(self):
        """New messages are sent, changed ones are new, and what was named another way is the same."""
        place, _ = self.messages(5)
        journal = self.folder / "journal"
        box = self.file("box", b"".join(map(self.entry, (10, 11, 11, 12))))
        words = ("--message", place, box, "--journal", journal)
        with Sink(self.folder) as sink:
            self.expect(self.bulk(sink, *words), 0)
            self.assertEqual(dict(self.arrived(sink)), {**{i: 1 for i in (0, 1, 2, 3, 4, 10, 12)}, 11: 2})
            (place / "new.eml").write_bytes(message(6))
            (place / "00001.eml").write_bytes(message(7))
            box.write_bytes(b"".join(map(self.entry, (11, 12, 13, 11))))
            os.chdir(self.folder)
            self.addCleanup(os.chdir, support.ROOT)
            self.expect(self.bulk(sink, "--message", "outbox", "./box", "--journal", "journal"), 0)
            self.assertEqual(dict(self.arrived(sink)), {**{i: 1 for i in (0, 1, 2, 3, 4, 6, 7, 10, 12, 13)}, 11: 2})

    def test_a_full_disk_stops_the_run(self):
        place, _ = self.messages(40)
        with Sink(self.folder) as sink:
            words = [support.COMMAND, "send", "--server", sink.url(), "--message", str(place), "--journal", str(self.folder / "journal"), "--window", "1"]
            # SIGXFSZ ignored, a write beyond the limit fails as on a full disk.
            limited = ["/bin/bash", "-c", 'trap "" XFSZ; ulimit -f 4; exec "$@"', "bash", *words]
            done = subprocess.run(limited, capture_output=True, env=support.environment(self.folder), timeout=60, check=False)
            self.assertEqual(done.returncode, 74, done.stderr)
            self.assertIn(b"cannot be written", done.stderr)
            self.assertLess(len(sink.messages()), 40)
            # What was delivered when there was no room to note it is in doubt now, and not sent again.
            _, summary = self.lines(self.bulk(sink, *words[4:], "--json"))
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in range(40)})
            self.assertLessEqual(summary["summary"]["in_doubt"], 2)  # the next one had begun already
            self.assertEqual(summary["summary"]["in_doubt"] + summary["summary"]["delivered"], 40)


class Door:
    """Leads connections on to a server, at most so many at once; whoever comes beyond that hears nothing."""

    def __init__(self, port, most):
        self.behind, self.most = ("127.0.0.1", port), most
        self.inside = self.peak = self.waiting = 0
        self.lock = threading.Lock()
        self.open = [socket.create_server(("127.0.0.1", 0))]
        threading.Thread(target=self.admit, daemon=True).start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.open[0].getsockname()[1]}"

    def admit(self):
        while True:
            try:
                client, _ = self.open[0].accept()
            except OSError:
                return  # closed
            self.open.append(client)
            with self.lock:
                full = self.inside >= self.most
                self.inside, self.waiting = self.inside + (not full), self.waiting + full
                self.peak = max(self.peak, self.inside)
            if not full:
                server = socket.create_connection(self.behind)
                self.open.append(server)
                threading.Thread(target=self.lead, args=(client, server), daemon=True).start()
                threading.Thread(target=self.pump, args=(server, client), daemon=True).start()

    def lead(self, client, server):
        self.pump(client, server)
        with self.lock:
            self.inside -= 1

    @staticmethod
    def pump(source, target):
        try:
            while octets := source.recv(65536):
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other way has ended

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open[0].shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept()
        for one in self.open:
            one.close()


class BulkConnectionsTest(BulkTest):
    """--connections, and the limits of the pool behind it."""

    def messages_of_each(self, sink):
        """How many came over each connection."""
        return collections.Counter(one["peer"] for one in sink.envelopes())

    def test_at_once(self):
        place, sent = self.messages(80)
        for connections in (1, 2, 4, 16):
            with self.subTest(connections=connections), Sink(self.folder, "--delay", "20") as sink, Door(sink.port, 99) as door:
                _, summary = self.lines(self.expect(self.bulk(door.url, "--message", place, "--connections", str(connections), "--window", "1", "--json"), 0))
                self.assertEqual((summary["summary"]["delivered"], door.peak), (80, connections))
                self.assertEqual({number_of(octets): octets for octets in sink.messages()}, sent)
                self.assertEqual(len(sink.messages()), 80)
                peers = [one["peer"] for one in sink.envelopes()]
                self.assertEqual(len(set(peers)), connections)
                # All have begun before the first one ends.
                last_to_begin = max(peers.index(one) for one in set(peers))
                first_to_end = min(len(peers) - 1 - peers[::-1].index(one) for one in set(peers))
                self.assertLess(last_to_begin, first_to_end + (connections == 1))

    def test_a_wrong_password_is_shown_once(self):
        place, _ = self.messages(100)
        with Sink(self.folder, tls="implicit", user="alice") as sink:
            words = ("--ca-file", sink.ca, "--user", "alice", "--connections", "8", "--message", place)
            result = self.expect(self.bulk(sink.url("smtps"), *words, "--password-file", self.file("wrong", support.PASSWORD[:-1])), 77)
            self.assertEqual(result.text.count("refused the credentials"), 1)
            self.assertIn("100 messages: 0 delivered, 100 not tried", result.text)
            self.assertLess(len(result.text.splitlines()), 10)
            self.assert_secret_stays(result, support.PASSWORD[:-1], "alice")
        self.assertIn(" 0 messages, 0 octets, 0 refused, 1 connection\n", sink.log())
        with Sink(self.folder, tls="implicit") as sink:
            result = self.expect(self.bulk(sink.url("smtps"), "--connections", "8", "--message", place), 76)
            self.assertEqual(result.text.count("certificate could not be verified"), 1)
        self.assertIn(" 1 connection\n", sink.log())
        with Sink(self.folder, tls="implicit", user="alice") as sink:
            result = self.expect(self.bulk(sink.url("smtps"), "--ca-file", sink.ca, "--user", "alice", "--connections", "8", "--message", place, "-v", "--password-file", self.file("right", support.PASSWORD)), 0)
            self.assert_secret_stays(result, user="alice")
            self.assertEqual(sum(self.arrived(sink).values()), 100)

    def test_the_transcript_says_which_connection(self):
        place, sent = self.messages(60)
        with Sink(self.folder, "--delay", "2") as sink:
            for connections in (3, 1):
                result = self.expect(self.bulk(sink.url(), "--message", place, "--connections", str(connections), "--window", "1", "-v"), 0)
                lines = [line for line in result.text.splitlines() if " -> " in line or " <- " in line or line[:3] in ("-> ", "<- ")]
                dialogues = collections.defaultdict(list)
                for line in lines:
                    label, _, rest = line.partition(" ") if line.startswith("[") else ("", "", line)
                    dialogues[label].append(rest)
                self.assertEqual(set(dialogues), {"[1]", "[2]", "[3]"} if connections == 3 else {""})
                for dialogue in dialogues.values():
                    self.assertTrue(dialogue[0].startswith("<- 220 "), dialogue[0])
                    self.assertTrue(dialogue[1].startswith("-> EHLO "), dialogue[1])
                    self.assertEqual(dialogue[-2], "-> QUIT")
                    self.assertTrue(dialogue[-1].startswith("<- 221 "), dialogue[-1])
                count = sum(line.startswith("-> MAIL ") for dialogue in dialogues.values() for line in dialogue)
                self.assertEqual(count, len(sent))

    def test_a_server_that_leaves_connections_waiting(self):
        place, sent = self.messages(50)
        with Sink(self.folder, "--delay", "5") as sink, Door(sink.port, 2) as door:
            begun = time.monotonic()
            self.expect(self.bulk(door.url, "--message", place, "--connections", "5", "--window", "1"), 0)
            self.assertLess(time.monotonic() - begun, 20, "nobody needs those that wait for a greeting")
            self.assertEqual((door.peak, door.waiting), (2, 3))
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})

    def test_lines_that_break(self):
        place, sent = self.messages(60)
        journal = self.folder / "journal"
        words = ("--message", place, "--connections", "3", "--window", "1", "--journal", journal, "--json")
        for fault, status in (("end=close", 2), ("mail=close", 75)):
            journal.unlink(missing_ok=True)
            with self.subTest(fault=fault), Sink(self.folder, "--fail", fault, "--no", "CHUNKING", "--no", "PIPELINING") as sink:
                _, summary = self.lines(self.expect(self.bulk(sink, *words), status))
                self.assertLessEqual(summary["summary"]["in_doubt"] + summary["summary"]["transient"], 7)
                self.assertGreaterEqual(summary["summary"]["not_tried"], 53)
                self.assertEqual((summary["summary"]["delivered"], summary["error"]["name"]), (0, "connection_lost"))
        journal.unlink()
        with Sink(self.folder, "--fail", "end=close", "--fail-first", "3") as sink:
            _, summary = self.lines(self.expect(self.bulk(sink, *words), 2))
            self.assertEqual((summary["summary"]["delivered"], summary["summary"]["in_doubt"]), (57, 3))
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})  # the sink keeps what it cut the line for
            self.expect(self.bulk(sink, *words, "--in-doubt", "repeat"), 0)
            self.assertEqual(sorted(self.arrived(sink).values()), [1] * 57 + [2] * 3)

    def test_interrupted(self):
        place, sent = self.messages(300)
        words = ("--message", place, "--journal", self.folder / "journal", "--connections", "4", "--window", "4")
        with Sink(self.folder, "--delay", "10") as sink:
            with open(self.folder / "output", "wb") as out:
                run = subprocess.Popen([support.COMMAND, "send", "--server", sink.url(), *map(str, words)], stdout=out, stderr=out, env=support.environment(self.folder))
            wait_until(lambda: len(sink.envelopes()) >= 40, 30)
            run.send_signal(signal.SIGINT)
            output = self.folder / "output"
            self.assertEqual(run.wait(20), 1, output.read_text("utf-8"))  # what was under way came to its end
            self.assertNotIn("IN DOUBT", output.read_text("utf-8"))
            self.assertLess(len(sink.messages()), 300)
            self.expect(self.bulk(sink, *words), 0)
            self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})

    def test_messages_per_connection(self):
        place, sent = self.messages(45)
        for connections in ("1", "3"):
            with self.subTest(connections=connections), Sink(self.folder) as sink:
                self.expect(self.bulk(sink, "--message", place, "--messages-per-connection", "10", "--connections", connections), 0)
                self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})
                self.assertLessEqual(max(self.messages_of_each(sink).values()), 10)

    def test_rate(self):
        place, sent = self.messages(40)
        for connections in ("1", "4"):
            with self.subTest(connections=connections), Sink(self.folder) as sink:
                begun = time.monotonic()
                self.expect(self.bulk(sink, "--message", place, "--rate", "20", "--connections", connections), 0)
                self.assertGreater(time.monotonic() - begun, 1.9)
                self.assertLess(time.monotonic() - begun, 6)
                self.assertEqual(dict(self.arrived(sink)), {number: 1 for number in sent})

    def test_a_single_message(self):
        with Sink(self.folder) as sink:
            self.expect(self.send(sink.url(), "--connections", "4", "--rate", "0.001", "--messages-per-connection", "1"), 0)
            self.assertEqual(len(sink.messages()), 1)
        self.assertIn(" 1 connection\n", sink.log())

    def test_values(self):
        place, _ = self.messages(2)
        for option, allowed, values in (
            ("--connections", "a whole number from 1 to 64", ("0", "65", "-1", "x", "", "1.5", "4x", "99999999999999999999")),
            ("--messages-per-connection", "a whole number from 1 to 1000000", ("0", "1000001", "-3", "many")),
            ("--rate", "a number from 0.001 to 1000000", ("0", "-1", "nan", "inf", "1e7", "fast", "", "1/s")),
        ):
            for value in values:
                with self.subTest(option=option, value=value):
                    text = self.expect(self.bulk("smtp://127.0.0.1:1", "--message", place, option, value), 64).text
                    self.assertIn(f"{option} {value}: write {allowed}", text)


class MergeTest(BulkTest):
    """--merge: what arrives is read by Python's parser."""

    FORM = "From: Alice <alice@mail.test>\r\nTo: {{name}} <{{email}}>\r\nSubject: For {{ name }}: {{topic}}\r\n\r\nDear {{name}},\r\n{{topic}}!\r\n"

    def merge(self, sink, rows, form, *words, name="list.csv"):
        if isinstance(rows, list):
            with open(self.folder / name, "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(rows)
        else:
            self.file(name, rows)
        return self.bulk(sink, "--merge", self.folder / name, "--template", self.file("form.eml", form), *words)

    def parsed(self, sink):
        return [email.message_from_bytes(octets, policy=email.policy.default) for octets in self.in_order(sink)]

    def test_values_come_through(self):
        names = ["Bob", "Zoë Müller", 'Dr. "Q" O\'Neil, Jr.', "日本語の名前", "=?utf-8?q?trick?=", "a@b.c", "<x@y.z>", "Bob <evil@mail.test>, Eve", "back\\slash", "x" * 300, "語" * 150, "(comment)", "a  b", "{{email}}"]
        rows = [["email", "name", "topic"]] + [[f"u{i}@mail.test", value, value] for i, value in enumerate(names)]
        with Sink(self.folder) as sink:
            self.expect(self.merge(sink, rows, self.FORM), 0)
            self.assertEqual([recipients(one) for one in sink.envelopes()], [(f"u{i}@mail.test",) for i in range(len(names))])
            for i, (value, found, raw) in enumerate(zip(names, self.parsed(sink), self.in_order(sink))):
                with self.subTest(value=value):
                    self.assertEqual(mailbox_of(raw, "to"), (value, f"u{i}@mail.test"))
                    self.assertEqual(decoded(raw, "subject"), f"For {value}: {value}")
                    self.assertEqual(text_of(found), f"Dear {value},\n{value}!\n")
                    head = raw.split(b"\r\n\r\n", 1)[0]
                    self.assertTrue(head.isascii())
                    self.assertTrue(all(len(line) <= 78 or b" " not in line.strip() for line in head.split(b"\r\n")), head)
                    self.assertEqual(len(found.get_all("message-id")), 1)
                    self.assertEqual(found.defects, [])
            self.assertEqual(len({one["message-id"] for one in self.parsed(sink)}), len(names))

    def test_random_lists(self):
        generator = random.Random(7)
        letters = "aäß語🚴 ,;\"'<>@()[]\\=?_{}:.%&"
        rows = [["name", "topic", "email"]]
        for i in range(120):
            word = lambda: "".join(generator.choice(letters) for _ in range(generator.randrange(40)))  # noqa: E731
            rows.append([word(), word(), f"u{i}@mail.test"])
        with Sink(self.folder) as sink:
            self.expect(self.merge(sink, rows, self.FORM), 0)
            for (name, topic, address), found, raw in zip(rows[1:], self.parsed(sink), self.in_order(sink)):
                with self.subTest(name=name, topic=topic):
                    self.assertEqual(mailbox_of(raw, "to"), (name, address))
                    self.assertEqual(decoded(raw, "subject"), f"For {name}: {topic}".strip())
                    self.assertEqual(text_of(found), f"Dear {name},\n{topic}!\n")

    def test_everything_else_stays(self):
        attachment = bytes(range(256)) * 40
        form = email.message.EmailMessage(policy=email.policy.SMTP)
        form["From"], form["To"], form["Bcc"], form["Subject"] = "alice@mail.test", "{{email}}", "hidden@mail.test", "Grüße an {{name}}"
        form["X-Keep"], form["Message-ID"], form["Date"], form["Reply-To"] = "as it is", "<same@mail.test>", "Tue, 24 Nov 2026 10:00:00 +0100", "{{name}} <{{user}}@mail.test>, desk@mail.test"
        form["List-Unsubscribe"] = "<https://mail.test/u?{{user}}>"
        form.set_content("Hallo {{name}}, schöne Grüße\n")
        form.add_alternative("<style>p{{color:red}}</style><p title=\"{{name}}\">Hallo <b>{{name}}</b></p>\n".replace("{{color:red}}", "{ {color:red} }"), subtype="html")
        form.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="{data}.bin")
        form.add_attachment("{{name}} stays here\n", filename="notes.txt")
        rows = [["email", "user", "name"], ["b@mail.test", "b", "<b>&\"Bö'"], ["c@mail.test", "c", "语言"]]
        with Sink(self.folder) as sink:
            self.expect(self.merge(sink, rows, form.as_bytes()), 0)
            for (address, user, name), found in zip(rows[1:], self.parsed(sink)):
                self.assertEqual((found["to"], found["bcc"], found["subject"]), (address, None, f"Grüße an {name}"))
                self.assertEqual((found["x-keep"], found["date"]), ("as it is", "Tue, 24 Nov 2026 10:00:00 +0100"))
                self.assertNotEqual(found["message-id"], "<same@mail.test>")
                self.assertEqual([(who.display_name, who.addr_spec) for who in found["reply-to"].addresses], [(name, f"{user}@mail.test"), ("", "desk@mail.test")])
                self.assertEqual(found["list-unsubscribe"], f"<https://mail.test/u?{user}>")
                self.assertEqual(text_of(found.get_body(["plain"])), f"Hallo {name}, schöne Grüße\n")
                escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")
                self.assertEqual(text_of(found.get_body(["html"])), f'<style>p{{ {{color:red}} }}</style><p title="{escaped}">Hallo <b>{escaped}</b></p>\n')
                binary, notes = found.iter_attachments()
                self.assertEqual((binary.get_content(), binary.get_filename()), (attachment, "{data}.bin"))
                self.assertEqual(text_of(notes), "{{name}} stays here\n")

    def test_templates_in_other_encodings(self):
        rows = [["to", "name"], ["b@mail.test", "Žofie 語"]]
        head = "From: a@mail.test\nTo: {{to}}\nSubject: =?iso-8859-1?q?Gr=FC=DFe_=7B=7Bname=7D=7D?=\nMIME-Version: 1.0\n"
        text = "Grüße, {{name}}\n"
        for charset, encoding, body in (
            ("iso-8859-1", "8bit", text.encode("latin-1")),
            ("iso-8859-1", "quoted-printable", b"Gr=FC=DFe, {{na=\nme}}\n"),
            ("utf-8", "base64", b"R3LDvMOfZSwge3tuYW1lfX0K\n"),
            ("utf-8", "8bit", text.encode()),
            ('"utf-8"; format=flowed', "8bit", text.encode().replace(b"\n", b"\r\n")),
        ):
            with self.subTest(charset=charset, encoding=encoding), Sink(self.folder) as sink:
                form = (head + f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n").encode() + body
                self.expect(self.merge(sink, rows, form), 0)
                (found,) = self.parsed(sink)
                self.assertEqual((found["subject"], text_of(found)), ("Grüße Žofie 語", "Grüße, Žofie 語\n"))
                self.assertEqual(found.get_content_charset(), "utf-8")

    def test_texts_of_every_shape(self):
        """Lines of any length, ends of any kind, dots, From, and no last line end."""
        text = "a " * 600 + "\n.\n..\nFrom x\n=3D=\ttrailing blanks  \n\nä" + "x" * 2000 + "\nlast {{name}}"
        rows = [["to", "name"], ["b@mail.test", "one\r\ntwo\n\n.\nthree\t"], ["b@mail.test", "plain"]]
        for prefix in ("", "語" * 4000):
            with Sink(self.folder) as sink:
                form = ("From: a@mail.test\nTo: {{to}}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + prefix + text).encode()
                self.expect(self.merge(sink, rows, form), 0)
                for row, found, raw in zip(rows[1:], self.parsed(sink), self.in_order(sink)):
                    wanted = (prefix + text).replace("{{name}}", row[1].replace("\r\n", "\n"))
                    self.assertEqual(found.get_payload(decode=True).decode().replace("\r\n", "\n").rstrip("\n"), wanted)
                    self.assertLessEqual(max(map(len, raw.split(b"\r\n"))), 78)

    def test_nothing_is_injected(self):
        with Sink(self.folder) as sink:
            for name, rows, form, told in (
                ("line feed in a header", [["email", "name", "topic"], ["b@mail.test", "x", "y"], ["b@mail.test", "x\nBcc: eve@mail.test", "y"]], self.FORM, "list.csv, row 3 (line 3)"),
                ("carriage return in a header", [["email", "name", "topic"], ["b@mail.test", "x\rBcc: eve@mail.test", "y"]], self.FORM, "line break"),
                ("in the recipient", [["email", "name", "topic"], ["b@mail.test\r\nRCPT TO:<eve@mail.test>", "x", "y"]], self.FORM, "line break"),
                ("two recipients", [["email", "name", "topic"], ["b@mail.test, eve@mail.test", "x", "y"]], self.FORM, "row 2"),
                ("no recipient", [["email", "name", "topic"], ["", "x", "y"]], self.FORM, "is empty"),
                ("half a recipient", [["email", "name", "topic"], ["bob", "x", "y"]], self.FORM, "row 2"),
                ("part of an address", [["to", "user"], ["b@mail.test", "x@mail.test, eve"]], "From: a@mail.test\nTo: {{user}}@mail.test\n\nx\n", "row 2"),
                ("part of an address, brackets", [["to", "user"], ["b@mail.test", "eve@mail.test>,<x"]], "From: a@mail.test\nTo: <{{user}}@mail.test>\n\nx\n", "row 2"),
                ("a tab in a name", [["email", "name", "topic"], ["b@mail.test", "a\tb", "y"]], self.FORM, "tab"),
                ("control character", [["to", "x"], ["b@mail.test", "\x1b[2J"]], "From: a@mail.test\nTo: {{to}}\n\n{{x}}\n", "control character"),
                ("structured field", [["to", "x"], ["b@mail.test", "ü"]], "From: a@mail.test\nTo: {{to}}\nReferences: <{{x}}@mail.test>\n\nx\n", "References"),
            ):
                with self.subTest(name=name):
                    result = self.expect(self.merge(sink, rows, form), 65)
                    self.assertIn(told, result.text)
                    self.assertIn("list.csv, row", result.text)
            self.assertEqual(sink.messages(), [])

    def test_unknown_placeholders(self):
        rows = [["to", "name"], ["b@mail.test", "x"]]
        with Sink(self.folder) as sink:
            for form in (
                "From: a@mail.test\nTo: {{to}}\nSubject: {{nam}}\n\nx\n",
                "From: a@mail.test\nTo: {{too}}\n\nx\n",
                "From: a@mail.test\nTo: {{Name}} <{{to}}>\n\nx\n",
                "From: a@mail.test\nTo: {{to}}\n\nDear {{Name}}\n",
                "From: a@mail.test\nTo: {{to}}\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\ne3tuYW19fQo=\n",
            ):
                with self.subTest(form=form):
                    self.assertIn("the columns are: to, name", self.expect(self.merge(sink, rows, form), 65).text)
            for form, told in (
                ("To: {{to}}\n\nx\n", "no From"),
                ("From: a@mail.test\nTo: {{to}}, \n nonsense here\n\nx\n", "To"),
                ("From: a@mail.test\nContent-Disposition: inline; filename={{to}}\n\nx\n", "field of MIME"),
                ("no header\n\nx\n", "not a header field"),
                ("From: a@mail.test\nContent-Type: text/plain; charset=utf-8\n\n\xff{{to}}\n".encode("latin-1"), "charset"),
                ("From: a@mail.test\nContent-Type: text/plain; charset=no-such\n\nä{{to}}\n", "charset"),
                ("From: a@mail.test\nContent-Type: multipart/signed; boundary=b\n\n--b\n\n{{to}}\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n", "signed"),
            ):
                with self.subTest(form=form):
                    self.assertIn(told, self.expect(self.merge(sink, rows, form), 65).text)
            self.assertEqual(sink.messages(), [])

    def test_the_recipient_column(self):
        form = "From: a@mail.test\nSubject: {{name}}\n\nx\n"
        with Sink(self.folder) as sink:
            for head, words, status, told in (
                ("to,name", (), 0, ""),
                ("E-Mail,name", (), 65, "--to-column"),
                ("E-Mail,name", ("--to-column", "E-Mail"), 0, ""),
                ("EMAIL,name", (), 0, ""),
                ("email,name", ("--to-column", "mail"), 65, "no column"),
                ("to;name", (), 65, "semicolons"),
                ("to,to", (), 65, "twice"),
                ("to,", (), 65, "no name"),
            ):
                with self.subTest(head=head, words=words):
                    self.assertIn(told, self.expect(self.merge(sink, f"{head}\r\nBob <b@mail.test>,x\r\n", form, *words), status).text)
            self.assertIn("both", self.expect(self.merge(sink, "to,email,name\nb@mail.test,c@mail.test,x\n", form), 65).text)
            self.expect(self.merge(sink, "to,email,name\nb@mail.test,c@mail.test,x\n", form, "--to-column", "email"), 0)
            self.assertEqual([recipients(one) for one in sink.envelopes()], [("b@mail.test",)] * 3 + [("c@mail.test",)])
            self.assertEqual([found["to"] for found in self.parsed(sink)], ["b@mail.test"] * 3 + ["c@mail.test"])

    def test_hostile_lists(self):
        form = "From: a@mail.test\nTo: {{to}}\n\n{{x}}\n"
        with Sink(self.folder) as sink:
            for name, text, told in (
                ("empty", b"", "empty"),
                ("header only", b"to,x\r\n", "no message"),
                ("open quote", b'to,x\r\nb@mail.test,"y\r\nb@mail.test,z\r\n', "row 2 (line 2): a quoted field does not end"),
                ("quote within", b'to,x\r\nb@mail.test,y"z"\r\n', "middle of a field"),
                ("behind a quote", b'to,x\r\nb@mail.test,"y"z\r\n', "must follow"),
                ("too few", b"to,x\r\nb@mail.test,y\r\n\r\nb@mail.test\r\n", "row 4 (line 4): 1 fields"),
                ("too many", b"to,x\r\nb@mail.test,y,z\r\n", "3 fields"),
                ("latin-1", b"to,x\r\nb@mail.test,\xfc\r\n", "UTF-8"),
                ("surrogate", b"to,x\r\nb@mail.test,\xed\xa0\x80\r\n", "UTF-8"),
                ("nul", b"to,x\r\nb@mail.test,a\0b\r\n", "NUL"),
                ("utf-16", "to,x\r\nb@mail.test,y\r\n".encode("utf-16"), "UTF-8"),
                ("endless", b'to,x\r\nb@mail.test,"' + b"y" * 17_000_000, "is a quote missing"),
                ("columns", b"to,x" + b"," * 20_000 + b"\r\n", "columns"),
                ("binary", random.Random(3).randbytes(100_000), "list.csv"),
            ):
                with self.subTest(name=name):
                    result = self.expect(self.merge(sink, text, form), 65)
                    self.assertIn(told, result.text)
                    self.assertLess(len(result.text), 3000)
            self.assertEqual(sink.messages(), [])
            self.expect(self.merge(sink, b'\xef\xbb\xbf"to","x"\n\nb@mail.test,"y ""z"", """\n\nc@mail.test,\r\nd@mail.test,"a,\nb"', form), 0)
            self.assertEqual([text_of(found) for found in self.parsed(sink)], ['y "z", "\n', "\n", "a,\nb\n"])

    def test_a_journal_of_rows(self):
        rows = [["email", "name", "topic"]] + [[f"u{i}@mail.test", f"Name {i}", "x"] for i in range(20)]
        journal = self.folder / "journal"
        with Sink(self.folder, "--fail", "end=close", "--fail-first", "1") as sink:
            self.expect(self.merge(sink, rows, self.FORM, "--journal", journal), 2)
            rows.insert(3, ["new@mail.test", "New", "x"])  # the others keep what they are
            self.expect(self.merge(sink, rows, self.FORM, "--journal", journal), 2)
            self.expect(self.merge(sink, rows, self.FORM, "--journal", journal, "--in-doubt", "repeat"), 0)
            found = self.parsed(sink)
            self.assertEqual(collections.Counter(one["to"].addresses[0].addr_spec for one in found), {**{row[0]: 1 for row in rows[1:]}, "u0@mail.test": 2})
            # A second copy can be recognised as one.
            self.assertEqual(len({one["message-id"] for one in found}), 21)
            result = self.expect(self.merge(sink, rows, self.FORM.replace("Dear", "Hi"), "--journal", journal), 64)
            self.assertIn("another template", result.text)
            self.expect(self.merge(sink, rows, self.FORM, "--journal", journal, "--to", "x@mail.test"), 64)

    def test_dry_run(self):
        rows = [["email", "name", "topic"], ["b@mail.test", "Bö", "x"], ["c@mail.test", "C", "From y"]]
        result = self.expect(self.merge("smtp://127.0.0.1:1", rows, self.FORM, "--dry-run"), 0)
        self.file("box", result.out)
        found = [email.message_from_bytes(bytes(one), policy=email.policy.default) for one in mailbox.mbox(self.folder / "box")]
        self.assertEqual([one["subject"] for one in found], ["For Bö: x", "For C: From y"])


class BulkPostfixTest(BulkTest):
    """Against a real Postfix."""

    BOB = f"bob@{postfix.DOMAIN}"

    @classmethod
    def setUpClass(cls):
        cls.server = postfix.Postfix()
        cls.info = cls.server.start()  # says what is missing, where it cannot be started
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        self.box = self.info["mailboxes"][self.BOB]
        self.before = maildir.snapshot(self.box)
        self.url = f"smtp://127.0.0.1:{self.info['ports']['smtp']}"
        self.ca = ("--ca-file", self.info["ca"])

    def delivered(self, count):
        return maildir.delivered(self.box, self.before, count, wait=60)

    def test_five_hundred_once_each(self):
        place, sent = self.messages(500, to=self.BOB)
        refused = {1000: f"refused@{postfix.DOMAIN}", 1001: f"later@{postfix.DOMAIN}", 1002: f"full@{postfix.DOMAIN}"}
        for number, to in refused.items():
            (place / f"{number}.eml").write_bytes(message(number, to=to))
        _, summary = self.lines(self.expect(self.bulk(self.url, *self.ca, "--message", place, "--journal", self.folder / "j", "--json"), 1))
        self.assertEqual((summary["summary"]["delivered"], summary["summary"]["permanent"], summary["summary"]["transient"]), (500, 2, 1))
        found = self.delivered(500)
        self.assertEqual(len(found), 500)
        for octets in found:
            self.assertIsNone(maildir.difference(octets, sent.pop(number_of(octets))))
        self.assertEqual(sent, {})

    def test_a_session_closed_in_the_middle(self):
        place, sent = self.messages(40, to=self.BOB)
        (place / "closing.eml").write_bytes(message(1000, to=f"closing@{postfix.DOMAIN}"))
        _, summary = self.lines(self.expect(self.bulk(self.url, *self.ca, "--message", place, "--window", "1", "--json"), 1))
        self.assertEqual((summary["summary"]["delivered"], summary["summary"]["transient"]), (40, 1))
        self.assertEqual({number_of(octets) for octets in self.delivered(40)}, set(sent))

    def test_four_connections(self):
        place, sent = self.messages(300, to=self.BOB)
        _, summary = self.lines(self.expect(self.bulk(self.url, *self.ca, "--message", place, "--connections", "4", "--json"), 0))
        self.assertEqual(summary["summary"]["delivered"], 300)
        self.assertEqual(collections.Counter(number_of(octets) for octets in self.delivered(300)), {number: 1 for number in sent})

    def test_a_server_that_takes_fewer_connections(self):
        """What is too much is answered with 421."""
        place, sent = self.messages(200, to=self.BOB)
        server = postfix.Postfix(more=("smtpd_client_connection_count_limit = 2", "smtpd_client_event_limit_exceptions ="))
        with server as limited:
            box = limited.info["mailboxes"][self.BOB]
            words = ("--ca-file", limited.info["ca"], "--message", place, "--connections", "6", "--window", "1", "-v")
            result = self.expect(self.bulk(f"smtp://127.0.0.1:{limited.info['ports']['smtp']}", *words), 0)
            self.assertRegex(result.text, r"<- 421 .*too many connections")
            found = collections.Counter(number_of(octets) for octets in maildir.delivered(box, (), 200, wait=60))
        self.assertEqual(found, {number: 1 for number in sent})

    def test_killed_in_the_middle(self):
        # A mailbox for each: what is in doubt may arrive long after the run.
        for connections, to in ((1, self.BOB), (4, f"alice@{postfix.DOMAIN}")):
            with self.subTest(connections=connections):
                self.box = self.info["mailboxes"][to]
                self.before = maildir.snapshot(self.box)
                self.kill_in_the_middle(connections, to)

    def kill_in_the_middle(self, connections, to):
        place, sent = self.messages(300, to=to)
        journal = self.folder / f"journal{connections}"
        words = ("send", "--server", self.url, *self.ca, "--message", str(place), "--journal", str(journal), "--window", "1", "--connections", str(connections), "--json")
        with open(self.folder / "output", "wb") as out:
            run = subprocess.Popen([support.COMMAND, *words], stdout=out, env=support.environment(self.folder))
        wait_until(lambda: journal.exists() and journal.read_text("ascii").count('{"done"') >= 60, 60)
        run.kill()
        run.wait(20)
        done = sum("done" in record for record in self.records_so_far(journal))
        self.assertLess(done, 300)
        found, summary = self.lines(self.run_command(*words))
        doubtful = {int(re.search(r"(\d+)\.eml", one["source"])[1]) for one in found if one["outcome"] == "in_doubt"}
        # Each connection's message, and the one before it, whose reply had come and was not written down yet.
        self.assertLessEqual(len(doubtful), 2 * connections)
        self.assertEqual(summary["summary"]["delivered"], 300 - len(doubtful))
        arrived = collections.Counter(number_of(octets) for octets in self.delivered(300 - len(doubtful)))
        self.assertEqual(set(arrived.values()), {1})
        self.assertLessEqual(set(sent) - set(arrived), doubtful)
        self.expect(self.run_command(*words, "--in-doubt", "repeat"), 0)
        wait_until(lambda: {number_of(octets) for octets in self.delivered(300)} == set(sent), 60)
        arrived = collections.Counter(number_of(octets) for octets in self.delivered(300))
        self.assertLessEqual({number for number, count in arrived.items() if count > 1}, doubtful)

    def records_so_far(self, journal):
        lines = journal.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def test_merged(self):
        rows = "email,name\r\n" + "".join(f'{self.BOB},"Nämé {i}, ""x"""\r\n' for i in range(40))
        form = "From: alice@mail.test\nTo: {{name}} <{{email}}>\nSubject: Für {{name}}\n\nHallo {{name}}\n"
        self.expect(self.bulk(self.url, *self.ca, "--merge", self.file("list.csv", rows), "--template", self.file("form.eml", form)), 0)
        found = [email.message_from_bytes(octets, policy=email.policy.default) for octets in self.delivered(40)]
        self.assertEqual({one["subject"] for one in found}, {f'Für Nämé {i}, "x"' for i in range(40)})
        self.assertEqual({one["to"].addresses[0].display_name for one in found}, {f'Nämé {i}, "x"' for i in range(40)})
        self.assertEqual({text_of(one) for one in found}, {f'Hallo Nämé {i}, "x"\n' for i in range(40)})


if __name__ == "__main__":
    unittest.main(verbosity=1)
