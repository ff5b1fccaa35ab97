#!/usr/bin/python3
"""A test CA and one certificate per way in which a server's certificate can be right or wrong.

ensure(folder) makes everything with the openssl command and writes folder/index.json:

    ca          the root that clients are to trust        crl   its revocation list
    cases       what to try, a list of {name, leaf, chain, key, host, expected, why, needs, server}
                host      the name or address the client is told to verify
                expected  "ok" or "fail"
                needs     what the client must be given or able to do beyond the CA: "crl", "must-staple"
                server    what the server needs to serve it: seclevel, minimum, maximum TLS version
    leaves      per leaf: chain, key, sha256 (fingerprint of the leaf's DER)
    clients     client certificates for the other direction: chain, key, sha256

The leaves are issued with `openssl ca`, because `openssl x509` of OpenSSL 3.0 cannot set the start of
the validity; requests carry nothing but the name and the key, everything else is in a leaf's own
extension file.
"""

import argparse
import base64
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import time
import warnings

import fixture

OK, FAIL = "ok", "fail"
GOOD_NAMES = "DNS:mail.test,DNS:localhost,IP:127.0.0.1,IP:::1"
CONFIGURATION = """[ca]
default_ca = this
[this]
database = {folder}/index.txt
new_certs_dir = {folder}
unique_subject = no
rand_serial = yes
default_md = sha256
default_crl_days = 3650
crl_extensions = crl
policy = any
copy_extensions = none
[any]
commonName = optional
[crl]
authorityKeyIdentifier = keyid
[req]
prompt = no
distinguished_name = empty
[empty]
"""


def openssl(*arguments):
    """Runs openssl; raises FixtureError with what it printed when it fails."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise fixture.FixtureError(f"openssl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def moment(days):
    """A time `days` from now in the form `openssl ca` takes."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


def extensions(san, usage="critical,digitalSignature", extended="serverAuth", constraints="critical,CA:FALSE", more=()):
    """The extension file of a leaf; a part that is None is left out."""
    parts = {
        "basicConstraints": constraints,
        "keyUsage": usage,
        "extendedKeyUsage": extended,
        "subjectAltName": san,
        "subjectKeyIdentifier": "hash",
        "authorityKeyIdentifier": "keyid",
    }
    return [f"{name} = {value}" for name, value in parts.items() if value] + list(more)


def ca_extensions(more=(), constraints="critical,CA:TRUE"):
    """The extension file of an issuer."""
    return extensions(None, "critical,keyCertSign,cRLSign", None, constraints, more)


def san_of_bytes(*names):
    """A subjectAltName given as DER, for dNSNames that the openssl configuration cannot express."""
    inner = b"".join(bytes([0x82, len(name)]) + name for name in names)
    return "DER:" + ":".join(f"{octet:02x}" for octet in bytes([0x30, len(inner)]) + inner)


class Issuer:
    """A key and certificate that sign others; its database lives in a folder of its own."""

    def __init__(self, folder, name):
        self.folder = folder / "issuers" / name
        self.folder.mkdir(parents=True)
        self.key, self.certificate = self.folder / "key.pem", self.folder / "cert.pem"
        self.configuration = self.folder / "openssl.cnf"
        self.configuration.write_text(CONFIGURATION.format(folder=self.folder), encoding="ascii")
        (self.folder / "index.txt").touch()

    def sign(self, request, certificate, lines, days=(-2, 3650), digest="sha256", itself=False):
        """Signs a request with the extensions in `lines`, valid over `days` (from, to, seen from now)."""
        file = certificate.with_suffix(".ext")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        signer = ["-selfsign"] if itself else ["-cert", self.certificate]
        openssl(
            *["ca", "-batch", "-notext", "-config", self.configuration, "-keyfile", self.key, *signer],
            *["-in", request, "-out", certificate, "-extfile", file, "-md", digest],
            *["-startdate", moment(days[0]), "-enddate", moment(days[1])],
        )
        file.unlink()


class Forge:
    """Makes issuers, leaves and the list of cases."""

    def __init__(self, folder):
        self.folder = folder
        self.leaves, self.cases, self.clients = {}, [], {}
        self.plain = folder / "openssl.cnf"
        self.plain.write_text(CONFIGURATION.format(folder=folder), encoding="ascii")

    def request(self, key, common_name, kind="ec"):
        """Makes a key and a request for it."""
        wanted = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else [kind]
        subject = f"/CN={common_name}" if common_name else "/"
        file = key.with_suffix(".csr")
        openssl(
            *["req", "-config", self.plain, "-newkey", *wanted, "-nodes", "-utf8"],
            *["-keyout", key, "-out", file, "-subj", subject],
        )
        return file

    def issuer(self, name, parent=None, lines=None, common_name=None, **how):
        """An issuer: a root when it has no parent."""
        made = Issuer(self.folder, name)
        request = self.request(made.key, common_name or f"Postrider test {name}")
        (parent or made).sign(request, made.certificate, lines or ca_extensions(), itself=parent is None, **how)
        return made

    def leaf(self, name, issuer, lines, chain=(), common_name="mail.test", kind="ec", **how):
        """A leaf; `chain` are the issuers whose certificates the server sends after it."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        request = self.request(key, common_name, kind)
        signer = issuer or self._itself(name, key)
        signer.sign(request, certificate, lines, itself=issuer is None, **how)
        self._finish(name, key, certificate, chain, self.leaves)

    def client(self, name, issuer, common_name, extended="clientAuth"):
        """A certificate for the client's side."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        issuer.sign(self.request(key, common_name), certificate, extensions(None, extended=extended))
        self._finish(name, key, certificate, (), self.clients)

    def case(self, name, leaf, host, expected, why, needs=(), **server):
        """One thing to try: this leaf, verified for this host."""
        self.cases.append(
            {
                **{"name": name, "leaf": leaf, **self.leaves[leaf], "host": host},
                **{"expected": expected, "why": why, "needs": list(needs), "server": server},
            }
        )

    def _itself(self, name, key):
        made = Issuer(self.folder, f"self-{name}")
        made.key = key
        return made

    def _finish(self, name, key, certificate, chain, table):
        text = certificate.read_text(encoding="ascii")
        body = text.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
        digest = hashlib.sha256(base64.b64decode(body)).hexdigest()
        full = "".join([text, *(issuer.certificate.read_text(encoding="ascii") for issuer in chain)])
        certificate.write_text(full, encoding="ascii")
        key.chmod(0o600)
        key.with_suffix(".csr").unlink()
        table[name] = {"chain": str(certificate), "key": str(key), "sha256": digest}


def good_leaves(forge, root):
    """What every client must accept."""
    forge.leaf("good", root, extensions(GOOD_NAMES))
    for name, host, why in (
        ("good", "mail.test", "a dNSName is the host"),
        ("good-localhost", "localhost", "one of several dNSNames is the host"),
        ("good-case", "MAIL.Test", "host names do not know case (RFC 4343)"),
        ("good-ip", "127.0.0.1", "an iPAddress is the host"),
        ("good-ip6", "::1", "an IPv6 iPAddress is the host"),
        ("good-reference-dot", "mail.test.", "the dot that ends an absolute name is no part of the host"),
    ):
        forge.case(name, "good", host, OK, why)
    forge.leaf("good-rsa", root, extensions(GOOD_NAMES, "critical,digitalSignature,keyEncipherment"), kind="rsa:2048")
    forge.case("good-rsa", "good-rsa", "mail.test", OK, "RSA of 2048 bit")
    forge.leaf("good-no-cn", root, extensions("critical," + GOOD_NAMES), common_name="")
    forge.case("good-no-cn", "good-no-cn", "mail.test", OK, "an empty subject with a critical SAN (RFC 5280 4.2.1.6)")
    forge.leaf("eku-absent", root, extensions(GOOD_NAMES, extended=None))
    forge.case("eku-absent", "eku-absent", "mail.test", OK, "without extendedKeyUsage any use is allowed (RFC 5280)")
    intermediate = forge.issuer("intermediate", root, ca_extensions(constraints="critical,CA:TRUE,pathlen:0"))
    forge.leaf("chain-ok", intermediate, extensions(GOOD_NAMES), chain=[intermediate])
    forge.case("chain-ok", "chain-ok", "mail.test", OK, "the server sends the intermediate")
    forge.leaf("chain-missing", intermediate, extensions(GOOD_NAMES))
    forge.case("chain-missing", "chain-missing", "mail.test", FAIL, "the server does not send the intermediate")
    return intermediate


def name_leaves(forge, root):
    """Names that are not the host (RFC 9525), and those that only look like it."""
    simple = (
        ("wrong-host", "DNS:other.test", "mail.test", "the certificate is another host's"),
        ("cn-only", None, "mail.test", "the host stands in the common name only"),
        ("cn-matches-san-differs", "DNS:other.test", "mail.test", "the common name is the host, the SAN is not"),
        ("san-ip-cn-matches", "IP:192.0.2.1", "mail.test", "a SAN without dNSName does not revive the common name"),
        ("ip-as-dns", "DNS:127.0.0.1", "127.0.0.1", "an address written as dNSName is no iPAddress"),
        ("ip-other", "IP:127.0.0.2", "127.0.0.1", "another address"),
        ("ip-for-name", "IP:127.0.0.1", "mail.test", "an iPAddress says nothing of a name"),
        ("email-san", "email:postmaster@mail.test", "mail.test", "an rfc822Name is no host name"),
        ("uri-san", "URI:smtp://mail.test/", "mail.test", "a URI is no host name"),
        ("san-dot-end", "DNS:mail.test.", "mail.test", "a dNSName has no dot at its end"),
        ("san-dot-begin", "DNS:.mail.test", "a.mail.test", "a dNSName does not begin with a dot"),
        ("san-suffix", "DNS:mail.test.evil.test", "mail.test", "the host is only the beginning of the dNSName"),
        ("san-prefix", "DNS:evilmail.test", "mail.test", "the host is only the end of the dNSName"),
        ("san-raw-utf8", san_of_bytes("bücher.test".encode()), "bücher.test", "a dNSName is an A-label, never UTF-8"),
        ("san-nul", san_of_bytes(b"mail.test\0.evil.test"), "mail.test", "the dNSName goes on behind a NUL"),
        ("san-nul-end", san_of_bytes(b"mail.test\0"), "mail.test", "the dNSName ends with a NUL"),
        ("san-empty-dns", san_of_bytes(b""), "mail.test", "an empty dNSName"),
    )
    for name, san, host, why in simple:
        forge.leaf(name, root, extensions(san))
        forge.case(name, name, host, FAIL, why)
    forge.leaf("cn-ip", root, extensions(None), common_name="127.0.0.1")
    forge.case("cn-ip", "cn-ip", "127.0.0.1", FAIL, "the address stands in the common name only")
    forge.leaf("ip-san", root, extensions("IP:127.0.0.1,IP:::1"), common_name="address")
    forge.case("ip-san", "ip-san", "127.0.0.1", OK, "an iPAddress is the host")
    forge.case("ip6-san", "ip-san", "::1", OK, "an IPv6 iPAddress is the host")


def wildcard_leaves(forge, root):
    """Wildcards: the whole left-most label, and nothing else (RFC 9525 section 6.3)."""
    forge.leaf("wildcard", root, extensions("DNS:*.wild.test"), common_name="wild")
    for name, host, expected, why in (
        ("wildcard", "a.wild.test", OK, "the wildcard stands for one whole label"),
        ("wildcard-too-deep", "a.b.wild.test", FAIL, "the wildcard does not stand for two labels"),
        ("wildcard-bare-domain", "wild.test", FAIL, "the wildcard stands for one label, not for none"),
        ("wildcard-empty-label", ".wild.test", FAIL, "the host is malformed"),
    ):
        forge.case(name, "wildcard", host, expected, why)
    for name, san, host, why in (
        ("wildcard-star", "*", "localhost", "a lone * matches nothing"),
        ("wildcard-star-dot", "*.", "localhost", "a lone *. matches nothing"),
        ("wildcard-top", "*.test", "mail.test", "a wildcard directly under the top-level domain"),
        ("wildcard-partial-end", "ma*.wild.test", "mail.wild.test", "a wildcard is the whole label, not its end"),
        (
            "wildcard-partial-begin",
            "*il.wild.test",
            "mail.wild.test",
            "a wildcard is the whole label, not its beginning",
        ),
        ("wildcard-partial-middle", "m*l.wild.test", "mail.wild.test", "a wildcard is the whole label, not its middle"),
        ("wildcard-middle", "a.*.wild.test", "a.b.wild.test", "a wildcard is the left-most label"),
        ("wildcard-double", "*.*.test", "a.wild.test", "one wildcard at most"),
        ("wildcard-idn", "xn--*.wild.test", "xn--bcher-kva.wild.test", "no wildcard within an A-label"),
        ("wildcard-ip", "*.0.0.1", "127.0.0.1", "an address has no labels"),
    ):
        forge.leaf(name, root, extensions(san_of_bytes(san.encode())), common_name="wild")
        forge.case(name, name, host, FAIL, why)
    forge.leaf("idn", root, extensions("DNS:xn--bcher-kva.test"), common_name="idn")
    forge.case("idn-a-label", "idn", "xn--bcher-kva.test", OK, "an A-label is compared as it is")
    forge.case("idn-u-label", "idn", "bücher.test", OK, "a U-label is turned into its A-label first (RFC 5891)")


def time_leaves(forge, root):
    """Validity."""
    for name, days, why in (
        ("expired", (-30, -1), "expired yesterday"),
        ("expired-long-ago", (-3650, -3000), "expired years ago"),
        ("not-yet-valid", (1, 30), "begins tomorrow"),
    ):
        forge.leaf(name, root, extensions(GOOD_NAMES), days=days)
        forge.case(name, name, "mail.test", FAIL, why)
    old = forge.issuer("expired-intermediate", root, days=(-30, -1))
    forge.leaf("expired-intermediate", old, extensions(GOOD_NAMES), chain=[old])
    forge.case("expired-intermediate", "expired-intermediate", "mail.test", FAIL, "the intermediate has expired")


def path_leaves(forge, root, intermediate):
    """Who issued it, and for what."""
    unknown = forge.issuer("unknown-root")
    forge.leaf("unknown-root", unknown, extensions(GOOD_NAMES), chain=[unknown])
    forge.case(
        "unknown-root", "unknown-root", "mail.test", FAIL, "the root is not trusted, although the server sends it"
    )
    twin = forge.issuer("twin-root", common_name="Postrider test root")
    forge.leaf("twin-root", twin, extensions(GOOD_NAMES), chain=[twin])
    forge.case("twin-root", "twin-root", "mail.test", FAIL, "a root of the same name with another key")
    forge.leaf("self-signed", None, extensions(GOOD_NAMES))
    forge.case("self-signed", "self-signed", "mail.test", FAIL, "signed by itself")
    forge.leaf("self-signed-ca", None, ca_extensions(["subjectAltName = " + GOOD_NAMES]))
    forge.case("self-signed-ca", "self-signed-ca", "mail.test", FAIL, "signed by itself, and a CA")
    for name, lines, why in (
        ("non-ca", extensions("DNS:other.test"), "issued by a certificate that is no CA"),
        (
            "ca-without-sign",
            extensions(None, "critical,digitalSignature", None, "critical,CA:TRUE"),
            "the issuer's keyUsage has no keyCertSign",
        ),
        (
            "ca-no-constraints",
            extensions(None, "critical,keyCertSign", None, None),
            "the issuer has no basicConstraints",
        ),
    ):
        issuer = forge.issuer(name, root, lines)
        forge.leaf(name, issuer, extensions(GOOD_NAMES), chain=[issuer])
        forge.case(name, name, "mail.test", FAIL, why)
    deep = forge.issuer("too-deep", intermediate, ca_extensions())
    forge.leaf("pathlen", deep, extensions(GOOD_NAMES), chain=[deep, intermediate])
    forge.case("pathlen", "pathlen", "mail.test", FAIL, "an intermediate below one with pathlen 0")
    for name, constraint, expected, why in (
        ("name-constraint-ok", "permitted;DNS:mail.test", OK, "the issuer may name this host"),
        ("name-constraint", "permitted;DNS:allowed.test", FAIL, "the issuer may name other hosts only"),
        ("name-constraint-excluded", "excluded;DNS:mail.test", FAIL, "the issuer must not name this host"),
    ):
        issuer = forge.issuer(name, root, ca_extensions([f"nameConstraints = critical,{constraint}"]))
        forge.leaf(name, issuer, extensions("DNS:mail.test"), chain=[issuer])
        forge.case(name, name, "mail.test", expected, why)


def purpose_leaves(forge, root):
    """What it may be used for, and what a client does not understand."""
    forge.leaf("eku-client-only", root, extensions(GOOD_NAMES, extended="clientAuth"))
    forge.case("eku-client-only", "eku-client-only", "mail.test", FAIL, "for clients only")
    forge.leaf("eku-email", root, extensions(GOOD_NAMES, extended="emailProtection"))
    forge.case("eku-email", "eku-email", "mail.test", FAIL, "for signed mail only")
    forge.leaf("key-usage", root, extensions(GOOD_NAMES, "critical,cRLSign"))
    forge.case("key-usage", "key-usage", "mail.test", FAIL, "keyUsage allows no TLS")
    unknown = ["1.3.6.1.4.1.55555.1 = critical,ASN1:UTF8String:nobody knows this"]
    forge.leaf("unknown-critical", root, extensions(GOOD_NAMES, more=unknown))
    forge.case(
        "unknown-critical", "unknown-critical", "mail.test", FAIL, "an unknown critical extension (RFC 5280 4.2)"
    )
    forge.leaf("must-staple", root, extensions(GOOD_NAMES, more=["tlsfeature = status_request"]))
    forge.case(
        "must-staple",
        "must-staple",
        "mail.test",
        FAIL,
        "RFC 7633: promises a stapled OCSP response, sends none",
        ["must-staple"],
    )
    forge.leaf("revoked", root, extensions(GOOD_NAMES))
    forge.case("revoked", "revoked", "mail.test", FAIL, "stands in the CA's revocation list", ["crl"])


def weak_leaves(forge, root):
    """Material and versions below today's floor; a server serves them at security level 0 only."""
    forge.leaf("sha1", root, extensions(GOOD_NAMES), digest="sha1")
    forge.case("sha1", "sha1", "mail.test", FAIL, "signed with SHA-1", seclevel=0)
    weak = forge.issuer("sha1-intermediate", root, digest="sha1")
    forge.leaf("sha1-intermediate", weak, extensions(GOOD_NAMES), chain=[weak])
    forge.case(
        "sha1-intermediate", "sha1-intermediate", "mail.test", FAIL, "the intermediate is signed with SHA-1", seclevel=0
    )
    forge.leaf("rsa1024", root, extensions(GOOD_NAMES, "critical,digitalSignature,keyEncipherment"), kind="rsa:1024")
    forge.case("rsa1024", "rsa1024", "mail.test", FAIL, "RSA of 1024 bit", seclevel=0)
    for version in ("TLSv1", "TLSv1_1"):
        name = "tls1.0" if version == "TLSv1" else "tls1.1"
        forge.case(
            name,
            "good-rsa",
            "mail.test",
            FAIL,
            f"the server speaks {name} only",
            seclevel=0,
            minimum=version,
            maximum=version,
        )
    for version in ("TLSv1_2", "TLSv1_3"):
        name = "tls1.2" if version == "TLSv1_2" else "tls1.3"
        forge.case(name, "good", "mail.test", OK, f"the server speaks {name} only", minimum=version, maximum=version)


def client_leaves(forge, root):
    """The client's side, for servers that ask for a certificate."""
    forge.client("client-good", root, "alice@mail.test")
    forge.client("client-unknown-root", forge.issuer("client-root"), "alice@mail.test")
    forge.client("client-server-only", root, "alice@mail.test", extended="serverAuth")


def make(folder):
    """Makes everything in `folder`, which must not exist, and returns the index."""
    folder.mkdir(mode=0o700, parents=True)
    forge = Forge(folder)
    root = forge.issuer("root")
    intermediate = good_leaves(forge, root)
    name_leaves(forge, root)
    wildcard_leaves(forge, root)
    time_leaves(forge, root)
    path_leaves(forge, root, intermediate)
    purpose_leaves(forge, root)
    weak_leaves(forge, root)
    client_leaves(forge, root)
    # The end of a chain file is no place for issuers here: -revoke reads the first certificate only.
    openssl(
        "ca",
        "-config",
        root.configuration,
        "-keyfile",
        root.key,
        "-cert",
        root.certificate,
        "-revoke",
        folder / "revoked.pem",
    )
    openssl(
        "ca",
        "-config",
        root.configuration,
        "-keyfile",
        root.key,
        "-cert",
        root.certificate,
        "-gencrl",
        "-out",
        folder / "ca.crl.pem",
    )
    shutil.copy(root.certificate, folder / "ca.pem")
    index = {
        **{"version": version(), "made": datetime.date.today().isoformat()},
        **{"ca": str(folder / "ca.pem"), "crl": str(folder / "ca.crl.pem")},
        **{"cases": forge.cases, "leaves": forge.leaves, "clients": forge.clients},
    }
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False), encoding="utf-8")
    return index


def version():
    """Changes whenever this file does."""
    return hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:16]


def _kept(folder):
    """The index of an earlier run, when it is of this version and made today."""
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # "Expired yesterday" and "begins tomorrow" are only true for a day.
    fresh = index["version"] == version() and index["made"] == datetime.date.today().isoformat()
    return index if fresh and index["ca"] == str(folder / "ca.pem") else None


def ensure(folder=None):
    """The index of the certificates in `folder` (default: a cache folder), made when missing or stale.

    Safe to call from several processes at once; the others wait for the one that makes them.
    """
    folder = (
        pathlib.Path(folder).resolve()
        if folder
        else fixture.cache_folder() / f"certs-{version()}-{datetime.date.today()}"
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f".{folder.name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        index = _kept(folder)
        if index:
            return index
        if folder.exists():
            _remove_stale(folder)
        _forget_old_siblings(folder)
        try:
            return make(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _remove_stale(folder):
    if any(folder.iterdir()) and not (folder / "issuers").is_dir():
        raise fixture.FixtureError(f"{folder} holds other things: give a new or empty folder")
    shutil.rmtree(folder)


def _forget_old_siblings(folder):
    """The cache has a folder per day and version: those of the days before yesterday are of no use."""
    for old in fixture.cache_folder().glob("certs-*"):
        if old != folder and time.time() - old.stat().st_mtime > 2 * 86400:
            shutil.rmtree(old, ignore_errors=True)


def server_context(case):
    """A server's side of a case: its leaf, and the versions and security level that the case asks for."""
    wanted = case["server"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        # Python warns of TLS 1.0 and 1.1; that is what these cases are for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = getattr(ssl.TLSVersion, wanted.get("minimum", "TLSv1_2"))
        context.maximum_version = getattr(ssl.TLSVersion, wanted.get("maximum", "TLSv1_3"))
    if "seclevel" in wanted:
        context.set_ciphers(f"ALL:@SECLEVEL={wanted['seclevel']}")
    context.load_cert_chain(case["chain"], case["key"])
    return context


def client_context(index, crl=False):
    """A client as strict as it should be, with which the matrix checks itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(index["ca"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    if crl:
        context.load_verify_locations(index["crl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def main():
    """Command line: makes the certificates and prints where the index is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", help="folder to make them in (default: a cache folder)")
    parser.add_argument("--list", action="store_true", help="print the cases")
    options = parser.parse_args()
    try:
        index = ensure(options.dir)
    except fixture.FixtureError as error:
        print(f"certs: {error}", file=sys.stderr)
        return 1
    if options.list:
        for case in index["cases"]:
            print(f"{case['expected']:4} {case['name']:26} {case['host']:26} {case['why']}")
    else:
        print(os.path.join(os.path.dirname(index["ca"]), "index.json"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
