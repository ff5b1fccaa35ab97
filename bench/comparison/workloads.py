"""The workloads, as tables, and how a table is measured.

Every contestant of a table runs once in each round, in an order that turns from round to round, so that what else the
machine does falls on all of them. Ratios are formed within a round; what is reported is their median.
"""
import statistics
import time
from dataclasses import dataclass

from contestants import OURS, PEERS, YARDSTICK, Job, Peer
from machinery import LINK_MILLISECONDS, Link, Refused, Sink, checked_run, in_parallel, run_command, system_calls

KILOBYTE_MESSAGE = 1024
LARGE_MESSAGE = 100_000_000


@dataclass(frozen=True)
class Variant:
    """Postrider in one of its ways."""

    key: str
    name: str
    mode: str
    keys: tuple = ()


@dataclass(frozen=True)
class Table:
    key: str
    workload: str
    title: str
    mode: str
    ours: tuple
    size: int = KILOBYTE_MESSAGE
    tls: str = "none"
    sessions: int = 0
    count: int = 0  # fixed number of messages; 0: what takes `seconds`
    seconds: float = 0.25
    link: bool = False
    together: bool = False  # all at once: they only wait
    rounds: int = 0  # at most; 0: as many as asked for
    yardsticks: tuple = ()
    strace: tuple = ()  # two numbers of messages, for the difference


WAYS = (
    Variant("chunking", "**Postrider**, BDAT", "keep"),
    Variant("data", "**Postrider**, DATA", "keep", (("chunking", 0),)),
    Variant("window", "**Postrider**, BDAT, window 64", "window", (("window", 64),)),
    Variant("window-data", "**Postrider**, DATA, window 64", "window", (("window", 64), ("chunking", 0))),
    Variant("auto", "**Postrider**, BDAT, window auto", "window", (("window", 0),)),
)
TWO_WAYS = WAYS[:2]
RECONNECT = (
    Variant("chunking", "**Postrider**, BDAT", "reconnect"),
    Variant("data", "**Postrider**, DATA", "reconnect", (("chunking", 0),)),
)
FROM_FILE = (
    Variant("chunking", "**Postrider**, BDAT", "file"),
    Variant("data", "**Postrider**, DATA", "file", (("chunking", 0),)),
)
MANY = (
    Variant("chunking", "**Postrider**, BDAT", "many"),
    Variant("data", "**Postrider**, DATA", "many", (("chunking", 0),)),
    Variant("window", "**Postrider**, BDAT, window 64", "many", (("window", 64),)),
    Variant("window-data", "**Postrider**, DATA, window 64", "many", (("window", 64), ("chunking", 0))),
)

TABLES = [
    Table("w1", "W1", "One connection, 1 KB messages", "keep", WAYS, yardsticks=("ping",), strace=(200, 600)),
    Table("w2", "W2", "A new connection for each 1 KB message", "reconnect", RECONNECT, yardsticks=("dialogue",),
          strace=(50, 150)),
    Table("w3-one", "W3", "50 ms round trip, one message", "keep", TWO_WAYS, count=1, link=True, rounds=9),
    Table("w3-tls", "W3", "50 ms round trip, one message, STARTTLS", "keep", TWO_WAYS, count=1, link=True,
          tls="starttls", rounds=5),
    Table("w3-many", "W3", "50 ms round trip, 200 messages on one connection", "keep", WAYS, count=200, link=True,
          together=True, rounds=2),
    Table("w4", "W4", "One message of 100 MB", "keep", FROM_FILE, size=LARGE_MESSAGE, count=1,
          yardsticks=("write", "file")),
    Table("w5", "W5", "1,000 sessions at once, 1 KB messages", "many", MANY, sessions=1000, seconds=1.4,
          yardsticks=("crowd",)),
    Table("w6-keep", "W6", "TLS 1.3 (STARTTLS), one connection, 1 KB messages", "keep", WAYS[:3], tls="starttls"),
    Table("w6-each", "W6", "TLS 1.3 (implicit), a new connection for each 1 KB message", "reconnect", RECONNECT,
          tls="implicit", yardsticks=("dialogue",)),
    Table("w6-large", "W6", "TLS 1.3 (STARTTLS), one message of 100 MB", "keep", FROM_FILE, size=LARGE_MESSAGE,
          count=1, tls="starttls"),
]

YARDSTICK_NAMES = {
    "ping": "(bare write and read of the same sizes)",
    "crowd": "(bare write and read of the same sizes, epoll)",
    "dialogue": "(the same dialogue, written in advance)",
    "write": "(bare write() of the same octets, from memory)",
    "file": "(bare read() of the file and write())",
}


class Contestant:
    def __init__(self, key, name, peer, mode, keys):
        self.key, self.name, self.peer, self.mode, self.keys = key, name, peer, mode, keys
        self.echo = False  # sends nothing that is a mail
        self.count = 0
        self.every = 1  # takes part in each so many rounds
        self.refused = None
        self.runs = []
        self.calls = None


class Measurement:
    """One table being measured."""

    def __init__(self, place, table, rounds, hurry, only=None):
        self.place, self.table = place, table
        self.rounds = min(rounds, table.rounds) if table.rounds else rounds
        self.seconds = table.seconds * hurry
        keys = {} if table.tls == "none" else {"tls": table.tls, "ca": place.certificate}
        if table.sessions:
            keys["sessions"] = table.sessions
        ours = Peer("postrider", "Postrider", OURS)
        self.contestants = [
            Contestant(f"ours-{v.key}", v.name, ours, v.mode, keys | dict(v.keys)) for v in table.ours
        ] + [Contestant(p.key, p.name, p, table.mode, dict(keys)) for p in PEERS if not only or p.key in only]
        self.echo = None

    def run(self):
        options = {"none": [], "starttls": ["--starttls"], "implicit": ["--implicit-tls"]}[self.table.tls]
        if self.table.link:
            with Link(self.place) as link, Sink(self.place, options, link) as sink:
                self.measure(sink, link)
        else:
            with Sink(self.place, options) as sink:
                self.measure(sink, None)
        return self.result()

    def job(self, who, sink, count):
        return Job(sink.host, sink.port, count, self.place.message(self.table.size), who.mode, who.keys)

    def once(self, who, sink, count, link):
        command = who.peer.command(self.place, self.job(who, sink, count))
        if who.echo:
            return run_command(self.place, command, link)
        run = checked_run(self.place, sink, command, count, self.table.size, link)
        if run["sink"]["sessions"] < self.table.sessions:
            raise Refused(f"{run['sink']['sessions']} sessions instead of {self.table.sessions}")
        return run

    def measure(self, sink, link):
        if self.table.together:
            self.measure_together(sink, link)
            return
        self.try_all(sink, link)
        if self.table.yardsticks:
            self.add_yardsticks()
        try:
            self.try_all(sink, link)
            for number in range(self.rounds):
                self.one_round(number, sink, link)
            self.count_calls(sink)
        finally:
            if self.echo:
                self.echo.__exit__()

    def try_all(self, sink, link):
        """A first run for each, to see that it can and how many messages take the wanted time."""
        for who in self.contestants:
            if who.count == 0 and not who.refused:
                try:
                    self.calibrate(who, sink, link)
                except Refused as error:
                    who.refused = str(error)

    def calibrate(self, who, sink, link):
        count = self.table.count or max(100, 2 * self.table.sessions)
        while True:
            began = time.monotonic()
            run = self.once(who, self.sink_of(who, sink), count, link)
            starting = time.monotonic() - began - run["wall"]
            if self.table.count or run["wall"] >= self.seconds / 8 or count >= 100_000:
                break
            count *= 5
        rate = count / run["wall"]
        who.first = run
        who.count = self.table.count or max(20, 2 * self.table.sessions, int(rate * self.seconds))
        # The less time a round takes, the less the machine changes within it.
        expected = who.count / rate + starting
        who.every = 1 if expected < 0.7 else 2 if expected < 4 else self.rounds

    def sink_of(self, who, sink):
        return self.echo if who.echo else sink

    def add_yardsticks(self):
        """What our own first run has sent and got: through the same loop without any meaning, or as the bare dialogue."""
        run = self.contestants[0].first
        messages = run["messages"]
        sizes = {"REQUEST": run["sink"]["received"] // messages, "REPLY": run["sink"]["sent"] // messages}
        if self.table.sessions:
            sizes["sessions"] = self.table.sessions
        self.echo = Sink(self.place, ["--echo", f"{sizes['REQUEST']}:{sizes['REPLY']}"])
        peer = Peer("yardstick", "", YARDSTICK)
        for mode in self.table.yardsticks:
            echo = mode != "dialogue"
            keys = sizes if echo else dict(self.contestants[0].keys)
            who = Contestant(f"bare-{mode}", YARDSTICK_NAMES[mode], peer, mode, keys)
            who.echo = echo
            self.contestants.append(who)

    def one_round(self, number, sink, link):
        turn = number % len(self.contestants)
        for who in self.contestants[turn:] + self.contestants[:turn]:
            if who.refused or number % who.every != 0:
                who.runs.append(None)
                continue
            try:
                who.runs.append(self.once(who, self.sink_of(who, sink), who.count, link))
            except Refused as error:
                who.refused = str(error)

    def measure_together(self, sink, link):
        """Over a link with a round trip everybody waits: all run at once, each to a sink of its own port's counters."""
        for _ in range(self.rounds):
            able = [who for who in self.contestants if not who.refused]
            jobs = [lambda who=who: run_command(
                self.place, who.peer.command(self.place, self.job(who, sink, self.table.count)), link) for who in able]
            sink.counters()
            results = in_parallel(jobs)
            for who, result in zip(able, results):
                if isinstance(result, Refused):
                    who.refused = str(result)
                else:
                    who.runs.append(result)
            seen = sink.counters()
            wanted = self.table.count * sum(not isinstance(r, Refused) for r in results)
            if seen["refused"] or seen["messages"] < wanted:
                raise SystemExit(f"the sink saw {seen['messages']} messages of {wanted}, {seen['refused']} refused")

    def count_calls(self, sink):
        """System calls per message: the difference of two runs, so that starting does not count."""
        if not self.table.strace:
            return
        for who in self.contestants:
            if who.refused:
                continue
            few, more = (n * (10 if who.mode == "window" else 1) for n in self.table.strace)
            try:
                counts = [
                    system_calls(self.place, who.peer.command(self.place, self.job(who, self.sink_of(who, sink), n)))
                    for n in (few, more)
                ]
                who.calls = (counts[1] - counts[0]) / (more - few)
            except Refused as error:
                print(f"{who.name}: system calls not counted: {error}")

    def result(self):
        rows = []
        for who in self.contestants:
            runs = [run for run in who.runs if run]
            row = {"key": who.key, "name": who.name, "refused": who.refused if who.refused or not runs else None}
            if not row["refused"]:
                row |= {"rates": [run and run["messages"] / run["wall"] for run in who.runs]}
                row |= {"cpus": [run and (run["user"] + run["sys"]) / run["messages"] for run in who.runs]}
                row |= {"walls": [run and run["wall"] for run in who.runs]}
                row |= {"rss_kb": statistics.median(run["rss_kb"] for run in runs), "calls": who.calls}
                row |= {"messages": runs[0]["messages"], "turns": turns_of(runs), "resumed": resumed_share(runs)}
            rows.append(row)
        return {"key": self.table.key, "workload": self.table.workload, "title": self.table.title, "rows": rows,
                "rounds": self.rounds, "link_ms": LINK_MILLISECONDS if self.table.link else None,
                "size": self.table.size, "sessions": self.table.sessions}


def turns_of(runs):
    """Round trips per message, as the sink saw them."""
    if "sink" not in runs[0]:
        return None
    return statistics.median(run["sink"]["turns"] / run["messages"] for run in runs)


def resumed_share(runs):
    """Of the TLS handshakes, how many resumed a session."""
    seen = [run["sink"] for run in runs if run.get("sink", {}).get("handshakes")]
    return sum(s["resumed"] for s in seen) / sum(s["handshakes"] for s in seen) if seen else None


def idle_sessions(place, sessions=1000):
    """The heap that a session holds while it waits."""
    with Sink(place) as sink:
        job = Job(sink.host, sink.port, sessions, place.message(KILOBYTE_MESSAGE), "idle", {"sessions": sessions})
        return run_command(place, OURS(place, job))["heap_per_session"]


def measure_tables(place, tables, rounds, hurry, only):
    """One result after the other."""
    for table in tables:
        began = time.monotonic()
        try:
            result = Measurement(place, table, rounds, hurry, only).run()
        except Refused as error:
            print(f"{table.workload} is left out: {error}")
            continue
        result["took"] = time.monotonic() - began
        if table.key == "w5":
            result["heap_per_session"] = idle_sessions(place)
        yield result
