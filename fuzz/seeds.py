#!/usr/bin/env python3
"""seeds.py: writes the first corpus of each fuzz target from the wire scripts and a few texts.

Only the seeds are written anew (files named seed-*); what a fuzzer found and somebody kept stays.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
TLS = {"none": 0, "opportunistic": 1, "required": 2, "implicit": 3}


def unescape(text):
    text = re.sub(r"\{\{(\d+)\*(.*?)\}\}", lambda m: m.group(2) * min(int(m.group(1)), 40), text)
    return re.sub(r"\\(x..|.)", lambda m: {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}.get(
        m.group(1), chr(int(m.group(1)[1:] or "0", 16)) if m.group(1)[0] == "x" else m.group(1)), text).encode("latin-1")


def blocks(path):
    text = path.read_text(encoding="latin-1")
    return {name: body.splitlines() for name, body in re.findall(r"```(\w+)\n(.*?)```", text, re.S)}


def server_octets(line):
    return unescape(line[3:]) + (b"" if line[1] == "<" else b"\r\n")


def raw_steps(octets):
    """Octets as steps of fuzz_session: 01xxxxxx and so many octets."""
    return b"".join(bytes([0x40 | len(part) - 1]) + part
                    for part in (octets[i:i + 64] for i in range(0, len(octets), 64)))


def session_seed(script):
    settings = dict(line.split(": ", 1) for line in script.get("settings", []) if ": " in line)
    first = (settings.get("protocol") == "lmtp") | TLS[settings.get("tls", "required")] << 1
    first |= 32 if "window" in settings else 0
    first |= 64 if settings.get("initial response") == "no" else 0
    first |= 128 if "max chunk" in settings else 0
    second = 2 if settings.get("allow auth in clear") == "yes" else 0
    second |= 8 if "auth" in settings else 0
    second |= 16 if "part" in settings else 0
    second |= 32 if "all or nothing" in settings else 0
    steps = bytes([0xC9]) * (3 if "window" in settings else 1)
    for line in script["dialogue"]:
        if line.startswith("S"):
            steps += raw_steps(server_octets(line))
        elif line == "TLS":
            steps += bytes([0xC2])
        elif line == "END":
            steps += bytes([0xC5])
        elif line == "STALL":
            steps += bytes([0xC4])
        elif line == "C: QUIT":
            steps += bytes([0xC7])
        elif line.startswith("C: MAIL"):
            steps += bytes([0xC9])
        elif line.startswith("C"):
            steps += bytes([0xC1]) if "part" in settings else b""
    return bytes([first, second]) + steps


MESSAGES = [
    "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHello\r\n",
    "From: a@b\r\nBcc: c@d,\r\n e@f\r\nbCC : g@h\r\nTo: undisclosed-recipients:;\r\n\r\nBcc: not a header\r\n",
    "Resent-From: x@y\r\nResent-To: z@w\r\nResent-Bcc: v@u\r\nFrom: a@b\r\nTo: c@d\r\n\r\n",
    "From: a@b\nTo: c@d\nBcc: e@f\n\nbare line feeds\n",
    "From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nSender: s@example.org\r\nCc: \"Doe, J.\" <j@d>\r\n\r\n",
]
ADDRESSES = [
    "alice@example.org", "\"a b\"@example.org", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a@[IPv6:::ffff:192.0.2.1]",
    "\"foo> ORCPT=admin@example.com\"@example.net", "<a@b>", "Postmaster", "j\u00f6rg@b\u00fccher.example",
    "a\\\"b@c", "\"a\\\"b\\\\\"@c", "a@b\r\nRCPT TO:<c@d>", "a@b\uff20c", "a..b@c", "a@-b", "<>",
]
LISTS = ["Alice <a@b>, c@d", "\"Doe, J.\" <j@d>", "group: a@b, c@d;, e@f", "a@b (comment (nested)) , =?utf-8?q?x?= <y@z>",
         ",,a@b,", "((((((((((", "<@route:a@b>", "\"unfinished <a@b>"]
CONTENTS = ["Hello\r\n", ".\r\n..\r\na.\n.\r.b\r\r\n\n.\r\n", "\r\n.\r\nMAIL FROM:<a@b>\r\n", "no end", "a\0b", "\n.\n", "\r.\r"]
CHALLENGES = ["VXNlcm5hbWU6", "UGFzc3dvcmQ6", "", "Zg==", "Zh==", "====", "not base64"]


def write(target, name, octets):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(octets)


def write_all(target, texts, head=b""):
    for number, text in enumerate(texts):
        write(target, number, head + text.encode("utf-8"))


def main():
    for old in CORPUS.glob("*/seed-*"):
        old.unlink()
    for path in sorted((ROOT / "test" / "wire").glob("*.md")):
        script = blocks(path)
        if "dialogue" not in script:
            continue
        said = b"".join(server_octets(line) for line in script["dialogue"] if line.startswith("S"))
        write("session", path.stem, session_seed(script))
        if path.stem.startswith(("reply", "greeting", "enhanced", "line", "ehlo-mixed")):
            write("reply_reader", path.stem, b"\x03\x40" + said)
        if path.stem in ("ehlo-keywords", "auth-plain", "binarymime", "mt-priority", "size-limit", "dsn", "starttls"):
            write("capabilities", path.stem, b"\n".join(line[4:] for line in said.splitlines() if line.startswith(b"250")))
    write_all("path", ADDRESSES)
    write_all("content_encoder", CONTENTS, b"\x02\x01\x03")
    write_all("sasl", CHALLENGES)
    write_all("parse_address_list", LISTS)
    write_all("envelope_of", MESSAGES)
    write_all("without_bcc", MESSAGES)


if __name__ == "__main__":
    main()
