"""Messages and events for tests; all that a test does not need has a default."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from consumer.events.catalog import index
from consumer.events.decode import decode
from consumer.messages import Context, Event, Format, ReceivedMessage

_MESSAGE_ID = "6bf1f5a4-7c1f-4a1e-9d0c-5a3c6f2f0d11"
_TIME = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)


def canvas_body(
    event_name: str = "submission_created",
    *,
    body: Mapping[str, Any] | None = None,
    event_time: datetime | str = _TIME,
    **metadata: Any,
) -> str:
    """The body of a message in Canvas format; `metadata` adds to its metadata, or replaces."""
    if isinstance(event_time, datetime):
        event_time = _written(event_time)
    all_metadata = {
        "root_account_uuid": "VicYj3cu5BIFpoZhDVU4DZumnlBrWi1grgJEzADs",
        "root_account_id": "21070000000000001",
        "event_name": event_name,
        "event_time": event_time,
        "producer": "canvas",
        **metadata,
    }
    body = {"submission_id": "21070000000000012"} if body is None else body
    return json.dumps({"metadata": all_metadata, "body": dict(body)})


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
    """A message as a receive returns it; by default the body is a Canvas event."""
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
    """An event as a handler gets it, in either format. The same arguments give the same key.

    If the catalog knows the event, it is a whole sample, as `consume sample` makes it; with another
    name, or with a body, it is a small one.

    Args:
        body: the `body` of a Canvas event, or the Caliper event itself, instead of the sample's. To
            change a few fields: `{**make_event(name).body, "score": 5}`.
        time: aware; None for an event without a time.
        **metadata: adds to the metadata (of Caliper the envelope), or replaces.
    """
    payload: dict[str, Any] = json.loads(_text(name, format, time or _TIME, body is None))
    written = "" if time is None else _written(time)
    if format == "canvas":
        payload["metadata"] |= {"event_time": written, **metadata}
        if body is not None:
            payload["body"] = dict(body)
    else:
        payload |= metadata
        payload["data"] = [_identified(payload["data"][0], written) if body is None else dict(body)]
    # The message attributes have the name, as with Canvas, if the payload has none.
    message = make_message(
        json.dumps(payload),
        message_id=message_id,
        sent_at=time,
        message_attributes={"event_name": name or "unnamed"},
    )
    (decoded,) = decode(message, format)
    return replace(decoded, name=name, time=time, index=index, count=count)


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _identified(event: Mapping[str, Any], written: str) -> dict[str, Any]:
    """A Caliper event at this time; its id follows from all that it has."""
    event = {**event, "eventTime": written, "id": ""}
    digest = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(event, sort_keys=True))
    return event | {"id": f"urn:uuid:{digest}"}


def make_context(
    *,
    handler: str = "handler",
    message_id: str = _MESSAGE_ID,
    receive_count: int = 1,
    deadline: float | None = None,
    should_stop: bool = False,
    visibility_lost: bool = False,
) -> Context:
    """What a handler gets with the event; by default that of a first delivery without trouble."""
    return Context(
        handler=handler,
        message_ids=(message_id,),
        receive_count=receive_count,
        deadline=deadline,
        should_stop=lambda: should_stop,
        visibility_lost=lambda: visibility_lost,
    )


@lru_cache(maxsize=1000)
def _text(name: str, event_format: Format, time: datetime, whole: bool) -> str:
    """A sample, if a `whole` event is wanted and the catalog knows it; else a small payload."""
    if whole and index.is_known(name, event_format):
        # Imported here because it loads the catalog's models, which not every test needs.
        from consumer.events.samples import sample_message  # noqa: PLC0415

        return sample_message(name, event_format, time=time).body
    if event_format == "canvas":
        return canvas_body(name)
    context, urn = "http://purl.imsglobal.org/ctx/caliper/v1p1", "urn:instructure:canvas:"
    event = {
        "@context": context,
        "type": "Event",
        "actor": {"id": f"{urn}user:21070000000000001", "type": "Person"},
        "action": "Modified",
        "object": {"id": f"{urn}entity:21070000000000012", "type": "Entity"},
    }
    site = "http://canvas.example.edu/"
    return json.dumps({"sensor": site, "sendTime": "", "dataVersion": context, "data": [event]})
