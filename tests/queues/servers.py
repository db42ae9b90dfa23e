"""A server on loopback that answers as a test says, and connections to it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.auth import SigV4Auth

from consumer.config import AwsSettings, QueueSettings
from consumer.queues.sqs import connect
from consumer.testing import ManualClock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    from consumer.clock import Clock
    from consumer.queues.sqs import SqsTransport

#: Both ways to call SQS, as `queue.transport` has them.
WAYS = ("auto", "botocore")
KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "hunter2"}
QUEUE = "canvas-live-events"


class Request(NamedTuple):
    """What a client sent."""

    #: The connection that it came by, counted from 0; and how many came by it before.
    connection: int
    position: int
    line: str
    #: By name in lower case.
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """What SQS is asked to do."""
        return self.headers["x-amz-target"].partition(".")[2]

    @property
    def asked(self) -> Any:
        """The arguments."""
        return json.loads(self.body)


class Server:
    """Answers each request with the pieces that `answer` gives. Each connection has its own thread.

    A piece is bytes to send; something to call before the next one; CLOSE or RESET, the end of the
    connection; or None: no more comes, and the client goes away.
    """

    def __init__(
        self,
        answer: Callable[[Request], Iterable[Any]],
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._answer = answer
        self._tls = tls
        self._links: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, host: str = "127.0.0.1", scheme: str = "") -> str:
        """The queue's URL."""
        scheme = scheme or ("https" if self._tls else "http")
        return f"{scheme}://{host}:{self.port}/123456789012/{QUEUE}"

    def close(self) -> None:
        """Stop, and wait for the threads."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(link)
            thread = threading.Thread(target=self._serve, args=(link, self.connections))
            self.connections += 1
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                link = self._tls.wrap_socket(link, server_side=True)
            position = 0
            while self._reply(link, self._read(link, number, position)):
                position += 1
        link.close()

    def _reply(self, link: socket.socket, request: Request) -> bool:
        self.requests.append(request)
        for piece in self._answer(request):
            if piece is None:
                link.recv(1)
                return False
            if piece is CLOSE:
                return False
            if piece is RESET:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            if callable(piece):
                piece()
            else:
                link.sendall(piece)
        return True

    def _read(self, link: socket.socket, number: int, position: int) -> Request:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _some(link)
        head, _, body = data.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for text in lines:
            name, _, value = text.partition(":")
            assert name.lower() not in headers, f"two headers {name}"
            headers[name.lower()] = value.strip()
        if headers.get("expect") == "100-continue":  # botocore waits a second for it
            link.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < int(headers.get("content-length", "0")):
            body += _some(link)
        return Request(number, position, line, headers, body)


def CLOSE() -> None:  # noqa: N802 - a piece of an answer
    """End the connection."""


def RESET() -> None:  # noqa: N802 - a piece of an answer
    """End the connection as a host does that knows nothing of it."""


def _some(link: socket.socket) -> bytes:
    data = link.recv(65536)
    if not data:
        raise ConnectionError
    return data


def http(content: object = b"{}", status: int = 200, **headers: str) -> bytes:
    """An answer of SQS: JSON unless it is bytes."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {
        "Content-Type": "application/x-amz-json-1.0",
        **{name.replace("_", "-"): value for name, value in headers.items()},
        "Content-Length": str(len(data)),
    }
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data


def signed(
    request: AWSRequest, credentials: ReadOnlyCredentials, region: str, stamp: str
) -> AWSRequest:
    """The request as botocore signs it at a time, written as in X-Amz-Date."""
    auth = SigV4Auth(credentials, "sqs", region)
    request.context["timestamp"] = stamp
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return request


@contextlib.contextmanager
def serving(
    answer: Callable[[Request], Iterable[Any]], *, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(answer, tls)
    try:
        yield server
    finally:
        server.close()


def scripted(*scripts: list[Any], tls: ssl.SSLContext | None = None) -> Any:
    """A server with a list of answers for each connection, which is closed after the last one."""

    def answer(request: Request) -> Iterator[Any]:
        script = scripts[request.connection]
        pieces = script[request.position]
        yield from pieces if isinstance(pieces, list) else [pieces]
        if request.position == len(script) - 1:
            yield CLOSE

    return serving(answer, tls=tls)


def connected(
    url: str | None, *, way: str = "auto", clock: Clock | None = None, **settings: Any
) -> SqsTransport:
    """A transport; settings that begin with aws_ are for that section."""
    aws = {k.removeprefix("aws_"): v for k, v in settings.items() if k.startswith("aws_")}
    queue = {k: v for k, v in settings.items() if not k.startswith("aws_")}
    return connect(
        QueueSettings.model_validate({"url": url, "transport": way, **queue}),
        AwsSettings.model_validate({**KEYS, **aws}),
        max_connections=8,
        clock=clock or ManualClock(),
    )
