"""What happened with one handler, in numbers."""

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Final

from consumer.engine.histogram import CALL_BOUNDS, Histogram, Spread

#: Names of exceptions come from users' code, which may make new ones all the time.
MOST_REASONS: Final = 50
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class LastError:
    """What a handler has raised last; never its text."""

    type: str
    #: As `describe` gives it; "" for what the handler asked for (`Retry`, `Reject`).
    place: str
    #: `Clock.monotonic()`.
    at: float


class HandlerStats:
    """Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = Histogram(CALL_BOUNDS)
        self._failures: Counter[str] = Counter()
        #: In batches: events beyond the first of each.
        self._more_events = 0
        #: `Clock.monotonic()` of the last call that returned without an exception.
        self.last_success: float | None = None
        self.last_error: LastError | None = None

    def called(self, seconds: float, events: int) -> None:
        """A call with so many events has returned, or has raised."""
        self._seconds.add(seconds)
        if events > 1:
            with self._lock:
                self._more_events += events - 1

    def failed(self, error: LastError, events: int) -> None:
        """So many events are not handled: a failure, a retry or a reject."""
        reason, table = error.type, self._failures
        with self._lock:
            table[reason if reason in table or len(table) < MOST_REASONS else OTHER] += events
        self.last_error = error

    def seconds(self) -> Spread:
        """How long calls took; also how many there were."""
        return self._seconds.spread()

    def events(self) -> int:
        """Events that it was called with."""
        return self.seconds().count + self._more_events

    def failures(self) -> dict[str, int]:
        """Events that were not handled, by the type of the exception."""
        with self._lock:
            return dict(self._failures)
