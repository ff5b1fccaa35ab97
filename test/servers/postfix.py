#!/usr/bin/python3
"""A private Postfix on loopback: Debian's package, with configuration, queue and mailboxes of its own.

    postfix.py start --dir D [--json-out F]     prints its description as JSON and leaves it running
    postfix.py stop --dir D
    postfix.py with [OPTIONS] -- COMMAND        COMMAND finds the description in POSTRIDER_TEST_POSTFIX_JSON

In Python: `with postfix.Postfix() as server: server.info["ports"]["submission"]`.

Listeners, each on 127.0.0.1 and ::1, by the names they have in "ports":

    smtp         STARTTLS offered, no AUTH, anybody may send to the domains below; the sender is checked at MAIL
    submission   STARTTLS required, then AUTH required
    smtps        implicit TLS, then AUTH required
    plainauth    no TLS at all, AUTH in clear required (small devices)
    mtls         implicit TLS that insists on a client certificate of the test CA, no AUTH
    bare         nothing but RFC 5321: no keyword at all in the EHLO reply

What is accepted and refused is in "recipients" and "senders" of the description. The server is as
literal as Postfix can be: it adds, drops and repairs nothing in the content, and it refuses a bare
newline (smtpd_forbid_bare_newline = reject) so that a client which sends one is found out.

Postfix's own start script spends two seconds in shell; master(8) is started directly instead, on a
queue tree made here. Root is needed, as for any Postfix, and so is the package's postfix user.
"""

import os
import pathlib
import pwd
import grp
import secrets
import shutil
import subprocess
import sys
import time

import certs
import fixture

DOMAIN = "mail.test"
IDN_DOMAIN = "bücher.test"
SBIN = pathlib.Path("/usr/lib/postfix/sbin")
QUEUE_FOLDERS = "active bounce corrupt defer deferred flush hold incoming private saved trace".split()
PORTS = "smtp submission smtps plainauth mtls bare".split()
ALL_KEYWORDS = "pipelining,size,vrfy,etrn,starttls,auth,enhancedstatuscodes,8bitmime,dsn,smtputf8,chunking"
MECHANISMS = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"

MAILBOXES = {
    f"alice@{DOMAIN}": "alice",
    f"bob@{DOMAIN}": "bob",
    f"ünïcode@{DOMAIN}": "unicode",
    f"leser@{IDN_DOMAIN}": "idn",
    f"@{DOMAIN}": "catchall",
}
RECIPIENTS = {
    f"refused@{DOMAIN}": "550 5.1.1 no such mailbox here",
    f"later@{DOMAIN}": "450 4.2.1 mailbox is busy, try again later",
    f"full@{DOMAIN}": "552 5.2.2 mailbox is full",
    f"moved@{DOMAIN}": "551 5.1.6 user not local, try elsewhere@other.test",
    f"closing@{DOMAIN}": "421 4.3.2 closing in the middle of the transaction",
}
SENDERS_AT_MAIL = {
    f"badsender@{DOMAIN}": "550 5.7.1 this sender may not send",
    f"busysender@{DOMAIN}": "451 4.7.1 this sender has to wait",
}
SENDERS_AT_RCPT = {f"lateban@{DOMAIN}": "550 5.7.1 this sender may not send to anybody"}
SENDERS_AT_END = {
    f"badcontent@{DOMAIN}": "554 5.6.0 content refused",
    f"busycontent@{DOMAIN}": "451 4.3.0 content not taken now",
}

MAIN_CF = """compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log/maillog
maillog_file_prefixes = {root}
inet_interfaces = loopback-only
inet_protocols = {protocols}
mynetworks = 127.0.0.0/8
myhostname = {domain}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
local_transport = error:5.1.1 no local mailboxes
default_transport = error:5.4.4 nothing leaves this machine
disable_dns_lookups = yes
smtpd_peername_lookup = no
virtual_mailbox_domains = {domain}, {idn_domain}
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = texthash:{root}/conf/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
message_size_limit = {size}
# What is delivered is what was sent, whatever it was.
local_header_rewrite_clients =
always_add_missing_headers = no
message_drop_headers =
cleanup_replace_stray_cr_lf = no
disable_mime_input_processing = yes
header_size_limit = 16777216
smtpd_forbid_bare_newline = {bare_newline}
smtpd_forbid_bare_newline_exclusions =
# Tests make mistakes on purpose and do not want to be slowed down for it.
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_recipient_limit = {recipient_limit}
in_flow_delay = 0
default_process_limit = 20
smtputf8_enable = yes
enable_long_queue_ids = yes
smtpd_delay_reject = no
smtpd_discard_ehlo_keywords = {discard}
smtpd_tls_chain_files = {root}/conf/key.pem, {root}/conf/chain.pem
smtpd_tls_CAfile = {root}/conf/ca.pem
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = no
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {domain}
cyrus_sasl_config_path = {root}/conf/sasl
smtpd_sender_restrictions = check_sender_access texthash:{root}/conf/senders_at_mail
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
 check_recipient_access texthash:{root}/conf/recipients,
 check_sender_access texthash:{root}/conf/senders_at_rcpt
smtpd_end_of_data_restrictions = check_sender_access texthash:{root}/conf/senders_at_end
authorised = check_sender_access texthash:{root}/conf/senders_at_mail, permit_sasl_authenticated, reject
{more}"""

AUTHENTICATED = ["smtpd_sasl_auth_enable=yes", "smtpd_sender_restrictions=$authorised"]
LISTENERS = {
    "smtp": [],
    "submission": [
        "syslog_name=postfix/submission",
        "smtpd_tls_security_level=encrypt",
        "smtpd_tls_auth_only=yes",
        *AUTHENTICATED,
    ],
    "smtps": ["syslog_name=postfix/smtps", "smtpd_tls_wrappermode=yes", *AUTHENTICATED],
    "plainauth": ["syslog_name=postfix/plainauth", "smtpd_tls_security_level=none", *AUTHENTICATED],
    "mtls": [
        "syslog_name=postfix/mtls",
        "smtpd_tls_wrappermode=yes",
        "smtpd_tls_security_level=encrypt",
        "smtpd_tls_req_ccert=yes",
    ],
    "bare": ["syslog_name=postfix/bare", f"smtpd_discard_ehlo_keywords={ALL_KEYWORDS}"],
}

SERVICES = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def _exists(lookup, name):
    try:
        return lookup(name)
    except KeyError:
        return None


class Postfix(fixture.Server):
    """A private Postfix; options are its listeners' behaviour, see __init__."""

    name = "postfix"

    def __init__(self, directory=None, leaf="good", size=52428800, discard="", mechanisms=MECHANISMS, more=()):
        """`leaf` names the certificate (certs.py), `size` is message_size_limit in octets, `discard` a
        list of EHLO keywords to hide, `mechanisms` what AUTH offers, `more` further main.cf lines."""
        super().__init__(directory)
        self.leaf, self.size, self.discard, self.mechanisms, self.more = leaf, size, discard, mechanisms, list(more)
        self.users = {
            f"alice@{DOMAIN}": secrets.token_urlsafe(12),
            f"bob@{DOMAIN}": secrets.token_urlsafe(12),
            # What must survive base64, CRAM and SCRAM alike: UTF-8, blanks, quotes, the SASL separators.
            f"carol@{DOMAIN}": f'pä ss"w\\,=ö€ {secrets.token_urlsafe(6)}',
        }

    @classmethod
    def missing(cls):
        found = []
        if os.geteuid() != 0:
            found.append("it has to be started as root")
        if not (SBIN / "master").exists():
            found.append("package postfix is not installed")
        elif not _exists(pwd.getpwnam, "postfix") or not _exists(grp.getgrnam, "postdrop"):
            found.append("user postfix or group postdrop does not exist")
        if not shutil.which("saslpasswd2"):
            found.append("package sasl2-bin is not installed")
        if not shutil.which("openssl"):
            found.append("package openssl is not installed")
        libraries = pathlib.Path("/usr/lib")
        for package, plugin in (("libsasl2-modules", "libscram.so"), ("libsasl2-modules-db", "libsasldb.so")):
            if not any(libraries.glob(f"*/sasl2/{plugin}")):
                found.append(f"package {package} is not installed")
        return found

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--leaf", default="good", help="the server's certificate, a leaf of certs.py")
        parser.add_argument("--size", type=int, default=52428800, help="message_size_limit, octets")
        parser.add_argument("--discard", default="", help="EHLO keywords to hide on all listeners: chunking,pipelining")
        parser.add_argument(
            "--mechanisms", default=MECHANISMS, help=f"SASL mechanisms to offer (default: {MECHANISMS})"
        )
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a further main.cf parameter"
        )

    @classmethod
    def from_options(cls, options):
        return cls(options.dir, options.leaf, options.size, options.discard, options.mechanisms, options.set)

    def launch(self):
        index = certs.ensure()
        if self.leaf not in index["leaves"]:
            raise fixture.FixtureError(f"no leaf named {self.leaf}: certs.py --list shows them")
        fixture.check_enterable(self.directory, "nobody")
        ports = dict(zip(PORTS, fixture.free_ports(len(PORTS))))
        self._make_folders()
        self._copy_certificates(index)
        self._write_configuration(ports)
        self._make_users()
        self._start_master(ports)
        return self._description(index, ports)

    def _make_folders(self):
        postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        for name in ("conf", "conf/sasl", "log", "queue", "queue/pid"):
            (self.directory / name).mkdir(mode=0o755)
        # Owners and modes as in Postfix's own postfix-files.
        for folder, mode, group in [
            *((self.directory / "queue" / name, 0o700, -1) for name in QUEUE_FOLDERS),
            (self.directory / "data", 0o700, -1),
            (self.directory / "queue/maildrop", 0o730, postdrop),
            (self.directory / "queue/public", 0o710, postdrop),
        ]:
            folder.mkdir()
            os.chown(folder, postfix, group)
            folder.chmod(mode)
        nobody = pwd.getpwnam("nobody")
        mail = self.directory / "mail"
        mail.mkdir(mode=0o755)
        os.chown(mail, nobody.pw_uid, nobody.pw_gid)

    def _copy_certificates(self, index):
        leaf = index["leaves"][self.leaf]
        fixture.write(self.directory / "conf/key.pem", pathlib.Path(leaf["key"]).read_text("ascii"), 0o600)
        shutil.copy(leaf["chain"], self.directory / "conf/chain.pem")
        shutil.copy(index["ca"], self.directory / "conf/ca.pem")

    def _write_configuration(self, ports):
        conf, nobody = self.directory / "conf", pwd.getpwnam("nobody")
        text = MAIN_CF.format(
            **{"root": self.directory, "domain": DOMAIN, "idn_domain": IDN_DOMAIN, "size": self.size},
            **{"uid": nobody.pw_uid, "gid": nobody.pw_gid, "discard": self.discard, "recipient_limit": 1000},
            **{"protocols": "all" if fixture.has_ipv6() else "ipv4", "bare_newline": "reject"},
            more="".join(line + "\n" for line in self.more),
        )
        fixture.write(conf / "main.cf", text)
        fixture.write(conf / "master.cf", self._master_cf(ports))
        # virtual(8) takes no substitution from regular expressions: plain text tables with a catch-all.
        fixture.write(conf / "mailboxes", "".join(f"{key} {value}/\n" for key, value in MAILBOXES.items()))
        tables = {
            "recipients": RECIPIENTS,
            "senders_at_mail": SENDERS_AT_MAIL,
            "senders_at_rcpt": SENDERS_AT_RCPT,
            "senders_at_end": SENDERS_AT_END,
        }
        for name, table in tables.items():
            fixture.write(conf / name, "".join(f"{key} {value}\n" for key, value in table.items()))
        # Postfix waits until a configuration file is some seconds old, lest it be half-written.
        for path in conf.iterdir():
            os.utime(path, (time.time() - 60, time.time() - 60))

    @staticmethod
    def _master_cf(ports):
        lines = []
        for name, options in LISTENERS.items():
            for host in fixture.hosts():
                address = f"[{host}]" if ":" in host else host
                lines.append(f"{address}:{ports[name]} inet n - n - - smtpd\n")
                lines += [f"  -o {option}\n" for option in options]
        return "".join(lines) + SERVICES

    def _make_users(self):
        database = self.directory / "conf/sasldb2"
        for user, password in self.users.items():
            local = user.split("@", 1)[0]
            subprocess.run(
                ["saslpasswd2", "-p", "-c", "-f", database, "-u", DOMAIN, local],
                input=password.encode(),
                check=True,
                capture_output=True,
            )
        os.chown(database, 0, pwd.getpwnam("postfix").pw_gid)
        database.chmod(0o640)
        text = (
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: {self.mechanisms}\n"
        )
        fixture.write(self.directory / "conf/sasl/smtpd.conf", text)

    def _start_master(self, ports):
        conf = str(self.directory / "conf")
        master = self.spawn(
            [SBIN / "master", "-c", conf], self.directory / "log/master", env={**os.environ, "MAIL_CONFIG": conf}
        )
        try:
            self._wait_until_it_listens(master)
            fixture.wait_for_greeting(("127.0.0.1", ports["smtp"]), 10, lambda: master.poll() is None)
        except fixture.FixtureError as error:
            # master(8) has no log yet when it fails to bind, so its reason is looked up here.
            taken = [port for port in ports.values() if not fixture.is_free(port)]
            if master.poll() is not None and taken:
                raise fixture.PortTaken(f"port {taken[0]} is taken") from error
            raise fixture.FixtureError(f"{error}; its log: {self._log()[-2000:] or 'empty'}") from error

    def _wait_until_it_listens(self, master):
        """Only after this is it our own Postfix that answers, and not another one on the same port."""
        limit = time.monotonic() + 10
        while "daemon started" not in self._log():
            if master.poll() is not None or time.monotonic() > limit:
                raise fixture.FixtureError("master(8) did not come up")
            time.sleep(0.01)

    def _log(self):
        found = [self.directory / "log" / name for name in ("maillog", "master")]
        return "".join(path.read_text("utf-8", "replace") for path in found if path.exists()).strip()

    def _description(self, index, ports):
        mail = self.directory / "mail"
        return {
            **{"name": self.name, "host": "127.0.0.1", "host6": "::1" if fixture.has_ipv6() else None},
            **{"domain": DOMAIN, "ports": ports, "ca": index["ca"], "leaf": index["leaves"][self.leaf]},
            "certs": str(pathlib.Path(index["ca"]).with_name("index.json")),
            "clients": index["clients"],
            "users": self.users,
            "mechanisms": self.mechanisms.split(),
            "maildir_root": str(mail),
            "mailboxes": {address: str(mail / folder) for address, folder in MAILBOXES.items()},
            "recipients": RECIPIENTS,
            "senders": {"at_mail": SENDERS_AT_MAIL, "at_rcpt": SENDERS_AT_RCPT, "at_end": SENDERS_AT_END},
            "message_size_limit": self.size,
            "log": str(self.directory / "log/maillog"),
        }


if __name__ == "__main__":
    sys.exit(fixture.main(Postfix))
