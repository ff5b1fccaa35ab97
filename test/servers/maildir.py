#!/usr/bin/python3
"""Reading delivered mail and comparing it with what was sent.

A delivery agent puts its own trace in front of the content (RFC 5321 section 4.4: Return-Path and
Received; and Delivered-To or X-Original-To by custom) and ends lines with LF. The content begins
after exactly that trace: each of these fields at most once, and nothing after the first Received,
so that a message which itself begins with Received or Delivered-To is not cut too far.
"""

import argparse
import pathlib
import sys
import time

TRACE_FIELDS = ("return-path", "x-original-to", "delivered-to", "envelope-to", "delivery-date", "received")


def snapshot(maildir):
    """The names of all messages in a maildir; give it as `after` to see only later ones."""
    return {path.name for path in _messages(pathlib.Path(maildir))}


def delivered(maildir, after=(), count=1, wait=10.0):
    """The contents of the `count` or more messages that came after the snapshot, oldest first.

    Waits up to `wait` seconds for them, and raises TimeoutError with what did come. Contents are
    bytes with LF line ends and without the trace of the server.
    """
    return [split_trace(path.read_bytes())[1] for path in wait_for(maildir, after, count, wait)]


def wait_for(maildir, after=(), count=1, wait=10.0):
    """As delivered(), but the paths of the files."""
    limit = time.monotonic() + wait
    while True:
        found = [path for path in _messages(pathlib.Path(maildir)) if path.name not in after]
        if len(found) >= count:
            return sorted(found, key=lambda path: path.stat().st_mtime_ns)
        if time.monotonic() >= limit:
            raise TimeoutError(f"{len(found)} of {count} messages in {maildir} after {wait} s")
        time.sleep(0.02)


def _messages(maildir):
    for folder in ("new", "cur"):
        if (maildir / folder).is_dir():
            yield from (maildir / folder).iterdir()


def split_trace(data):
    """(trace, content) of a delivered message."""
    position = 0
    seen = set()
    while True:
        field_end = _field_end(data, position)
        name = data[position:field_end].split(b":", 1)[0].decode("ascii", "replace").lower()
        if name not in TRACE_FIELDS or name in seen:
            return data[:position], data[position:]
        seen.add(name)
        position = field_end
        if name == "received":
            return data[:position], data[position:]


def _field_end(data, position):
    """Where the field that begins at `position` ends, its folded lines (RFC 5322 2.2.3) included."""
    while True:
        line_end = data.find(b"\n", position)
        if line_end < 0:
            return len(data)
        position = line_end + 1
        if data[position : position + 1] not in (b" ", b"\t"):
            return position


def canonical(sent):
    """What a maildir must hold for `sent`: CRLF, bare CR and bare LF all end a line, the last line too."""
    text = sent.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text if text.endswith(b"\n") or not text else text + b"\n"


def difference(content, sent):
    """None when the delivered `content` is what was sent, else a text that shows the first difference."""
    wanted = canonical(sent)
    if content == wanted:
        return None
    at = next((i for i, (a, b) in enumerate(zip(content, wanted)) if a != b), min(len(content), len(wanted)))
    line = wanted.count(b"\n", 0, at) + 1
    around = slice(max(0, at - 40), at + 40)
    return (
        f"differs at octet {at} (line {line}): delivered {content[around]!r}, sent {wanted[around]!r}; "
        f"lengths {len(content)} and {len(wanted)}"
    )


def main():
    """Command line: list the newest messages of a maildir, or compare the newest with a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["wait", "show", "compare"])
    parser.add_argument("--maildir", required=True)
    parser.add_argument("--count", type=int, default=1, help="how many messages the maildir must hold")
    parser.add_argument("--wait", type=float, default=10.0, help="seconds")
    parser.add_argument("--sent", help="compare: the file that was sent")
    options = parser.parse_args()
    if options.action == "compare" and not options.sent:
        parser.error("compare needs --sent FILE")
    try:
        newest = wait_for(options.maildir, (), options.count, options.wait)[-1]
    except TimeoutError as error:
        sys.exit(str(error))
    if options.action == "wait":
        print(newest)
        return 0
    content = split_trace(newest.read_bytes())[1]
    if options.action == "show":
        sys.stdout.buffer.write(content)
        return 0
    found = difference(content, pathlib.Path(options.sent).read_bytes())
    if found:
        print(found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
