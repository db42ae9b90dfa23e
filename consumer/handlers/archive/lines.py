"""What is in the lines of an archive file."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

#: At the beginning of a file: a few lines are enough.
_BYTES: Final = 262_144


def newest_day(path: Path) -> date | None:
    """Of the first events in a file, the last day on which one happened. Raises `OSError`."""
    with path.open("rb") as file:
        lines = file.read(_BYTES).splitlines()
    return max((day for line in lines for day in _days_in(line)), default=None)


def _days_in(line: bytes) -> Iterator[date]:
    try:
        yield datetime.fromisoformat(json.loads(line)["event_time"]).date()
    except (ValueError, TypeError, KeyError, RecursionError):  # none, or a torn line
        return
