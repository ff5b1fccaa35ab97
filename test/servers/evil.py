#!/usr/bin/python3
"""A mail server that misbehaves as told, to find out what a client does then.

    evil.py list [--json]                                   the scenarios of scenarios.py
    evil.py serve --scenario NAME [--port-file F] [--record DIR]
    evil.py check [--only TEXT] [--jobs N] [--json-out F] -- postrider        run a client through all of them

A scenario says what the server does, step by step, and what a right client must do. Text in steps
stands for bytes: each character below U+0100 is one octet, so that any octet fits into JSON.

    {"send": TEXT, "chunk": N, "pause": S}   send; in pieces of N octets, S seconds apart
    {"flood": TEXT, "bytes": N}              send TEXT over and over until N octets went or the client left
    {"expect": REGEX}                        read one line, which must match
    {"serve": {...}}                         be a right server for a while, see Dialogue.serve
    {"starttls": LEAF}                       do the server's side of a handshake (certs.py names the leaves)
    {"read": N}                              read N octets
    {"scram": {...}}                         answer AUTH SCRAM-SHA-256, see Dialogue.scram
    {"delay": S}                             go on after S seconds
    {"stall": S}                             neither send nor read for S seconds, or until the client leaves
    {"drain": S}                             read until the client leaves, S seconds at most
    {"cut": true}                            close (within TLS: without close_notify, RFC 5246 7.2.1)
    {"reset": true}                          close with RST

When the steps are through, the server reads until the client leaves. A line that was not expected, a
command that was pipelined without being offered, an empty line in a command and the like are noted as
violations: they are faults of the client even if the server had them coming.

What the client sent is kept per connection as it came, apart for the time before TLS ("clear") and
within it ("secure"); judge() looks through both for what must never be there, such as a password in
any encoding.
"""

import argparse
import base64
import collections
import concurrent.futures
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import capture
import certs
import fixture
import scenarios

USER = "alice@mail.test"
PATIENCE = 30.0  # seconds that the server waits for a client which does nothing
CLIENT_LIMIT = 60.0  # seconds after which a client that does not end is ended
GREETING = "220 mail.test ESMTP\r\n"
CAPABILITIES = ["PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"]
REPLIES = {
    "HELO": "250 mail.test\r\n",
    "STARTTLS": "220 2.0.0 go ahead\r\n",
    "MAIL": "250 2.1.0 sender ok\r\n",
    "RCPT": "250 2.1.5 recipient ok\r\n",
    "DATA": "354 go ahead\r\n",
    "BDAT": "250 2.0.0 chunk ok\r\n",
    ".": "250 2.0.0 accepted\r\n",
    "RSET": "250 2.0.0 ok\r\n",
    "NOOP": "250 2.0.0 ok\r\n",
    "VRFY": "252 2.0.0 perhaps\r\n",
    "AUTH": "235 2.7.0 welcome\r\n",
    "SASL": "235 2.7.0 welcome\r\n",
    "QUIT": "221 2.0.0 bye\r\n",
}


class Gone(Exception):
    """The client has left, or the scenario has ended the connection."""


class Record:
    """What happened on one connection."""

    def __init__(self):
        self.clear, self.secure = bytearray(), bytearray()
        self.events, self.violations = [], []
        self.sent = 0
        self._began = time.monotonic()

    def note(self, text):
        """Adds to the story of the connection."""
        self.events.append(f"{time.monotonic() - self._began:8.3f} {text}")

    def violate(self, text):
        """Notes something that the client did wrong."""
        self.violations.append(text)
        self.note("VIOLATION " + text)

    def as_json(self):
        """Everything but the bytes."""
        return {"sent": self.sent, "events": self.events, "violations": self.violations}


class Link:
    """The socket of one connection, plain or secured, with everything received kept in the record."""

    def __init__(self, raw, record):
        self.socket, self.record = raw, record
        self.secured = False
        self.buffer = bytearray()

    def send(self, data):
        """Sends everything, or raises Gone."""
        try:
            self.socket.settimeout(PATIENCE)
            view = memoryview(data)
            while view:
                done = self.socket.send(view[:65536])
                self.record.sent += done
                view = view[done:]
        except (OSError, ValueError) as error:
            raise Gone(f"the client left while {len(data)} octets were being sent: {error}") from error

    def more(self, patience=PATIENCE):
        """Reads what has come into the buffer; raises Gone when the client left or stays silent."""
        try:
            self.socket.settimeout(patience)
            data = self.socket.recv(65536)
        except TimeoutError as error:
            raise Gone(f"the client was silent for {patience} s") from error
        except (OSError, ValueError) as error:
            raise Gone(f"reading failed: {error}") from error
        if not data:
            raise Gone("the client closed")
        (self.record.secure if self.secured else self.record.clear).extend(data)
        self.buffer += data

    def line(self):
        """One line without its CRLF. A line ended by LF alone is a violation, and a line."""
        while b"\n" not in self.buffer:
            self.more()
        line, _, rest = bytes(self.buffer).partition(b"\n")
        self.buffer = bytearray(rest)
        if not line.endswith(b"\r"):
            self.record.violate(f"a bare LF ends the line {line[:80]!r}")
        line = line.removesuffix(b"\r")
        if b"\r" in line or b"\0" in line:
            self.record.violate(f"CR or NUL within the line {line[:80]!r}")
        return line

    def take(self, count):
        """Exactly `count` octets."""
        while len(self.buffer) < count:
            self.more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def content(self):
        """The content after DATA, up to the line with the dot alone, stuffed as it came."""
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self.more()
        end = (b"\r\n" + self.buffer).index(b"\r\n.\r\n")
        taken = self.take(end + 3)[: max(0, end)]
        if re.search(rb"(?<!\r)\n|\r(?!\n)", taken):
            self.record.violate("a bare CR or LF in the content")
        return taken

    def secure(self, context):
        """The server's side of the handshake, on the bytes that come next."""
        if self.buffer:
            self.record.violate(f"the client sent {bytes(self.buffer)[:40]!r} ahead of the handshake")
        try:
            self.socket.settimeout(PATIENCE)
            self.socket = context.wrap_socket(self.socket, server_side=True, suppress_ragged_eofs=False)
        except (OSError, ValueError) as error:
            raise Gone(f"handshake failed: {error}") from error
        self.secured, self.buffer = True, bytearray()
        self.record.note(f"secured with {self.socket.version()}")

    def close(self, by_reset=False):
        """Closes without close_notify; with RST if asked for."""
        if by_reset:
            capture.reset(self.socket)
        else:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
            self.socket.close()


class Dialogue:
    """Plays the steps of a scenario to one client."""

    def __init__(self, link, scenario, contexts):
        self.link, self.record, self.scenario = link, link.record, scenario
        self.contexts = contexts
        self._greeted_since_tls = False
        self._told = collections.Counter()
        self._last = b""

    def run(self):
        """All steps, then silence until the client leaves."""
        try:
            if self.scenario["tls"] == "implicit":
                self.link.secure(self.contexts(self.scenario.get("leaf", "good")))
            for step in self.scenario["steps"]:
                kind = next(iter(step))
                getattr(self, "do_" + kind)(step[kind], step)
            self.do_drain(PATIENCE, {})
        except Gone as end:
            self.record.note(str(end))
        finally:
            self.link.close()

    # ---- steps

    def do_send(self, text, step):
        data = text.encode("latin-1")
        size = step.get("chunk", len(data)) or 1
        self.record.note(f"-> {data[:200]!r}")
        for start in range(0, len(data), size):
            self.link.send(data[start : start + size])
            time.sleep(step.get("pause", 0))

    def do_flood(self, text, step):
        piece = text.encode("latin-1")
        block = piece * max(1, 65536 // len(piece))
        # A small buffer, so that "sent" says what the client took and not what the kernel keeps.
        self.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        self.record.note(f"-> flood of {piece[:60]!r}")
        for _ in range(step["bytes"] // len(block) + 1):
            self.link.send(block)
        self.record.note("the client took the whole flood")

    def do_expect(self, pattern, _step):
        line = self.link.line()
        self.record.note(f"<- {line[:200]!r}")
        if not re.fullmatch(pattern.encode("latin-1"), line, re.IGNORECASE):
            self.record.violate(f"expected {pattern}, the client sent {line[:80]!r}")
            raise Gone("the dialogue is off the script")

    def do_starttls(self, leaf, _step):
        self.link.secure(self.contexts(leaf if isinstance(leaf, str) else "good"))
        self._greeted_since_tls = False

    def do_read(self, count, _step):
        self.link.take(count)

    def do_delay(self, seconds, _step):
        time.sleep(seconds)

    def do_stall(self, seconds, _step):
        self.record.note(f"stalling for {seconds} s")
        limit = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self.link.socket, select.POLLRDHUP)
        if poller.poll(1000 * max(0.0, limit - time.monotonic())):
            raise Gone("the client left during the stall")

    def do_drain(self, seconds, _step):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.link.more(max(0.01, limit - time.monotonic()))
            del self.link.buffer[:]

    def do_cut(self, *_):
        self.link.close()
        raise Gone("cut by the scenario")

    def do_reset(self, *_):
        self.link.close(by_reset=True)
        raise Gone("reset by the scenario")

    # ---- being a right server for a while

    def do_serve(self, how, _step):
        """A right server, except for what `how` changes:

        caps, tls_caps   keywords before and after TLS; STARTTLS in caps makes it work
        replies          stage to reply, or to a list of replies for the first, second, ... time. Stages
                         are the verbs, "SASL" (an answer to 334) and "." (after the content)
        until            regex: a line that matches ends this step unanswered; "." the end of the content
        lmtp             one reply per accepted recipient after the content
        handshake        false: no handshake after the reply to STARTTLS
        """
        self.how = {"caps": CAPABILITIES, **how}
        self.accepted = 0
        while True:
            line = self.link.line()
            self.record.note(f"<- {line[:200]!r}")
            stage = line.split(b" ")[0].upper().decode("latin-1")
            if how.get("until") not in (None, ".") and re.fullmatch(
                how["until"].encode("latin-1"), line, re.IGNORECASE
            ):
                self._last = line
                return
            self._watch(stage, line)
            if self._answer(stage, line):
                return

    def _watch(self, stage, line):
        offered = self._offered()
        if self.link.buffer and stage == "DATA":
            self.record.violate("content ahead of the reply to DATA (RFC 2920 3.1)")
        elif self.link.buffer and "PIPELINING" not in offered and stage != "BDAT":
            self.record.violate(f"pipelined after {stage} without being offered: {bytes(self.link.buffer)[:40]!r}")
        if stage == "STARTTLS" and self.link.buffer:
            self.record.violate("bytes behind STARTTLS")
        if self.link.secured and not self._greeted_since_tls and stage not in ("EHLO", "LHLO", "HELO", "QUIT"):
            self.record.violate(f"{stage} before a fresh EHLO within TLS (RFC 3207 4.2)")
        if line.strip() == b"":
            self.record.violate("an empty line instead of a command")
        if stage == "BDAT" and "CHUNKING" not in offered:
            self.record.violate("BDAT without being offered")
        if stage == "AUTH" and not any(keyword.upper().startswith("AUTH") for keyword in offered):
            self.record.violate("AUTH without being offered")

    def _offered(self):
        if self.link.secured and "tls_caps" in self.how:
            return self.how["tls_caps"]
        return [keyword for keyword in self.how["caps"] if not (self.link.secured and keyword == "STARTTLS")]

    def _reply(self, stage, otherwise):
        """Sends the reply for a stage and returns it."""
        wanted = self.how.get("replies", {}).get(stage, otherwise)
        if isinstance(wanted, list):
            wanted = wanted[min(self._told[stage], len(wanted) - 1)]
        self._told[stage] += 1
        self.do_send(wanted, {})
        return wanted

    def _answer(self, stage, line):
        """Answers one command; True when the step ends with it."""
        special = {
            **{"EHLO": self._hello, "LHLO": self._hello, "STARTTLS": self._starttls, "AUTH": self._auth},
            **{"DATA": self._data, "BDAT": self._bdat, "RCPT": self._rcpt},
        }
        if stage in special:
            return special[stage](line)
        self._reply(stage, REPLIES.get(stage, "500 5.5.2 what?\r\n"))
        if stage == "HELO":
            self._greeted_since_tls = True
        if stage == "QUIT":
            raise Gone("the client said QUIT")
        return False

    def _hello(self, line):
        lines = ["mail.test", *self._offered()]
        text = "".join(f"250-{keyword}\r\n" for keyword in lines[:-1]) + f"250 {lines[-1]}\r\n"
        stage = (
            "EHLO-TLS"
            if self.link.secured and "EHLO-TLS" in self.how.get("replies", {})
            else line.split(b" ")[0].upper().decode()
        )
        self._reply(stage, text)
        self._greeted_since_tls = True
        return False

    def _starttls(self, _line):
        reply = self._reply("STARTTLS", REPLIES["STARTTLS"])
        if reply.startswith("220") and self.how.get("handshake", True):
            self.do_starttls(self.scenario.get("leaf", "good"), {})
        return False

    def _auth(self, line):
        words = line.split(b" ")
        default = REPLIES["AUTH"]
        if words[1:2] in ([b"LOGIN"], [b"login"]):
            default = "334 VXNlcm5hbWU6\r\n" if len(words) == 2 else "334 UGFzc3dvcmQ6\r\n"
        elif len(words) == 2:
            default = "334 \r\n"
        reply = self._reply("AUTH", default)
        asked = 0
        while reply.startswith("334"):
            asked += 1
            answer = self.link.line()
            self.record.note(f"<- {answer[:100]!r}")
            if answer == b"*":
                reply = self._reply("*", "501 5.7.0 cancelled\r\n")
            elif default == "334 VXNlcm5hbWU6\r\n" and asked == 1:
                reply = self._reply("SASL", "334 UGFzc3dvcmQ6\r\n")
            else:
                reply = self._reply("SASL", REPLIES["SASL"])
        return False

    def _rcpt(self, _line):
        reply = self._reply("RCPT", REPLIES["RCPT"])
        self.accepted += reply.startswith("25")
        return False

    def _data(self, _line):
        if not self._reply("DATA", REPLIES["DATA"]).startswith("354"):
            return False
        self.link.content()
        return self._end_of_content()

    def _bdat(self, line):
        words = line.split(b" ")
        self.link.take(int(words[1]))
        if words[2:3] in ([b"LAST"], [b"last"]):
            return self._end_of_content()
        self._reply("BDAT", REPLIES["BDAT"])
        return False

    def _end_of_content(self):
        self.record.note("<- end of content")
        if self.how.get("until") == ".":
            return True
        for _ in range(self.accepted if self.how.get("lmtp") else 1):
            self._reply(".", REPLIES["."])
        self.accepted = 0
        return False

    # ---- SCRAM, right or wrong

    def do_scram(self, how, _step):
        """Answers the AUTH SCRAM-SHA-256 line that ended a serve step (RFC 5802), except for what `how` changes:

        iterations   text sent as i=
        nonce        "short": does not extend the client's; "same": adds nothing
        final        server-final instead of the right v=; "early": 235 instead of it; "missing": an empty one
        """
        line = self._last
        found = re.fullmatch(rb"AUTH SCRAM-SHA-256(?: (\S+))?", line, re.IGNORECASE)
        if not found:
            self.record.violate(f"expected AUTH SCRAM-SHA-256, the client sent {line[:80]!r}")
            raise Gone("the dialogue is off the script")
        if not found[1]:
            self.do_send("334 \r\n", {})
        first = base64.b64decode(found[1] or self.link.line()).decode()
        bare = first.split(",", 2)[2]
        nonce = {"short": secrets.token_hex(8), "same": bare.partition("r=")[2]}.get(how.get("nonce"))
        nonce = nonce or bare.partition("r=")[2] + secrets.token_hex(12)
        iterations, salt = how.get("iterations", "4096"), secrets.token_bytes(16)
        server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"
        self._challenge(server_first)
        answer = self.link.line()
        self.record.note(f"<- {answer[:200]!r}")
        if answer == b"*":
            self.do_send("501 5.7.0 cancelled\r\n", {})
            return
        without_proof = base64.b64decode(answer).decode().rpartition(",p=")[0]
        right = self._server_signature(salt, int(iterations), f"{bare},{server_first},{without_proof}")
        self._finish_scram(how.get("final", right))

    @staticmethod
    def _server_signature(salt, iterations, message):
        salted = hashlib.pbkdf2_hmac("sha256", scenarios.PASSWORD.encode(), salt, iterations)
        key = hmac.digest(salted, b"Server Key", "sha256")
        return "v=" + base64.b64encode(hmac.digest(key, message.encode(), "sha256")).decode()

    def _challenge(self, text):
        self.do_send(f"334 {base64.b64encode(text.encode()).decode()}\r\n", {})

    def _finish_scram(self, final):
        if final != "early":
            self._challenge("" if final == "missing" else final)
            answer = self.link.line()
            self.record.note(f"<- {answer[:200]!r}")
            if answer == b"*":
                self.do_send("501 5.7.0 cancelled\r\n", {})
                return
        self.do_send(REPLIES["AUTH"], {})


class EvilServer:
    """Plays one scenario to every client that connects; a context manager."""

    def __init__(self, scenario, index=None):
        self.scenario = scenario
        self.records = []
        self._index = index or certs.ensure()
        self._contexts = {}
        self._dialogues = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Takes no more clients and lets the dialogues end."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for thread, link in self._dialogues:
            thread.join(1)
            if thread.is_alive():
                # It waits for a client that is gone: closing its window kept the news from getting through.
                with contextlib.suppress(OSError):
                    link.socket.shutdown(socket.SHUT_RDWR)
                thread.join(5)

    def _context(self, leaf):
        if leaf not in self._contexts:
            case = next((case for case in self._index["cases"] if case["name"] == leaf), None)
            self._contexts[leaf] = certs.server_context(case or {**self._index["leaves"][leaf], "server": {}})
        return self._contexts[leaf]

    def _accept(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            record = Record()
            self.records.append(record)
            link = Link(raw, record)
            dialogue = Dialogue(link, self.scenario, self._context)
            thread = threading.Thread(target=dialogue.run, daemon=True)
            self._dialogues.append((thread, link))
            thread.start()


def write_records(records, folder):
    """N.clear and N.secure (what the client sent), N.json (the story), per connection N."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(records, 1):
        (folder / f"{number}.clear").write_bytes(record.clear)
        (folder / f"{number}.secure").write_bytes(record.secure)
        (folder / f"{number}.json").write_text(json.dumps(record.as_json(), indent=1), encoding="utf-8")


# ---- judging a client --------------------------------------------------------------------------


Run = collections.namedtuple("Run", "status output seconds records")


def traces_of(secret):
    """The forms in which a secret could show up, as bytes: raw, hex, URL, base64 at each alignment."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote(secret, safe="").encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        # Characters that also hold bits of the neighbours are left off at both ends.
        core = encoded.rstrip(b"=")[(0, 2, 3)[shift] : None if (len(raw) + shift) % 3 == 0 else -1]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def judge(scenario, run, patience=1.0):
    """What was wrong with the client in this run, as a list of texts; empty when it did right."""
    found = [text for record in run.records for text in record.violations]
    if run.status not in scenario["exit"]:
        found.append(f"exit status {run.status}, should be {' or '.join(map(str, scenario['exit']))}")
    allowed = scenario["max_seconds"] * patience
    if run.seconds > allowed:
        found.append(f"took {run.seconds:.1f} s, allowed are {allowed}")
    taken = max((record.sent for record in run.records), default=0)
    if "max_taken" in scenario and taken > scenario["max_taken"]:
        found.append(f"took {taken} octets of the flood, allowed are {scenario['max_taken']}")
    if not run.records and run.status not in (64, 65, 78):  # these may be known without asking the server
        found.append("the client did not connect")
    return found + _judge_wire(scenario, run) + _judge_output(run)


def _judge_wire(scenario, run):
    clear = b"".join(bytes(record.clear) for record in run.records)
    everything = clear + b"".join(bytes(record.secure) for record in run.records)
    found = []
    if any(trace in clear for trace in traces_of(scenarios.PASSWORD)):
        found.append("the password went over the wire in clear")
    for pattern in scenario.get("never_clear", []):
        if re.search(pattern.encode("latin-1"), clear, re.IGNORECASE | re.MULTILINE):
            found.append(f"sent in clear: {pattern}")
    for pattern in scenario.get("never", []):
        if re.search(pattern.encode("latin-1"), everything, re.IGNORECASE | re.MULTILINE):
            found.append(f"sent: {pattern}")
    for pattern in scenario.get("must", []):
        if not re.search(pattern.encode("latin-1"), everything, re.IGNORECASE | re.MULTILINE):
            found.append(f"not sent: {pattern}")
    return found


def _judge_output(run):
    found = []
    if any(trace in run.output for trace in traces_of(scenarios.PASSWORD)):
        found.append("the password stands in the output")
    try:
        text = run.output.decode("utf-8")
    except UnicodeDecodeError:
        return [*found, "the output is not UTF-8"]
    bad = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n"))
    if bad:
        found.append(f"U+{ord(bad[0]):04X} in the output: {text[max(0, bad.start() - 20) : bad.end() + 20]!r}")
    return found


def command_for(scenario, client, port, index):
    """The command line with which `client` (a list of words) is to send through the scenario."""
    words = [*client, "send", "--server", f"{scenario['url']}://127.0.0.1:{port}", "--from", "alice@mail.test"]
    for recipient in scenario["recipients"]:
        words += ["--to", recipient]
    words += ["--subject", "test", "--ca-file", index["ca"], "--timeout", f"{scenario['timeout']}s", "-v"]
    if scenario["auth"]:
        words += ["--user", USER]
    return words + scenario["options"]


def run_client(scenario, client, index):
    """Runs a client through a scenario."""
    with EvilServer(scenario, index) as server, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home}
        environment.pop("POSTRIDER_PASSWORD", None)
        if scenario["auth"]:
            environment["POSTRIDER_PASSWORD"] = scenarios.PASSWORD
        body = pathlib.Path(home, "body")
        body.write_bytes(
            b"a line of some text, sixty-four octets long with its line end\r\n" * (scenario["body"] // 64 + 1)
        )
        words = [*command_for(scenario, client, server.port, index), "--body-file", str(body)]
        began = time.monotonic()
        try:
            done = subprocess.run(
                words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=CLIENT_LIMIT,
                check=False,
            )
            status, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as error:
            status, output = -1, error.stdout or b""
        seconds = time.monotonic() - began
    return Run(status, output, seconds, server.records)


def check(client, wanted, jobs, report=print, patience=1.0):
    """Runs a client through scenarios; returns the results, one JSON-ready dict per scenario."""
    index = certs.ensure()

    def one(scenario):
        run = run_client(scenario, client, index)
        return {
            **{"name": scenario["name"], "threat": scenario["threat"], "why": scenario["why"]},
            **{"status": run.status, "seconds": round(run.seconds, 2), "faults": judge(scenario, run, patience)},
            **{
                "output": run.output.decode("utf-8", "backslashreplace"),
                "connections": [record.as_json() for record in run.records],
            },
        }

    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for result in pool.map(one, wanted):
            results.append(result)
            verdict = "FAULT" if result["faults"] else "ok"
            title = f"{verdict:5} {result['threat']:3} {result['name']:34}"
            report(f"{title} exit {result['status']:3} {result['seconds']:6.2f} s")
            for fault in result["faults"]:
                report(f"      {fault}")
    return results


# ---- the command line --------------------------------------------------------------------------


def _list(options):
    if options.json:
        print(json.dumps(scenarios.all_scenarios(), indent=1))
    else:
        for scenario in scenarios.all_scenarios():
            exits = "/".join(map(str, scenario["exit"]))
            print(f"{scenario['threat']:3} {scenario['name']:34} exit {exits:8} {scenario['why']}")
    return 0


def _serve(options):
    if options.file:
        scenario = scenarios.complete(json.loads(pathlib.Path(options.file).read_text("utf-8")))
    else:
        scenario = scenarios.named(options.scenario)
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    with EvilServer(scenario) as server:
        if options.port_file:
            fixture.write(options.port_file + ".new", f"{server.port}\n")
            os.replace(options.port_file + ".new", options.port_file)
        print(server.port, flush=True)
        signal.sigwait(numbers)
    if options.record:
        write_records(server.records, options.record)
    print(json.dumps([record.as_json() for record in server.records], indent=1))
    return 0


def _check(options):
    client = [word for word in options.command if word != "--"]
    wanted = [
        scenario
        for scenario in scenarios.all_scenarios()
        if not options.only or options.only in f"{scenario['threat']} {scenario['name']}"
    ]
    wanted = [scenario for scenario in wanted if set(scenario["needs"]) <= set(options.can)]
    if not client or not wanted:
        raise fixture.FixtureError(
            "check: no client given" if not client else f"check: no scenario matches {options.only}"
        )
    results = check(client, wanted, options.jobs, patience=options.patience)
    if options.json_out:
        fixture.write(options.json_out, json.dumps(results, indent=1) + "\n")
    bad = sum(1 for result in results if result["faults"])
    print(f"{len(results)} scenarios, {bad} with faults")
    return 1 if bad else 0


def main():
    """The command line described above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="the scenarios")
    listing.add_argument("--json", action="store_true")
    serving = actions.add_parser("serve", help="play one scenario until SIGTERM, then print what happened")
    which = serving.add_mutually_exclusive_group(required=True)
    which.add_argument("--scenario", help="name of a scenario")
    which.add_argument("--file", help="a scenario as JSON")
    serving.add_argument("--port-file", help="file to write the port to")
    serving.add_argument("--record", help="folder for what the client sent")
    checking = actions.add_parser("check", help="run a client through the scenarios")
    checking.add_argument("--only", help="scenarios whose threat or name has this text")
    checking.add_argument("--can", nargs="*", default=[], help="what the client can do beyond PLAIN and LOGIN: scram")
    checking.add_argument("--jobs", type=int, default=4)
    checking.add_argument(
        "--patience", type=float, default=1.0, help="how many times longer than right a client may take: for sanitizers"
    )
    checking.add_argument("--json-out", help="file for the full story")
    checking.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CLIENT", help="the client's command")
    options = parser.parse_args()
    try:
        return {"list": _list, "serve": _serve, "check": _check}[options.action](options)
    except fixture.FixtureError as error:
        print(f"evil: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
