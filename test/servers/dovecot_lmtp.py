#!/usr/bin/python3
"""A private Dovecot that takes mail by LMTP, on a Unix socket and on TCP, and keeps it in maildirs.

    dovecot_lmtp.py start --dir D [--json-out F] | stop --dir D | with [OPTIONS] -- COMMAND

The description has "ports": {"lmtp": N}, "socket" (the path of the Unix socket), "mailboxes" and
"recipients" (who is refused, and when). One mailbox has a quota that is full, so that LMTP's reply per
recipient (RFC 2033) differs within one message: only DATA shows it.

Dovecot's working directory holds Unix sockets, whose paths have little room: it is made under /tmp,
however long the path of the instance's own directory is.
"""

import os
import pathlib
import pwd
import shutil
import sys

import certs
import fixture

DOMAIN = "mail.test"
USERS = ("alice", "bob", "full")
RECIPIENTS = {
    f"nobody@{DOMAIN}": "550 5.1.1 at RCPT: no such user",
    f"full@{DOMAIN}": "552 5.2.2 after DATA: over quota",
}
# Longest path of a Unix socket (unix(7)) less the longest name that Dovecot makes in its base_dir.
LONGEST_BASE = 107 - len("/auth-master-userdb-penalty-socket")

CONFIGURATION = """base_dir = {base}
state_dir = {root}/state
log_path = {root}/log/dovecot.log
protocols = lmtp
listen = {hosts}
hostname = {domain}
postmaster_address = postmaster@{domain}
first_valid_uid = 1
ssl = yes
ssl_cert = <{root}/conf/chain.pem
ssl_key = <{root}/conf/key.pem
mail_location = maildir:{root}/mail/%n
mail_plugins = quota
quota_full_tempfail = no
lmtp_save_to_detail_mailbox = no
passdb {{
  driver = passwd-file
  args = username_format=%u {root}/conf/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {root}/conf/users
}}
plugin {{
  quota = maildir:User quota
}}
service lmtp {{
  process_min_avail = 1
  unix_listener lmtp {{
    mode = 0666
  }}
{listeners}}}
service stats {{
  process_min_avail = 0
}}
"""


class DovecotLmtp(fixture.Server):
    """A private Dovecot with LMTP only."""

    name = "dovecot_lmtp"

    def __init__(self, directory=None, leaf="good"):
        super().__init__(directory)
        self.leaf = leaf
        self._base = None

    @classmethod
    def missing(cls):
        found = []
        if os.geteuid() != 0:
            found.append("it has to be started as root")
        if not shutil.which("dovecot"):
            found.append("package dovecot-core is not installed")
        if not pathlib.Path("/usr/lib/dovecot/lmtp").exists():
            found.append("package dovecot-lmtpd is not installed")
        return found

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--leaf", default="good", help="the server's certificate, a leaf of certs.py")

    @classmethod
    def from_options(cls, options):
        return cls(options.dir, options.leaf)

    def launch(self):
        index = certs.ensure()
        fixture.check_enterable(self.directory, "nobody")
        (port,) = fixture.free_ports(1)
        nobody = pwd.getpwnam("nobody")
        for name in ("conf", "log", "state", "mail"):
            (self.directory / name).mkdir(mode=0o755)
        os.chown(self.directory / "mail", nobody.pw_uid, nobody.pw_gid)
        self._write_configuration(index, port, nobody)
        self._start(port)
        return self._description(index, port)

    def _write_configuration(self, index, port, nobody):
        conf, leaf = self.directory / "conf", index["leaves"][self.leaf]
        fixture.write(conf / "key.pem", pathlib.Path(leaf["key"]).read_text("ascii"), 0o600)
        shutil.copy(leaf["chain"], conf / "chain.pem")
        base = self.directory / "base"
        if len(str(base)) > LONGEST_BASE:
            raise fixture.FixtureError(f"{base} is too long for Unix sockets: choose a shorter --dir, e.g. in /tmp")
        self._base = base
        listeners = "".join(
            f"  inet_listener lmtp{number} {{\n    address = {host}\n    port = {port}\n  }}\n"
            for number, host in enumerate(fixture.hosts())
        )
        text = CONFIGURATION.format(
            base=base, root=self.directory, domain=DOMAIN, hosts=", ".join(fixture.hosts()), listeners=listeners
        )
        fixture.write(conf / "dovecot.conf", text)
        lines = [
            f"{user}@{DOMAIN}:{{PLAIN}}unused:{nobody.pw_uid}:{nobody.pw_gid}::{self.directory}/mail/{user}::"
            + (" userdb_quota_rule=*:bytes=1" if user == "full" else "")
            for user in USERS
        ]
        fixture.write(conf / "users", "".join(line.rstrip() + "\n" for line in lines))

    def _start(self, port):
        log = self.directory / "log/dovecot.log"
        command = [shutil.which("dovecot"), "-F", "-c", str(self.directory / "conf/dovecot.conf")]
        child = self.spawn(command, self.directory / "log/output")
        try:
            for address in (("127.0.0.1", port), self._base / "lmtp"):
                fixture.wait_for_greeting(address, 10, lambda: child.poll() is None)
        except fixture.FixtureError as error:
            said = "".join(
                path.read_text("utf-8", "replace") for path in (log, log.with_name("output")) if path.exists()
            )
            if "Address already in use" in said:
                raise fixture.PortTaken(said) from error
            raise fixture.FixtureError(f"{error}; its log: {said[-2000:] or 'empty'}") from error

    def _description(self, index, port):
        return {
            "name": self.name,
            "host": "127.0.0.1",
            "host6": "::1" if fixture.has_ipv6() else None,
            "domain": DOMAIN,
            "ports": {"lmtp": port},
            "socket": str(self._base / "lmtp"),
            "ca": index["ca"],
            "certs": str(pathlib.Path(index["ca"]).with_name("index.json")),
            "mailboxes": {f"{user}@{DOMAIN}": str(self.directory / "mail" / user) for user in USERS},
            "recipients": RECIPIENTS,
            "log": str(self.directory / "log/dovecot.log"),
        }


if __name__ == "__main__":
    sys.exit(fixture.main(DovecotLmtp))
