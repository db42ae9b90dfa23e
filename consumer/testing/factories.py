"""Messages and events for tests, with as little said as the test needs."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from consumer.events.decode import decode
from consumer.messages import Context, ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.messages import Event, Format

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
    """An event as a handler gets it, in either format. Two of the same arguments have the same key.

    Of an event that the catalog knows it is a whole sample, as `consume sample` makes it; of any
    other name, or with a body, a small one.

    Args:
        body: the `body` of a Canvas event, or the Caliper event itself, instead of the sample's. To
            change a few fields: `{**make_event(name).body, "score": 5}`.
        time: aware; None for an event that says none.
        **metadata: adds to the metadata (of Caliper the envelope), or replaces.
    """
    payload: dict[str, Any] = json.loads(_text(name, format, time or _TIME, body is None))
    written = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else ""
    if format == "canvas":
        payload["metadata"] |= {"event_time": written, **metadata}
        if body is not None:
            payload["body"] = dict(body)
    else:
        payload |= metadata
        payload["data"] = [_caliper_event(payload["data"][0], body, written)]
    # As a receive brings it; the message says the name, as Canvas does, if the payload does not.
    message = make_message(
        json.dumps(payload),
        message_id=message_id,
        sent_at=time,
        message_attributes={"event_name": name or "unnamed"},
    )
    (event,) = decode(message, format)
    return replace(event, name=name, time=time, index=index, count=count)


def make_context(
    *,
    handler: str = "handler",
    message_id: str = _MESSAGE_ID,
    receive_count: int = 1,
    deadline: float | None = None,
    should_stop: bool = False,
    visibility_lost: bool = False,
) -> Context:
    """What a handler gets besides the event, as for a first delivery where all is well."""
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
    if whole and (text := _sample(name, event_format, time)):
        return text
    if event_format == "canvas":
        return canvas_body(name)
    context = "http://purl.imsglobal.org/ctx/caliper/v1p1"
    thing = {"id": "urn:instructure:canvas:entity:21070000000000012", "type": "Entity"}
    event = {
        "@context": context,
        "type": "Event",
        "actor": {"id": "urn:instructure:canvas:user:21070000000000001", "type": "Person"},
        "action": "Modified",
        "object": thing,
    }
    site = "http://canvas.example.edu/"
    envelope = {"sensor": site, "sendTime": "", "dataVersion": context, "data": [event]}
    return json.dumps(envelope)


def _sample(name: str, event_format: Format, time: datetime) -> str:
    """The whole message; "" for an event that the catalog does not know in this format."""
    # Here, for they load the catalog's models, which not every test needs.
    from consumer.events.catalog import index  # noqa: PLC0415
    from consumer.events.samples import sample_message  # noqa: PLC0415

    known = index.is_known(name, event_format)
    return sample_message(name, event_format, time=time).body if known else ""


def _caliper_event(
    sample: dict[str, Any], body: Mapping[str, Any] | None, written: str
) -> dict[str, Any]:
    if body is not None:
        return dict(body)
    sample |= {"eventTime": written}
    sample.pop("id", None)
    text = json.dumps(sample, sort_keys=True)
    return {"id": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}", **sample}
