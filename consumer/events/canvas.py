"""The Canvas format: one event, `metadata` and `body`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.errors import DecodeError
from consumer.events.timestamps import parse_time
from consumer.messages import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from consumer.messages import ReceivedMessage


def recognises(payload: Mapping[str, Any]) -> bool:
    """True for an object with the keys of a Canvas event.

    Instructure's publisher writes `metadata`; self-hosted Canvas calls the same `attributes`.
    """
    return "body" in payload and ("metadata" in payload or "attributes" in payload)


def event_of(payload: Mapping[str, Any], message: ReceivedMessage) -> Event:
    """The event. Raises `DecodeError` if it has no name or is not made of objects."""
    metadata = payload.get("metadata")
    if metadata is None:
        metadata = payload.get("attributes") or {}
    body = payload["body"]
    if body is None:
        body = {}
    if not isinstance(metadata, dict) or not isinstance(body, dict):
        culprit = "body" if isinstance(metadata, dict) else "metadata"
        reason = f'"{culprit}" is not an object'
        raise DecodeError(reason)
    name = metadata.get("event_name")
    if not isinstance(name, str) or not name:
        name = message.message_attributes.get("event_name")
        if not name:
            reason = 'no event name: "metadata" has no "event_name", nor has the message'
            raise DecodeError(reason)
    text = metadata.get("event_time")
    return Event(
        name=name,
        format="canvas",
        time=parse_time(text) or fallback_time(message),
        metadata=metadata,
        body=body,
        message_id=message.message_id,
        raw=message.body,
        payload=payload,
        time_text=text if isinstance(text, str) else "",
    )


def fallback_time(message: ReceivedMessage) -> datetime | None:
    """The next best time: what Canvas set on the message, else when SQS got it."""
    return parse_time(message.message_attributes.get("event_time")) or message.sent_at
