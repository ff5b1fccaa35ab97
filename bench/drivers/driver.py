"""What the drivers written in Python have in common; see driver.hpp for what a driver is."""
import json
import resource
import ssl
import sys
import time

FROM = "alice@example.org"
TO = "bob@example.net"


def cannot(why):
    """The client has no means for what was asked."""
    print(why, file=sys.stderr)
    sys.exit(3)


class Task:
    """HOST PORT COUNT FILE MODE [KEY=VALUE...]"""

    def __init__(self):
        self.host, port, count, self.file, self.mode = sys.argv[1:6]
        self.port, self.count = int(port), int(count)
        more = dict(pair.split("=", 1) for pair in sys.argv[6:])
        self.tls = more.get("tls", "none")
        self.ca = more.get("ca")
        self.sessions = int(more.get("sessions", "1000"))
        self._context = None

    def text(self):
        with open(self.file, "rb") as file:
            return file.read()

    def tls_context(self):
        if self.tls != "none" and self._context is None:
            self._context = ssl.create_default_context(cafile=self.ca)
        return self._context


class Stopwatch:
    def __init__(self):
        self._before = resource.getrusage(resource.RUSAGE_SELF)
        self._began = time.monotonic()

    def stop(self):
        self._wall = time.monotonic() - self._began
        self._after = resource.getrusage(resource.RUSAGE_SELF)

    def print(self, messages):
        with open("/proc/self/status", encoding="ascii") as status:
            peak = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
        print(
            json.dumps(
                {
                    "messages": messages,
                    "wall": self._wall,
                    "user": self._after.ru_utime - self._before.ru_utime,
                    "sys": self._after.ru_stime - self._before.ru_stime,
                    "rss_kb": int(peak),
                }
            )
        )
