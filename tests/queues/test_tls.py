"""TLS servers are trusted, or not, by our own requests as they are by botocore's."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import SSLError
from botocore.httpsession import URLLib3Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consumer.errors import TransportError
from consumer.queues.sqs.connections import Connections
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import CLOSE, WAYS, Server, connected, http, scripted, serving

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

ACCEPTED, REFUSED = "accepted", "SSLError"
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate, its key, and those that the server sends along."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: bytes

    @property
    def pem(self) -> bytes:
        """It alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make(
    issuer: Certificate | None = None,
    *names: str,
    common_name: str = "test",
    authority: bool = False,
    strict: bool = True,
    until: dt.datetime = NOW + DAY,
) -> Certificate:
    """A certificate for these names and addresses; without an issuer it is self-signed.

    Args:
        strict: with all that RFC 5280 asks for; otherwise with what old authorities leave out.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=strict)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
    if strict:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "crl_sign", "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        usage |= {"digital_signature": True, "key_cert_sign": authority}
        builder = (
            builder.add_extension(identifier, critical=False)
            .add_extension(own, critical=False)
            .add_extension(x509.KeyUsage(**usage), critical=True)
        )
    certificate = builder.sign(signer, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return Certificate(certificate, key, pem + (b"" if issuer is None else issuer.chain))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Rig:
    """Servers with certificates; and what comes of a call to them, by each way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str | None] = []

    def write(self, name: str, *certificates: Certificate) -> str:
        """A file of certificates to trust."""
        path = self.folder / name
        path.write_bytes(b"".join(certificate.pem for certificate in certificates))
        return str(path)

    def serving(self, certificate: Certificate) -> AbstractContextManager[Server]:
        """A server that answers that the queue is empty."""
        return serving(lambda _: [http()], tls=self.context(certificate))

    def context(self, certificate: Certificate) -> ssl.SSLContext:
        """That of a server with this certificate."""
        path = self.folder / "server.pem"
        private = certificate.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(private + certificate.chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.sni_callback = lambda _link, name, _context: self.names.append(name)
        return context


def outcomes(server: Server, host: str, **settings: Any) -> list[str]:
    """What comes of a receive, by each way: accepted, or the code of the error."""
    return [_outcome(server, host, way, settings) for way in WAYS]


def _outcome(server: Server, host: str, way: str, settings: dict[str, Any]) -> str:
    before = len(server.requests)
    transport = connected(server.url(host), way=way, aws_region="us-east-1", **settings)
    try:
        assert [] == transport.receive(
            max_messages=1, wait_seconds=0, visibility_timeout_seconds=None
        )
    except TransportError as error:
        assert before == len(server.requests), "a request was sent all the same"
        return error.code
    finally:
        transport.close()
    return ACCEPTED


@pytest.fixture(name="rig")
def _rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    look_up = socket.getaddrinfo

    def local(host: str, *arguments: Any, **options: Any) -> Any:
        here = "127.0.0.1" if host.rstrip(".").endswith(".example") else host
        return look_up(here, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    return Rig(tmp_path)


REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"


def connections_to(url: str, bundle: str) -> Connections:
    """Our own, that trust what is in a file."""
    return Connections(
        urlsplit(url),
        connect_timeout_seconds=5,
        read_timeout_seconds=5,
        verify=bundle,
        clock=ManualClock(),
    )


def by_both(server: Server, host: str, bundle: str) -> list[str]:
    """What comes of a request over our own connections, and over those of botocore."""
    url = f"https://{host}:{server.port}"
    ours = connections_to(url, bundle)
    theirs = URLLib3Session(verify=bundle, timeout=5)
    request = AWSRequest("POST", url, {}, b"{}").prepare()
    got = []
    for send, sent in ((ours.exchange, REQUEST), (theirs.send, request)):
        before = len(server.requests)
        try:
            assert b"{}" == send(sent).content
        except SSLError:
            assert before == len(server.requests), "a request was sent all the same"
            got.append(REFUSED)
        else:
            got.append(ACCEPTED)
    ours.close()
    theirs.close()
    return got


def test_certificates_are_checked_as_by_botocore(rig: Rig) -> None:
    """Who signed it, for whom, until when: the same answer by both ways, but for two oddities."""
    root = make(authority=True, common_name="root")
    between = make(root, authority=True, common_name="between")
    old = make(authority=True, common_name="old", strict=False)
    name, address = "sqs.example", "127.0.0.1"
    alone, good = make(None, name), make(root, name)
    yes, no = [ACCEPTED] * 2, [REFUSED] * 2
    cases: list[tuple[str, Certificate, str, Certificate, list[str]]] = [
        ("good", good, name, root, yes),
        ("through another", make(between, name), name, root, yes),
        ("final dot", good, "sqs.example.", root, yes),
        ("upper case", good, "SQS.Example", root, yes),
        ("wildcard", make(root, "*.sqs.example"), "a.sqs.example", root, yes),
        ("wildcard, deeper", make(root, "*.sqs.example"), "b.a.sqs.example", root, no),
        ("another name", make(root, "other.example"), name, root, no),
        ("address", make(root, address), address, root, yes),
        ("another address", make(root, "127.0.0.2"), address, root, no),
        ("name for an address", good, address, root, no),
        ("address for a name", make(root, address), "localhost", root, no),
        ("common name only", make(root, common_name=name), name, root, yes),
        ("other common name only", make(root, common_name="other"), name, root, no),
        ("common name beside names", make(root, "x.y", common_name=name), name, root, no),
        ("common name of an address", make(root, common_name=address), address, root, no),
        ("no name at all", make(root), name, root, no),
        ("self-signed, trusted", alone, name, alone, yes),
        ("self-signed", alone, name, root, no),
        ("expired", make(root, name, until=NOW - DAY), name, root, no),
        ("not by who is trusted", good, name, between, no),
        ("by who is trusted in part", make(between, name), name, between, no),
        ("itself trusted", good, name, good, no),
        ("no authority", make(good, name), name, root, no),
        ("old authority", make(old, name, strict=False), name, old, yes),
        # OpenSSL, which checks names here, is stricter than urllib3 with one, and takes the other.
        ("wildcard for all", make(root, "*.example"), name, root, [REFUSED, ACCEPTED]),
        (
            "common name beside an address",
            make(root, address, common_name=name),
            name,
            root,
            [ACCEPTED, REFUSED],
        ),
    ]
    wrong = []
    for case, certificate, host, trusted, expected in cases:
        with rig.serving(certificate) as server:
            got = by_both(server, host, rig.write("trusted.pem", trusted))
        if got != expected:
            wrong.append((case, got))

    assert [] == wrong


def test_a_file_that_cannot_be_used_trusts_no_server(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, empty, noise, a folder; `~` is the home of a user, if there is such a user."""
    monkeypatch.setenv("HOME", str(rig.folder))
    root = make(authority=True)
    rig.write("good.pem", root)
    rig.write("empty.pem")
    (rig.folder / "noise.pem").write_text("no certificate")
    names = ("missing.pem", "empty.pem", "noise.pem", "")
    bundles = [*(str(rig.folder / name) for name in names), "~no-such-user/good.pem"]
    with rig.serving(make(root, "127.0.0.1")) as server:
        refused = [by_both(server, "127.0.0.1", bundle) for bundle in bundles]
        accepted = by_both(server, "127.0.0.1", "~/good.pem")

    assert [[REFUSED] * 2] * len(bundles) == refused
    assert [ACCEPTED] * 2 == accepted


@for_each(
    "pieces, reused",
    [
        ([http(b"first")], True),
        ([http(b"x" * 16_384 + b"first")], True),
        ([http(b"first") + b"\r\n"], False),
        ([http(b"first"), b"\r\n"], False),
        ([http(b"x" * 100_000 + b"first") + http(b"glued")], False),
        ([http(b"first") + b"x" * 20_000], False),
        ([http(b"first"), CLOSE], False),
    ],
)
def test_a_connection_is_used_again_if_nothing_is_left_in_it(
    rig: Rig, pieces: list[Any], *, reused: bool
) -> None:
    """As without TLS, for bytes with an answer or after it, in the same record or another."""
    root = make(authority=True)
    tls = rig.context(make(root, "127.0.0.1"))
    with scripted([pieces, http(b"second")], [http(b"second")], tls=tls) as server:
        url = f"https://127.0.0.1:{server.port}"
        ours = connections_to(url, rig.write("ca.pem", root))
        first = ours.exchange(REQUEST)
        if len(pieces) > 1:
            assert select.select([ours._idle[0][0]], [], [], 10)[0]
        second = ours.exchange(REQUEST)
        ours.close()

    assert first.content.endswith(b"first")
    assert b"second" == second.content
    assert (1 if reused else 2) == server.connections


def test_the_server_gets_the_name_that_is_wanted(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """SNI: the host without its final dot; none for an address."""
    root = make(authority=True)
    monkeypatch.setenv("AWS_CA_BUNDLE", rig.write("ca.pem", root))
    with rig.serving(make(root, "sqs.example", "127.0.0.1")) as server:
        for host in ("sqs.example", "sqs.example.", "127.0.0.1"):
            assert [ACCEPTED] * 2 == outcomes(server, host)

    assert [name for name in ("sqs.example", "sqs.example", None) for _ in WAYS] == rig.names


def test_what_is_trusted_is_configured_as_for_botocore(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_CA_BUNDLE, the profile's ca_bundle, REQUESTS_CA_BUNDLE, else the authorities of old."""
    root, other = make(authority=True), make(authority=True)
    good, bad = rig.write("good.pem", root), rig.write("bad.pem", other)
    config = rig.folder / "aws-config"
    config.write_text(f"[profile good]\nca_bundle = {good}\n[profile bad]\nca_bundle = {bad}\n")
    profiles = {name: {"aws_profile": name} for name in ("good", "bad")}
    cases: list[tuple[dict[str, str], dict[str, Any], str]] = [
        ({}, {}, REFUSED),
        ({"AWS_CA_BUNDLE": good}, {}, ACCEPTED),
        ({}, profiles["good"], ACCEPTED),
        ({}, profiles["bad"], REFUSED),
        ({"AWS_CA_BUNDLE": bad}, profiles["good"], REFUSED),
        ({"AWS_CA_BUNDLE": good, "REQUESTS_CA_BUNDLE": bad}, profiles["bad"], ACCEPTED),
        ({"REQUESTS_CA_BUNDLE": bad}, profiles["good"], ACCEPTED),
        ({"REQUESTS_CA_BUNDLE": good}, {}, ACCEPTED),
    ]
    wrong = []
    with rig.serving(make(root, "127.0.0.1")) as server:
        for environ, settings, expected in cases:
            with monkeypatch.context() as patch:
                for name, value in environ.items():
                    patch.setenv(name, value)
                got = outcomes(server, "127.0.0.1", **settings)
            if got != [expected] * 2:
                wrong.append((environ, settings, got))
        monkeypatch.setattr("botocore.httpsession.where", lambda: good)
        by_default = outcomes(server, "127.0.0.1")

    assert [] == wrong
    assert [ACCEPTED] * 2 == by_default


def test_a_server_without_tls_is_an_error_of_tls() -> None:
    """And a request is not sent in the clear."""
    heard = []

    def answer(listener: socket.socket) -> None:
        for _ in WAYS:
            link, _ = listener.accept()
            with link:
                link.sendall(http(b"Bad Request", 400))
                heard.append(link.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/123456789012/canvas-live-events"
        for way in WAYS:
            transport = connected(url, way=way)
            with pytest.raises(TransportError, match="does not speak TLS on this port") as failed:
                transport.attributes()
            assert "SSLError" == failed.value.code
            transport.close()
        thread.join(10)

    assert [b"\x16"] * 2 == [piece[:1] for piece in heard]  # a handshake
