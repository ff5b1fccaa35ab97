#!/usr/bin/python3
"""A small strict client with the command line of `postrider send`, so that evil.py can be tested.

It is the second opinion on the scenarios: one command at a time, blocking, nothing clever. `--naive`
turns every safeguard off, as many clients in use have it; then evil.py has to find fault with it.
"""

import argparse
import base64
import hashlib
import hmac
import os
import pathlib
import re
import socket
import ssl
import sys
import time

import certs

OK, SOME, IN_DOUBT, UNUSABLE, PERMANENT, TEMPORARY, PROTOCOL, AUTHENTICATION = 0, 1, 2, 65, 69, 75, 76, 77
LINE_CAP, REPLY_CAP = 2048, 65536


class Failed(Exception):
    """Carries the exit status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def _printable(text):
    return "".join(
        c if c.isprintable() and not re.match("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", c) else "?" for c in text
    )


class Wire:
    """Lines and replies, bounded in size and time."""

    def __init__(self, address, timeout, naive):
        self.timeout, self.naive = timeout, naive
        self.socket = socket.create_connection(address, timeout)
        self.buffer = b""
        self.secured = False

    def reply(self):
        """(code, lines); raises Failed for whatever is no reply."""
        limit, lines, total = time.monotonic() + self.timeout, [], 0
        while True:
            line = self._line(limit)
            total += len(line)
            found = re.fullmatch(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", line, re.DOTALL)
            if not found or total > REPLY_CAP:
                raise Failed(PROTOCOL, f"no reply: {_printable(line[:60].decode('latin-1'))}")
            if lines and int(found[1]) != lines[0][0]:
                raise Failed(PROTOCOL, "mixed codes in one reply")
            lines.append((int(found[1]), (found[3] or b"").decode("utf-8", "replace")))
            if found[2] != b"-":
                return lines[0][0], [text for _, text in lines]

    def _line(self, limit):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > LINE_CAP:
                raise Failed(PROTOCOL, "line too long")
            left = limit - time.monotonic()
            if left <= 0:
                raise Failed(TEMPORARY, "time is up")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(4096)
            except TimeoutError as error:
                raise Failed(TEMPORARY, "time is up") from error
            except OSError as error:
                raise Failed(TEMPORARY, f"lost: {error}") from error
            if not data:
                raise Failed(TEMPORARY, "closed")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        if len(line) > LINE_CAP:
            raise Failed(PROTOCOL, "line too long")
        return line

    def quiet(self):
        """Nothing may have been said when it is our turn."""
        if self.naive:
            return
        if not self.buffer:
            self._peek()
        if self.buffer:
            raise Failed(TEMPORARY if self.buffer.startswith(b"421") else PROTOCOL, "a reply that nobody asked for")

    def _peek(self):
        """Takes what has come. Within TLS a readable socket may hold session tickets only, and no data."""
        self.socket.settimeout(0)
        try:
            self.buffer = self.socket.recv(4096)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            raise Failed(TEMPORARY, f"lost: {error}") from error
        if not self.buffer:
            raise Failed(TEMPORARY, "closed")

    def send(self, data):
        """Sends all of it within the time-out."""
        try:
            self.socket.settimeout(self.timeout)
            view = memoryview(data)
            while view:
                view = view[self.socket.send(view[:65536]) :]
        except OSError as error:
            raise Failed(TEMPORARY, f"lost while sending: {error}") from error

    def command(self, line):
        """Sends a command and returns its reply."""
        self.quiet()
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def secure(self, ca_file, host):
        """The client's side of the handshake."""
        context = certs.client_context({"ca": ca_file})
        if self.naive:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.buffer = b""
        self.socket.settimeout(self.timeout)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=host.rstrip("."), suppress_ragged_eofs=False)
        except (OSError, ValueError) as error:
            raise Failed(PROTOCOL, f"TLS: {_printable(str(error))}") from error
        self.secured = True


class Client:
    """One session."""

    def __init__(self, options):
        self.options, self.naive = options, options.naive
        self.scheme, host, port = re.fullmatch(r"([a-z+]+)://([^:]+):(\d+)", options.server).groups()
        self.host = host
        self.wire = Wire((host, int(port)), options.timeout, self.naive)
        self.capabilities = {}

    def run(self):
        """Everything; returns the exit status."""
        if self.scheme == "smtps":
            self.secure()
        self.expect(2, *self.wire.reply())
        self.hello()
        if self.scheme in ("smtp+tls", "smtp+opportunistic"):
            self.starttls()
        if self.options.user:
            self.authenticate()
        status = self.transaction()
        try:
            self.wire.command("QUIT")
        except Failed:
            pass
        return status

    @staticmethod
    def expect(kind, code, texts):
        """Raises Failed unless the code is of that class."""
        if code // 100 != kind:
            raise Failed(
                {4: TEMPORARY, 5: PERMANENT}.get(code // 100, PROTOCOL), f"{code} {_printable(' '.join(texts))}"
            )

    def hello(self):
        """EHLO, or HELO where EHLO is unknown."""
        word = "LHLO" if self.scheme == "lmtp" else "EHLO"
        code, texts = self.wire.command(f"{word} client.test")
        if code in (500, 502, 504):
            self.expect(2, *self.wire.command("HELO client.test"))
            texts = [""]
        else:
            self.expect(2, code, texts)
        pairs = [text.upper().partition(" ")[::2] for text in texts[1:]]
        self.capabilities = {keyword: words.split() for keyword, words in pairs}

    def starttls(self):
        """STARTTLS; a server without it, or one that refuses, is only tolerated by an opportunistic client."""
        optional = self.naive or self.scheme == "smtp+opportunistic"
        if "STARTTLS" not in self.capabilities:
            if optional:
                return
            raise Failed(PROTOCOL, "no STARTTLS")
        code, _ = self.wire.command("STARTTLS")
        if code // 100 in (4, 5) and optional:
            return
        if code != 220:
            raise Failed(PROTOCOL, f"STARTTLS: {code}")
        if self.wire.buffer and not self.naive:
            raise Failed(PROTOCOL, "plaintext behind the 220")
        self.secure()
        self.hello()

    def secure(self):
        """The handshake, for the name that was asked for."""
        self.wire.secure(self.options.ca_file, self.options.tls_name or self.host)

    def authenticate(self):
        """PLAIN, LOGIN or SCRAM-SHA-256."""
        password = os.environ["POSTRIDER_PASSWORD"]
        offered = self.capabilities.get("AUTH", [])
        wanted = [self.options.auth] if self.options.auth else ["PLAIN", "LOGIN"]
        usable = [mechanism for mechanism in wanted if mechanism in offered]
        if not usable and self.naive:
            return
        if not usable or not (self.wire.secured or self.naive):
            raise Failed(AUTHENTICATION, "no usable AUTH")
        try:
            code = {"PLAIN": self.plain, "LOGIN": self.login, "SCRAM-SHA-256": self.scram}[usable[0]](password)
        except Failed as error:
            raise Failed(AUTHENTICATION, str(error)) from error
        if code != 235:
            raise Failed(AUTHENTICATION, f"AUTH: {code}")

    def plain(self, password):
        """RFC 4616."""
        code, _ = self.wire.command("AUTH PLAIN " + _base64(f"\0{self.options.user}\0{password}"))
        return self.cancel() if code == 334 else code

    def login(self, password):
        """The old two questions."""
        code, texts = self.wire.command("AUTH LOGIN")
        for answer in (self.options.user, password):
            if code != 334:
                return code
            self.challenge(texts)
            code, texts = self.wire.command(_base64(answer))
        return self.cancel() if code == 334 else code

    def cancel(self):
        """RFC 4954 section 4."""
        return self.wire.command("*")[0] and 501

    def challenge(self, texts):
        """The decoded challenge; what is not base64 cancels."""
        try:
            if len(texts) != 1:
                raise ValueError("more than one line")
            return base64.b64decode(texts[0], validate=True).decode()
        except ValueError as error:
            self.cancel()
            raise Failed(AUTHENTICATION, f"bad challenge: {error}") from error

    def scram(self, password):
        """RFC 5802 and 7677."""
        nonce = os.urandom(12).hex()
        bare = f"n={self.options.user},r={nonce}"
        code, texts = self.wire.command("AUTH SCRAM-SHA-256 " + _base64("n,," + bare))
        if code != 334:
            return code
        first = self.challenge(texts)
        found = re.fullmatch(r"r=([^,]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,6})", first)
        if not found or not found[1].startswith(nonce) or found[1] == nonce or int(found[3]) < 4096:
            return self.cancel()
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(found[2]), int(found[3]))
        message = f"{bare},{first},c=biws,r={found[1]}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        code, texts = self.wire.command(_base64(f"c=biws,r={found[1]},p={proof}"))
        if code != 334:
            return 500 if code == 235 else code
        expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        if self.challenge(texts) != "v=" + base64.b64encode(expected).decode():
            return self.cancel()
        return self.wire.command("")[0]

    def transaction(self):
        """MAIL to the final replies."""
        body = pathlib.Path(self.options.body_file).read_bytes()
        content = f"Subject: {self.options.subject}\r\n\r\n".encode() + body
        content = re.sub(rb"(?m)^\.", b"..", content)
        limit = (self.capabilities.get("SIZE") or [""])[0]
        if not self.naive and re.fullmatch("[0-9]{1,18}", limit) and 0 < int(limit) < len(content):
            raise Failed(UNUSABLE, "too big")
        parameters = ""
        if not all(address.isascii() for address in self.options.to):
            if "SMTPUTF8" not in self.capabilities:
                raise Failed(UNUSABLE, "needs SMTPUTF8")
            parameters = " SMTPUTF8"
        self.expect(2, *self.wire.command(f"MAIL FROM:<{self.options.sender}>{parameters}"))
        codes = [self.recipient(address) for address in self.options.to]
        accepted = codes.count(OK)
        if not accepted:
            return max(codes)
        self.expect(3, *self._data())
        self.wire.quiet()
        self.wire.send(content)
        self.wire.send(b".\r\n")
        finals = [self.final() for _ in range(accepted if self.scheme == "lmtp" else 1)]
        if IN_DOUBT in finals:
            return IN_DOUBT
        good = finals.count(OK) if self.scheme == "lmtp" else accepted * (finals == [OK])
        return OK if good == len(codes) else SOME if good else max(finals)

    def _data(self):
        code, texts = self.wire.command("DATA")
        return (code if code == 354 or code // 100 != 3 else 200), texts

    def recipient(self, address):
        """RCPT; a refusal is this recipient's alone."""
        try:
            self.expect(2, *self.wire.command(f"RCPT TO:<{address}>"))
            return OK
        except Failed as error:
            if error.status == PERMANENT:
                print(error)
                return PERMANENT
            raise

    def final(self):
        """The final reply: without a proper one nobody knows."""
        try:
            code, texts = self.wire.reply()
        except Failed as error:
            print(error)
            return TEMPORARY if self.naive else IN_DOUBT
        print(code, _printable(" ".join(texts)))
        return {2: OK, 4: TEMPORARY, 5: PERMANENT}.get(code // 100, IN_DOUBT)


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def main():
    """The options of `postrider send` that evil.py uses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--naive", action="store_true")
    parser.add_argument("action", choices=["send"])
    parser.add_argument("--server", required=True)
    parser.add_argument("--from", dest="sender", required=True)
    parser.add_argument("--to", action="append", required=True)
    for name in ("--subject", "--body-file", "--ca-file", "--user", "--auth", "--tls-name"):
        parser.add_argument(name)
    parser.add_argument("--timeout", type=lambda text: float(text.rstrip("s")), default=30.0)
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    try:
        return Client(options).run()
    except Failed as error:
        print(error, file=sys.stderr)
        return error.status
    except OSError as error:
        print(error, file=sys.stderr)
        return TEMPORARY


if __name__ == "__main__":
    sys.exit(main())
