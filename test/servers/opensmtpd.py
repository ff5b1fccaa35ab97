#!/usr/bin/python3
"""A private OpenSMTPD (Debian's package), run from unpacked packages: see overlay.py.

    opensmtpd.py fetch                once, from Debian's package mirror
    opensmtpd.py start --dir D [--json-out F] | stop --dir D | with -- COMMAND | check

Plaintext only: the server side of TLS in Debian 12's OpenSMTPD 6.8 does not work with OpenSSL 3, and it
refuses AUTH without TLS. It is here for its EHLO reply without PIPELINING and its own ways of refusing.
"""

import os
import pwd
import sys

import fixture
import overlay

DOMAIN = "mail.test"
PACKAGES = ("opensmtpd", "libevent-2.1-7")
USERS = [("opensmtpd", "/var/lib/opensmtpd/empty"), ("opensmtpq", "/var/lib/opensmtpd/empty")]
RECIPIENTS = {f"refused@{DOMAIN}": "550 Invalid recipient", "somebody@elsewhere.test": "550 Invalid recipient"}

CONFIGURATION = """table mailboxes file:{root}/conf/mailboxes
smtp max-message-size "50M"
{listeners}action "deliver" maildir "{root}/mail/%{{rcpt.user}}" virtual <mailboxes>
match from any for domain "{domain}" rcpt-to "refused@{domain}" reject
match from any for domain "{domain}" action "deliver"
"""

# Its deliveries are those of a user of the system: nobody, with a shell that it insists on.
PREPARATION = """mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty
chmod 711 /var/spool/smtpd
sed -i 's,^\\(nobody:.*:\\)[^:]*$,\\1/bin/sh,' /etc/passwd
"""


class OpenSmtpd(fixture.Server):
    """A private OpenSMTPD."""

    name = "opensmtpd"

    @classmethod
    def missing(cls):
        return overlay.missing(cls.name, "usr/sbin/smtpd")

    @classmethod
    def fetch(cls):
        """Unpacks what the server needs."""
        overlay.fetch(cls.name, PACKAGES)

    def launch(self):
        fixture.check_enterable(self.directory, "nobody")
        (port,) = fixture.free_ports(1)
        self._write_configuration(port)
        words = ["/usr/sbin/smtpd", "-d", "-v", "-T", "smtp", "-f", str(self.directory / "conf/smtpd.conf")]
        child = self.spawn(
            overlay.command(self.name, self.directory / "overlay", USERS, PREPARATION, words), self.directory / "output"
        )
        fixture.await_listening(self, child, ("127.0.0.1", port), [port])
        mail = self.directory / "mail"
        return {
            "name": self.name,
            "host": "127.0.0.1",
            "host6": "::1" if fixture.has_ipv6() else None,
            "domain": DOMAIN,
            "ports": {"smtp": port},
            "recipients": RECIPIENTS,
            "mailboxes": {f"{user}@{DOMAIN}": str(mail / user) for user in ("alice", "bob")},
            "log": str(self.directory / "output"),
        }

    def _write_configuration(self, port):
        for name in ("conf", "mail"):
            (self.directory / name).mkdir(mode=0o755)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.directory / "mail", nobody.pw_uid, nobody.pw_gid)
        listeners = "".join(f"listen on {host} port {port} hostname {DOMAIN}\n" for host in fixture.hosts())
        fixture.write(self.directory / "conf/mailboxes", f"@{DOMAIN} nobody\n")
        text = CONFIGURATION.format(root=self.directory, listeners=listeners, domain=DOMAIN)
        fixture.write(self.directory / "conf/smtpd.conf", text)


if __name__ == "__main__":
    sys.exit(fixture.main(OpenSmtpd))
