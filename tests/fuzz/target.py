"""Everything that the daemon does with a message, except handling it."""

from typing import Final, Literal

from consumer.errors import DataError, DecodeError
from consumer.events.decode import decode
from consumer.events.drift import Drift
from consumer.events.json_text import one_line
from consumer.events.privacy import scrub_json, scrub_text
from consumer.messages import Event, ReceivedMessage

FORMATS: Final[tuple[Literal["auto", "canvas", "caliper"], ...]] = ("auto", "canvas", "caliper")


def try_text(text: str) -> int:
    """Decode in every way, and read all views of the events; returns the number of events.

    Raises any exception except `DecodeError`, and `DataError` of `event.data`; AssertionError for a
    wrong result.
    """
    message = ReceivedMessage("m", "r", text, message_attributes={"event_name": "logged_in"})
    found = 0
    for message_format in FORMATS:
        try:
            events = decode(message, message_format)
        except DecodeError as error:
            _is_short(error.reason, 300)
            continue
        found += len(events)
        for event in events:
            _look_at(event)
    scrub_text(text)
    if found:
        scrub_json(one_line(text))
    return found


def _look_at(event: Event) -> None:
    assert event.name
    assert len(event.key) < 200
    assert event.time is None or event.time.tzinfo is not None
    repr(event)
    repr(event.subject)
    Drift().see(event)
    try:
        repr(event.data)
    except DataError as error:
        _is_short(str(error), 20_000)


def _is_short(text: str, limit: int) -> None:
    assert len(text) < limit
