"""How long to wait before the next attempt: exponential, capped, with jitter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    import random

#: SQS refuses a visibility that reaches past 12 h from the receive; stay clear of that.
VISIBILITY_MARGIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling ceilings from `base_seconds` to `max_seconds`; attempts count from 1."""

    base_seconds: float
    max_seconds: float

    def ceiling(self, attempt: int) -> float:
        """The longest wait before the next attempt, in seconds."""
        return min(self.max_seconds, self.base_seconds * 2.0 ** min(max(attempt, 1) - 1, 62))

    def full_jitter(self, attempt: int, rng: random.Random) -> float:
        """Anywhere between nothing and the ceiling: many messages that failed together spread."""
        return rng.uniform(0.0, self.ceiling(attempt))

    def equal_jitter(self, attempt: int, rng: random.Random) -> float:
        """Between half the ceiling and the ceiling: never a hot loop."""
        ceiling = self.ceiling(attempt)
        return rng.uniform(ceiling / 2.0, ceiling)


def visibility_delay(wanted_seconds: float, *, age_seconds: float) -> int:
    """Whole seconds (at least 1) that SQS accepts for a message received `age_seconds` ago."""
    remaining = MAX_VISIBILITY_SECONDS - VISIBILITY_MARGIN_SECONDS - age_seconds
    return max(1, min(math.ceil(wanted_seconds), math.floor(remaining)))
