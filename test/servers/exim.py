#!/usr/bin/python3
"""A private Exim (Debian's exim4-daemon-light), run from unpacked packages: see overlay.py.

    exim.py fetch                     once, from Debian's package mirror
    exim.py start --dir D [--json-out F] | stop --dir D | with [OPTIONS] -- COMMAND | check

What it shows that Postfix does not: replies without enhanced status codes, and PIPECONNECT and PRDR in
the EHLO reply. Listeners: smtp (STARTTLS offered, no AUTH needed), submission (STARTTLS, AUTH required),
smtps (implicit TLS, AUTH required).
"""

import pathlib
import pwd
import secrets
import shutil
import sys

import certs
import fixture
import overlay

DOMAIN = "mail.test"
PACKAGES = (
    "exim4-base",
    "exim4-daemon-light",
    "libidn12",
    "libgnutls-dane0",
    "libunbound8",
    "libevent-2.1-7",
    "libnsl2",
)
PORTS = ("smtp", "submission", "smtps")
RECIPIENTS = {f"refused@{DOMAIN}": "550 no such mailbox here", f"later@{DOMAIN}": "451 mailbox is busy"}
USERS = [("Debian-exim", "/var/spool/exim4")]

CONFIGURATION = r"""primary_hostname = {domain}
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
daemon_smtp_ports = <; {smtp} ; {submission} ; {smtps}
tls_on_connect_ports = {smtps}
local_interfaces = <; {hosts}
tls_advertise_hosts = *
tls_certificate = {root}/conf/chain.pem
tls_privatekey = {root}/conf/key.pem
dns_ipv4_lookup = !*
host_lookup =
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable = true
pipelining_connect_advertise_hosts = *
chunking_advertise_hosts = *
message_size_limit = 50M
never_users = root
keep_environment =
smtp_accept_max = 50
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
begin acl
acl_rcpt:
  deny !authenticated = *
       condition = ${{if !eq{{$received_port}}{{{smtp}}}}}
       message = authentication required
  deny local_parts = refused
       message = no such mailbox here
  defer local_parts = later
       message = mailbox is busy
  accept domains = {domain}
  deny message = relay not permitted
begin routers
virtual:
  driver = accept
  domains = {domain}
  local_parts = lsearch*;{root}/conf/mailboxes
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {root}/mail/$local_part_data
  create_directory
  user = {uid}
  group = {gid}
  envelope_to_add
  return_path_add
  delivery_date_add
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{${{lookup{{$auth2}}lsearch{{{root}/conf/passwords}}{{$value}}fail}}}}{{$auth3}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{${{lookup{{$auth1}}lsearch{{{root}/conf/passwords}}{{$value}}fail}}}}{{$auth2}}}}
  server_set_id = $auth1
  server_advertise_condition = ${{if def:tls_in_cipher}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{lookup{{$auth1}}lsearch{{{root}/conf/passwords}}{{$value}}fail}}
  server_set_id = $auth1
"""

# Debian's Exim trusts a configuration only at the path that is compiled in.
PREPARATION = """mkdir -p /etc/exim4
cp {root}/conf/exim.conf /etc/exim4/exim4.conf
chgrp Debian-exim /etc/exim4/exim4.conf {root}/conf/key.pem {root}/conf/passwords
chmod 640 /etc/exim4/exim4.conf {root}/conf/key.pem {root}/conf/passwords
chown Debian-exim:Debian-exim {root}/spool {root}/log
"""


class Exim(fixture.Server):
    """A private Exim."""

    name = "exim"

    def __init__(self, directory=None, leaf="good"):
        super().__init__(directory)
        self.leaf = leaf
        self.users = {f"{user}@{DOMAIN}": secrets.token_urlsafe(12) for user in ("alice", "bob")}

    @classmethod
    def missing(cls):
        return overlay.missing(cls.name, "usr/sbin/exim4")

    @classmethod
    def fetch(cls):
        """Unpacks what the server needs."""
        overlay.fetch(cls.name, PACKAGES)

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--leaf", default="good", help="the server's certificate, a leaf of certs.py")

    @classmethod
    def from_options(cls, options):
        return cls(options.dir, options.leaf)

    def launch(self):
        index = certs.ensure()
        fixture.check_enterable(self.directory, "Debian-exim")
        ports = dict(zip(PORTS, fixture.free_ports(len(PORTS))))
        self._write_configuration(index, ports)
        words = ["/usr/sbin/exim4", "-bdf", "-q1m"]
        preparation = PREPARATION.format(root=self.directory)
        child = self.spawn(
            overlay.command(self.name, self.directory / "overlay", USERS, preparation, words), self.directory / "output"
        )
        fixture.await_listening(self, child, ("127.0.0.1", ports["smtp"]), ports.values())
        mail = self.directory / "mail"
        return {
            "name": self.name,
            "host": "127.0.0.1",
            "host6": "::1" if fixture.has_ipv6() else None,
            "domain": DOMAIN,
            "ports": ports,
            "ca": index["ca"],
            "users": self.users,
            "recipients": RECIPIENTS,
            "mailboxes": {
                f"alice@{DOMAIN}": str(mail / "alice"),
                f"bob@{DOMAIN}": str(mail / "bob"),
                f"@{DOMAIN}": str(mail / "catchall"),
            },
            "log": str(self.directory / "log/mainlog"),
        }

    def _write_configuration(self, index, ports):
        for name in ("conf", "log", "spool", "mail"):
            (self.directory / name).mkdir(mode=0o755)
        nobody, conf, leaf = pwd.getpwnam("nobody"), self.directory / "conf", index["leaves"][self.leaf]
        shutil.chown(self.directory / "mail", nobody.pw_uid, nobody.pw_gid)
        fixture.write(conf / "key.pem", pathlib.Path(leaf["key"]).read_text("ascii"), 0o600)
        shutil.copy(leaf["chain"], conf / "chain.pem")
        fixture.write(conf / "mailboxes", "alice: alice\nbob: bob\n*: catchall\n")
        fixture.write(conf / "passwords", "".join(f"{user}: {word}\n" for user, word in self.users.items()), 0o600)
        text = CONFIGURATION.format(
            **ports,
            root=self.directory,
            domain=DOMAIN,
            hosts=" ; ".join(fixture.hosts()),
            uid=nobody.pw_uid,
            gid=nobody.pw_gid,
        )
        fixture.write(conf / "exim.conf", text)


if __name__ == "__main__":
    sys.exit(fixture.main(Exim))
