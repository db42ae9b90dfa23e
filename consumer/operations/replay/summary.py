"""What a run through handlers did, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumer.operations.replay.failures import Failure, as_data


@dataclass(frozen=True, slots=True)
class Summary:
    """All counts are of events, except those of what could not be decoded."""

    #: Handled, by event name, the most frequent first; likewise what no handler asked for.
    events: Mapping[str, int]
    unmatched: Mapping[str, int]
    seconds: float
    #: Not chosen.
    skipped: int = 0
    failed: int = 0
    not_events: int = 0
    #: Failed, by handler and reason; the handler of what is not an event is "".
    reasons: Mapping[tuple[str, str], int] = field(default_factory=dict)
    #: The first of them.
    failures: Sequence[Failure] = ()
    #: Read and not finished, because the run was stopped.
    left: int = 0
    #: Why it was stopped before the end; "" if it was not.
    stopped: str = ""
    exit_code: int = 0

    @property
    def handled(self) -> int:
        """Events that all of their handlers have handled."""
        return sum(self.events.values())

    @property
    def rate(self) -> float:
        """Events a second, skipped ones included."""
        return self.seen / max(self.seconds, 0.001)

    @property
    def seen(self) -> int:
        """All that came to an end."""
        others = self.failed + self.not_events + self.skipped
        return self.handled + sum(self.unmatched.values()) + others

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "handled": self.handled,
            "skipped": self.skipped,
            "unmatched": sum(self.unmatched.values()),
            "failed": self.failed,
            "not_events": self.not_events,
            "left": self.left,
            "stopped": self.stopped or None,
            "seconds": round(self.seconds, 3),
            "per_second": round(self.rate, 1),
            "events": dict(self.events),
            "unmatched_events": dict(self.unmatched),
            "reasons": [
                {"handler": handler or None, "reason": reason, "count": count}
                for (handler, reason), count in self.reasons.items()
            ],
            "failures": [as_data(failure) for failure in self.failures],
        }
