"""Mail servers whose Debian packages exclude each other, run from unpacked packages.

Debian lets one mail server be installed at a time, and Exim and OpenSMTPD have their paths compiled in.
So their packages are unpacked into a cache folder, and the server runs in a mount namespace of its own
in which that tree lies over /usr, while /etc, /var and /run are private and start as copies of the
machine's. The network is the machine's loopback. Outside the namespace nothing changes, users
included: those that a server wants exist only inside.

Unpacking needs Debian's package mirror once: `exim.py fetch`. Tests never fetch by themselves.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import fixture

# Uids that Debian gives to no package and adduser to no user.
FIRST_UID = 64100

ENTER = """set -e
mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/etc" "$WORK/etc-work" "$WORK/var" "$WORK/var-work"
mount -t overlay overlay -o "lowerdir=$PREFIX/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$WORK/etc,workdir=$WORK/etc-work" /etc
mount -t overlay overlay -o "lowerdir=/var,upperdir=$WORK/var,workdir=$WORK/var-work" /var
mount -t tmpfs -o mode=755 tmpfs /run
{preparation}
exec "$@"
"""


def prefix(name):
    """Where the packages of a server are unpacked."""
    return fixture.cache_folder() / "packages" / name


def fetch(name, packages):
    """Downloads packages from the machine's own package mirror and unpacks them."""
    target = prefix(name)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise fixture.FixtureError(f"{' '.join(command)}: {done.stderr.strip()} (is apt-get update needed?)")
        tree = pathlib.Path(folder, "tree")
        for package in pathlib.Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, tree], check=True)
        tree.rename(target)


def missing(name, program):
    """What keeps a server from running out of its unpacked packages."""
    found = []
    if os.geteuid() != 0:
        found.append("it has to be started as root")
    if not shutil.which("unshare"):
        found.append("command unshare (package util-linux) is missing")
    if not (prefix(name) / program).exists():
        found.append(f"its packages are not unpacked: run {name}.py fetch")
    elif not found:
        found += _cannot_mount()
    return found


def _cannot_mount():
    command = ["unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [f"no private mounts here: {done.stderr.strip()}"] if done.returncode else []


def command(name, work, users, preparation, words):
    """The command that runs `words` with the packages laid over the system.

    `users` are (name, home), each with a group of its own; `preparation` is shell that runs as root in
    the namespace before the server does. `work` is a new folder.
    """
    if str(work).startswith(("/etc/", "/usr/", "/var/", "/run/")):
        raise fixture.FixtureError(f"{work} would be hidden from {name}: choose --dir elsewhere, e.g. in /tmp")
    work.mkdir()
    lines = []
    for number, (user, home) in enumerate(users, FIRST_UID):
        lines.append(f"echo '{user}:x:{number}:{number}::{home}:/usr/sbin/nologin' >> /etc/passwd")
        lines.append(f"echo '{user}:x:{number}:' >> /etc/group")
    script = ENTER.replace("{preparation}", "\n".join([*lines, preparation]))
    settings = [f"PREFIX={prefix(name)}", f"WORK={work}"]
    return ["env", *settings, "unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script, "sh", *words]
