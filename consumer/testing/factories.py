"""Messages and events for tests, with as little said as the test needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from consumer.events.typed import READER
from consumer.messages import Event, ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.messages import Format

_MESSAGE_ID = "6bf1f5a4-7c1f-4a1e-9d0c-5a3c6f2f0d11"
_TIME = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)


def canvas_body(
    event_name: str = "submission_created",
    *,
    body: Mapping[str, Any] | None = None,
    event_time: datetime | str = _TIME,
    **metadata: Any,
) -> str:
    """The text of a message in Canvas format; `metadata` adds to its metadata, or replaces."""
    if isinstance(event_time, datetime):
        event_time = event_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = {
        "root_account_uuid": "VicYj3cu5BIFpoZhDVU4DZumnlBrWi1grgJEzADs",
        "root_account_id": "21070000000000001",
        "event_name": event_name,
        "event_time": event_time,
        "producer": "canvas",
        **metadata,
    }
    body = {"submission_id": "21070000000000012"} if body is None else body
    return json.dumps({"metadata": told, "body": dict(body)})


def make_message(
    body: str | None = None,
    *,
    message_id: str = _MESSAGE_ID,
    receipt_handle: str = "receipt-handle-of-a-test",
    receive_count: int = 1,
    received_at: float = 0.0,
    sent_at: datetime | None = _TIME,
    message_attributes: Mapping[str, str] | None = None,
) -> ReceivedMessage:
    """A message as a receive brings it; its body is a Canvas event unless it is given."""
    attributes = {"ApproximateReceiveCount": str(receive_count)}
    if sent_at is not None:
        attributes["SentTimestamp"] = str(round(sent_at.timestamp() * 1000))
    return ReceivedMessage(
        message_id=message_id,
        receipt_handle=receipt_handle,
        body=canvas_body() if body is None else body,
        receive_count=receive_count,
        received_at=received_at,
        attributes=attributes,
        message_attributes=dict(message_attributes or {}),
    )


def make_event(
    name: str = "submission_created",
    *,
    body: Mapping[str, Any] | None = None,
    time: datetime | None = _TIME,
    format: Format = "canvas",  # noqa: A002 - the field's name
    message_id: str = _MESSAGE_ID,
    index: int = 0,
    count: int = 1,
    **metadata: Any,
) -> Event:
    """An event as a handler gets it. Two of the same arguments have the same key."""
    raw = canvas_body(name, body=body, event_time=time or "", **metadata)
    payload = json.loads(raw)
    return Event(
        name=name,
        format=format,
        time=time,
        metadata=payload["metadata"],
        body=payload["body"],
        message_id=message_id,
        raw=raw,
        payload=payload,
        time_text=payload["metadata"]["event_time"],
        index=index,
        count=count,
        _reader=READER,
    )
