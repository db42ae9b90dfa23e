"""From what Canvas has posted to the message that Canvas itself would have put into the queue."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from consumer.errors import DecodeError
from consumer.events.caliper import name_of
from consumer.events.json_text import parse
from consumer.queues.sending import Outgoing

# What SQS refuses: all that XML 1.0 does not allow.
_refused = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: The attributes are for filters and counts: what is no name or time is left out.
_is_plain = re.compile(r"[\w.:+-]{1,256}", re.ASCII).fullmatch
_CANVAS: Final = ("event_name", "event_time")


def message_of(payload: bytes) -> Outgoing:
    r"""The message: the payload as its body, byte for byte, and the attributes that Canvas sets.

    Only what SQS refuses is changed: such characters are escaped, as JSON does it. Bytes that are
    not UTF-8 are escaped as \xff, which is no JSON: the consumer then shows them as undecodable.
    """
    text = payload.decode("utf-8", "backslashreplace")
    if _refused.search(text):
        text = _refused.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return Outgoing(text, _attributes(text))


def _attributes(text: str) -> dict[str, str]:
    try:
        event = parse(text)
    except DecodeError:
        return {}
    if not isinstance(event, Mapping):
        return {}
    metadata = event.get("metadata")
    if isinstance(metadata, Mapping):
        found = {name: metadata.get(name) for name in _CANVAS}
    else:
        found = {"event_name": _caliper_name(event), "event_time": event.get("sendTime")}
    return {
        name: value for name, value in found.items() if isinstance(value, str) and _is_plain(value)
    }


def _caliper_name(envelope: Mapping[str, Any]) -> str | None:
    """Canvas's own name of the event, which Canvas sends as an attribute only."""
    match envelope.get("data"):
        case [dict() as event]:
            with suppress(DecodeError):
                return name_of(event)
    return None
