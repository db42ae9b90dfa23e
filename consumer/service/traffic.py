"""How many events each hour of the week usually brings: 168 averages that learn slowly. No I/O."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

HOURS: Final = 7 * 24
#: How much one more week changes an average.
_WEIGHT: Final = 0.25
_MOST: Final = 1e9
_QUIET: Final = ("quiet_seconds", "expected_events", "normal_silence")


def hour_of_week(time: datetime) -> int:
    """0 is the first hour of Monday."""
    return time.weekday() * 24 + time.hour


class UsualTraffic:
    """The averages, of logarithms: one burst hardly raises them, and each quiet week lowers them.

    Args:
        averages: events of each hour of the week; None for an hour that is not known yet.
    """

    def __init__(self, averages: Sequence[float | None] = (None,) * HOURS) -> None:
        self._logs = [None if events is None else math.log1p(events) for events in averages]

    def learn(self, hour: int, events: float) -> None:
        """One more week's number of events in this hour."""
        seen, known = math.log1p(events), self._logs[hour]
        self._logs[hour] = seen if known is None else known + _WEIGHT * (seen - known)

    def least(self, hour: int) -> float:
        """How many events this hour brings at least: as many as the hour, or one beside it.

        So a job that sends many events once a night may be late, and daylight saving time may
        begin. 0 if one of the three hours is not known.
        """
        logs = (self._logs[(hour + step) % HOURS] for step in (-1, 0, 1))
        return math.expm1(min(log or 0.0 for log in logs))

    def averages(self) -> list[float | None]:
        """What the constructor takes."""
        return [None if log is None else round(math.expm1(log), 2) for log in self._logs]


@dataclass(slots=True)
class Quiet:
    """The time since the last event, as far as the queue was read in it."""

    seconds: float = 0.0
    #: How many events it usually brings.
    expected: float = 0.0
    #: The most that was expected in a silence that ended by itself; bounded, and fades.
    normal: float = 0.0


def as_text(usual: UsualTraffic, quiet: Quiet) -> str:
    """Both, for a file."""
    facts = (quiet.seconds, quiet.expected, quiet.normal)
    numbers = {key: round(number, 2) for key, number in zip(_QUIET, facts, strict=True)}
    return json.dumps({"events_in_hour_of_week": usual.averages(), **numbers}) + "\n"


def of_text(text: str) -> tuple[UsualTraffic, Quiet]:
    """What `as_text` wrote. Raises: `ValueError` for any other text."""
    try:
        found = json.loads(text)
        averages, *quiet = (found[k] for k in ("events_in_hour_of_week", *_QUIET))
        if len(averages) != HOURS:
            raise ValueError("a week has 168 hours")
        usual = UsualTraffic([None if events is None else _number(events) for events in averages])
        return usual, Quiet(*map(_number, quiet))
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError("another file") from error


def _number(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= value <= _MOST:
        raise ValueError("not a number of events")
    return float(value)
