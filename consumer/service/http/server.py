"""A small HTTP server on a socket, for monitoring and for operators; not for the public.

It has no TLS and no login, and takes one request for each connection, few connections at a time.
The routes decide what it answers.
"""

import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, TypeVar

import structlog

from consumer import log_events
from consumer.errors import describe
from consumer.service.http.request import RefusedError, Request, read_request

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)

#: Connections at a time; those beyond get 503 at once.
MOST_CONNECTIONS: Final = 8
#: How long a client may take to send its request, and to take an answer or a part of a stream.
REQUEST_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0

TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    A body that is not `bytes` is a stream: its parts are sent as they come. While there is nothing
    to send it must yield `b""` about once a second: then the server checks that the client is still
    there. When it ends or the client is gone, its `close` is called if it has one, as generators
    have.
    """

    status: int = HTTPStatus.OK
    content_type: str = TEXT
    body: bytes | Iterable[bytes] = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


#: Called in a thread of the server with the query of the request; may block for a moment.
Route = Callable[[Mapping[str, str]], Response]


class HttpServer:
    """Answers on one listening socket, which it closes. Its threads are daemon threads.

    Args:
        routes: "METHOD /path" to what answers it. HEAD is answered where GET is.
        name: of its threads.

    A loopback address is open to the users of this machine, but not to the pages that their
    browsers show. The name of such a page may be made to lead to 127.0.0.1 (DNS rebinding); then
    its scripts could read the answers. So on loopback, requests are answered only if their Host is
    an address or "localhost".
    """

    def __init__(
        self, listener: socket.socket, routes: Mapping[str, Route], *, name: str = "http"
    ) -> None:
        self._listener = listener
        self._routes = routes
        self._name = name
        self._only_addresses = _is_loopback(listener)
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        self._closed = threading.Event()
        _close_in_forked_children(listener)

    def start(self) -> None:
        """Begin to answer. Raises `RuntimeError` if the system allows no thread."""
        threading.Thread(target=self._accept, name=self._name, daemon=True).start()

    def close(self) -> None:
        """Answer no more connections; never blocks. Answers under way may still be finished."""
        self._closed.set()
        with suppress(OSError):
            if self._listener.family == socket.AF_UNIX:
                os.unlink(self._listener.getsockname())  # noqa: PTH108 - as it was given to bind
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes up the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                self._closed.wait(0.1)  # too many open files, for example: that may pass
                continue
            if not self._free.acquire(blocking=False):
                _refuse(connection)
                continue
            serve = threading.Thread(
                target=self._serve, args=(connection,), name=self._name, daemon=True
            )
            try:
                serve.start()
            except (RuntimeError, MemoryError):  # "can't start new thread"
                self._free.release()
                _refuse(connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with closing(connection), suppress(OSError):  # the client went away, or is too slow
                try:
                    request = read_request(connection, seconds=REQUEST_SECONDS)
                    route = self._route(request)
                except RefusedError as refused:
                    _send(connection, _error(refused))
                else:
                    self._answer(connection, request, route)
                connection.shutdown(socket.SHUT_WR)
        finally:
            self._free.release()

    def _answer(self, connection: socket.socket, request: Request, route: Route) -> None:
        bug = Response(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, b"a bug: see the log\n")
        response = _guarded(lambda: route(request.query), bug)
        if isinstance(response.body, bytes):
            _send(connection, response, with_body=request.method != "HEAD")
            return
        _send(connection, response)
        parts = iter(response.body)
        try:
            while request.method != "HEAD" and not self._closed.is_set():
                part = _guarded(lambda: next(parts, None), None)
                if part is None or (not part and _is_gone(connection)):
                    return
                connection.sendall(part)
        finally:
            _guarded(getattr(parts, "close", lambda: None), None)

    def _route(self, request: Request) -> Route:
        if self._only_addresses and not request.names_an_address:
            raise RefusedError(HTTPStatus.FORBIDDEN, "the Host must be an address or localhost")
        method, path = request.method, request.path
        route = self._routes.get(f"{'GET' if method == 'HEAD' else method} {path}")
        if route is not None:
            return route
        allowed = [name.split()[0] for name in self._routes if name.split()[1] == path]
        if allowed:
            allow = ", ".join(allowed)
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {allow}", allow=allow)
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")


def _guarded(call: Callable[[], _T], otherwise: _T) -> _T:
    """What a route does may fail, and only its own client gets to know."""
    try:
        return call()
    except Exception as error:
        _log.error(log_events.HTTP_FAILED, **describe(error), exc_info=error)
        return otherwise


def _error(refused: RefusedError) -> Response:
    headers = {"Allow": refused.allow} if refused.allow else {}
    return Response(refused.status, TEXT, f"{refused}\n".encode(), headers)


def _send(connection: socket.socket, response: Response, *, with_body: bool = True) -> None:
    connection.settimeout(ANSWER_SECONDS)
    body = response.body if isinstance(response.body, bytes) else b""
    connection.sendall(_head(response) + (body if with_body else b""))


def _head(response: Response) -> bytes:
    status = HTTPStatus(response.status)
    headers = {
        "Content-Type": response.content_type,
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **response.headers,
    }
    if isinstance(response.body, bytes):
        headers["Content-Length"] = str(len(response.body))
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _refuse(connection: socket.socket) -> None:
    """There is no thread for it: answer without waiting for its request."""
    busy = Response(HTTPStatus.SERVICE_UNAVAILABLE, TEXT, b"too many connections\n")
    with closing(connection), suppress(OSError):
        connection.setblocking(False)
        connection.send(_head(busy) + b"too many connections\n")


def _is_gone(connection: socket.socket) -> bool:
    """True if the client has closed its end; as long as it is there, it has nothing to send."""
    connection.setblocking(False)
    try:
        return not connection.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(ANSWER_SECONDS)


def _is_loopback(listener: socket.socket) -> bool:
    if listener.family == socket.AF_UNIX:
        return False
    return ip_address(str(listener.getsockname()[0]).partition("%")[0]).is_loopback


def _close_in_forked_children(listener: socket.socket) -> None:
    """A child that a handler forks must not keep the port open after this process has ended."""
    reference, parent = weakref.ref(listener), os.getpid()

    def close() -> None:
        inherited = reference()
        if inherited is not None and os.getpid() != parent:
            inherited.close()

    os.register_at_fork(after_in_child=close)
