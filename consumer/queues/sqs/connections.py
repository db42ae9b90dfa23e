"""Connections to one host, kept alive. TLS is botocore's: the same trust, the same checks."""

import select
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context, get_cert_path

from consumer.clock import Clock
from consumer.queues.sqs.answer import Answer, ProtocolError, read_answer

#: Received bytes extend an answer's deadline: ten large messages may come by a slow line.
_LEAST_BYTES_PER_SECOND: Final = 16_384
#: Routers drop idle connections silently; SQS itself closes them earlier.
_MAX_IDLE_SECONDS: Final = 60.0
_PIECE_BYTES: Final = 65_536


class Connections:
    """Any thread may call any method. Raises botocore's exceptions.

    A connection serves one request at a time. It serves another one only if an answer was read to
    its end and nothing follows it, so that the rest of one answer is never taken for the next.

    Args:
        endpoint: its scheme, host and port are used.
        verify: a file of certificates to trust, or True for botocore's own.
    """

    def __init__(
        self,
        endpoint: SplitResult,
        *,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        verify: str | bool,
        clock: Clock,
    ) -> None:
        self._host = endpoint.hostname or ""
        self._port = endpoint.port or (443 if endpoint.scheme == "https" else 80)
        self._url = f"{endpoint.scheme}://{endpoint.netloc}"
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._verify = verify if endpoint.scheme == "https" else None
        self._tls: ssl.SSLContext | None = None
        self._monotonic = clock.monotonic
        self._closed = False
        #: The one used last, which is most likely still open, is at the right.
        self._idle: deque[tuple[socket.socket, float]] = deque()

    def exchange(self, request: bytes) -> Answer:
        """Send a whole request and read its answer, all of it within the read timeout.

        Each 16 KiB of the answer extends that by a second.
        """
        link = self._take() or self._connect()
        try:
            receive = self._receiver(link)
            link.sendall(request)
            answer = read_answer(receive)
        except BaseException as error:
            link.close()  # half an answer may be left in it
            if not isinstance(error, OSError | ProtocolError):
                raise
            kind = ReadTimeoutError if isinstance(error, TimeoutError) else ConnectionClosedError
            raise kind(endpoint_url=self._url, error=error) from error
        if answer.reusable:
            self._idle.append((link, self._monotonic()))
        else:
            link.close()
        if self._closed:
            self.close()
        return answer

    def close(self) -> None:
        """Close idle connections. One that is in use is closed at the end of its call."""
        self._closed = True
        while link := self._take():
            link.close()

    def _receiver(self, link: socket.socket) -> Callable[[], bytes]:
        deadline = self._monotonic() + self._read_timeout
        link.settimeout(self._read_timeout)

        def receive() -> bytes:
            nonlocal deadline
            left = deadline - self._monotonic()
            if left <= 0:
                raise TimeoutError
            link.settimeout(left)
            piece = link.recv(_PIECE_BYTES)
            deadline += len(piece) / _LEAST_BYTES_PER_SECOND
            return piece

        return receive

    def _take(self) -> socket.socket | None:
        """The idle connection that was used last, if one can be used again."""
        with suppress(IndexError):
            while True:
                link, since = self._idle.pop()
                # What can be read before a request is not its answer: the end of the connection,
                # a 408, or bytes without a request.
                if self._monotonic() - since < _MAX_IDLE_SECONDS and not _has_more(link):
                    return link
                link.close()
        return None

    def _connect(self) -> socket.socket:
        context = self._context()
        link = None
        try:
            link = socket.create_connection((self._host, self._port), timeout=self._connect_timeout)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if context is not None:
                link = context.wrap_socket(link, server_hostname=self._host.rstrip("."))
        except OSError as error:
            if link is not None:
                link.close()
            self._tls = None  # the next attempt reads the certificates to trust again
            kind = EndpointConnectionError
            if isinstance(error, TimeoutError | ssl.SSLError):
                kind = ConnectTimeoutError if isinstance(error, TimeoutError) else SSLError
            raise kind(endpoint_url=self._url, error=error) from error
        return link

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None and self._verify is not None:
            context: ssl.SSLContext = create_urllib3_context()
            context.check_hostname = True  # in botocore, urllib3 checks it
            try:
                context.load_verify_locations(Path(get_cert_path(self._verify)).expanduser())
            except (OSError, RuntimeError) as error:  # RuntimeError: ~ of an unknown user
                raise SSLError(endpoint_url=self._url, error=error) from error
            context.set_alpn_protocols(["http/1.1"])
            self._tls = context
        return self._tls


def _has_more(link: socket.socket) -> bool:
    """True if there is something to read: bytes, or the end of the connection.

    OpenSSL holds none of it back: it reads a record at a time, and `recv` takes all of one.
    """
    poll = select.poll()
    poll.register(link, select.POLLIN)
    return bool(poll.poll(0))
