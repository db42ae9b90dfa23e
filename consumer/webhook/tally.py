"""Counts the answers of the last 24 hours, by which Canvas decides whether to go on posting."""

from collections import Counter, deque
from typing import Final

from consumer.clock import Clock

#: In 24 hours about so many of them, and Canvas deactivates the data stream.
MOST_LATE: Final = 9_500
MOST_ERRORS: Final = 28_000
#: A later answer is a time-out for Canvas.
LATE_SECONDS: Final = 15.0

_DAY_SECONDS: Final = 86_400.0
_STEP_SECONDS: Final = 600.0


class Tally:
    """The event loop's thread adds; any thread may read. Begins with 0 at each start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: Since the start, by HTTP status; and "late".
        self.totals: Counter[str] = Counter()
        #: The same in steps of ten minutes, and when each began.
        self._steps: deque[tuple[float, Counter[str]]] = deque()

    def add(self, status: int, seconds: float) -> None:
        """An answer was given, so many seconds after the request began."""
        now = self._clock.monotonic()
        if not self._steps or now - self._steps[-1][0] >= _STEP_SECONDS:
            self._steps.append((now, Counter()))
            while now - self._steps[0][0] > _DAY_SECONDS:
                self._steps.popleft()
        for counter in (self.totals, self._steps[-1][1]):
            counter[str(status)] += 1
            if seconds > LATE_SECONDS:
                counter["late"] += 1

    def last_day(self) -> dict[str, int]:
        """The answers of about 24 hours: "2xx", "4xx", "5xx" and "late"."""
        oldest = self._clock.monotonic() - _DAY_SECONDS
        counts = dict.fromkeys(("2xx", "4xx", "5xx", "late"), 0)
        for began, counter in tuple(self._steps):
            for name, count in tuple(counter.items()) if began >= oldest else ():
                counts[name if name == "late" else f"{name[0]}xx"] += count
        return counts

    @property
    def is_near_a_limit(self) -> bool:
        """True beyond half of a limit: something must be done before Canvas gives up."""
        day = self.last_day()
        errors = day["4xx"] + day["5xx"]
        return errors > MOST_ERRORS // 2 or day["late"] > MOST_LATE // 2
