"""Reads messages from files: one or several, an array, the archive, or what the AWS CLI prints."""

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import click

from consumer.cli.output import report
from consumer.errors import DecodeError, Retry
from consumer.messages import Event, ReceivedMessage

#: Among the attributes of a message from the archive: the key of the event when it was received.
ARCHIVED_KEY: Final = "ArchivedEventKey"

_REFUSED: Final = {"[": "a JSON array", '"': "a JSON string"}
_GZIP: Final = b"\x1f\x8b"
_DECODER: Final = json.JSONDecoder(strict=False)
_NOT_SPACE: Final = re.compile(r"[^ \t\r\n]")


#: See `Unsealing.open`.
_Open = Callable[[ReceivedMessage], ReceivedMessage]


class Read(NamedTuple):
    """A message in a file. It has no events if it can't be decoded."""

    number: int
    message: ReceivedMessage
    events: tuple[Event, ...]
    #: Where the daemon would refuse the text as one message: what the text is.
    refused: str


def read_events(
    file: str, faults: list[str], *, jwks: _Open | None = None, **options: Any
) -> Iterator[Read]:
    """Each message in a file of any size; "-" is standard input. The options are those of `decode`.

    What can't be read or decoded is reported, and added to `faults`.

    Args:
        jwks: opens signed messages.
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
                opened = message if jwks is None else jwks(message)
                events = decode(opened, **options)
            except (DecodeError, Retry) as error:
                fault(f"message {number}: {error.reason}")
            yield Read(number, message, events, refused)


def pieces_of(file: str, fault: Callable[[str], None]) -> Iterator[str]:
    """The text of a file in pieces with whole messages. `fault` gets what can't be read."""
    empty = True
    try:
        with click.open_file(file, "rb") as stream:
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
    except OSError as error:
        fault(f"can't be read: {error.strerror}")
    except ValueError:
        fault("can't be read: not a file name")
    except RuntimeError:  # so click reports it
        fault("can't be read: standard input is closed")
    else:
        if empty:
            fault("there is no message in it")


def _cut(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each piece, and the number of its first line.

    A piece begins at a line that begins with "{". From an array on, all the rest is one piece.
    """
    piece: list[bytes] = []
    first_line, is_array = 1, False
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if piece and content.startswith(b"{") and not is_array:
            yield first_line, b"".join(piece)
            piece, first_line = [], number
        is_array = is_array or content.lstrip().startswith(b"[")
        piece.append(content)
    if piece:
        yield first_line, b"".join(piece)


def messages_in(text: str) -> Iterator[ReceivedMessage]:
    """Each message in a text: JSON lines, or the elements of an array. Other text is one, too.

    A broken value ends before the next line that begins an object, so it does not hide the others.
    """
    end = 0
    while found := _NOT_SPACE.search(text, end):
        start = found.start()
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            following = text.find("\n{", start)
            value, end = None, len(text) if following < 0 else following
        if isinstance(value, list) and value:
            for item in value:
                yield from _unwrapped(item, json.dumps(item))
        else:
            yield from _unwrapped(value, text[start:end])


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
    attributes = _dict(value.get("MessageAttributes"))
    texts = {name: _dict(item).get("StringValue") for name, item in attributes.items()}
    return ReceivedMessage(
        message_id=str(value.get("MessageId", "")),
        receipt_handle="",
        body=value["Body"],
        attributes=_texts(_dict(value.get("Attributes"))),
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


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}
