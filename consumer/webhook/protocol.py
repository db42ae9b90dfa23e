"""uvicorn's connections, bounded: their number, the size of a head, and the time of a request."""

import asyncio
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


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A client that is too slow, or sends too much, is cut off."""

    #: None before the first request.
    cycle: Any
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _stopping = False

    def connection_made(self, transport: Any) -> None:
        """Take it, or refuse it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_BUSY)
            transport.close()
        else:
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by one side or the other."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request, or several of them."""
        if self.transport.is_closing():
            return
        before = self.cycle
        super().data_received(data)
        cycle = self.cycle
        is_new = cycle is not before
        in_head = not is_new and (cycle is None or cycle.response_complete)
        if is_new and self._stopping:
            cycle.keep_alive = False
        if in_head:
            self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.abort()
        elif not (in_head or cycle.more_body):
            self._end()
        elif self._deadline is None:
            self._begin()

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
