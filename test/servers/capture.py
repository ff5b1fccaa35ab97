#!/usr/bin/python3
"""A proxy that records: put it between a client and any server to see what really went over the wire.

    capture.py --target 127.0.0.1:PORT [--delay-ms N] [--record DIR] [--port-file F]       until SIGTERM
    capture.py --target 127.0.0.1:PORT -- COMMAND ... {port} ...                           until COMMAND ends

It prints one JSON summary at the end. Per connection and direction ("c2s", "s2c") it counts

    bytes        what went through
    reads        how many pieces the proxy received (pieces that arrive together are read together)
    segments     how many TCP segments with data the kernel received (TCP_INFO; null on Unix sockets)

and round_trips: how often the client spoke and the server then answered. With --delay-ms every piece
arrives that much later, in both directions, so that a dialogue takes round_trips * 2 * delay and the
proxy stands for a distant server. Nothing is changed and pieces are never joined: closing, half
closing and resetting travel like data.

Files in DIR, per connection N: N.c2s and N.s2c (the bytes), N.jsonl (one line per event: seconds since
the connection came, direction, and "data" as base64, or "end": "eof" or "reset").
"""

import argparse
import base64
import collections
import contextlib
import json
import os
import pathlib
import queue
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import fixture

C2S, S2C = "c2s", "s2c"
Event = collections.namedtuple("Event", "seconds direction data end")
# tcpi_data_segs_in of struct tcp_info (linux/tcp.h, since Linux 4.6).
DATA_SEGMENTS_IN_OFFSET = 152


def parse_address(text):
    """ "HOST:PORT" or "unix:PATH" as (host, port) or a path."""
    if text.startswith("unix:"):
        return text.removeprefix("unix:")
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"{text}: write HOST:PORT or unix:PATH")
    return host.strip("[]") or "127.0.0.1", int(port)


def reset(link):
    """Closes a TCP socket with RST instead of FIN."""
    with contextlib.suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def _no_delay(link):
    if link.family != socket.AF_UNIX:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _data_segments(link):
    if link.family == socket.AF_UNIX:
        return None
    with contextlib.suppress(OSError, struct.error):
        info = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return struct.unpack_from("I", info, DATA_SEGMENTS_IN_OFFSET)[0]
    return None


class Connection:
    """What passed through one connection; filled while it lives."""

    def __init__(self, client, server, delay):
        self.events = []
        self.segments = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._delay = delay
        self._threads = [
            thread
            for direction, source, sink in ((C2S, client, server), (S2C, server, client))
            for thread in self._pump(direction, source, sink)
        ]
        self._closer = threading.Thread(target=self._close_at_end, args=(client, server), daemon=True)

    def run(self):
        """Starts passing bytes on."""
        for thread in [*self._threads, self._closer]:
            thread.start()

    def join(self, seconds=10):
        """Waits until both sides have ended."""
        self._closer.join(seconds)

    def sent(self, direction):
        """All bytes of one direction."""
        with self._lock:
            return b"".join(event.data for event in self.events if event.direction == direction)

    def reads(self, direction):
        """How many pieces came in one direction."""
        with self._lock:
            return sum(1 for event in self.events if event.direction == direction and event.data)

    @property
    def round_trips(self):
        """How often the client spoke and the server answered."""
        with self._lock:
            order = [event.direction for event in self.events if event.data]
        return sum(1 for before, after in zip(order, order[1:]) if (before, after) == (C2S, S2C))

    def summary(self):
        """The counts, ready for JSON."""
        with self._lock:
            ends = {event.direction: event.end for event in self.events if event.end}
            seconds = self.events[-1].seconds if self.events else 0
        return {
            "seconds": round(seconds, 6),
            "round_trips": self.round_trips,
            "bytes": {direction: len(self.sent(direction)) for direction in (C2S, S2C)},
            "reads": {direction: self.reads(direction) for direction in (C2S, S2C)},
            "segments": dict(self.segments),
            "ends": ends,
        }

    def _pump(self, direction, source, sink):
        pieces = queue.Queue()
        yield threading.Thread(target=self._receive, args=(direction, source, pieces), daemon=True)
        yield threading.Thread(target=self._deliver, args=(source, sink, pieces), daemon=True)

    def _note(self, direction, data, end=None):
        with self._lock:
            self.events.append(Event(time.monotonic() - self._began, direction, data, end))

    def _receive(self, direction, source, pieces):
        while True:
            try:
                # Not a blocking recv(): it would keep a socket alive that another thread closes.
                while not select.select([source], [], [], 0.05)[0]:
                    pass
                data = source.recv(65536)
                end = None if data else "eof"
            except (OSError, ValueError):
                data, end = b"", "reset"
            self._note(direction, data, end)
            pieces.put((time.monotonic() + self._delay, data, end))
            if end != "reset":
                self.segments[direction] = _data_segments(source)
            if end:
                return

    @staticmethod
    def _deliver(source, sink, pieces):
        while True:
            due, data, end = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if end == "reset":
                    reset(sink)
                elif end:
                    sink.shutdown(socket.SHUT_WR)
                else:
                    sink.sendall(data)
            except OSError:
                # The far side is gone: the near side learns it as it would without a proxy.
                reset(source)
                return
            if end:
                return

    def _close_at_end(self, client, server):
        for thread in self._threads:
            thread.join()
        client.close()
        server.close()


class CaptureProxy:
    """A recording proxy as a context manager; `address` is where clients connect to."""

    def __init__(self, target, listen=("127.0.0.1", 0), delay_ms=0, record=None):
        self.target, self.delay, self.record = target, delay_ms / 1000, record
        self.connections = []
        self._listener = self._listen(listen)
        self.address = self._listener.getsockname()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self):
        """The TCP port that clients connect to."""
        return self.address[1]

    @staticmethod
    def _listen(listen):
        if isinstance(listen, tuple):
            return socket.create_server(listen, family=socket.AF_INET6 if ":" in listen[0] else socket.AF_INET)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(listen)
        listener.listen()
        return listener

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = fixture.connect(self.target)
            except OSError:
                reset(client)
                continue
            server.settimeout(None)
            for link in (client, server):
                _no_delay(link)
            connection = Connection(client, server, self.delay)
            self.connections.append(connection)
            connection.run()

    def close(self):
        """Takes no more clients, waits for those there are, and writes the record."""
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in list(self.connections):
            connection.join()
        if self.record:
            self._write(pathlib.Path(self.record))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def summary(self):
        """All connections, ready for JSON."""
        return {"connections": [connection.summary() for connection in self.connections]}

    def _write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for number, connection in enumerate(self.connections, 1):
            for direction in (C2S, S2C):
                (folder / f"{number}.{direction}").write_bytes(connection.sent(direction))
            lines = [
                json.dumps(
                    {
                        **{"seconds": round(event.seconds, 6), "direction": event.direction},
                        **({"end": event.end} if event.end else {"data": base64.b64encode(event.data).decode()}),
                    }
                )
                for event in connection.events
            ]
            (folder / f"{number}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="ascii")


def _wait_for_signal():
    signal.sigwait({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    return 0


def main():
    """The command line described above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", required=True, help="HOST:PORT or unix:PATH of the server")
    parser.add_argument("--listen", default="127.0.0.1:0", help="HOST:PORT or unix:PATH for clients")
    parser.add_argument("--delay-ms", type=float, default=0, help="one-way delay")
    parser.add_argument("--record", help="folder for the bytes")
    parser.add_argument("--port-file", help="file to write the port to, when it listens")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="{port} becomes the port")
    options = parser.parse_args()
    try:
        addresses = parse_address(options.target), parse_address(options.listen)
    except ValueError as error:
        parser.error(str(error))
    # Before the first thread, so that every thread inherits it and only sigwait() sees the signals.
    if not options.command:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    with CaptureProxy(*addresses, options.delay_ms, options.record) as proxy:
        port = str(proxy.address[1]) if isinstance(proxy.address, tuple) else proxy.address
        if options.port_file:
            fixture.write(options.port_file + ".new", port + "\n")
            os.replace(options.port_file + ".new", options.port_file)
        if options.command:
            command = [word.replace("{port}", port) for word in options.command if word != "--"]
            status = subprocess.run(command, check=False).returncode
        else:
            print(port, flush=True)
            status = _wait_for_signal()
    print(json.dumps(proxy.summary(), indent=1), file=sys.stderr if options.command else sys.stdout)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
