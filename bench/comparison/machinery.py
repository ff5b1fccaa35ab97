"""The machinery of a measurement: the sink, the link, one run of a driver, and what is put together once."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

LINK_MILLISECONDS = 50
LINK_SERVER = "10.79.0.2"
FROM, TO = "alice@example.org", "bob@example.net"


class Refused(Exception):
    """A contestant cannot do this, or did it wrong; the text says why."""


class Place:
    """Where things are: the sources, the build, and a folder for this run only."""

    def __init__(self, source, build):
        self.source = Path(source).resolve()
        self.build = Path(build).resolve()
        self.programs = self.build / "bench"
        self.drivers = self.source / "bench" / "drivers"
        self.scratch = Path(tempfile.mkdtemp(prefix="postrider-bench-"))
        self.certificate = self.scratch / "certificate.pem"
        self.key = self.scratch / "key.pem"
        cores = sorted(os.sched_getaffinity(0))
        self.client_core = self.sink_core = cores[-1]

    def remove(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def message(self, size):
        """A file with a message of that many octets. One of its lines begins with a dot."""
        path = self.scratch / f"message-{size}"
        if not path.exists():
            path.write_bytes(message_text(size))
            path.with_suffix(".lf").write_bytes(message_text(size).replace(b"\r\n", b"\n"))
        return path


def message_text(size):
    head = (
        b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nFrom: Alice <alice@example.org>\r\n"
        b"To: Bob <bob@example.net>\r\nSubject: A message for measurements\r\n"
        b"Message-ID: <measurement@example.org>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n\r\n.A line that begins with a dot\r\n"
    )
    line = b"What a measurement needs is text, seventy-two columns of it on each line\r\n"
    lines, rest = divmod(size - len(head), len(line))
    # A last line of one octet could not hold its CRLF.
    if rest == 1:
        lines, rest = lines - 1, rest + len(line)
    return head + line * lines + (b"x" * (rest - 2) + b"\r\n" if rest else b"")


def prepare(place):
    """The parts that CMake does not build: the Go driver, nodemailer, a certificate. Says what is missing."""
    if shutil.which("go"):
        environment = os.environ | {"GO111MODULE": "off", "GOCACHE": str(place.build / "go")}
        driver = place.drivers / "netsmtp_send.go"
        subprocess.run(["go", "build", "-o", place.programs / "netsmtp_send", driver], check=True, env=environment)
    modules = place.build / "npm"
    if shutil.which("npm") and not (modules / "node_modules" / "nodemailer").exists():
        modules.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", modules, "nodemailer"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"nodemailer cannot be installed, it is left out: {done.stderr.strip().splitlines()[:1]}")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7"]
        + ["-subj", "/CN=fast_sink", "-addext", f"subjectAltName=IP:127.0.0.1,IP:{LINK_SERVER}"]
        + ["-keyout", place.key, "-out", place.certificate],
        check=True,
        capture_output=True,
    )


def stop(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Link:
    """Two network namespaces with a round trip between them. Raises Refused where that is impossible."""

    def __init__(self, place):
        self._process = subprocess.Popen(
            [place.programs / "delayed_link", str(LINK_MILLISECONDS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self._process.stdout.readline()
        if not line:
            raise Refused(f"no link with a set round trip: {self._process.stderr.read().strip()}")
        client, server = line.split()
        self.client = ["nsenter", f"--net={client}"]
        self.server = ["nsenter", f"--net={server}"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._process)


class Sink:
    """One fast_sink. `options` are its own."""

    count = 0

    def __init__(self, place, options=(), link=None):
        Sink.count += 1
        self._control = str(place.scratch / f"control-{Sink.count}")
        self.host = LINK_SERVER if link else "127.0.0.1"
        command = [*(link.server if link else []), "taskset", "-c", str(place.sink_core)]
        command += [place.programs / "fast_sink", "--address", self.host, "--control", self._control, *options]
        if any("tls" in option for option in options):
            command += ["--certificate", place.certificate, "--key", place.key]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        if not line:
            raise Refused("the sink did not start")
        self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._process)

    def counters(self):
        """What it saw since the last time it was asked."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self._control)
            return json.loads(control.makefile().read())


def run_command(place, command, link=None, timeout=300):
    """Runs a driver and returns what it printed, as a dict."""
    full = [*(link.client if link else []), "taskset", "-c", str(place.client_core), *map(str, command)]
    environment = os.environ | {"NODE_PATH": str(place.build / "npm" / "node_modules")}
    environment["PATH"] += ":/usr/sbin"  # Postfix's programs
    try:
        done = subprocess.run(
            full, capture_output=True, text=True, timeout=timeout, env=environment, cwd=place.scratch, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"not done after {timeout} s") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Refused(said[-1] if said else f"exit code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def checked_run(place, sink, command, count, size, link=None):
    """A run whose messages the sink has all seen, whole; with the sink's counters as `sink`."""
    sink.counters()
    result = run_command(place, command, link)
    seen = sink.counters()
    # Some clients add a CRLF, none may lose or add anything else.
    if seen["refused"] or seen["messages"] != count or not count * size <= seen["octets"] <= count * (size + 4):
        raise Refused(f"sent wrongly: {seen['messages']} messages of {count}, {seen['octets']} octets, "
                      f"{seen['refused']} commands refused")
    result["sink"] = seen
    return result


def in_parallel(jobs):
    """Runs functions at the same time; each one's result, or the Refused it raised."""
    results = [None] * len(jobs)

    def work(index):
        try:
            results[index] = jobs[index]()
        except Refused as error:
            results[index] = error

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def system_calls(place, command):
    """How many system calls a command makes, all its threads and children together."""
    file = place.scratch / "strace"
    run_command(place, ["strace", "-f", "-c", "-o", file, *command])
    total = re.search(r"^\s*100\.00\s+\S+\s+\S+\s+(\d+)\s.*total$", file.read_text(encoding="ascii"), re.MULTILINE)
    if not total:
        raise Refused("strace said nothing")
    return int(total.group(1))
