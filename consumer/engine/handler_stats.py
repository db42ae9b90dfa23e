"""What happened with one handler, in numbers."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import Final

from consumer.engine.histogram import CALL_BOUNDS, Histogram

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


class HandlerStats(Histogram):
    """Its values are the seconds that calls took. Any thread may call any method."""

    def __init__(self) -> None:
        super().__init__(CALL_BOUNDS)
        self._failures: Counter[str] = Counter()
        #: Events that were handled.
        self.handled = 0
        #: `Clock.monotonic()` of the last call that returned without an exception.
        self.last_success: float | None = None
        self.last_error: LastError | None = None

    def succeeded(self, seconds: float, events: int, at: float) -> None:
        """A call with so many events has returned at this time."""
        with self._lock:
            self._counts[bisect_left(CALL_BOUNDS, seconds)] += 1
            self._sum += seconds
            self.handled += events
        self.last_success = at

    def handled_in_part(self, events: int) -> None:
        """A call has raised, but so many of its events are handled."""
        with self._lock:
            self.handled += events

    def failed(self, error: LastError, events: int) -> None:
        """So many events are not handled: a failure, a retry or a reject."""
        reason, table = error.type, self._failures
        with self._lock:
            table[reason if reason in table or len(table) < MOST_REASONS else OTHER] += events
        self.last_error = error

    def failures(self) -> dict[str, int]:
        """Events that were not handled, by the type of the exception."""
        with self._lock:
            return dict(self._failures)
