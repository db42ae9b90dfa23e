"""Sends botocore's signed requests over kept-alive connections, at half the cost of its own way.

A drained message costs little but HTTP: botocore spends more CPU on urllib3 than on everything
else. SQS needs none of what that can do: each request is small, signed and complete, each answer is
read whole. So this is HTTP/1.1 for that, and nothing more; what is not that goes to botocore's own
session. TLS, certificates and host names are checked as ever, by the standard library.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from consumer.queues.sqs.wire import ProtocolError, head, read_response

if TYPE_CHECKING:
    from collections.abc import Iterator


class HttpSession(Protocol):
    """What botocore asks of its HTTP session."""

    def send(self, request: Any) -> Any:
        """Send a prepared request; returns an AWSResponse."""
        ...

    def close(self) -> None:
        """Close idle connections."""
        ...


class KeepAliveSession:
    """Stands in for botocore's HTTP session of one client. Any thread may call `send`.

    A connection serves one request at a time and is used again only after an answer was read to its
    end. Raises botocore's own exceptions, so that callers see no difference.

    Args:
        fallback: botocore's session, for requests that go through a proxy or are not plain.
        ca_bundle: a file of certificates to trust instead of the usual ones.
    """

    def __init__(
        self,
        fallback: HttpSession,
        *,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        ca_bundle: str | None = None,
    ) -> None:
        self._fallback = fallback
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._ca_bundle = ca_bundle
        self._idle: deque[_Connection] = deque()
        self._proxied: dict[str, bool] = {}
        self._tls: ssl.SSLContext | None = None

    def send(self, request: Any) -> Any:
        """Send one request and read its answer."""
        url = urlsplit(request.url)
        origin = f"{url.scheme}://{url.netloc}"
        body = request.body or b""
        if request.stream_output or not isinstance(body, bytes | str) or self._uses_proxy(origin):
            return self._fallback.send(request)
        data = body.encode() if isinstance(body, str) else body
        connection = self._take(origin) or self._connect(request.url, origin)
        try:
            connection.socket.sendall(head(request.method, url, request.headers, len(data)) + data)
            status, headers, content, reusable = read_response(connection.reader)
        except BaseException as error:
            connection.close()  # half an answer may be left in it: never to be used again
            _raise_as_botocore(error, request)
        if reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return AWSResponse(request.url, status, headers, _Content(content))

    def close(self) -> None:
        """Close idle connections. One that is in use is closed by whoever uses it."""
        while self._idle:
            self._idle.pop().close()
        self._fallback.close()

    def _uses_proxy(self, origin: str) -> bool:
        known = self._proxied.get(origin)
        if known is None:
            scheme = origin.partition(":")[0]
            known = self._proxied[origin] = scheme in get_environ_proxies(origin)
        return known

    def _take(self, origin: str) -> _Connection | None:
        """The connection used last (the likeliest to be open still) that leads there."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # Readable without a request means that the server has closed it.
            if connection.origin == origin and not _readable(connection.socket):
                return connection
            connection.close()

    def _connect(self, url: str, origin: str) -> _Connection:
        parts = urlsplit(origin)
        secure = parts.scheme == "https"
        address = (parts.hostname or "", parts.port or (443 if secure else 80))
        try:
            link = socket.create_connection(address, timeout=self._connect_timeout)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if secure:
                link = self._context().wrap_socket(link, server_hostname=parts.hostname)
            link.settimeout(self._read_timeout)
        except TimeoutError as error:
            link.close()
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            link.close()
            raise SSLError(endpoint_url=url, error=error) from error
        except OSError as error:
            link.close()
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        return _Connection(origin, link)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            context = ssl.create_default_context(cafile=self._ca_bundle or get_cert_path(True))
            context.set_alpn_protocols(["http/1.1"])
            self._tls = context
        return self._tls


class _Connection:
    """One open connection, with a buffer for what was read ahead."""

    __slots__ = ("origin", "reader", "socket")

    def __init__(self, origin: str, link: socket.socket) -> None:
        self.origin = origin
        self.socket = link
        self.reader = link.makefile("rb")

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


class _Content(io.BytesIO):
    """A body that was read already, in the form in which botocore asks for it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it, once."""
        yield self.read()


def _readable(link: socket.socket) -> bool:
    poll = select.poll()
    poll.register(link, select.POLLIN)
    return bool(poll.poll(0))


def _raise_as_botocore(error: BaseException, request: Any) -> NoReturn:
    if isinstance(error, TimeoutError):
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
    if isinstance(error, OSError | ProtocolError):
        raise ConnectionClosedError(
            error=error, request=request, endpoint_url=request.url
        ) from error
    if isinstance(error, Exception):
        raise HTTPClientError(error=error) from error
    raise error


def install(
    client: Any,
    *,
    connect_timeout_seconds: float,
    read_timeout_seconds: float,
    ca_bundle: str | None = None,
) -> bool:
    """Give a client this session; False (and nothing changed) if this botocore has no place for it.

    The place is `http_session` of the client's endpoint: everything before it (serialising,
    signing, hooks such as a test double's) and after it (parsing, errors) stays botocore's.
    """
    endpoint = getattr(client, "_endpoint", None)
    session: Any = getattr(endpoint, "http_session", None)
    if endpoint is None or not hasattr(session, "send"):
        return False
    endpoint.http_session = KeepAliveSession(
        session,
        connect_timeout_seconds=connect_timeout_seconds,
        read_timeout_seconds=read_timeout_seconds,
        ca_bundle=ca_bundle,
    )
    return True
