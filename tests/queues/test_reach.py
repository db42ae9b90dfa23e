"""Why a host was not reached: from failures that really happen, by sockets and by botocore."""

from __future__ import annotations

import datetime as dt
import errno
import http.client
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import exceptions as aws
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from consumer.clock import SystemClock
from consumer.config import AwsSettings, QueueSettings
from consumer.errors import EXIT_CONFIGURATION, EXIT_TRANSIENT, TransportError
from consumer.queues.sqs import connect
from consumer.queues.sqs.connections import Connections
from consumer.queues.sqs.failures import failure_of
from consumer.queues.sqs.reach import UnusableSettingError, host_and_port, not_reached
from consumer.testing import ManualClock
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT, PASSWORD = "123456789012", "hunter2"
LATE = "did not answer within the read timeout (queue.read_timeout_seconds); if long polls keep"
CLOSED = "closed the connection before the answer was complete; if long polls keep failing"
CA = "the file of CA certificates (AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or ca_bundle"

#: What a server says to anything.
ANSWERS = {
    "hangs up": b"",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "no http": b"220 mail.example ESMTP\r\n\r\n",
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
}


@dataclass
class Hosts:
    """Servers on this machine that fail, by what is wrong with them; and files of CAs."""

    ports: dict[str, int]
    folder: Path

    def fill(self, text: str) -> str:
        """A text with {ports} and {folder} put in."""
        for kind, port in self.ports.items():
            text = text.replace("{" + kind + "}", f"127.0.0.1:{port}")
        return text.replace("{folder}", str(self.folder))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        link, address = super().get_request()
        return (self.tls.wrap_socket(link, server_side=True) if self.tls else link), address


def serving(answer: bytes, tls: ssl.SSLContext | None = None) -> _Server:
    """A server that reads once, says `answer` and hangs up."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(answer)

    server = _Server(("127.0.0.1", 0), Handler)
    server.tls = tls
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


def certificate(path: Path, name: str, *, days: int, issuer: Any = None) -> Any:
    """Writes a certificate with its key; returns what issues others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0] if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - dt.timedelta(days=365))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, pkcs8, plain))
    return subject, key


@pytest.fixture(name="hosts", scope="module")
def _hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("reach")
    (folder / "empty.pem").write_text("")
    issuer = certificate(folder / "ca.pem", "our CA", days=1)
    certificate(folder / "expired.pem", "localhost", days=-1, issuer=issuer)
    certificate(folder / "other name.pem", "sqs.example", days=1, issuer=issuer)
    certificate(folder / "self-signed.pem", "localhost", days=1)
    servers = {kind: serving(answer) for kind, answer in ANSWERS.items()}
    for kind in ("expired", "other name", "self-signed"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / f"{kind}.pem")
        servers[kind] = serving(b"", context)
    with socket.socket() as refuses, socket.socket() as silent, socket.socket() as full:
        for link in (refuses, silent, full):
            link.bind(("127.0.0.1", 0))
        silent.listen()
        full.listen(0)
        ports = {kind: server.server_address[1] for kind, server in servers.items()}
        links = {"refuses": refuses, "silent": silent, "full": full}
        ports |= {kind: link.getsockname()[1] for kind, link in links.items()}
        waiting = [socket.socket() for _ in range(3)]  # no further connection gets in
        for link in waiting:
            link.setblocking(False)
            link.connect_ex(full.getsockname())
        yield Hosts(ports, folder)
        for link in waiting:
            link.close()
    for server in servers.values():
        server.shutdown()
        server.server_close()


def by_botocore(url: str, timeout: float = 0.5) -> Exception:
    """What its client raises when it receives."""
    client = boto3.Session("key", "secret").client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=url,
        config=Config(
            connect_timeout=timeout, read_timeout=timeout, retries={"total_max_attempts": 1}
        ),
    )
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        client.receive_message(QueueUrl=f"{url}/{ACCOUNT}/canvas-live-events")
    client.close()
    return caught.value


def by_sockets(host: str, cafile: str = "", timeout: float = 0.5) -> Exception:
    """What the standard library raises when it receives, with TLS if there is a CA."""
    name, _, port = host.rpartition(":")
    tls = {}
    if cafile:
        context = ssl.create_default_context(cafile=cafile)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # on since Python 3.13; not in botocore
        tls["context"] = context
    kind: Any = http.client.HTTPSConnection if cafile else http.client.HTTPConnection
    connection = kind(name, int(port), timeout=timeout, **tls)
    try:
        connection.request("POST", "/", b"{}")
        connection.getresponse().read()
    except Exception as error:
        return error
    finally:
        connection.close()
    raise AssertionError(host)


def made(error: Exception, hosts: Hosts, expected: str) -> TransportError:
    """What becomes of it, after the looks at its text."""
    found = failure_of(error, operation="ReceiveMessage", queue="q", region="us-east-1")
    text = f"{found} {found!r}"

    assert str(found).startswith(f"ReceiveMessage: {hosts.fill(expected)}"), str(found)
    assert type(error).__name__ == found.code
    assert not [secret for secret in (ACCOUNT, PASSWORD, "jane", "https://") if secret in text]
    return found


@for_each(
    "url, environ, expected",
    [
        ("http://{refuses}", {}, "{refuses} was not reached: the connection was refused, nothing"),
        ("http://x.invalid", {}, "x.invalid:80 was not reached: "),
        ("http://{full}", {}, "{full} was not reached within the connect timeout"),
        ("https://{silent}", {}, "{silent} was not reached within the connect timeout"),
        ("http://{silent}", {}, f"{{silent}} {LATE}"),
        ("http://{hangs up}", {}, f"{{hangs up}} {CLOSED}"),
        ("https://{hangs up}", {}, f"{{hangs up}} {CLOSED}"),
        ("http://{no http}", {}, "{no http} answered, but not with HTTP"),
        ("https://{no http}", {}, "{no http} was not reached: it does not speak TLS on this port"),
        (
            "https://x.invalid",
            {"https_proxy": "http://jane:hunter2@{407}"},
            "the proxy {407} wants a user name and password (407): check those in https_proxy",
        ),
        (
            "https://x.invalid",
            {"https_proxy": "http://jane:hunter2@{403}"},
            "the proxy {403} refuses to connect to SQS (403): allow it there",
        ),
        (
            "https://x.invalid",
            {"https_proxy": "http://jane:hunter2@{502}"},
            "the proxy {502} did not connect to SQS (502)",
        ),
        (
            "https://x.invalid",
            {"https_proxy": "http://jane:hunter2@{refuses}"},
            "the proxy {refuses} was not reached: the connection was refused",
        ),
        (
            "https://x.invalid",
            {"https_proxy": "http://jane:hunter2@y.invalid:3128"},
            "the proxy y.invalid:3128 was not reached: ",
        ),
    ],
)
def test_botocores_failures_name_host_and_reason(
    hosts: Hosts, url: str, environ: dict[str, str], expected: str
) -> None:
    """For each way to fail, directly and through a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, hosts.fill(value))
        error = by_botocore(hosts.fill(url))

    found = made(error, hosts, expected)
    assert (TransportError, EXIT_TRANSIENT) == (type(found), found.exit_code)


@for_each(
    "host, ca, expected",
    [
        ("{expired}", "ca", "its certificate is not accepted (certificate has expired); check"),
        ("{other name}", "ca", "its certificate is not accepted ("),
        ("{self-signed}", "ca", "its certificate is not accepted (self-signed certificate); if"),
        ("{expired}", "self-signed", "its certificate is not accepted (unable to get local issuer"),
    ],
)
def test_a_certificate_that_is_not_accepted_says_why(
    hosts: Hosts, host: str, ca: str, expected: str
) -> None:
    """In OpenSSL's words, with what helps; alike by botocore and by the standard library."""
    local = hosts.fill(host).replace("127.0.0.1", "localhost")
    ca_file = hosts.fill(f"{{folder}}/{ca}.pem")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CA_BUNDLE", ca_file)
        made(by_botocore(f"https://{local}"), hosts, f"{local} was not reached: {expected}")

    raw = by_sockets(local, ca_file)
    made(raw, hosts, f"SQS in us-east-1 was not reached: {expected}")
    assert f"SendMessageBatch: {local} was not reached: {expected}" in str(
        not_reached(raw, operation="SendMessageBatch", host=local)
    )


@for_each("file", ["nowhere.pem", "empty.pem", "", "ca.pem/below"])
def test_a_ca_file_that_can_not_be_used_is_a_configuration_error(hosts: Hosts, file: str) -> None:
    """It does not exist, holds nothing, or is a folder: waiting does not help."""
    path = str(hosts.folder / file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CA_BUNDLE", path)
        wrapped = by_botocore(hosts.fill("https://{expired}"))
    with pytest.raises(OSError) as raw:  # noqa: PT011 - of several kinds
        ssl.create_default_context(cafile=path)
    denied = aws.SSLError(endpoint_url="", error=PermissionError(errno.EACCES, "jane"))

    for error in (wrapped, raw.value, denied):
        found = made(error, hosts, CA)
        assert UnusableSettingError is type(found)
        assert (True, EXIT_CONFIGURATION) == (found.fatal, found.exit_code)


def test_the_transport_fails_in_the_same_words(hosts: Hosts) -> None:
    """Through all of it: what is configured wrongly is fatal at the first call, the rest is not."""
    for file, kind, text in (
        ("nowhere.pem", UnusableSettingError, CA),
        ("ca.pem", TransportError, "its certificate is not accepted (certificate has expired)"),
    ):
        url = hosts.fill("https://{expired}").replace("127.0.0.1", "localhost")
        queue = QueueSettings(url=f"{url}/{ACCOUNT}/canvas-live-events")
        aws_settings = AwsSettings(access_key_id=SecretStr("x"), secret_access_key=SecretStr("y"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_CA_BUNDLE", str(hosts.folder / file))
            transport = connect(queue, aws_settings, max_connections=1, clock=ManualClock())
            with pytest.raises(TransportError) as caught:
                transport.attributes()
            transport.close()

        assert kind is type(caught.value)
        assert text in str(caught.value)


def test_a_socks_proxy_is_a_configuration_error(hosts: Hosts) -> None:
    """Its scheme is what botocore takes for a host's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("https_proxy", f"socks5://jane:{PASSWORD}@127.0.0.1:1080")
        error = by_botocore("https://x.invalid")

    found = made(error, hosts, "the proxy 127.0.0.1:1080 is a SOCKS proxy, which is not supported")
    assert EXIT_CONFIGURATION == found.exit_code


@for_each(
    "host, expected",
    [
        ("{refuses}", "was not reached: the connection was refused"),
        ("x.invalid:80", "was not reached: "),
        ("{full}", "was not reached within the connect timeout"),
        ("{silent}", LATE),
        ("{hangs up}", CLOSED),
        ("{cut}", CLOSED),
        ("{no http}", "answered, but not with HTTP"),
    ],
)
def test_our_own_connections_fail_in_the_same_words(hosts: Hosts, host: str, expected: str) -> None:
    """They raise what botocore does."""
    host = hosts.fill(host)
    connections = Connections(
        urlsplit(f"http://{host}"),
        connect_timeout_seconds=0.5,
        read_timeout_seconds=0.5,
        verify=True,
        clock=SystemClock(),
    )
    with pytest.raises(aws.BotoCoreError) as caught:
        connections.exchange(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")

    made(caught.value, hosts, f"{host} {expected}")


@for_each(
    "error, expected",
    [
        (OSError(errno.EHOSTUNREACH, "jane"), "was not reached: there is no route to it"),
        (OSError(errno.ENETUNREACH, "jane"), "was not reached: there is no route to it"),
        (OSError(errno.EPERM, "jane"), "was not reached: this machine does not permit it (EPERM)"),
        (OSError(errno.EMFILE, "jane"), "was not reached (EMFILE)"),
        (OSError("jane"), "was not reached (OSError)"),
        (socket.gaierror(socket.EAI_NONAME, "jane"), "was not reached: there is no host of this"),
        (socket.gaierror(socket.EAI_AGAIN, "jane"), "was not reached: no name server answered"),
        (ssl.SSLError("jane"), "was not reached: TLS failed (SSLError)"),
        (ConnectionResetError("jane"), CLOSED),
        (BrokenPipeError("jane"), CLOSED),
        (TimeoutError(errno.ETIMEDOUT, "jane"), "was not reached within the connect timeout"),
        (aws.ReadTimeoutError(endpoint_url="jane"), LATE),
        (aws.ConnectTimeoutError(endpoint_url="jane"), "was not reached within the connect"),
        (aws.ConnectionClosedError(endpoint_url="jane"), CLOSED),
        (aws.SSLError(endpoint_url="jane", error="jane"), "was not reached: no TLS connection"),
        (aws.HTTPClientError(error=ValueError("jane")), "was not reached (HTTPClientError)"),
    ],
)
def test_what_can_hardly_be_made_to_happen_has_its_sentence(
    error: Exception, expected: str
) -> None:
    """The text of the exception is not passed on."""
    text = str(not_reached(error, operation="ReceiveMessage", host="h:443"))

    assert text.replace("h:443", "jane", 1).startswith(f"ReceiveMessage: jane {expected}") or (
        text.startswith(f"ReceiveMessage: h:443 {expected}")
    )
    assert "jane" not in text.removeprefix("ReceiveMessage: jane ")


@for_each(
    "url, expected",
    [
        (
            "https://sqs.us-east-1.amazonaws.com/123456789012/q?a=b#c",
            "sqs.us-east-1.amazonaws.com:443",
        ),
        ("http://jane:hunter2@proxy.example:3128/x", "proxy.example:3128"),
        ("http://[::1]:4566/", "[::1]:4566"),
        ("http://socks5://jane:hunter2@127.0.0.1:1080", "127.0.0.1:1080"),
        ("socks5h://jane:hunter2@proxy.example", "proxy.example"),
        ("https://host:port/", ""),
        ("CANARY", ""),
        ("", ""),
    ],
)
def test_of_a_url_only_host_and_port_are_shown(url: str, expected: str) -> None:
    """No user, password, path or query."""
    assert expected == host_and_port(url)
