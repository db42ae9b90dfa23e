"""An event as one line of JSON, as it lands in files, requests and programs.

Its payload is as received, except that secrets in URLs are scrubbed. The archive has these lines,
and `consume replay` reads them.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from consumer.events.privacy import scrub_json, scrub_text
from consumer.messages import Event

T = TypeVar("T")

#: One encoder for all: json.dumps looks at its options in each call. ASCII, so that texts from
#: outside (ids, names) contain neither line breaks nor lone surrogates.
_quoted: Callable[[str], str] = json.JSONEncoder().encode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
#: Accepts what the decoder of messages accepts: raw control characters; NaN and Infinity as texts.
_lenient = json.JSONDecoder(strict=False, parse_constant=str).decode

#: Twice as fast as searching for a control character.
_no_controls = re.compile("[ -\U0010ffff]*").fullmatch
#: Legal in a JSON string, but many programs end a line at them.
_LINE_MARKS = "\x85\u2028\u2029"


def line_of(event: Event, received_at: str, *, scrub_secrets: bool) -> str:
    """The line, with its newline. Pure; any thread may call it.

    Args:
        received_at: the time of writing, from `utc_text`.
    """
    payload = payload_of(event, scrub_secrets=scrub_secrets)
    time = "null" if event.time is None else f'"{utc_text(event.time)}"'
    return (
        f'{{"received_at":"{received_at}","message_id":{_quoted(event.message_id)}'
        f',"event_key":{_quoted(event.key)},"event_name":{_quoted(event.name)}'
        f',"event_time":{time},"format":"{event.format}","payload":{payload}}}\n'
    )


def each_made(
    events: Iterable[Event], make: Callable[[Event], T]
) -> tuple[list[tuple[Event, T]], dict[Event, Exception]]:
    """What is made of each event; and why of others nothing: one must not keep all in the queue."""
    made: list[tuple[Event, T]] = []
    failures: dict[Event, Exception] = {}
    for event in events:
        try:
            made.append((event, make(event)))
        except Exception as error:
            failures[event] = error
    return made, failures


def utc_text(time: datetime) -> str:
    """ISO 8601, with "Z" for UTC."""
    return time.isoformat().replace("+00:00", "Z")


def encoded(lines: list[str]) -> bytes:
    """The bytes of the lines.

    Lone surrogates, which UTF-8 can't encode, become JSON escapes: they only occur in JSON strings.
    """
    # One after the other: a single rare character would make a text of all four times as large.
    return b"".join([line.encode("utf-8", "backslashreplace") for line in lines])


def payload_of(event: Event, *, scrub_secrets: bool) -> str:
    """The payload as strict JSON on one line, in every reader's sense; of several, this event's.

    It may contain lone surrogates, which UTF-8 can't encode: see `encoded`.
    """
    payload = _strict(event.raw if event.count == 1 else alone(event), scrub_secrets=scrub_secrets)
    if not payload.isascii():
        for mark in _LINE_MARKS:
            if mark in payload:
                payload = payload.replace(mark, f"\\u{ord(mark):04x}")
    return payload


def _strict(raw: str, *, scrub_secrets: bool) -> str:
    """Strict JSON on one line; exactly as received if that is what it was."""
    try:
        if scrub_secrets:
            return scrub_json(raw)
        if _no_controls(raw) and "NaN" not in raw and "Infinity" not in raw:
            return raw
        return _encode(_lenient(raw.lstrip("\ufeff")))
    except (RecursionError, ValueError):  # can be decoded, but not encoded: the text as a string
        return scrub_text(_quoted(raw)) if scrub_secrets else _quoted(raw)


def alone(event: Event) -> str:
    """The envelope of a message with several events, with this one alone in it."""
    try:
        return _encode({**event.metadata, "data": [event.body]})
    except (RecursionError, ValueError, TypeError):  # can be decoded, but not encoded
        return event.raw


def identity_in(line: bytes) -> tuple[str, str] | None:
    """The message id and the event's key in a line; None if it is not one of ours."""
    try:
        found = json.loads(line)
        key = found["message_id"], found["event_key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return key if all(isinstance(part, str) for part in key) else None
