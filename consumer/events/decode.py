"""From the text of a message to its events; the format is told by the keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from consumer.errors import DecodeError
from consumer.events import caliper, canvas, relays
from consumer.events.json_text import parse
from consumer.events.typed import READER

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.config.models import Relay
    from consumer.messages import Event, Reader, ReceivedMessage

_NEITHER = (
    'neither a Canvas event (an object with "metadata" and "body") '
    'nor a Caliper envelope (with "sensor", "sendTime", "dataVersion" and "data")'
)


#: Envelopes within envelopes that are opened.
_DEEPEST = 4


def decode(
    message: ReceivedMessage,
    format: Literal["auto", "canvas", "caliper"] = "auto",  # noqa: A002
    reader: Reader = READER,
    *,
    unwrap: Collection[Relay] = (),
) -> tuple[Event, ...]:
    """The events of a message: one for Canvas, one or more for a Caliper envelope.

    Unknown names and fields are ordinary and stay. A `format` other than auto is the only one
    taken; of a Caliper envelope then `data` will do. Raises `DecodeError`, whose reason never
    quotes the payload, and nothing else. `reader` makes their typed views. Any thread may call it.

    Args:
        unwrap: what is no event, but was wrapped by one of these, is opened; the events are then
            those of the message within.
    """
    try:
        payload = parse(message.body)
    except DecodeError as error:
        payload, fault = None, error.reason
    else:
        fault = ""
    if isinstance(payload, dict):
        is_canvas = canvas.recognises(payload)
        if is_canvas and format != "caliper":
            return (canvas.event_of(payload, message, reader),)
        is_caliper = caliper.recognises(payload)
        if (is_caliper and format == "auto") or ("data" in payload and format == "caliper"):
            return caliper.events_of(payload, message, reader)
        if is_canvas or is_caliper:
            found = "Canvas" if is_canvas else "Caliper"
            reason = f"a {found} message, but the configured format is {format}"
            raise DecodeError(reason)
    within = _opened(payload, message, unwrap)
    if within is None:
        raise DecodeError(_reason_for(payload, message.body, fault))
    return decode(within, format, reader)


def _opened(
    payload: Any, message: ReceivedMessage, unwrap: Collection[Relay]
) -> ReceivedMessage | None:
    """The message within the envelopes of relays; None if there are none to open."""
    within = None
    for _ in range(_DEEPEST):
        opened = relays.opened(payload, unwrap) if unwrap else None
        if opened is None:
            break
        attributes = {**opened.attributes, **(within or message).message_attributes}
        within = replace(message, body=opened.body, message_attributes=attributes)
        try:
            payload = parse(opened.body)
        except DecodeError:
            break  # the reason is found when it is decoded
    return within


def _reason_for(payload: Any, text: str, fault: str) -> str:
    """What it is instead; `fault` says why the text could not be parsed."""
    if fault:
        return relays.reason_for_text(text) or fault
    default = _NEITHER if isinstance(payload, dict) else "not a JSON object"
    return relays.reason_for(payload) or default
