"""How long to wait before the next attempt: capped exponential backoff with jitter."""

import math
import random
from dataclasses import dataclass

from consumer.errors import ConfigurationError
from consumer.printable import shown
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff: the longest wait doubles with each attempt, which is counted from 1.

    After a handler fails, its message is delivered again after a random time up to the longest wait
    (`full_jitter`); the attempts are the receives of the message.

    Args:
        base_seconds: the longest wait after the first failure; more than 0.
        max_seconds: the limit of all waits; up to 43,200.

    Raises: `ConfigurationError` for other values.
    """

    base_seconds: float = 5
    max_seconds: float = 900

    def __post_init__(self) -> None:
        check_seconds("retry: base_seconds", self.base_seconds)
        check_seconds("retry: max_seconds", self.max_seconds)
        if not self.base_seconds <= self.max_seconds <= MAX_VISIBILITY_SECONDS:
            raise ConfigurationError(
                f"retry: max_seconds must be from base_seconds ({self.base_seconds:g}) to "
                f"{MAX_VISIBILITY_SECONDS}, not {shown(self.max_seconds)}"
            )

    def ceiling(self, attempt: int) -> float:
        """The longest wait before the next attempt, in seconds."""
        return min(self.max_seconds, self.base_seconds * 2.0 ** min(max(attempt, 1) - 1, 62))

    def full_jitter(self, attempt: int, rng: random.Random) -> float:
        """Between 0 and the ceiling: messages that failed together are spread out."""
        return rng.uniform(0.0, self.ceiling(attempt))

    def equal_jitter(self, attempt: int, rng: random.Random) -> float:
        """Between half the ceiling and the ceiling, for loops that must never spin."""
        ceiling = self.ceiling(attempt)
        return rng.uniform(ceiling / 2.0, ceiling)


def check_seconds(what: str, value: object, *, zero: bool = False) -> None:
    """Raise `ConfigurationError` unless it is a finite number above 0 (`zero`: or 0)."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0 or (value == 0 and not zero):  # type: ignore[arg-type,operator]
        least = "0 or more" if zero else "more than 0"
        raise ConfigurationError(f"{what} must be a number of seconds, {least}, not {shown(value)}")
