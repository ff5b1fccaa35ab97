"""The sink as a command: options, faults on purpose, output, exit codes; with smtplib as a client of others."""
import json
import os
import pathlib
import signal
import smtplib
import socket
import subprocess
import threading
import time
import unittest

from harness import LIMIT, TOOL, Sink, main, trusting, until


def run(*options):
    done = subprocess.run([TOOL, "sink", *options], capture_output=True, timeout=LIMIT, text=True)
    return done.returncode, done.stderr


def envelope(line):
    line.say("EHLO c", 250)
    line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
    line.expect(250, 250)


class Smtplib(unittest.TestCase):
    def test_a_whole_session(self):
        os.environ["SINK_TEST_PASSWORD"] = "secret"
        with Sink("--tls", "starttls", "--write-cert", "@DIR@/ca.pem", "--user", "alice", "--password-env",
                  "SINK_TEST_PASSWORD", "--maildir", "@DIR@/mail") as sink:
            with smtplib.SMTP("localhost", sink.port, timeout=LIMIT) as client:
                client.starttls(context=trusting(sink))
                client.login("alice", "secret")
                refused = client.sendmail("a@b", ["c@d", '"e f"@g'], b"Subject: \xc3\xa9\r\n\r\n.x\r\n..\r\n",
                                          mail_options=["BODY=8BITMIME", "RET=HDRS", "ENVID=id"],
                                          rcpt_options=["NOTIFY=DELAY", "ORCPT=rfc822;o@p"])
                self.assertEqual(refused, {})
            seen = sink.messages()[0]
            self.assertEqual(pathlib.Path(seen["file"]).read_bytes(), b"Subject: \xc3\xa9\r\n\r\n.x\r\n..\r\n")
            self.assertEqual(seen["parameters"], {"SIZE": 23, "BODY": "8BITMIME", "RET": "HDRS", "ENVID": "id"})
            self.assertEqual(seen["rcpt_to"][1], {"address": '"e f"@g', "NOTIFY": "DELAY", "ORCPT": "rfc822;o@p"})
            self.assertEqual(seen["subject"], "é")
            sidecar = sink.path / "mail/envelope" / (os.path.basename(seen["file"]) + ".json")
            self.assertEqual(json.loads(sidecar.read_text()), seen)

    def test_many_clients_at_once(self):
        def client(port):
            with smtplib.SMTP("localhost", port, timeout=LIMIT) as one:
                for _ in range(20):
                    one.sendmail("a@b", ["c@d"], "Subject: x\r\n\r\n" + "line\r\n" * 1000)
        with Sink("--maildir", "@DIR@/mail", "--quiet") as sink:
            threads = [threading.Thread(target=client, args=(sink.port,)) for _ in range(8)]
            [t.start() for t in threads]
            [t.join() for t in threads]
            files = list((sink.path / "mail/new").iterdir())
            self.assertEqual(len(files), 160)
            self.assertEqual({f.read_bytes() for f in files}, {b"Subject: x\r\n\r\n" + b"line\r\n" * 1000})
            self.assertEqual(len({m["number"] for m in sink.messages()}), 160)


class Faults(unittest.TestCase):
    def test_replies_instead(self):
        cases = {"mail=451": ["MAIL FROM:<a@b>", 451], "rcpt=452 4.2.2 Full": ["RCPT TO:<c@d>", 452],
                 "data=554": ["DATA", 554], "quit=500": ["QUIT", 500]}
        for fault, (command, code) in cases.items():
            with self.subTest(fault), Sink("--fail", fault) as sink, sink.line() as line:
                line.say("EHLO c", 250)
                if command[0] in "RD":
                    line.say("MAIL FROM:<a@b>", 250)
                if command[0] == "D":
                    line.say("RCPT TO:<c@d>", 250)
                text = line.say(command, code)
                self.assertEqual(text[0].startswith("4.2.2 Full"), "Full" in fault)
        with Sink("--fail", "ehlo=502") as sink, sink.line() as line:
            line.say("EHLO c", 502)
            line.say("HELO c", 250)
        with Sink("--fail", "connect=554") as sink, sink.line(greeting=False) as line:
            line.expect(554)
            self.assertTrue(line.at_end())
        with Sink("--fail", "mail=421") as sink, sink.line() as line:
            line.say("EHLO c", 250)
            line.say("MAIL FROM:<a@b>", 421)
            self.assertTrue(line.at_end())

    def test_close_and_reset_at_every_stage(self):
        steps = {"connect": b"", "ehlo": b"EHLO c\r\n", "mail": b"MAIL FROM:<a@b>\r\n", "rcpt": b"RCPT TO:<c@d>\r\n",
                 "data": b"DATA\r\n", "content": b"x", "end": b"\r\n.\r\n"}
        for stage in steps:
            for fault in ("close", "reset"):
                with self.subTest(stage=stage, fault=fault), Sink("--fail", f"{stage}={fault}") as sink:
                    with sink.line(greeting=stage != "connect") as line:
                        for step, data in steps.items():
                            line.send(data)
                            if step == stage:
                                break
                            if step not in ("connect", "content"):
                                line.reply()
                        if fault == "reset":
                            with self.assertRaises(ConnectionResetError):
                                line.socket.recv(100)
                        else:
                            self.assertTrue(line.at_end())
                    # Struck at the end, the message was kept: what a client must hold to be in doubt.
                    self.assertEqual(len(sink.messages()), 1 if stage == "end" else 0)

    def test_stall_holds_the_line(self):
        with Sink("--fail", "rcpt=stall") as sink, sink.line() as line:
            line.say("EHLO c", 250)
            line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
            line.expect(250)
            line.socket.settimeout(0.3)
            with self.assertRaises(socket.timeout):
                line.socket.recv(100)
            with sink.line() as other:  # one stalled line stops nobody else
                other.say("EHLO c", 250)

    def test_handshake_and_starttls(self):
        with Sink("--tls", "starttls", "--fail", "handshake=close") as sink, sink.line() as line:
            line.say("EHLO c", 250)
            line.say("STARTTLS", 220)
            self.assertTrue(line.at_end())
        with Sink("--tls", "starttls", "--fail", "starttls=454") as sink, sink.line() as line:
            line.say("EHLO c", 250)
            line.say("STARTTLS", 454)
            line.say("NOOP", 250)

    def test_faults_strike_bdat_too(self):
        with Sink("--fail", "data=451", "--fail-first", "1") as sink, sink.line() as line:
            envelope(line)
            line.send("BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n")  # both chunks are read and thrown away
            line.expect(451, 503)
            line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\nx\r\n")
            line.expect(250, 250, 250)
        with Sink("--fail", "content=421") as sink, sink.line() as line:
            envelope(line)
            line.send("BDAT 6 LAST\r\nx")
            line.expect(421)
            self.assertTrue(line.at_end())

    def test_fail_first_then_well(self):
        with Sink("--fail", "end=451 4.7.1 Greylisted", "--fail-first", "2") as sink, sink.line() as line:
            line.say("EHLO c", 250)
            for code in (451, 451, 250):
                line.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
                line.expect(250, 250, 354)
                line.say("x\r\n.", code)
            self.assertEqual(len(sink.messages()), 1)

    def test_refusals(self):
        with Sink("--reject", "bob@*=452 4.2.2 Full", "--reject", "*@x.example", "--reject-sender", "spam*=451",
                  "--reject-content", "554 5.7.1 Spam") as sink, sink.line() as line:
            line.say("EHLO c", 250)
            line.say("MAIL FROM:<spammer@b>", 451)
            line.say("MAIL FROM:<a@b>", 250)
            self.assertEqual(line.say("RCPT TO:<BOB@b>", 452), ["4.2.2 Full"])
            self.assertTrue(line.say("RCPT TO:<a@X.example>", 550)[0].startswith("5.1.1 "))
            line.say("DATA", 554)
            line.say("RCPT TO:<c@d>", 250)
            line.say("DATA", 354)
            self.assertEqual(line.say("x\r\n.", 554), ["5.7.1 Spam"])
            self.assertEqual(sink.messages(), [])

    def test_delay(self):
        with Sink("--delay", "150") as sink, sink.line() as line:
            start = time.monotonic()
            line.send("NOOP\r\nNOOP\r\n")
            line.expect(250, 250)
            self.assertGreaterEqual(time.monotonic() - start, 0.15)


class Command(unittest.TestCase):
    def test_count_lets_the_client_quit(self):
        with Sink("--count", "2") as sink:
            with sink.line() as line:
                for _ in range(2):
                    envelope(line)
                    line.say("DATA", 354)
                    line.say("x\r\n.", 250)
                line.say("QUIT", 221)
                self.assertTrue(line.at_end())
            self.assertEqual(sink.process.wait(LIMIT), 0)

    def test_signals_stop_in_good_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Sink("--maildir", "@DIR@/mail") as sink, sink.line() as idle, sink.line() as busy:
                envelope(busy)
                busy.say("DATA", 354)
                busy.send("half")
                idle.say("NOOP", 250)
                sink.process.send_signal(number)
                idle.expect(421)
                self.assertTrue(idle.at_end())
                busy.say("\r\n.", 250)  # on its way when the signal came: kept
                self.assertEqual(sink.process.wait(LIMIT), 0)
                self.assertEqual(len(sink.messages()), 1)
                self.assertIn("1 message,", sink.errors())

    def test_idle_lines_are_closed(self):
        with Sink("--idle-timeout", "0.2") as sink, sink.line() as line:
            line.expect(421)
            self.assertTrue(line.at_end())

    def test_nothing_raw_reaches_the_terminal(self):
        nasty = "\x1b[31m \x07 \x7f \u009b2J \u202e \u2066 \u200b é".encode() + b" \xff \xc3( \xed\xa0\x80\r\n"
        for options in ({"json_lines": True}, {"json_lines": False}):
            with Sink(**options) as sink, sink.line() as line:
                line.say("EHLO é.example", 250)
                line.send("MAIL FROM:<\u202ea@b> SMTPUTF8\r\nRCPT TO:<\u009bc@d>\r\nDATA\r\n")
                line.expect(250, 250, 354)
                line.send(b"Subject: " + nasty + b"\r\n" + nasty + b".\r\n")
                line.expect(250)
                text = sink.printed().decode()  # valid UTF-8, or this raises
                for c in text:
                    self.assertTrue(c == "\n" or (" " <= c < "\x7f") or c in "é", repr(c))
                self.assertIn("\\u202e" if options["json_lines"] else "\\u{202e}", text)

    def test_port_in_use(self):
        with Sink() as sink:
            code, said = run("--listen", f"127.0.0.1:{sink.port}")
            self.assertEqual(code, 69)
            self.assertIn(f"port {sink.port} is in use", said)

    def test_usage_errors_name_the_next_step(self):
        for options, code, words in [
                (["--listen", "example.com:25"], 64, "127.0.0.1:2525"), (["--listen", "0.0.0.0:0"], 64, "--allow-remote"),
                (["--listen", "127.0.0.1:70000"], 64, "127.0.0.1:2525"), (["--tls", "maybe"], 64, "starttls"),
                (["--user", "a"], 64, "--password-file"), (["--user", "a", "--password-file", "/nonexistent"], 64, "first line"),
                (["--password-env", "HOME"], 64, "--user"), (["--fail", "lunch=close"], 64, "stages are"),
                (["--fail", "mail=sometimes"], 64, "reply"), (["--fail", "mail=250"], 64, "400 to 599"),
                (["--fail", "content=451"], 64, "end=CODE"), (["--reject-content", "no"], 64, "code"),
                (["--write-cert", "x"], 64, "--tls"), (["--require-tls"], 64, "starttls or implicit"),
                (["--tls", "implicit", "--cert", "x"], 64, "key"),
                (["--tls", "implicit", "--cert", "/nonexistent", "--key", "/nonexistent"], 78, "PEM"),
                (["--maildir", "/proc/nothing"], 78, "folder you may write to"),
                (["--port-file", "/nonexistent/x"], 74, "folder you may write to")]:
            with self.subTest(options):
                got, said = run("--listen", "127.0.0.1:0", *options)
                self.assertEqual(got, code, said)
                self.assertIn(words, said)

    def test_a_dead_socket_is_replaced_a_file_is_not(self):
        with Sink(unix="one") as sink:
            code, said = run("--unix", sink.unix)
            self.assertEqual((code, "another program listens" in said), (69, True))
            dead = str(sink.path / "dead")
            left = socket.socket(socket.AF_UNIX)
            left.bind(dead)
            left.close()
            again = subprocess.Popen([TOOL, "sink", "--unix", dead, "--quiet"])
            def answers():
                with socket.socket(socket.AF_UNIX) as probe:
                    return probe.connect_ex(dead) == 0 and probe.recv(4) == b"220 "
            until(answers, "the second sink")
            again.terminate()
            self.assertEqual(again.wait(LIMIT), 0)
            self.assertFalse(os.path.exists(dead))
            (sink.path / "file").write_text("mine")
            self.assertEqual(run("--unix", str(sink.path / "file"))[0], 69)
            self.assertEqual((sink.path / "file").read_text(), "mine")

    def test_a_closed_output_stops_it(self):
        reader, writer = os.pipe()
        with Sink() as sink:
            pass
        process = subprocess.Popen([TOOL, "sink", "--listen", "127.0.0.1:0"], stdout=writer,
                                   stderr=subprocess.PIPE, text=True)
        os.close(writer)
        os.close(reader)
        said = process.stderr
        port = None
        while port is None:
            first = said.readline()
            self.assertNotEqual(first, "")
            if "listening on" in first:
                port = int(first.split("127.0.0.1:")[1].split(" ")[0])
        client = smtplib.SMTP("127.0.0.1", port, timeout=LIMIT)
        client.sendmail("a@b", ["c@d"], "x")  # accepted before the sink could know
        client.close()
        self.assertEqual(process.wait(LIMIT), 74)
        self.assertIn("output cannot be written", said.read())
        said.close()


if __name__ == "__main__":
    main()
