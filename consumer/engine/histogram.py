"""How values are spread, in buckets: cheap to count, and as Prometheus wants it."""

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

#: In seconds: how long a handler takes.
CALL_BOUNDS: Final = (
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
#: In seconds: how old messages and events are. An hour, a day and four days are the last ones.
AGE_BOUNDS: Final = (
    0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0, 345_600.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """A histogram at one moment."""

    #: The upper bounds of all buckets but the last one, which has none.
    bounds: Sequence[float]
    #: How many values are in each bucket.
    counts: Sequence[int]
    sum: float

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """None without values."""
        return self.sum / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """An estimate, as Prometheus makes it: values are taken as evenly spread in a bucket."""
        if not self.count:
            return None
        rank = share * self.count
        below = [0, *accumulate(self.counts)]
        bucket = next(i for i, total in enumerate(below[1:]) if total >= rank)
        if bucket == len(self.bounds):
            return self.bounds[-1]
        low = self.bounds[bucket - 1] if bucket else 0.0
        inside = (rank - below[bucket]) / max(self.counts[bucket], 1)
        return low + (self.bounds[bucket] - low) * inside


class Histogram:
    """Any thread may call any method."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float | None, weight: int = 1) -> None:
        """Count a value, as so many; None is not known, and not counted."""
        if value is None:
            return
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += weight
            self._sum += value * weight

    def spread(self) -> Spread:
        """What was counted so far."""
        with self._lock:
            return Spread(self._bounds, tuple(self._counts), self._sum)
