"""Who is measured: for each client how its driver is started, and what it has no means for."""
from dataclasses import dataclass, field

from machinery import FROM, TO, Refused


@dataclass
class Job:
    """One run: `mode` and `keys` as in drivers/driver.hpp."""

    host: str
    port: int
    count: int
    message: object
    mode: str
    keys: dict = field(default_factory=dict)

    def arguments(self):
        return [self.host, self.port, self.count, self.message, self.mode, *(f"{k}={v}" for k, v in self.keys.items())]


@dataclass(frozen=True)
class Peer:
    key: str
    name: str
    start: object  # (place, job) -> command
    cannot: tuple = ()  # (mode or tls, reason)

    def command(self, place, job):
        wanted = (job.mode, job.keys.get("tls", "none"))
        for what, why in self.cannot:
            if what in wanted:
                raise Refused(why)
        return self.start(place, job)


def program(name):
    """A driver that CMake or Go has built."""

    def start(place, job):
        path = place.programs / name
        if not path.exists():
            raise Refused("not installed")
        return [path, *job.arguments()]

    return start


def script(interpreter, name):
    return lambda place, job: [interpreter, place.drivers / name, *job.arguments()]


def smtp_source(place, job):
    sessions = job.keys.get("sessions", 1) if job.mode == "many" else 1
    keep = [] if job.mode == "reconnect" else ["-d"]
    command = [place.programs / "measure", job.count, 1, "/dev/null", "smtp-source", "-4", *keep, "-s", sessions]
    command += ["-m", job.count, "-F", job.message.with_suffix(".lf"), "-f", FROM, "-t", TO, "-M", "localhost"]
    return [*command, f"{job.host}:{job.port}"]


def msmtp(place, job):
    if job.mode == "keep" and job.count != 1:
        raise Refused("one message per process")
    tls = job.keys.get("tls", "none")
    command = [place.programs / "measure", job.count, job.count, job.message, "msmtp", "-C", "/dev/null"]
    command += [f"--host={job.host}", f"--port={job.port}", "--auth=off", "--domain=localhost", f"--from={FROM}"]
    command += ["--tls=off"] if tls == "none" else ["--tls=on", f"--tls-trust-file={job.keys['ca']}"]
    return [*command, f"--tls-starttls={'on' if tls == 'starttls' else 'off'}", TO]


ONE_PER_THREAD = ("many", "one connection per thread")
NO_IMPLICIT = ("implicit", "no implicit TLS")

# Seen with 1.1.0: it reads the tickets where it should write EHLO, and waits for more.
NO_TICKETS = ("starttls", "stalls on the session tickets of TLS 1.3")

PEERS = [
    Peer("libcurl", "libcurl", program("curl_send")),
    Peer("libesmtp", "libesmtp", program("esmtp_send"), (ONE_PER_THREAD, NO_IMPLICIT, NO_TICKETS)),
    Peer("libetpan", "libetpan", program("etpan_send"), (ONE_PER_THREAD,)),
    Peer("vmime", "VMime", program("vmime_send"), (ONE_PER_THREAD,)),
    Peer("poco", "Poco", program("poco_send"), (ONE_PER_THREAD, NO_IMPLICIT)),
    Peer("smtp-source", "Postfix smtp-source", smtp_source, (("starttls", "no TLS"), ("implicit", "no TLS"))),
    Peer("go", "Go net/smtp", program("netsmtp_send")),
    Peer("smtplib", "Python smtplib", script("/usr/bin/python3", "smtplib_send.py"), (ONE_PER_THREAD,)),
    Peer("aiosmtplib", "aiosmtplib", script("/usr/bin/python3", "aiosmtplib_send.py")),
    Peer("nodemailer", "nodemailer", script("node", "nodemailer_send.js")),
    Peer("msmtp", "msmtp", msmtp, (("many", "one message per process"),)),
]

OURS = program("postrider_send")
YARDSTICK = program("yardstick")
