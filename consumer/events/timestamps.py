"""Times in all forms that Canvas uses, as aware datetimes in UTC."""

from datetime import UTC, date, datetime

from consumer.messages import ReceivedMessage


def time_of(written: object, message: ReceivedMessage) -> datetime | None:
    """The time of an event; if it has none, that of its message: set by Canvas, else by SQS."""
    return (
        parse_time(written)
        or parse_time(message.message_attributes.get("event_time"))
        or message.sent_at
    )


def parse_time(text: object) -> datetime | None:
    """The time in `text`, or None if there is no unambiguous one.

    Accepts any ISO 8601 form with an offset: `2019-11-01T19:11:25.788Z`, without fractions,
    `2019-11-05 07:38:00 -0800`, `2020-03-30T11:18:51-06:00`. Without an offset (also a date alone)
    the moment is not known. Years are 1 to 9999, in UTC.
    """
    time = _parsed(text)
    if time is None or time.tzinfo is None:
        return None
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the first or last hours that a datetime can hold
        return None


def parse_day(text: object) -> date | None:
    """The day in `text`, with (`2026-05-01 23:59:59 -0600`) or without a time; None for no day.

    The offset is ignored: it does not move the day.
    """
    time = _parsed(text)
    return None if time is None else time.date()


def _parsed(text: object) -> datetime | None:
    """With its own offset, or without one."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # Ruby writes a blank before the offset, and UTC instead of Z.
        iso = text.strip().replace(" UTC", "Z").replace(" +", "+").replace(" -", "-")
        try:
            return datetime.fromisoformat(iso)
        except ValueError:
            return None


def as_written(value: object) -> str:
    """The text of a received time: also of a number; "" for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
