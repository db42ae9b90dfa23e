"""Checks one line of an archive."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal, NoReturn

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.events.privacy import SCRUBBED
from consumer.operations.payloads import messages_in

_FORMATS: Final = ("canvas", "caliper")
_TEXTS: Final = ("received_at", "message_id", "event_key", "event_name", "format")
_KEYS: Final = (*_TEXTS, "event_time", "payload")

#: A payload with one of these may have had something else there: a secret, or a number that JSON
#: does not have.
_REPLACED: Final = (SCRUBBED, '"NaN"', 'Infinity"')

KeyCheck = Literal["matches", "differs", "unknown"]


class LineError(Exception):
    """The line is not one of the archive; the text says why, and quotes nothing of it."""


def key_in(line: bytes) -> tuple[str, str]:
    """The event's key, and the text of the line. Raises `LineError` unless the line is whole."""
    try:
        text = line.decode()
        found = json.loads(text, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise LineError("not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise LineError("not valid JSON") from None
    if not isinstance(found, dict):
        raise LineError("not a JSON object")
    if missing := [key for key in _KEYS if key not in found]:
        raise LineError(f"without {', '.join(missing)}")
    if wrong := [key for key in _KEYS if not _is_right(key, found)]:
        raise LineError(f"not what it must be: {', '.join(wrong)}")
    return found["event_key"], text


def check_key(text: str) -> KeyCheck:
    """Make the key again from the payload, and compare it.

    Unknown: what was removed from the payload, such as secrets in URLs, is part of its key; or it
    can't be decoded.
    """
    if any(mark in text for mark in _REPLACED):
        return "unknown"
    (message,) = messages_in(text)
    found = json.loads(text)
    try:
        (event,) = decode(replace(message, attributes={}), found["format"])
    except (DecodeError, ValueError):  # or not exactly one event
        return "unknown"
    return "matches" if event.key == found["event_key"] else "differs"


def _is_right(key: str, line: Mapping[str, Any]) -> bool:
    value = line[key]
    if key == "format":
        return value in _FORMATS
    if key == "received_at" or (key == "event_time" and value is not None):
        return _is_time(value)
    if key == "payload":
        return isinstance(value, dict | str)
    return value is None if key == "event_time" else isinstance(value, str)


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _refuse(_constant: str) -> NoReturn:
    raise ValueError
