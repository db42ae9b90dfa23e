"""From the text of a message to its events; the format is told by the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from consumer.errors import DecodeError
from consumer.events import caliper, canvas
from consumer.events.json_text import parse
from consumer.events.typed import READER

if TYPE_CHECKING:
    from consumer.messages import Event, Reader, ReceivedMessage

_NEITHER = (
    'neither a Canvas event (an object with "metadata" and "body") '
    'nor a Caliper envelope (with "sensor", "sendTime", "dataVersion" and "data")'
)


def decode(
    message: ReceivedMessage,
    format: Literal["auto", "canvas", "caliper"] = "auto",  # noqa: A002
    reader: Reader = READER,
) -> tuple[Event, ...]:
    """The events of a message: one for Canvas, one or more for a Caliper envelope.

    Unknown names and fields are ordinary and stay. A `format` other than auto is the only one
    taken; of a Caliper envelope then `data` will do. Raises `DecodeError`, whose reason never
    quotes the payload, and nothing else. `reader` makes their typed views. Any thread may call it.
    """
    payload = parse(message.body)
    if not isinstance(payload, dict):
        reason = "not a JSON object"
        raise DecodeError(reason)
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
    raise DecodeError(_NEITHER)
