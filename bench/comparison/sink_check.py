"""Is the sink right? Contents full of dots and line ends, cut anywhere; commands out of turn; then the measuring may
begin. The random numbers are the same each time."""
import random
import socket

from machinery import Refused

PARTS = [b".", b"\r", b"\n", b"\r\n", b"a", b"..", b"\r\n.", b"\n.", b"x" * 50, b"x" * 2046, b"x" * 2047, b"x" * 2048]


class Line:
    """A session, turn by turn."""

    def __init__(self, sink):
        self._socket = socket.create_connection((sink.host, sink.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._socket.makefile("rb")

    def say(self, octets):
        self._socket.sendall(octets)

    def expect(self, *codes):
        for code in codes:
            reply = self._replies.readline()
            if not reply.startswith(b"%d " % code):
                raise Refused(f"the sink is wrong: {code} was due, not {reply!r}")

    def close(self):
        self._replies.close()
        self._socket.close()


def expect_counters(sink, messages, octets, refused):
    seen = sink.counters()
    found = seen["messages"], seen["octets"], seen["refused"]
    if found != (messages, octets, refused):
        raise Refused(f"the sink is wrong: {found} counted instead of {(messages, octets, refused)}")


def send_content(line, chance, body):
    """With DATA, cut anywhere."""
    stuffed = (b"." + body if body.startswith(b".") else body).replace(b"\r\n.", b"\r\n..") + b".\r\n"
    line.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    line.expect(250, 250, 354)
    at = 0
    while at < len(stuffed):
        size = chance.choice([1, 2, 3, 7, 1000, len(stuffed)])
        line.say(stuffed[at : at + size])
        at += size
    line.expect(250)


def check(sink, cases=200):
    chance = random.Random(5321)
    line = Line(sink)
    line.expect(220)
    sink.counters()
    for _ in range(cases):
        body = b"".join(chance.choice(PARTS) for _ in range(chance.randint(0, 12)))
        body += b"" if body.endswith(b"\r\n") else b"\r\n"
        send_content(line, chance, body)
        expect_counters(sink, 1, len(body), 0)
    line.say(b"BDAT 5 LAST\r\nabcde")  # no recipient: the chunk is taken and refused
    line.expect(503)
    line.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.net>\r\nBDAT 3\r\nabcBDAT 4 LAST\r\ndefgRSET\r\n")
    line.expect(250, 250, 250, 250, 250)
    line.say(b"MAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nNONSENSE\r\nRSET\r\n")
    line.expect(250, 503, 503, 502, 250)
    expect_counters(sink, 1, 7, 4)
    line.close()
