"""Makes requests with urllib3: in time, without redirects, and without a word of them in a log."""

import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, unquote
from urllib.request import getproxies_environment, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, InvalidHeader, NewConnectionError, ProxyError
from urllib3.exceptions import TimeoutError as TimeIsUpError
from urllib3.util.ssl_ import create_urllib3_context

import consumer
from consumer.clock import Clock
from consumer.config.urls import is_loopback
from consumer.handlers.http.punctual import POOLS, KeptClosedError

#: The reason for `NoAnswerError` if there was none in time.
LATE: Final = "no answer in time"
_AGENT: Final = f"canvas-live-events-consumer/{consumer.__version__}"
_PIECE_BYTES: Final = 16_384
#: Of the content of an answer; what is longer ends the connection.
_MAX_CONTENT_BYTES: Final = 65_536
#: With more requests at the same time, connections are closed after their answer.
_MAX_KEPT: Final = 100
#: Routers forget idle connections silently. Linux keeps these alive, or finds that they are dead.
_SOCKET_OPTIONS: Final = (
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, found, 30) for found in [getattr(socket, "TCP_KEEPIDLE", 0)] if found),
)

#: Returns the seconds that are left. Raises `TimeoutError`.
_Left = Callable[[], float]


class Answer(NamedTuple):
    """Whole, unless its content is very long."""

    status: int
    #: The case of names does not count.
    headers: Mapping[str, str]
    content: bytes


class NoAnswerError(Exception):
    """Its text is the reason, without anything of the URL or of what came."""


class Client:
    """Makes requests to one URL. Any thread may call any method.

    Certificates are checked against those in a file, or those that OpenSSL trusts on this machine
    (`SSL_CERT_FILE`).

    Args:
        seconds: for a request, with its answer.
        connect_seconds: of these, for connecting, and for sending each piece of a request.
        ca_file: raises `OSError` if it can't be used.
        proxy: its URL; raises `ValueError` if it can't be used.
    """

    def __init__(
        self,
        url: SplitResult,
        *,
        clock: Clock,
        seconds: float,
        connect_seconds: float,
        ca_file: Path | None = None,
        proxy: str | None = None,
    ) -> None:
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it logs URLs, which are secrets
        self._url = url.geturl()
        self._clock = clock
        self.seconds = seconds
        self._connect_seconds = connect_seconds
        options: dict[str, Any] = {"maxsize": _MAX_KEPT, "socket_options": _SOCKET_OPTIONS}
        if url.scheme == "https":
            options["ssl_context"] = _trusting(ca_file)
        self._manager = _through(proxy, options) if proxy else urllib3.PoolManager(**options)
        self._manager.pool_classes_by_scheme = dict(POOLS)

    def exchange(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make a request, and read the answer. Raises `NoAnswerError`.

        If a connection that was kept is closed without an answer, the request is made once more:
        the other side may close it at any time, which is no fault.
        """
        left, cause = self._within(self.seconds), None
        while cause is None or isinstance(cause, KeptClosedError):
            try:
                return self._ask(method, headers, body, left)
            except (HTTPError, OSError) as error:
                cause = _cause_of(error)
                reason = self._reason_of(error)
        raise NoAnswerError(reason)  # not within "except": urllib3's errors contain the URL

    def check(self) -> None:
        """Connect once, and send nothing. Raises `NoAnswerError`."""
        try:
            self._connect()
        except (HTTPError, OSError) as error:
            reason = self._reason_of(error)
        else:
            return
        raise NoAnswerError(reason)  # as above

    def close(self) -> None:
        """Close all connections, also those that are in use now, when they are no longer."""
        self._manager.connection_from_url(self._url).close()
        self._manager.clear()

    def _connect(self) -> None:
        pool = self._manager.connection_from_url(self._url)
        connection = pool._new_conn()  # noqa: SLF001 - urllib3 has no other way to send nothing
        connection.timeout = self._connect_seconds
        if pool.proxy is not None and pool.scheme == "https":
            connection.set_tunnel(pool.host, pool.port, pool.proxy_headers)
        try:
            connection.connect()
        finally:
            connection.close()

    def _reason_of(self, error: Exception) -> str:
        reason = _reason_of(_cause_of(error))
        # To whom the connection was to be made is only known by urllib3's error.
        is_of_proxy = isinstance(error, ProxyError | NewConnectionError) and self._manager.proxy
        return f"the proxy: {reason}" if is_of_proxy and "proxy" not in reason else reason

    def _within(self, seconds: float) -> _Left:
        deadline = self._clock.monotonic() + seconds

        def left() -> float:
            if (found := deadline - self._clock.monotonic()) <= 0:
                raise TimeoutError
            return found

        return left

    def _ask(self, method: str, headers: Mapping[str, str], body: bytes, left: _Left) -> Answer:
        answer = self._manager.urlopen(
            method,
            self._url,
            headers={"User-Agent": _AGENT, "Content-Length": str(len(body)), **headers},
            body=_pieces(body, left),
            timeout=urllib3.Timeout(connect=self._connect_seconds, total=left()),
            retries=False,
            redirect=False,
            preload_content=False,
            enforce_content_length=True,
        )
        try:
            return Answer(answer.status, answer.headers, _content_of(answer, left))
        except BaseException:
            answer.close()
            raise
        finally:
            answer.release_conn()


def proxy_for(url: SplitResult) -> str | None:
    """What HTTPS_PROXY or HTTP_PROXY names; none for this machine, and what NO_PROXY excludes."""
    found = getproxies_environment().get(url.scheme)
    if not found or is_loopback(url.geturl()) or proxy_bypass(url.netloc):
        return None
    return found if "//" in found else f"http://{found}"


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    context = create_urllib3_context()
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    return context


def _through(proxy: str, options: Mapping[str, Any]) -> urllib3.ProxyManager:
    parts = urllib3.util.parse_url(proxy)
    if not parts.host:
        raise ValueError
    login = urllib3.make_headers(proxy_basic_auth=unquote(parts.auth)) if parts.auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=login, **options)


def _pieces(body: bytes, left: _Left) -> Iterator[bytes]:
    for begin in range(0, len(body), _PIECE_BYTES):
        left()
        yield body[begin : begin + _PIECE_BYTES]


def _content_of(answer: "urllib3.BaseHTTPResponse", left: _Left) -> bytes:
    content, pieces = b"", answer.stream(_PIECE_BYTES, decode_content=False)
    while len(content) <= _MAX_CONTENT_BYTES:
        left()
        if not (piece := next(pieces, b"")):
            return content
        content += piece
    answer.close()
    return content


def _cause_of(error: BaseException) -> BaseException:
    """What urllib3 has wrapped."""
    while not isinstance(error, OSError | HTTPException) and error.__context__ is not None:
        error = error.__context__
    return error


def _reason_of(error: BaseException) -> str:
    if isinstance(error, TimeoutError | TimeIsUpError):
        return LATE
    if isinstance(error, ssl.SSLCertVerificationError):
        # Of another host: "Hostname mismatch, certificate is not valid for 'HOST'."
        return f"its certificate is not valid: {error.verify_message.partition(',')[0]}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    said = getattr(error, "strerror", None)
    if isinstance(error, ConnectionError | IncompleteRead) and not said:
        return "the connection was closed without an answer"
    if isinstance(error, HTTPException | InvalidHeader):
        return "its answer is not HTTP"
    # To CONNECT: "Tunnel connection failed: 407 …", and more that the proxy has written.
    if refused := re.match(r"Tunnel connection failed: (\d{3})\b", str(error)):
        said = f"the proxy answered {refused[1]} to CONNECT"
    return said or type(error).__name__
