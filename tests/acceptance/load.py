"""A load: numbered events that are sent to a queue while a test lasts, if they are consumed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.moto_queues import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.rig import StubAddress

_PAUSE_SECONDS = 0.04
#: The most events in the queue, so that a slow machine can empty it.
_MOST = 1_000


class Load:
    """Sends a portion at short intervals, from its own thread."""

    def __init__(self, stub: StubAddress, portion: int) -> None:
        self._stub = stub
        self._portion = portion
        self._sent = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            if self._stub.get("/stats")["remaining"] > _MOST:
                continue
            numbers = range(self._sent, self._sent + self._portion)
            self._stub.post("/send-all", {"bodies": [numbered(number) for number in numbers]})
            self._sent += self._portion

    def end(self) -> int:
        """Send no more; returns how many events there are: 0, 1, 2 and so on."""
        self._ended.set()
        self._thread.join()
        return self._sent


@contextmanager
def loading(stub: StubAddress, *, portion: int = 5) -> Iterator[Load]:
    """A load that ends with the context, or before: `portion` events every 0.04 s."""
    load = Load(stub, portion)
    try:
        yield load
    finally:
        load.end()
