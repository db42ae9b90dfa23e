"""A small HTTP server on a socket, for monitoring and for operators; not for the public.

It has no TLS and no login, and takes one request for each connection, few connections at a time.
The routes decide what it answers.
"""

import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import structlog

from consumer import log_events
from consumer.errors import describe

_log = structlog.get_logger(__name__)

#: Connections at a time; those beyond get 503 at once.
MOST_CONNECTIONS: Final = 8
#: The request line and all headers. A request has no body: what it says is in its query.
MOST_REQUEST_BYTES: Final = 8_192
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
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


#: Called in a thread of the server with the query of the request; may block for a moment.
Route = Callable[[Mapping[str, str]], Response]


class _RefusedError(Exception):
    """This request gets an error as its answer."""

    def __init__(self, status: HTTPStatus, why: str, **headers: str) -> None:
        super().__init__(why)
        self.response = Response(status, TEXT, f"{why}\n".encode(), headers)


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
        self._only_local_names = _is_loopback(listener)
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
            try:
                threading.Thread(
                    target=self._serve, args=(connection,), name=self._name, daemon=True
                ).start()
            except (RuntimeError, MemoryError):  # "can't start new thread"
                self._free.release()
                _refuse(connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with closing(connection):
                self._answer(connection)
        except OSError:
            pass  # the client went away, or is too slow
        finally:
            self._free.release()

    def _answer(self, connection: socket.socket) -> None:
        head_only = False
        try:
            method, target, headers = _read_request(connection)
            head_only = method == "HEAD"
            response = self._respond(method, target, headers)
        except _RefusedError as refused:
            response = refused.response
        except OSError:
            raise
        except Exception as error:
            _log.error(log_events.HTTP_FAILED, **describe(error), exc_info=error)
            response = Response(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, b"a bug: see the log\n")
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(_head(response))
        if isinstance(response.body, bytes):
            connection.sendall(b"" if head_only else response.body)
        else:
            self._stream(connection, response.body, head_only=head_only)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

    def _stream(
        self, connection: socket.socket, parts: Iterable[bytes], *, head_only: bool
    ) -> None:
        try:
            for part in () if head_only else parts:
                if part:
                    connection.sendall(part)
                elif _is_gone(connection):
                    return
                if self._closed.is_set():
                    return
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def _respond(self, method: str, target: str, headers: Mapping[str, str]) -> Response:
        if self._only_local_names and not _is_local_name(headers.get("host", "")):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "the Host must be an address or localhost")
        url = urlsplit(target)
        route = self._routes.get(f"{'GET' if method == 'HEAD' else method} {url.path}")
        if route is None:
            allowed = [name.split()[0] for name in self._routes if name.split()[1] == url.path]
            if allowed:
                allow = ", ".join(sorted(allowed))
                why = f"{url.path} takes {allow}"
                raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, why, Allow=allow)
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        return route(dict(parse_qsl(url.query, keep_blank_values=True)))


def _read_request(connection: socket.socket) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers (their names in lower case). Raises `_RefusedError`, `OSError`."""
    deadline, data = time.monotonic() + REQUEST_SECONDS, b""
    while b"\r\n\r\n" not in data and b"\n\n" not in data:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        part = connection.recv(4096)
        if not part:
            raise ConnectionResetError
        data += part
        if len(data) > MOST_REQUEST_BYTES:
            raise _RefusedError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too large"
            )
    first, *lines = data.decode("latin-1").replace("\r\n", "\n").split("\n\n")[0].split("\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1].startswith("/") or not words[2].startswith("HTTP/1."):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "this is not a request of HTTP/1.1")
    headers = dict(line.partition(":")[::2] for line in lines)
    return words[0], words[1], {name.lower(): value.strip() for name, value in headers.items()}


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


def _is_local_name(host: str) -> bool:
    """True for an address or "localhost" with or without a port, and if there is no Host."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower() in ("", "localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _close_in_forked_children(listener: socket.socket) -> None:
    """A child that a handler forks must not keep the port open after this process has ended."""
    reference, parent = weakref.ref(listener), os.getpid()

    def close() -> None:
        inherited = reference()
        if inherited is not None and os.getpid() != parent:
            inherited.close()

    os.register_at_fork(after_in_child=close)
