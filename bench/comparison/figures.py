"""What is derived from the runs: medians, ratios within rounds, and the goals."""
import statistics
from dataclasses import dataclass


def row_of(result, key):
    return next((row for row in result["rows"] if row["key"] == key and not row["refused"]), None)


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(result, one, other, what="rates"):
    """Median of the ratios within each round in which both ran; None when one of them is absent."""
    first, second = row_of(result, one), row_of(result, other)
    if not first or not second:
        return None
    return median(a / b if a is not None and b else None for a, b in zip(first[what], second[what]))


def peers(result):
    return [r for r in result["rows"] if not r["refused"] and not r["key"].startswith(("ours-", "bare-"))]


def best_peer(result):
    """The key of the fastest of the others."""
    able = peers(result)
    return max(able, key=lambda row: median(row["rates"]))["key"] if able else None


@dataclass(frozen=True)
class Goal:
    table: str
    text: str
    value: object  # result -> number or None
    limit: float
    at_most: bool = False
    unit: str = "×"

    def reached(self, result):
        value = self.value(result)
        if value is None:
            return None, None
        return value, value <= self.limit if self.at_most else value >= self.limit


def against_best(ours):
    return lambda result: ratio(result, ours, best_peer(result))


def against(ours, other, what="rates"):
    return lambda result: ratio(result, ours, other, what)


def time_against_best(ours):
    return lambda result: ratio(result, ours, best_peer(result), "walls")


def round_trips(ours):
    """Of the link, in which a message was accepted."""
    def value(result):
        row = row_of(result, ours)
        return row and median(row["walls"]) * 1000 / result["link_ms"]
    return value


def of_row(ours, what, scale=1.0):
    def value(result):
        row = row_of(result, ours)
        return row[what] * scale if row and row[what] is not None else None
    return value


GOALS = [
    Goal("w1", "window 1, CHUNKING, against the best peer", against_best("ours-chunking"), 2.5),
    Goal("w1", "window 1, CHUNKING, against bare write and read", against("ours-chunking", "bare-ping"), 0.85),
    Goal("w1", "round trips per message", of_row("ours-chunking", "turns"), 1.01, True, ""),
    Goal("w1", "system calls per message", of_row("ours-chunking", "calls"), 2.1, True, ""),
    Goal("w1", "client CPU against libesmtp's", against("ours-chunking", "libesmtp", "cpus"), 0.35, True),
    Goal("w1", "window 64, CHUNKING, against the best peer", against_best("ours-window"), 20),
    Goal("w1", "window 64, CHUNKING, against libcurl", against("ours-window", "libcurl"), 50),
    Goal("w1", "window 64, DATA, against the best peer", against_best("ours-window-data"), 2.5),
    Goal("w2", "against the best peer", against_best("ours-chunking"), 1.4),
    Goal("w3-one", "one message in clear, in round trips", round_trips("ours-chunking"), 4.3, True, ""),
    Goal("w3-tls", "one message with STARTTLS, in round trips", round_trips("ours-chunking"), 7.3, True, ""),
    Goal("w3-many", "window 1, time against the best peer's", time_against_best("ours-chunking"), 0.52, True),
    Goal("w3-many", "window 64, time against the best peer's", time_against_best("ours-window"), 1 / 40, True),
    Goal("w4", "BDAT from a file against bare write() from memory", against("ours-chunking", "bare-write"), 0.9),
    Goal("w4", "DATA from a file against bare write() from memory", against("ours-data", "bare-write"), 0.75),
    Goal("w4", "BDAT against libcurl", against("ours-chunking", "libcurl"), 2.5),
    Goal("w4", "peak memory", of_row("ours-chunking", "rss_kb", 1 / 1024), 6, True, "MB"),
    Goal("w5", "CHUNKING, window 1, against the best peer", against_best("ours-chunking"), 4),
    Goal("w5", "CHUNKING, window 64, against the best peer", against_best("ours-window"), 4),
    Goal("w5", "DATA, window 1, against the best peer", against_best("ours-data"), 2.5),
    Goal("w5", "DATA, window 64, against the best peer", against_best("ours-window-data"), 2.5),
    Goal("w5", "heap per idle session in clear", lambda result: result["heap_per_session"] / 1024, 4, True, "KB"),
    Goal("w6-keep", "one connection, window 1, against the best peer", against_best("ours-chunking"), 3.5),
    Goal("w6-keep", "one connection, window 64, against the best peer", against_best("ours-window"), 3.5),
    Goal("w6-each", "a connection per message against Go, resumed", against("ours-chunking", "go"), 1.3),
    Goal("w6-large", "100 MB against libcurl", against("ours-chunking", "libcurl"), 1.4),
]


def content_goals(content):
    """W7, from bench_content's rates in octets per second."""
    if not content:
        return
    wide = content["content_slices/columns:72/crlf:1"] / content["copy_only/columns:72/crlf:1"]
    short = content["content_slices/columns:10/crlf:1"] / content["octet_loop/columns:10/crlf:1"]
    yield "W7", "72-column text against memcpy", wide, 0.55
    yield "W7", "short lines against a loop over the octets", short, 5
    yield "W7", "base64 in lines against OpenSSL's EVP", content["base64_of_ours"] / content["base64_of_openssl"], 7
