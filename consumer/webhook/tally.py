"""Counts the answers of the last 24 hours, by which Canvas decides whether to go on posting."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

from consumer.clock import Clock

#: In 24 hours about so many of them, and Canvas deactivates the data stream.
MOST_LATE: Final = 9_500
MOST_ERRORS: Final = 28_000
#: A later answer is a time-out for Canvas.
LATE_SECONDS: Final = 15.0

_DAY_SECONDS: Final = 86_400.0
_STEP_SECONDS: Final = 600.0

#: When it began, in seconds since 1970; answers by HTTP status, and "late" ones.
Step = tuple[float, Counter[str]]


class Tally:
    """The event loop's thread adds; any thread may read.

    Args:
        steps: what was counted before the start.
    """

    def __init__(self, clock: Clock, steps: Iterable[Step] = ()) -> None:
        self._clock = clock
        #: Since the start, by HTTP status; and "late".
        self.totals: Counter[str] = Counter()
        #: The same in steps of ten minutes.
        self._steps = deque(steps)

    def add(self, status: int, seconds: float) -> None:
        """An answer was given, so many seconds after the request began."""
        now = self._clock.now().timestamp()
        # The clock may be set: then a step begins, whichever way it went.
        if not self._steps or not 0 <= now - self._steps[-1][0] < _STEP_SECONDS:
            self._steps.append((now, Counter()))
            while not self._is_of_day(self._steps[0], now):
                self._steps.popleft()
        for counter in (self.totals, self._steps[-1][1]):
            counter[str(status)] += 1
            if seconds > LATE_SECONDS:
                counter["late"] += 1

    def steps(self) -> list[Step]:
        """Those of about 24 hours; from any thread."""
        now = self._clock.now().timestamp()
        return [step for step in tuple(self._steps) if self._is_of_day(step, now)]

    def last_day(self) -> dict[str, int]:
        """The answers of about 24 hours: "2xx", "4xx", "5xx" and "late"."""
        return by_class(counter for _, counter in self.steps())

    def bad_of_day(self) -> dict[str, int]:
        """What Canvas counts, of about 24 hours: "error" and "late"."""
        day = self.last_day()
        return {"error": day["4xx"] + day["5xx"], "late": day["late"]}

    @property
    def share(self) -> float:
        """How much of a limit is used up, of that which is nearer: 1.0 is all of it."""
        bad = self.bad_of_day()
        return max(bad["error"] / MOST_ERRORS, bad["late"] / MOST_LATE)

    @property
    def is_near_a_limit(self) -> bool:
        """True beyond half of a limit: something must be done before Canvas gives up."""
        return self.share > 0.5

    def _is_of_day(self, step: Step, now: float) -> bool:
        return abs(now - step[0]) <= _DAY_SECONDS


def by_class(counters: Iterable[Counter[str]]) -> dict[str, int]:
    """The sums: "2xx", "4xx", "5xx" and "late"."""
    counts = dict.fromkeys(("2xx", "4xx", "5xx", "late"), 0)
    for counter in counters:
        for name, count in tuple(counter.items()):
            counts[name if name == "late" else f"{name[0]}xx"] += count
    return counts
