"""Events for the suite: numbered ones, and those that are hard to store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from consumer.events.catalog import index
from consumer.events.decode import decode
from consumer.handlers.records import payload_of
from consumer.testing import canvas_body, make_event, make_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.messages import Event

MEBIBYTE = 1024 * 1024


def text_of(number: int) -> str:
    """The message of a numbered event."""
    return canvas_body(body={"submission_id": str(number), "user_id": "21070000000000042"})


def event_of(text: str, number: int = 0) -> Event:
    """The only event of a message."""
    (event,) = decode(make_message(text, message_id=f"00000000-0000-4000-8000-{number:012d}"))
    return event


def numbered(numbers: Iterable[int]) -> list[Event]:
    """Different events, always the same for the same numbers."""
    return [event_of(text_of(number), number) for number in numbers]


def every_sample() -> list[Event]:
    """A sample of each event of the catalog, in each format in which Canvas sends it."""
    return [
        make_event(name, format=written, message_id=f"{written}-{name}")
        for written in ("canvas", "caliper")
        for name in index.names(written)
    ]


def hard_to_store() -> dict[str, Event]:
    """Events with what some destinations can't store, or other programs can't read."""
    texts = {
        "NUL": "\0 before and after \0",
        "lone surrogates": "\ud800 and \udc00 \udfff",
        "other planes": "\U0001d11e \U0010ffff",
        "ends of lines": "\n \r \r\n \x85 \u2028 \u2029",
        "quotes": "' \" \\ ` $(id) %s {0} ;--",
        "escapes of COPY": "\\N \\. \t \\x00",
        "tags": "<script>&amp;</script>",
        "right to left": "\u202e \u0627\u0644 \u200f",
    }
    whole = {
        "a huge number": '{"submission_id": 123456789012345678901234567890, "grade": 1e400}',
        "numbers that JSON does not have": '{"grade": NaN, "points": -Infinity}',
        "raw control characters": '{"comment": "a\x01b\tc"}',
        "other types": '{"user_id": {"a": [1]}, "course_id": [], "submission_id": true}',
        "the same key twice": '{"grade": 1, "grade": 2}',
        "empty": "{}",
        "null": '{"user_id": null, "submission_id": null}',
        "deep": '{"a":' * 60 + "1" + "}" * 60,
    }
    whole |= {name: json.dumps({"submission_id": "1", "c": text}) for name, text in texts.items()}
    whole["as UTF-8"] = '{"comment": "\u00e4 \u2028 \x85 \U0001d11e"}'
    body = canvas_body(body={"it": "is here"})
    found = [body.replace('{"it": "is here"}', text) for text in whole.values()]
    return {
        name: event_of(text, n) for n, (name, text) in enumerate(zip(whole, found, strict=True))
    }


def large(size: int = MEBIBYTE) -> Event:
    """An event whose message has this size in bytes."""
    text = canvas_body(body={"submission_id": "7", "comment": ""})
    return event_of(text.replace('"comment": ""', f'"comment": "{"x" * (size - len(text))}"'), 7)


def payload(event: Event) -> Any:
    """What has to be found at the destination."""
    return json.loads(payload_of(event, scrub_secrets=True))
