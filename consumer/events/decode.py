"""Decodes the text of a message to its events. The keys show which format it has."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal

from consumer.config.models import Relay
from consumer.errors import DecodeError
from consumer.events import caliper, relays
from consumer.events.json_text import parse
from consumer.events.timestamps import as_written, time_of
from consumer.events.typed import READER
from consumer.messages import ARCHIVED_KEY, Event, Reader, ReceivedMessage, new_event

_NEITHER = (
    'neither a Canvas event (an object with "metadata" and "body") '
    'nor a Caliper envelope (with "sensor", "sendTime", "dataVersion" and "data")'
)


def decode(
    message: ReceivedMessage,
    format: Literal["auto", "canvas", "caliper"] = "auto",  # noqa: A002
    reader: Reader = READER,
    *,
    unwrap: Collection[Relay] = (),
    _depth: int = 4,
) -> tuple[Event, ...]:
    """The events of a message: one for Canvas, one or more for a Caliper envelope.

    Unknown names and fields are ordinary and are kept. Raises `DecodeError`, whose reason never
    quotes the payload, and nothing else. Any thread may call it.

    Args:
        format: the only accepted format, unless "auto". With "caliper", an envelope needs only the
            key `data`.
        reader: makes the typed views of the events.
        unwrap: relays whose envelopes are opened, at most four, one in the other; the events are
            then those of the inner message.
    """
    payload, fault = None, ""
    try:
        payload = parse(message.body)
    except DecodeError as error:
        fault = error.reason
    if isinstance(payload, dict):
        is_canvas = _is_canvas(payload)
        if is_canvas and format != "caliper":
            return (_canvas_event(payload, message, reader),)
        is_caliper = caliper.is_envelope(payload)
        if (is_caliper and format == "auto") or ("data" in payload and format == "caliper"):
            return caliper.events_of(payload, message, reader)
        if is_canvas or is_caliper:
            found = "Canvas" if is_canvas else "Caliper"
            reason = f"a {found} message, but the configured format is {format}"
            raise DecodeError(reason)
    inner = _unwrapped(message, payload, unwrap) if _depth else None
    if inner is not None:
        return decode(inner, format, reader, unwrap=unwrap, _depth=_depth - 1)
    raise DecodeError(_reason(message, payload, fault))


def _unwrapped(
    message: ReceivedMessage, payload: object, unwrap: Collection[Relay]
) -> ReceivedMessage | None:
    """The message in the envelope of a relay; None if this is not one of those to unwrap."""
    opened = relays.opened(payload, unwrap)
    if opened is None:
        return None
    attributes = {**opened.attributes, **message.message_attributes}
    return replace(message, body=opened.body, message_attributes=attributes)


def _reason(message: ReceivedMessage, payload: object, fault: str) -> str:
    """Why it is no event: `fault` if it is no JSON."""
    if fault:
        return relays.reason_for_text(message.body) or fault
    default = _NEITHER if isinstance(payload, dict) else "not a JSON object"
    return relays.reason_for(payload) or default


def _is_canvas(payload: Mapping[str, Any]) -> bool:
    """True for an object with the keys of an event in Canvas format.

    Instructure sends `metadata`. Self-hosted Canvas sends `attributes` with the name of the event
    in it, because a message of SQS may have attributes and a body, too.
    """
    if "body" not in payload:
        return False
    if "metadata" in payload:
        return True
    attributes = payload.get("attributes")
    return isinstance(attributes, dict) and "event_name" in attributes


def _canvas_event(payload: Mapping[str, Any], message: ReceivedMessage, reader: Reader) -> Event:
    """The event. The metadata may be small, as that of New Quizzes and of the AWS console is.

    Its name is that in the metadata, otherwise that of the message attribute `event_name`. Raises
    `DecodeError` without either, because no handler could ask for the event, and if metadata or
    body are not objects; null is treated as an empty object.
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
        time=time_of(written, message),
        metadata=metadata,
        body=body,
        message_id=message.message_id,
        raw=message.body,
        payload=payload,
        time_text=as_written(written),
        _key=message.attributes.get(ARCHIVED_KEY, ""),
        _reader=reader,
    )


def _object(value: Any, key: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    reason = f'"{key}" is not an object'
    raise DecodeError(reason)
