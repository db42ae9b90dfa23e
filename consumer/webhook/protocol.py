"""uvicorn's connections, bounded: their number, the size of a head, and the time of a request."""

import asyncio
from enum import Enum
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Connections at a time; those beyond get 503 at once.
MOST_CONNECTIONS: Final = 512
#: How long a client may take to send one request, head and body.
REQUEST_SECONDS: Final = 10.0
#: The request line and all headers.
MOST_HEAD_BYTES: Final = 32_768
#: In a stop, how long a connection without a request so far may still bring one.
LAST_SECONDS: Final = 1.0

_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 21\r\n\r\n"
    b"too many connections\n"
)


class _Part(Enum):
    """Of what the connection has brought the latest bytes."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class EarlyRequestError(Exception):
    """A request came before the one before it was answered."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A client that is too slow, or sends too much, is cut off.

    A request is read only after the one before it was answered: nothing waits in memory, unbounded.
    """

    #: None before the first request.
    cycle: Any
    _part = _Part.NOTHING
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _stopping = False
    #: True if what comes is not looked at any more; the connection ends with the next answer.
    _deaf = False

    def connection_made(self, transport: Any) -> None:
        """Take it, or refuse it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self.app.refused_connection()
            transport.write(_BUSY)
            transport.close()
        else:
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by one side or the other."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request."""
        if self._deaf or self.transport.is_closing():
            return
        before = self._part
        super().data_received(data)
        if self._part is _Part.HEAD and before is not _Part.BODY:
            self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.abort()
        elif self._part is _Part.NOTHING:
            self._end()
        elif self._deadline is None:
            self._begin()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._is_answering:
            raise EarlyRequestError
        super().on_message_begin()
        self._part = _Part.HEAD

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        super().on_headers_complete()
        self._part, self._head_bytes = _Part.BODY, 0
        if self._stopping:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Called by the parser, also if the answer was given before."""
        super().on_message_complete()
        self._part = _Part.NOTHING

    def send_400_response(self, msg: str) -> None:
        """What came is no request. It does not get the answer of the request before it."""
        if self._is_answering:
            self._deaf = True
            self.cycle.keep_alive = False
            self._end()
        else:
            super().send_400_response(msg)

    @property
    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not (cycle.more_body or cycle.response_complete)

    def shutdown(self) -> None:
        """The server stops: answer what is under way, and a request that is on its way."""
        self._stopping = True
        if self.cycle is None and not self.transport.is_closing():
            self.loop.call_later(LAST_SECONDS, self._close_unused)
        else:
            super().shutdown()

    def _close_unused(self) -> None:
        if self.cycle is None:
            self.transport.close()

    def _begin(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._cut_off)

    def _end(self) -> None:
        """The request is complete."""
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut_off(self) -> None:
        self._deadline = None
        self.transport.abort()
