"""Parses messages with Python's email package and prints what it found, one JSON object a line.

Standard input: for each message its length in octets, a line feed, its octets.
"""
import base64
import hashlib
import json
import sys
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses


ADDRESS_FIELDS = {"from", "sender", "to", "cc", "bcc", "reply-to"}


def utf8(text):
    """Octets beyond ASCII come out of the parser as surrogates."""
    return text.encode("ascii", "surrogateescape").decode("utf-8") if text.isascii() or has_surrogates(text) else text


def has_surrogates(text):
    return any(0xDC80 <= ord(c) <= 0xDCFF for c in text)


def addresses(raw):
    """The older parser: the newer one leaves a blank between encoded words of a display name (fixed in 3.13)."""
    unfolded = raw.replace("\r\n", "")
    return [[str(make_header(decode_header(name))), utf8(mailbox)] for name, mailbox in getaddresses([unfolded], strict=False)]


def outline(part):
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        return "%s(%s)" % (part.get_content_subtype(), ",".join(outline(p) for p in part.iter_parts()))
    return part.get_content_type()


def octets_of(part):
    if part.get_content_type() == "message/rfc822":
        return part.get_payload(0).as_bytes(policy=policy.default.clone(linesep="\r\n"))
    return part.get_payload(decode=True)


def leaf(part):
    octets = octets_of(part)
    return {
        "type": part.get_content_type(),
        "parameters": dict(part["Content-Type"].params),
        "encoding": str(part["Content-Transfer-Encoding"]),
        "disposition": part.get_content_disposition(),
        "file_name": dict(part["Content-Disposition"].params).get("filename") if "Content-Disposition" in part else None,
        "content_id": part["Content-ID"],
        "sha256": hashlib.sha256(octets).hexdigest(),
        "octets": base64.b64encode(octets).decode() if len(octets) < 100000 else None,
    }


def walk(part):
    """Like Message.walk, but an attached message is a leaf."""
    yield part
    if part.get_content_maintype() == "multipart":
        for inner in part.iter_parts():
            yield from walk(inner)


def raw_lines(octets):
    lines = octets.split(b"\r\n")
    header = octets.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    return {
        "longest_line": max(len(line) for line in lines),
        "longest_encoded_word_line": max([len(line) for line in header if b"=?utf-8?" in line] + [0]),
        "bare_line_ends": sum(line.count(b"\r") + line.count(b"\n") for line in lines),
        "blank_header_lines": sum(1 for line in header if not line.strip()),
        "has_8bit_header": any(c > 127 for line in header for c in line),
    }


def parse(octets):
    message = message_from_bytes(octets, policy=policy.default)
    parts = list(walk(message))
    defects = [str(d) for p in parts for d in p.defects]
    defects += [name + ": " + repr(d) for p in parts for name, value in p.items() for d in getattr(value, "defects", [])]
    return {
        "names": message.keys(),
        "values": {name.lower(): str(value) for name, value in message.items()},
        "addresses": {name.lower(): addresses(raw) for name, raw in message.raw_items() if name.lower() in ADDRESS_FIELDS},
        "date": message["Date"].datetime.isoformat() if message["Date"] else None,
        "outline": outline(message),
        "parts": [leaf(p) for p in parts if p.get_content_maintype() != "multipart"],
        "encodings": [str(p["Content-Transfer-Encoding"]) for p in parts],
        "boundaries": [p.get_boundary() for p in parts if p.get_content_maintype() == "multipart"],
        "defects": defects,
        "raw": raw_lines(octets),
    }


def main():
    stream = sys.stdin.buffer
    while line := stream.readline():
        print(json.dumps(parse(stream.read(int(line)))))


main()
