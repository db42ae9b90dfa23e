"""The Canvas format: one event, `metadata` and `body`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.errors import DecodeError
from consumer.events.timestamps import as_written, parse_time
from consumer.messages import new_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from consumer.messages import Event, Reader, ReceivedMessage


def recognises(payload: Mapping[str, Any]) -> bool:
    """True for an object with the keys of a Canvas event.

    Instructure's publisher writes `metadata`; self-hosted Canvas calls the same `attributes`, with
    the event's name in them: a message of SQS has attributes and a body, too.
    """
    return "body" in payload and ("metadata" in payload or _are_canvas(payload.get("attributes")))


def _are_canvas(attributes: object) -> bool:
    return isinstance(attributes, dict) and "event_name" in attributes


def event_of(payload: Mapping[str, Any], message: ReceivedMessage, reader: Reader) -> Event:
    """The event. Other services (New Quizzes) and the console send little metadata: that will do.

    The name is the metadata's, else that of the message attribute `event_name`. Without either no
    handler could ask for the event, so that raises `DecodeError`, as do metadata or a body that
    are no objects; null counts as an empty object.
    """
    metadata = payload.get("metadata")
    if metadata is None:
        metadata = payload.get("attributes")
    metadata = _object(metadata, "metadata")
    body = _object(payload["body"], "body")
    name = metadata.get("event_name")
    if not isinstance(name, str) or not name:
        name = message.message_attributes.get("event_name")
        if not name:
            reason = 'no event name: neither "metadata" nor the message has an "event_name"'
            raise DecodeError(reason)
    written = metadata.get("event_time")
    return new_event(
        name=name,
        format="canvas",
        time=parse_time(written) or fallback_time(message),
        metadata=metadata,
        body=body,
        message_id=message.message_id,
        raw=message.body,
        payload=payload,
        time_text=written if isinstance(written, str) else as_written(written),
        _reader=reader,
    )


def fallback_time(message: ReceivedMessage) -> datetime | None:
    """The next best time: what Canvas set on the message, else when SQS got it."""
    return parse_time(message.message_attributes.get("event_time")) or message.sent_at


def _object(value: Any, key: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    reason = f'"{key}" is not an object'
    raise DecodeError(reason)
