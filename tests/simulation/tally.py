"""What happened in runs, counted; and the one thing that must not: a broken promise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


class BrokenPromiseError(AssertionError):
    """Something was lost, deleted unhandled, held for ever, or else not as promised."""


class Killed(BaseException):
    """The process dies here: nothing after this moment takes place."""


@dataclass(slots=True)
class Tally:
    """Counts of one run, or of many."""

    runs: int = 0
    messages: int = 0
    handled: int = 0
    calls: int = 0
    crashes: int = 0
    stops: int = 0
    dead: int = 0
    quarantined: int = 0
    #: Successes of a handler at an event that it had succeeded at before.
    duplicates: int = 0
    #: Virtual time.
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count another run, too."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))

    def lines(self) -> list[str]:
        """For people."""
        faults = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.faults.items()))
        share = 100 * self.duplicates / max(1, self.handled)
        return [
            f"runs         {self.runs:,} ({self.seconds / 3600:,.0f} hours of virtual time)",
            f"messages     {self.messages:,}",
            f"handled      {self.handled:,} by handlers, {self.duplicates:,} again ({share:.2f} %)",
            f"dead-letter  {self.dead:,}",
            f"quarantined  {self.quarantined:,}",
            f"crashes      {self.crashes:,}",
            f"stops        {self.stops:,}",
            f"calls        {self.calls:,}",
            f"faults       {self.faults.total():,}: {faults or 'none'}",
        ]
