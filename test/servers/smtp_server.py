#!/usr/bin/python3
"""A private smtp-server (Nodemailer's, from npm): XOAUTH2, REQUIRETLS and XCLIENT beside the usual.

    smtp_server.py fetch                    once, from the npm registry that npm is configured for
    smtp_server.py start --dir D [--json-out F] | stop --dir D | with -- COMMAND | check

It is installed into the cache folder (POSTRIDER_TEST_CACHE), never into the source tree. Listeners, on
127.0.0.1: smtp (STARTTLS and AUTH offered), submission (AUTH required, offered within STARTTLS), smtps
(implicit TLS, AUTH required). Each mail is a pair of files in "mail_folder": NNNN.eml, the content as
received with dots unstuffed, and NNNN.json with the envelope. "tokens" are for XOAUTH2.
"""

import json
import pathlib
import secrets
import shutil
import subprocess
import sys
import time

import certs
import fixture

DOMAIN = "mail.test"
PACKAGE = "smtp-server@3"
RECIPIENTS = {f"refused@{DOMAIN}": "550 no such mailbox here", f"later@{DOMAIN}": "450 mailbox is busy"}


def _modules():
    return fixture.cache_folder() / "npm" / "node_modules"


class SmtpServer(fixture.Server):
    """A private smtp-server."""

    name = "smtp_server"

    def __init__(self, directory=None, leaf="good", size=52428800):
        super().__init__(directory)
        self.leaf, self.size = leaf, size
        names = [f"{user}@{DOMAIN}" for user in ("alice", "bob")]
        self.users = {name: secrets.token_urlsafe(12) for name in names}
        self.tokens = {name: secrets.token_urlsafe(24) for name in names}

    @classmethod
    def missing(cls):
        found = []
        if not shutil.which("node"):
            found.append("node is not installed")
        if not (_modules() / "smtp-server").is_dir():
            found.append("the npm package is not installed: run smtp_server.py fetch")
        return found

    @classmethod
    def fetch(cls):
        """Installs the package into the cache folder."""
        folder = _modules().parent
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
        done = subprocess.run(
            ["npm", "install", *options, "--prefix", folder, PACKAGE], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise fixture.FixtureError(f"npm install {PACKAGE}: {done.stderr.strip()}")

    @classmethod
    def add_options(cls, parser):
        parser.add_argument("--leaf", default="good", help="the server's certificate, a leaf of certs.py")
        parser.add_argument("--size", type=int, default=52428800, help="SIZE, octets")

    @classmethod
    def from_options(cls, options):
        return cls(options.dir, options.leaf, options.size)

    def launch(self):
        index = certs.ensure()
        leaf, mail, ready = index["leaves"][self.leaf], self.directory / "mail", self.directory / "ready"
        mail.mkdir()
        settings = {
            "modules": str(_modules()),
            "domain": DOMAIN,
            "size": self.size,
            "key": leaf["key"],
            "chain": leaf["chain"],
            "users": self.users,
            "tokens": self.tokens,
            "recipients": RECIPIENTS,
            "mail": str(mail),
            "ready": str(ready),
        }
        fixture.write(self.directory / "settings.json", json.dumps(settings), 0o600)
        script = pathlib.Path(__file__).with_suffix(".js")
        child = self.spawn(["node", script, self.directory / "settings.json"], self.directory / "output")
        ports = self._wait(child, ready)
        return {
            "name": self.name,
            "host": "127.0.0.1",
            "host6": None,
            "domain": DOMAIN,
            "ports": ports,
            "ca": index["ca"],
            "users": self.users,
            "tokens": self.tokens,
            "recipients": RECIPIENTS,
            "mail_folder": str(mail),
            "log": str(self.directory / "output"),
        }

    def _wait(self, child, ready):
        limit = time.monotonic() + 10
        while not ready.exists():
            if child.poll() is not None or time.monotonic() > limit:
                said = (self.directory / "output").read_text("utf-8", "replace")[-2000:].strip()
                raise fixture.FixtureError(f"node did not come up; it said: {said or 'nothing'}")
            time.sleep(0.01)
        return json.loads(ready.read_text("ascii"))


if __name__ == "__main__":
    sys.exit(fixture.main(SmtpServer))
