"""Running the command and the bundled sink as a user would, for the tests of this folder.

POSTRIDER names the command. HOME is an empty folder for every run, so that nobody's accounts take part.
"""

import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

SERVERS = pathlib.Path(__file__).resolve().parent.parent / "servers"
sys.path.insert(0, str(SERVERS))

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND = os.environ.get("POSTRIDER", str(ROOT / "build/postrider"))
SANITIZED = b"__asan_init" in pathlib.Path(COMMAND).read_bytes()  # its memory is not the program's alone
PASSWORD = "Tr0ub4dor&3 pä€/+=%41"


class Result:
    """What one run of the command left."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def text(self):
        """Everything that was printed."""
        return (self.out + self.err).decode("utf-8")

    @property
    def json(self):
        """Standard output, which must be one line of ASCII JSON."""
        assert self.out.isascii() and self.out.count(b"\n") == 1, self.out
        return json.loads(self.out)


def environment(home, extra=None):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POSTRIDER_PASS", "XDG_"))}
    return {**kept, "HOME": str(home), **(extra or {})}


class CommandTest(unittest.TestCase):
    """A test with a folder of its own and ways to run the command."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="postrider-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def run_command(self, *words, stdin=b"", env=None, timeout=60, **more):
        """Runs the command to its end; a crash or a hang is a failure of the test."""
        done = subprocess.run(
            [COMMAND, *map(os.fspath, words)], input=stdin, capture_output=True, env=environment(self.folder, env), timeout=timeout, check=False, **more
        )
        self.assertGreaterEqual(done.returncode, 0, f"ended by signal {-done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
        return Result(done.returncode, done.stdout, done.stderr)

    def send(self, url, *words, **more):
        """send, with a sender, a recipient and a text unless the words name their own."""
        words = [os.fspath(word) for word in words]
        if "--from" not in words and "--message" not in words:
            words += ["--from", "alice@mail.test"]
        if not {"--to", "--cc", "--bcc", "--message"} & set(words):
            words += ["--to", "bob@mail.test"]
        if not {"--body", "--body-file", "--html", "--message"} & set(words) and "stdin" not in more:
            words += ["--body", "some text"]
        return self.run_command("send", "--server", url, *words, **more)

    def expect(self, result, status):
        """The exit status, with everything printed if it is another one."""
        self.assertEqual(result.status, status, result.text)
        return result

    def file(self, name, data, mode=0o600):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(mode)
        return path

    def assert_secret_stays(self, result, secret=PASSWORD, user="alice@mail.test"):
        """Neither output stream holds the password in any form, nor the responses of PLAIN and LOGIN."""
        printed = result.out + result.err
        for form in forms_of(secret, user):
            self.assertNotIn(form, printed)


def forms_of(secret, user):
    raw = secret.encode()
    plain = f"\0{user}\0{secret}".encode()
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote(secret, safe="").encode())
    yield from (base64.b64encode(raw).rstrip(b"="), base64.b64encode(plain).rstrip(b"="))
    for shift in range(3):
        # Behind other octets base64 looks different; the characters shared with neighbours are left off.
        encoded = base64.b64encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
        yield encoded[(0, 2, 3)[shift] : -4]


class Sink:
    """`postrider sink` with a maildir; a context manager."""

    def __init__(self, folder, *options, tls=None, user=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sink-", dir=folder))
        self.maildir = self.folder / "mail"
        self.ca = self.folder / "ca.pem"
        self.words = [COMMAND, "sink", "--maildir", str(self.maildir), "--json"]
        if not any(word == "--unix" for word in options):
            self.words += ["--listen", "127.0.0.1:0", "--port-file", str(self.folder / "port")]
        if tls:
            self.words += ["--tls", tls, "--write-cert", str(self.ca)]
        if user:
            (self.folder / "password").write_text(PASSWORD + "\n", encoding="utf-8")
            self.words += ["--user", user, "--password-file", str(self.folder / "password")]
        self.words += options
        self.process = None

    def __enter__(self):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit = time.monotonic() + 20
        while "listening on" not in self.log():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.__exit__()
                raise AssertionError(f"the sink did not start: {self.log()}")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def log(self):
        return (self.folder / "log").read_text("utf-8", "replace")

    @property
    def port(self):
        return int((self.folder / "port").read_text("ascii"))

    def url(self, scheme="smtp"):
        return f"{scheme}://127.0.0.1:{self.port}"

    def messages(self):
        """The contents kept, byte for byte, oldest first."""
        return [path.read_bytes() for path in sorted((self.maildir / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)]

    def only(self):
        found = self.messages()
        assert len(found) == 1, f"{len(found)} messages: {self.log()}"
        return found[0]

    def envelopes(self):
        """What was said of each message, as JSON."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]


def options_in_help(result):
    """The long options of a help page."""
    return set(re.findall(r"(?m)^ +(?:-\w,)?(--[a-z0-9-]+)", result.out.decode()))


def main():
    unittest.main(verbosity=1)
