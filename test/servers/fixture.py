#!/usr/bin/python3
"""What the test servers of this folder share: free ports, process bookkeeping, the command line.

A server runs in a directory of its own, on ports of its own, and is known by the processes noted in
that directory's state.json. Every process is noted as (pid, start time), so that a pid which was
recycled is never mistaken for ours; ending a server means ending the noted processes and all their
descendants, nothing else.

A server outlives neither a `with` block nor a `with -- COMMAND`: a detached guard process holds the
reading end of a pipe, and when the writing end vanishes without a word (the test was killed with
SIGKILL, as ctest does on a time-out) the guard ends the server and removes its directory.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

EXIT_UNAVAILABLE = 3
LOWEST_PORT = 10240
STATE = "state.json"


class FixtureError(Exception):
    """The server could not be started or stopped; the text says why and what to do."""


class Unavailable(FixtureError):
    """Something the server needs is not on this machine; the text names it."""


class PortTaken(FixtureError):
    """Another process took a port between probing and binding: start again with other ports."""


# ---- ports -------------------------------------------------------------------------------------


def has_ipv6():
    """True when ::1 can be bound here."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def hosts():
    """The loopback addresses servers listen on."""
    return ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]


def _ephemeral_floor():
    try:
        low = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0]
        return max(int(low), LOWEST_PORT + 1000)
    except (OSError, ValueError):
        return 32768


def is_free(port):
    """True when no socket is bound to the port on any loopback address."""
    for host in hosts():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the servers do, so that a connection in TIME_WAIT does not make a port look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def free_ports(count):
    """`count` ports that are free on every loopback address at the moment.

    Ports below the kernel's ephemeral range are used: everything else in the tests binds port 0 or
    connects out, and both draw from that range. What remains is another instance probing the same
    number at the same time; then the server's own bind fails and Server.start() tries again.
    """
    draw = random.SystemRandom()
    found = []
    for _ in range(2000):
        port = draw.randrange(LOWEST_PORT, _ephemeral_floor())
        if port not in found and is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise FixtureError(f"no {count} free ports between {LOWEST_PORT} and {_ephemeral_floor()} on loopback")


# ---- processes ---------------------------------------------------------------------------------


def _stat(pid):
    """(state, parent, session, start time in clock ticks) of a process, or None when there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], int(fields[1]), int(fields[3]), int(fields[19])


def identity(pid):
    """What tells this process from a later one with the same pid."""
    found = _stat(pid)
    return {"pid": pid, "started": found[3]} if found else None


def is_alive(process):
    """True while the noted process runs (a zombie does not)."""
    found = _stat(process["pid"])
    return found is not None and found[3] == process["started"] and found[0] != "Z"


def _is_recycled(process):
    found = _stat(process["pid"])
    return found is not None and found[3] != process["started"]


def with_descendants(processes):
    """Those of the noted processes that are alive, and everything they started.

    Each noted process leads a session of its own, so its children are found even after it has died.
    """
    table = {int(entry): _stat(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()}
    table = {pid: found for pid, found in table.items() if found and found[0] != "Z"}
    noted = {process["pid"] for process in processes if not _is_recycled(process)}
    wanted = {pid for pid, found in table.items() if pid in noted or found[2] in noted}
    grown = True
    while grown:
        more = {pid for pid, found in table.items() if found[1] in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return [{"pid": pid, "started": table[pid][3]} for pid in wanted]


def _send(process, number):
    if is_alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process["pid"], number)


def _wait_gone(processes, seconds):
    limit = time.monotonic() + seconds
    while any(is_alive(process) for process in processes):
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def end(processes, patience=5.0):
    """Ends the noted processes and their descendants: asked first, killed after `patience` seconds."""
    family = with_descendants(processes)
    for process in processes:
        _send(process, signal.SIGTERM)
    if _wait_gone(family, patience):
        return
    for process in family:
        _send(process, signal.SIGKILL)
    if not _wait_gone(family, patience):
        left = [process["pid"] for process in family if is_alive(process)]
        raise FixtureError(f"processes {left} survived SIGKILL")


# ---- readiness ---------------------------------------------------------------------------------


def connect(address, timeout=5.0):
    """A connected socket; `address` is (host, port) or the path of a Unix socket."""
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.settimeout(timeout)
    try:
        found.connect(str(address))
    except OSError:
        found.close()
        raise
    return found


def wait_for_greeting(address, seconds, still_running):
    """Waits until the server at `address` says 220; raises FixtureError when it ends or stays silent."""
    limit = time.monotonic() + seconds
    last = "nothing listens"
    while time.monotonic() < limit:
        if not still_running():
            raise FixtureError("the server ended while it was starting")
        try:
            with connect(address, timeout=0.5) as link:
                first = link.recv(512)
                with contextlib.suppress(OSError):
                    link.sendall(b"QUIT\r\n")
                    link.recv(512)
            if first.startswith(b"220"):
                return
            last = f"it said {first!r}"
        except OSError as error:
            last = str(error)
        time.sleep(0.01)
    raise FixtureError(f"no 220 from {address} within {seconds} s: {last}")


def wait_for_port(address, seconds, still_running):
    """Waits until something listens at `address` (for listeners that speak TLS first)."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not still_running():
            raise FixtureError("the server ended while it was starting")
        try:
            connect(address, timeout=1.0).close()
            return
        except OSError:
            time.sleep(0.01)
    raise FixtureError(f"nothing listens at {address} after {seconds} s")


def await_listening(server, child, address, ports):
    """Waits for the 220 of a server just spawned; PortTaken when it ended because a port was not free.

    To be our own server that answers, it must still run a moment after.
    """
    try:
        wait_for_greeting(address, 10, lambda: child.poll() is None)
        time.sleep(0.02)
        if child.poll() is not None:
            raise FixtureError("the server ended while it was starting")
    except FixtureError as error:
        if child.poll() is not None and not all(is_free(port) for port in ports):
            raise PortTaken(str(error)) from error
        said = (server.directory / "output").read_text("utf-8", "replace")[-2000:].strip()
        raise FixtureError(f"{error}; it said: {said or 'nothing'}") from error


# ---- files -------------------------------------------------------------------------------------


def write(path, text, mode=0o644, owner=None):
    """Writes a configuration file with its final permissions from the start."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        if owner:
            os.fchown(file.fileno(), *owner)
        file.write(text)
    return path


def cache_folder():
    """Where things worth keeping between runs live (certificates, unpacked packages)."""
    chosen = os.environ.get("POSTRIDER_TEST_CACHE")
    folder = pathlib.Path(chosen or f"{tempfile.gettempdir()}/postrider-test-cache-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A guessable name in a folder that everybody may write to: make sure that it is ours.
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise FixtureError(f"{folder} belongs to somebody else: remove it or set POSTRIDER_TEST_CACHE")
    return folder


def check_enterable(directory, user):
    """Raises when a mail server that runs as another user could not reach `directory`."""
    for folder in [directory, *directory.parents]:
        if not folder.stat().st_mode & 0o001:
            raise FixtureError(f"{folder} cannot be entered by the user {user}: choose --dir elsewhere, e.g. in /tmp")


# ---- a server ----------------------------------------------------------------------------------


class Server:
    """One private instance of a mail server: a context manager, and what the command line drives.

    A subclass names itself, says what is missing() on this machine, and launches in self.directory:
    it calls spawn() for each process and returns the description that tests read as JSON.
    """

    name = "server"
    attempts = 6

    def __init__(self, directory=None):
        self._given = pathlib.Path(directory).resolve() if directory else None
        self.directory = self._given
        self.info = None
        self._children = []
        self._guard = None

    @classmethod
    def missing(cls):
        """What this machine lacks, as a list of texts; empty when the server can run."""
        return []

    @classmethod
    def available(cls):
        """True when the server can run here."""
        return not cls.missing()

    @classmethod
    def add_options(cls, parser):
        """Adds the server's own options to the command line."""

    @classmethod
    def from_options(cls, options):
        """Makes the server from the parsed command line."""
        return cls(directory=options.dir)

    def launch(self):
        """Starts the processes and returns the description; raises PortTaken to be called again."""
        raise NotImplementedError

    def start(self, guarded=True):
        """Starts the server and returns its description (also kept as self.info).

        With `guarded` the server ends when this process does, however it ends.
        """
        reasons = self.missing()
        if reasons:
            raise Unavailable(f"{self.name} cannot run here: {'; '.join(reasons)}")
        self._prepare()
        try:
            if guarded:
                self._guard = _start_guard(self.directory, self._given is None)
            self.info = self._launch_until_ports_are_free()
        except BaseException:
            self.stop()
            raise
        self._note()
        return self.info

    def stop(self):
        """Ends the server; a directory that it made itself goes with it. Harmless when repeated."""
        with _signals_held():
            if self.directory and self.directory.exists():
                stop_directory(self.directory, remove=self._given is None)
            for child in self._children:
                child.wait()
            self._children = []
            _dismiss_guard(self._guard)
            self._guard = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def spawn(self, command, log, **keywords):
        """Starts a process of this server in a session of its own and notes it at once."""
        with open(log, "ab") as output:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **keywords
            )
        self._children.append(child)
        self._note()
        return child

    def _launch_until_ports_are_free(self):
        for _ in range(self.attempts):
            try:
                return self.launch()
            except PortTaken as error:
                reason = error
                end(_noted(self.directory))
                _empty(self.directory)
        raise FixtureError(f"{self.name}: {self.attempts} attempts, each time another process was faster: {reason}")

    def _prepare(self):
        if self._given is None:
            self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"postrider-{self.name}-"))
            self.directory.chmod(0o755)
            return
        if self._given.exists() and any(self._given.iterdir()):
            if not (self._given / STATE).exists():
                raise FixtureError(f"{self._given} holds other things: give a new or empty directory")
            if any(is_alive(process) for process in _noted(self._given)):
                raise FixtureError(f"a server is running in {self._given}: stop it first")
            _empty(self._given)
        self._given.mkdir(mode=0o755, parents=True, exist_ok=True)

    def _note(self):
        known = [found for found in (identity(child.pid) for child in self._children) if found]
        state = {"server": self.name, "processes": known, "info": self.info}
        half = self.directory / (STATE + ".new")
        write(half, json.dumps(state, indent=1))
        half.rename(self.directory / STATE)


def _noted(directory):
    try:
        return json.loads((directory / STATE).read_text(encoding="utf-8"))["processes"]
    except (OSError, ValueError, KeyError):
        return []


def _empty(directory):
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def stop_directory(directory, remove=False):
    """Ends the server that runs in `directory`."""
    end(_noted(directory))
    if remove:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _signals_held():
    """Stopping is not interrupted by the signal that asked for it, sent twice."""
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# ---- the guard ---------------------------------------------------------------------------------


def _start_guard(directory, remove):
    reading, writing = os.pipe()
    command = [sys.executable, os.path.abspath(__file__), "guard", str(directory), "remove" if remove else "keep"]
    with subprocess.Popen(command, stdin=reading, start_new_session=True) as launcher:
        os.close(reading)
        launcher.wait()
    return writing


def _dismiss_guard(writing):
    if writing is not None:
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, b"done")
        os.close(writing)


def _run_guard(directory, remove):
    # Detached from the family tree as well: ctest kills all descendants of a test that takes too long.
    if os.fork():
        os._exit(0)
    if os.read(0, 16) == b"done":
        return
    stop_directory(pathlib.Path(directory), remove)


# ---- the command line --------------------------------------------------------------------------


def environment(server):
    """The variables under which a command run by `with` finds the server."""
    name = server.name.upper().replace("-", "_")
    found = {f"POSTRIDER_TEST_{name}_JSON": str(server.directory / "info.json")}
    for port, number in server.info.get("ports", {}).items():
        found[f"POSTRIDER_TEST_{name}_{port.upper()}"] = str(number)
    for key in ("ca", "certs"):
        if key in server.info:
            found[f"POSTRIDER_TEST_{key.upper()}"] = server.info[key]
    return found


class _Interrupted(SystemExit):
    pass


def _raise_on_signals():
    def interrupted(number, _frame):
        raise _Interrupted(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)


def run_with(server, command):
    """Runs `command` beside the server and returns its exit status; the server always ends."""
    _raise_on_signals()
    child = None
    try:
        server.start()
        write(server.directory / "info.json", json.dumps(server.info, indent=1), 0o600)
        child = subprocess.Popen(command, env={**os.environ, **environment(server)})
        status = child.wait()
        return status if status >= 0 else 128 - status
    except FileNotFoundError as error:
        raise FixtureError(f"cannot run {command[0]}: {error.strerror}") from error
    finally:
        with _signals_held():
            if child and child.poll() is None:
                end([found for found in [identity(child.pid)] if found])
                child.wait()
            server.stop()


def _parser(server_class):
    parser = argparse.ArgumentParser(description=f"A private {server_class.name} for tests, on loopback.")
    actions = parser.add_subparsers(dest="action", required=True)
    starting = actions.add_parser("start", help="start it, print its description as JSON, leave it running")
    starting.add_argument("--json-out", help="also write the description to this file")
    running = actions.add_parser("with", help="run a command beside it; it ends with the command")
    for action in (starting, running):
        action.add_argument("--dir", required=action is starting, help="directory of this instance, new or empty")
        server_class.add_options(action)
    running.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    stopping = actions.add_parser("stop", help="end the one that runs in a directory")
    stopping.add_argument("--dir", required=True)
    stopping.add_argument("--remove", action="store_true", help="remove the directory as well")
    if hasattr(server_class, "fetch"):
        actions.add_parser("fetch", help="get what it needs into the cache folder, over the network")
    actions.add_parser("check", help=f"say whether it can run here (exit {EXIT_UNAVAILABLE} if not)")
    return parser


def _start_detached(server, options):
    info = server.start(guarded=False)
    text = json.dumps(info, indent=1)
    if options.json_out:
        write(options.json_out, text + "\n", 0o600)
    print(text)
    return 0


def _perform(server_class, options):
    if options.action == "check":
        reasons = server_class.missing()
        print("; ".join(reasons) or "available")
        return EXIT_UNAVAILABLE if reasons else 0
    if options.action == "fetch":
        server_class.fetch()
        return 0
    if options.action == "stop":
        directory = pathlib.Path(options.dir)
        if not (directory / STATE).exists():
            raise FixtureError(f"{directory} holds no server")
        stop_directory(directory, options.remove)
        return 0
    server = server_class.from_options(options)
    if options.action == "start":
        return _start_detached(server, options)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise FixtureError("with: no command; write: with [OPTIONS] -- COMMAND")
    return run_with(server, command)


def main(server_class, arguments=None):
    """The command line of a server: start, stop, with, check."""
    options = _parser(server_class).parse_args(arguments)
    try:
        return _perform(server_class, options)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    except FixtureError as error:
        print(f"{server_class.name}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "guard":
        _run_guard(sys.argv[2], sys.argv[3] == "remove")
    else:
        sys.exit("fixture.py is used by the servers beside it")
