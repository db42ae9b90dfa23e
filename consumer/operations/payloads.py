"""The messages in a text: one or several, an array, the archive, or what the AWS CLI prints."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from consumer.messages import ARCHIVED_KEY, ReceivedMessage, new_message

#: Among the attributes of a message from the archive: when it was received.
ARCHIVED_AT: Final = "ArchivedAt"

_DECODER: Final = json.JSONDecoder(strict=False)
_NOT_SPACE: Final = re.compile(r"[^ \t\r\n]")
#: The beginning of a line of the archive, and what stands before its payload. Neither can occur
#: within a JSON string, where a quote has a backslash before it.
_ARCHIVED: Final = '{"received_at":"'
_PAYLOAD: Final = ',"payload":'


def messages_in(text: str) -> Iterator[ReceivedMessage]:
    """Each message in a text: JSON lines, or the elements of an array. Other text is one, too.

    A broken value ends before the next line that begins an object, so it does not hide the others.
    """
    if (archived := _archived_line(text)) is not None:
        yield archived
        return
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


def is_whole(text: str) -> bool:
    """True if it begins with a complete JSON value: not with one that was cut off."""
    try:
        _DECODER.raw_decode(text.lstrip(" \t\r\n"))
    except (ValueError, RecursionError):
        return False
    return True


def _archived_line(text: str) -> ReceivedMessage | None:
    """The message of one line of the archive, its payload exactly as it stands there.

    None for anything else. It takes a fraction of the time that parsing the whole line does.
    """
    if not text.startswith(_ARCHIVED):
        return None
    head, _, rest = text.partition(_PAYLOAD)
    rest = rest.rstrip("\r\n")
    if rest[:1] != "{" or rest[-1:] != "}" or "\n" in rest or _ARCHIVED in rest:
        return None
    try:
        return _from_archive(json.loads(f"{head}}}"), rest[:-1])
    except (ValueError, KeyError, RecursionError):
        return None


def _unwrapped(value: Any, raw: str) -> Iterator[ReceivedMessage]:
    match value:
        case {"Messages": [*items]}:
            for item in items:
                yield from _unwrapped(item, "" if isinstance(item, dict) else json.dumps(item))
        case {"Body": str()}:
            yield _from_sqs(value)
        case {"payload": payload, "event_key": _, "message_id": _}:
            # A text is an event that could be read, but not written as JSON again.
            yield _from_archive(value, payload if isinstance(payload, str) else json.dumps(payload))
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


def _from_archive(value: dict[str, Any], body: str) -> ReceivedMessage:
    named = {"event_name": value.get("event_name"), "event_time": value.get("event_time")}
    return new_message(
        message_id=str(value["message_id"]),
        receipt_handle="",
        body=body,
        # A Caliper payload does not contain the Canvas name: a message attribute does.
        message_attributes=_texts(named),
        attributes=_texts(
            {ARCHIVED_KEY: value["event_key"], ARCHIVED_AT: value.get("received_at")}
        ),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}
