"""Makes requests over connections that are kept open: each in time, and answered as a whole."""

import select
import socket
import ssl
from collections import deque
from contextlib import suppress
from typing import Final

from consumer.clock import Clock
from consumer.handlers.http.address import Address, Left, receiving
from consumer.http_answer import Answer, read_answer

#: As large as a record of TLS, which is sent as a whole or not in time.
_PIECE_BYTES: Final = 16_384
#: Routers drop idle connections silently.
_MAX_IDLE_SECONDS: Final = 60.0


class Connections:
    """Any thread may call any method. As many are open as requests were made at the same time.

    Args:
        seconds: for a request, from connecting to the end of its answer.
        connect_seconds: of these, for connecting.
    """

    def __init__(
        self, address: Address, *, clock: Clock, seconds: float, connect_seconds: float
    ) -> None:
        self._address = address
        self._clock = clock
        self._seconds = seconds
        self._connect_seconds = connect_seconds
        #: Each with the time since when it is idle.
        self._idle: deque[tuple[socket.socket, float]] = deque()
        self._closed = False

    def exchange(self, request: bytes) -> Answer:
        """Make a request, and read the answer. Raises `OSError` and `HTTPException`.

        Over a connection that turns out to be closed, the request may be made twice: the other side
        may close it at any time, which is no fault.
        """
        left = self._within(self._seconds)
        if (link := self._take()) is not None:
            with suppress(ConnectionError, ssl.SSLError):
                return self._ask(link, request, left)
        return self._ask(self._connect(left), request, left)

    def check(self) -> None:
        """Connect once, and send nothing. Raises `OSError` and `HTTPException`."""
        self._connect(self._within(self._seconds)).close()

    def close(self) -> None:
        """Close all, also those that are in use now, when they are no longer."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop()[0].close()

    def _within(self, seconds: float) -> Left:
        deadline = self._clock.monotonic() + seconds

        def left() -> float:
            if (found := deadline - self._clock.monotonic()) <= 0:
                raise TimeoutError
            return found

        return left

    def _connect(self, left: Left) -> socket.socket:
        return self._address.connect(self._within(min(self._connect_seconds, left())))

    def _ask(self, link: socket.socket, request: bytes, left: Left) -> Answer:
        try:
            sent = _send(link, request, left)
            answer = read_answer(receiving(link, left))
            left()
        except BaseException:
            link.close()
            raise
        if sent and answer.reusable:
            self._idle.append((link, self._clock.monotonic()))
        else:
            link.close()
        if self._closed:
            self.close()
        return answer

    def _take(self) -> socket.socket | None:
        """The idle connection that was used last, if one can be used again."""
        with suppress(IndexError):
            while True:
                link, since = self._idle.pop()
                if self._clock.monotonic() - since < _MAX_IDLE_SECONDS and not has_more(link):
                    return link
                link.close()
        return None


def has_more(link: socket.socket) -> bool:
    """True if there is something to read: bytes without a request, or the end."""
    poll = select.poll()
    poll.register(link, select.POLLIN)
    return bool(poll.poll(0))


def _send(link: socket.socket, request: bytes, left: Left) -> bool:
    """False if the other side did not want all of it. It may have said why."""
    view = memoryview(request)
    try:
        for begin in range(0, len(view), _PIECE_BYTES):
            link.settimeout(left())
            link.sendall(view[begin : begin + _PIECE_BYTES])
    except ConnectionError:
        return False
    return True
