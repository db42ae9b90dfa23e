"""The HTTP session that stands in for botocore's: against a server that answers by script."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from consumer.queues.sqs.http import KeepAliveSession, install
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Thing: a\r\n\r\nok"


class ScriptedServer:
    """Answers the requests of each connection with the scripted bytes, in order; then closes it.

    An answer of None means: never answer, until the client goes away.
    """

    def __init__(self, *scripts: list[bytes | None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError):
                if self._tls is not None:
                    link = self._tls.wrap_socket(link, server_side=True)
                for answer in script:
                    self.requests.append(self._read_request(link))
                    if answer is None:
                        link.recv(1)
                        break
                    link.sendall(answer)
            link.close()

    @staticmethod
    def _read_request(link: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = link.recv(65536)
            if not piece:
                raise ConnectionError
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += link.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        """Stop listening and wait for the thread."""
        self._listener.close()
        self._thread.join(5)


class Fallback:
    """Botocore's own session, as far as the test goes."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, request: Any) -> str:
        """Note it."""
        self.sent.append(request)
        return "by botocore"

    def close(self) -> None:
        """Nothing to close."""


def request(url: str, body: bytes | str = b'{"a":1}', **headers: str) -> AWSPreparedRequest:
    """A request as botocore hands it over."""
    return AWSPreparedRequest("POST", url, HeadersDict(headers), body, False)


def session(**options: Any) -> KeepAliveSession:
    """A session with short timeouts."""
    options = {"connect_timeout_seconds": 2, "read_timeout_seconds": 5, **options}
    return KeepAliveSession(Fallback(), **options)


@contextlib.contextmanager
def serving(*scripts: list[bytes | None], **options: Any) -> Iterator[ScriptedServer]:
    """A scripted server for the length of a block."""
    server = ScriptedServer(*scripts, **options)
    try:
        yield server
    finally:
        server.close()


def test_an_answer_is_read_and_the_connection_used_again() -> None:
    """Two requests, one connection; status, headers and content arrive."""
    with serving([OK, OK]) as server:
        ours = session()
        url = f"http://127.0.0.1:{server.port}/123/queue?x=1"

        first = ours.send(request(url, X_Amz_Target="AmazonSQS.ReceiveMessage"))
        second = ours.send(request(url))
        ours.close()

    assert 200 == first.status_code
    assert b"ok" == first.content
    assert "a" == second.headers["x-thing"]
    assert 1 == server.connections
    head = server.requests[0].split(b"\r\n")
    assert b"POST /123/queue?x=1 HTTP/1.1" == head[0]
    assert f"Host: 127.0.0.1:{server.port}".encode() in head
    assert b"X_Amz_Target: AmazonSQS.ReceiveMessage" in head
    assert server.requests[0].endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", b"old"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", b""),
    ],
    ids=["chunked", "until-close", "http-1.0", "100-continue", "204", "empty-500"],
)  # fmt: skip
def test_every_way_to_frame_an_answer_is_understood(answer: bytes, content: bytes) -> None:
    """Emulators frame their answers differently from SQS."""
    with serving([answer]) as server:
        ours = session()

        got = ours.send(request(f"http://127.0.0.1:{server.port}/"))
        ours.close()

    assert content == got.content


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """SQS closes idle connections; the next request opens another, without an error."""
    with serving([OK], [OK]) as server:
        ours = session()
        url = f"http://127.0.0.1:{server.port}/"
        ours.send(request(url))
        idle = ours._idle[0].socket
        assert b"" == idle.recv(1, socket.MSG_PEEK)  # returns once the server has closed it

        again = ours.send(request(url))
        ours.close()

    assert b"ok" == again.content
    assert 2 == server.connections


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    ],
    ids=["nothing", "half", "half-chunk", "length", "chunk-size", "ssh", "long-line", "many"],
)
def test_half_an_answer_is_an_error_and_never_used(answer: bytes) -> None:
    """What is not a whole answer is botocore's ConnectionClosedError; the connection is dropped."""
    with serving([answer]) as server:
        ours = session()

        with pytest.raises(ConnectionClosedError):
            ours.send(request(f"http://127.0.0.1:{server.port}/"))

    assert not ours._idle


def test_no_answer_is_a_read_timeout() -> None:
    """A dead connection is noticed within the read timeout."""
    with serving([None]) as server:
        ours = session(read_timeout_seconds=0.05)

        with pytest.raises(ReadTimeoutError):
            ours.send(request(f"http://127.0.0.1:{server.port}/"))

    assert not ours._idle


def test_a_refused_connection_is_an_endpoint_error() -> None:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(EndpointConnectionError):
        session().send(request(f"http://127.0.0.1:{port}/"))


def test_a_line_break_in_a_header_is_refused() -> None:
    """Nobody smuggles a header into a request."""
    with serving([OK]) as server:
        ours = session()
        bad = request(f"http://127.0.0.1:{server.port}/", X="a\r\nY: b")

        with pytest.raises(Exception, match="line break"):
            ours.send(bad)

        ours.close()

    assert not server.requests


def test_a_proxy_is_botocores_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy for the address, botocore's own session sends it; without, ours does."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fallback = Fallback()
    ours = KeepAliveSession(fallback, connect_timeout_seconds=1, read_timeout_seconds=5)

    by_proxy = ours.send(request("http://sqs.example/"))
    with serving([OK]) as server:
        directly = ours.send(request(f"http://127.0.0.1:{server.port}/"))
        ours.close()

    assert "by botocore" == by_proxy
    assert b"ok" == directly.content
    assert 1 == len(fallback.sent)


def test_tls_is_checked(tmp_path: Path) -> None:
    """The certificate must be trusted and be for the host that was asked for."""
    authority, chain = make_certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with serving([OK], [OK], [OK], tls=context) as server:
        trusting = session(ca_bundle=str(authority))
        url = f"https://127.0.0.1:{server.port}/"

        answer = trusting.send(request(url))
        with pytest.raises(SSLError):
            session().send(request(url))  # signed by nobody that is known
        with pytest.raises(SSLError):
            trusting.send(request(f"https://localhost:{server.port}/"))  # another name
        trusting.close()

    assert b"ok" == answer.content


def make_certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A self-signed certificate for an IP address: what to trust, and what the server presents."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    authority, chain = folder / "ca.pem", folder / "chain.pem"
    authority.write_bytes(public)
    chain.write_bytes(private + public)
    return authority, chain


def test_a_real_client_takes_the_session() -> None:
    """This botocore has the place that `install` needs; what it sends is signed and complete."""
    body = b'{"QueueUrl": "http://queue"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
    with serving([answer % (len(body), body)]) as server:
        client = boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{server.port}",
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )

        installed = install(client, connect_timeout_seconds=1, read_timeout_seconds=5)
        response = client.get_queue_url(QueueName="queue")
        client.close()

    assert installed
    assert "http://queue" == response["QueueUrl"]
    assert b"Authorization: AWS4-HMAC-SHA256 Credential=key/" in server.requests[0]
    assert b"\r\n\r\n" + b'{"QueueName": "queue"}' in server.requests[0]


def test_a_botocore_without_the_place_is_left_alone() -> None:
    """Then its own session stays: slower, and just as right."""
    assert not install(object(), connect_timeout_seconds=1, read_timeout_seconds=5)
