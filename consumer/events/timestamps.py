"""Times as Canvas writes them, in whichever of its shapes: aware, UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


def parse_time(text: object) -> datetime | None:
    """The time that `text` says, or None if it says none that is certain.

    Any ISO 8601 form with an offset is read: `2019-11-01T19:11:25.788Z`, without fractions,
    `2019-11-05 07:38:00 -0800`, `2020-03-30T11:18:51-06:00`. Without an offset (a bare date, too)
    it could be any of two dozen moments, so it is none. Years are 1 to 9999, in UTC.
    """
    time = _read(text)
    if time is None or time.tzinfo is None:
        return None
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the first or last hours that a datetime can hold
        return None


def parse_day(text: object) -> date | None:
    """The day that `text` says, alone (`2026-05-01`) or with a time; None if it says none.

    It is the day as it was written: an offset does not move it to another one.
    """
    time = _read(text)
    return None if time is None else time.date()


def _read(text: object) -> datetime | None:
    """As it was written: with its own offset, or without one."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # Ruby puts a blank before the offset, and the name of it where it is UTC.
        shape = text.strip().replace(" UTC", "Z").replace(" +", "+").replace(" -", "-")
        try:
            return datetime.fromisoformat(shape)
        except ValueError:
            return None


def as_written(value: object) -> str:
    """What stands where a text with a time belongs: a number as text; "" for nothing of use."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
