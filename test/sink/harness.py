"""Starts the sink command on a free port and speaks to it over a raw socket, octet for octet."""
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

TOOL = os.environ["SINK_TOOL"]
LIMIT = 20.0  # seconds after which a wait counts as failed


class Sink:
    """One running sink; `options` are its command line. Its JSON lines are in messages()."""

    def __init__(self, *options, unix=None, json_lines=True):
        self.folder = tempfile.TemporaryDirectory(prefix="sink-test-")
        self.path = pathlib.Path(self.folder.name)
        self.unix = unix and str(self.path / unix)
        where = ["--unix", self.unix] if unix else ["--listen", "127.0.0.1:0", "--port-file", str(self.path / "port")]
        self.out = open(self.path / "out", "w+b")
        self.err = open(self.path / "err", "w+b")
        arguments = [str(o).replace("@DIR@", str(self.path)) for o in options]
        self.process = subprocess.Popen(
            [TOOL, "sink", *where, *(["--json"] if json_lines else []), *arguments], stdout=self.out, stderr=self.err)
        until(lambda: self.process.poll() is not None or
              (self.path / "port").exists() or (self.unix and os.path.exists(self.unix)), "the sink to listen")
        if self.process.poll() is not None:
            raise AssertionError("the sink did not start: " + self.errors())
        self.port = None if unix else int((self.path / "port").read_text().split()[0])

    def errors(self):
        return (self.path / "err").read_bytes().decode()

    def printed(self):
        return (self.path / "out").read_bytes()

    def messages(self):
        return [json.loads(line) for line in self.printed().splitlines()]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(LIMIT)
        self.out.close()
        self.err.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            code = self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.folder.cleanup()
        assert code == 0, f"the sink ended with {code}"

    def line(self, greeting=True):
        return Line(self, greeting)


class Line:
    """A raw connection; replies are read one at a time as (code, [text, ...])."""

    def __init__(self, sink, greeting=True):
        if sink.unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(sink.unix)
        else:
            self.socket = socket.create_connection(("127.0.0.1", sink.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(LIMIT)
        self.held = b""
        if greeting:
            self.expect(220)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        texts = []
        while True:
            while b"\r\n" not in self.held:
                more = self.socket.recv(65536)
                if not more:
                    raise EOFError(self.held)
                self.held += more
            line, self.held = self.held.split(b"\r\n", 1)
            texts.append(line[4:].decode())
            if line[3:4] != b"-":
                return int(line[:3]), texts

    def expect(self, *codes):
        """The next replies have these codes; returns the last one's text."""
        text = None
        for code in codes:
            got, text = self.reply()
            assert got == code, f"expected {code}, got {got} {text}"
        return text

    def say(self, command, *codes):
        self.send(command + "\r\n" if isinstance(command, str) else command + b"\r\n")
        return self.expect(*codes)

    def at_end(self):
        """True when the sink closed in good order and sent nothing more."""
        return self.held == b"" and self.socket.recv(100) == b""

    def start_tls(self, context):
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.01)


def trusting(sink):
    return ssl.create_default_context(cafile=str(sink.path / "ca.pem"))


def main():
    unittest.main(verbosity=1)
