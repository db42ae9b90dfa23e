"""Finds the messages in a text: one, several, an array, our archive, or what the AWS CLI prints."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.messages import ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

# Only to find where a value ends: numbers stay text, so that none is too long to be read.
_SCANNER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)
#: Stands among the attributes: the key that the archive noted for the event as it was received.
ARCHIVED_KEY: Final = "ArchivedEventKey"
_SPACE: Final = re.compile(r"[ \t\r\n]*")

#: For commands that decode.
unwrap_option: Final = click.option(
    "--unwrap", type=click.Choice(["sns", "eventbridge"]), multiple=True,
    help="Open what this relay has wrapped, as queue.unwrap does. May be given several times.",
)  # fmt: skip


def refused_as_message(text: str) -> str:
    """What is read from a file, though the daemon would refuse it as a message; "" if nothing is.

    A Canvas event that stands alone, JSON lines, and what the AWS CLI prints are ordinary.
    """
    position = _skip(text, 0)
    kind = {"[": "a JSON array", '"': "a JSON string"}.get(text[position : position + 1], "")
    return f"{kind}: read here, but refused as one message of the queue" if kind else ""


def messages_in(text: str) -> Iterator[ReceivedMessage]:
    """Each message, its body exactly as it stands in `text`. What is no JSON is one, too.

    Two messages may be separated by white space (JSON lines), or be the elements of an array.
    """
    position = _skip(text, 0)
    while position < len(text):
        value, end = _scan(text, position)
        if isinstance(value, list):
            for start, stop, item in _elements(text, position):
                yield from _unwrapped(item, text[start:stop])
        else:
            yield from _unwrapped(value, text[position:end])
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _scan(text: str, position: int) -> tuple[Any, int]:
    """The value at a position, and its end.

    A broken one ends before the next line that begins an object: it must not hide the others.
    """
    try:
        return _SCANNER.raw_decode(text, position)
    except (ValueError, RecursionError):
        following = text.find("\n{", position)
        return None, len(text) if following < 0 else following


def _unwrapped(value: Any, raw: str) -> Iterator[ReceivedMessage]:
    if isinstance(value, dict) and isinstance(value.get("Messages"), list):
        for item in value["Messages"]:
            yield from _unwrapped(item, "" if isinstance(item, dict) else json.dumps(item))
    elif isinstance(value, dict) and isinstance(value.get("Body"), str):
        yield _from_sqs(value)
    elif isinstance(value, dict) and {"payload", "event_key", "message_id"} <= value.keys():
        yield _from_archive(value, raw)
    else:
        # A text is what `--query "Messages[].Body"` leaves of a message.
        yield ReceivedMessage("", "", value if isinstance(value, str) else raw)


def _from_sqs(value: dict[str, Any]) -> ReceivedMessage:
    attributes = value.get("MessageAttributes")
    system = value.get("Attributes")
    return ReceivedMessage(
        message_id=str(value.get("MessageId", "")),
        receipt_handle="",
        body=value["Body"],
        attributes=_texts(system),
        message_attributes=_texts(
            {name: item.get("StringValue") for name, item in attributes.items()}
            if isinstance(attributes, dict)
            and all(isinstance(item, dict) for item in attributes.values())
            else {}
        ),
    )


def _from_archive(value: dict[str, Any], raw: str) -> ReceivedMessage:
    payload = next(raw[start:stop] for start, stop, key in _members(raw) if key == "payload")
    named = {"event_name": value.get("event_name"), "event_time": value.get("event_time")}
    return ReceivedMessage(
        message_id=str(value["message_id"]),
        receipt_handle="",
        body=payload,
        # A Caliper payload does not say the Canvas name: it came beside the body.
        message_attributes=_texts(named),
        attributes=_texts({ARCHIVED_KEY: value["event_key"]}),
    )


def _texts(values: Any) -> dict[str, str]:
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _elements(text: str, position: int) -> Iterator[tuple[int, int, Any]]:
    """Start, end and value of each element of the array at `position`, which is right JSON."""
    position = _skip(text, position + 1)
    while text[position] != "]":
        value, end = _SCANNER.raw_decode(text, position)
        yield position, end, value
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)


def _members(text: str) -> Iterator[tuple[int, int, str]]:
    """Start and end of each value of the object that `text` is, and its key."""
    position = _skip(text, 1)
    while text[position] != "}":
        key, end = _SCANNER.raw_decode(text, position)
        start = _skip(text, _skip(text, end) + 1)  # behind the colon
        _, end = _SCANNER.raw_decode(text, start)
        yield start, end, key
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
