"""Reads messages from files: one or several, an array, the archive, or what the AWS CLI prints."""

import errno
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from consumer.cli.output import report
from consumer.errors import DecodeError
from consumer.messages import Event, ReceivedMessage

#: Among the attributes of a message from the archive: the key of the event when it was received.
ARCHIVED_KEY: Final = "ArchivedEventKey"

_REFUSED: Final = {"[": "a JSON array", '"': "a JSON string"}
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_DECODER: Final = json.JSONDecoder(strict=False)
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class Read(NamedTuple):
    """A message in a file."""

    number: int
    message: ReceivedMessage
    #: Empty if it can't be decoded.
    events: tuple[Event, ...]
    #: Where the daemon would refuse the text as one message: what the text is.
    refused: str


def read_events(file: str, faults: list[str], **options: Any) -> Iterator[Read]:
    """Each message in a file of any size; "-" is standard input.

    Args:
        faults: what can't be read or decoded is reported, and added to this list.
        **options: those of `decode`.
    """
    from consumer.events.decode import decode

    def fault(reason: str) -> None:
        faults.append(reason)
        report(f"{file}: {reason}")

    number = 0
    for text in pieces_of(file, fault):
        refused = _REFUSED.get(text.lstrip()[:1], "")
        for message in messages_in(text):
            number += 1
            events: tuple[Event, ...] = ()
            try:
                events = decode(message, **options)
            except DecodeError as error:
                fault(f"message {number}: {error.reason}")
            yield Read(number, message, events, refused)


def pieces_of(file: str, fault: Callable[[str], None]) -> Iterator[str]:
    """The text of a file in pieces with whole messages. `fault` gets what can't be read."""
    empty = True
    try:
        with nullcontext(_standard_input()) if file == "-" else Path(file).open("rb") as stream:
            for first_line, content in _cut(stream):
                empty = empty and not content.strip()
                if content.startswith(_GZIP) and first_line == 1:
                    fault("can't be read: it is compressed; unpack it with gunzip")
                    return
                try:
                    text = content.decode()
                except UnicodeDecodeError as error:
                    line = first_line + content.count(b"\n", 0, error.start)
                    fault(f"line {line} is not UTF-8 text")
                    continue
                if not text.isspace():
                    yield text
    except (OSError, ValueError) as error:
        fault(f"can't be read: {getattr(error, 'strerror', None) or 'not a file name'}")
        return
    if empty:
        fault("there is no message in it")


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer


def _cut(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each piece, and the number of its first line.

    A piece begins at a line that begins with "{". From an array on, all the rest is one piece.
    """
    piece: list[bytes] = []
    first_line, is_array = 1, False
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(_BOM) if number == 1 else line
        if piece and content.startswith(b"{") and not is_array:
            yield first_line, b"".join(piece)
            piece, first_line = [], number
        is_array = is_array or content.lstrip().startswith(b"[")
        piece.append(content)
    if piece:
        yield first_line, b"".join(piece)


def messages_in(text: str) -> Iterator[ReceivedMessage]:
    """Each message in a text. Text that is not JSON is one, too.

    Messages are separated by white space (JSON lines), or are the elements of an array.
    """
    position = _skip(text, 0)
    while position < len(text):
        value, end = _scan(text, position)
        if isinstance(value, list):
            for item in value:
                yield from _unwrapped(item, json.dumps(item))
        else:
            yield from _unwrapped(value, text[position:end])
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _scan(text: str, position: int) -> tuple[Any, int]:
    """The value at a position, and its end.

    A broken value ends before the next line that begins an object, so it does not hide the others.
    """
    try:
        return _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError):
        following = text.find("\n{", position)
        return None, len(text) if following < 0 else following


def _unwrapped(value: Any, raw: str) -> Iterator[ReceivedMessage]:
    match value:
        case {"Messages": [*items]}:
            for item in items:
                yield from _unwrapped(item, "" if isinstance(item, dict) else json.dumps(item))
        case {"Body": str()}:
            yield _from_sqs(value)
        case {"payload": _, "event_key": _, "message_id": _}:
            yield _from_archive(value)
        case str():  # what `--query "Messages[].Body"` prints
            yield ReceivedMessage("", "", value)
        case _:
            yield ReceivedMessage("", "", raw)


def _from_sqs(value: dict[str, Any]) -> ReceivedMessage:
    attributes = value.get("MessageAttributes")
    items = attributes.items() if isinstance(attributes, dict) else ()
    texts = {name: item.get("StringValue") for name, item in items if isinstance(item, dict)}
    return ReceivedMessage(
        message_id=str(value.get("MessageId", "")),
        receipt_handle="",
        body=value["Body"],
        attributes=_texts(value.get("Attributes")),
        message_attributes=_texts(texts),
    )


def _from_archive(value: dict[str, Any]) -> ReceivedMessage:
    named = {"event_name": value.get("event_name"), "event_time": value.get("event_time")}
    return ReceivedMessage(
        message_id=str(value["message_id"]),
        receipt_handle="",
        body=json.dumps(value["payload"]),
        # A Caliper payload does not contain the Canvas name: a message attribute does.
        message_attributes=_texts(named),
        attributes=_texts({ARCHIVED_KEY: value["event_key"]}),
    )


def _texts(values: Any) -> dict[str, str]:
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if isinstance(value, str)}
