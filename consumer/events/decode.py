"""From the text of a message to its events; the format is told by the keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from consumer.errors import DecodeError
from consumer.events import caliper, canvas

if TYPE_CHECKING:
    from consumer.messages import Event, ReceivedMessage

_NEITHER = (
    'neither a Canvas event (an object with "metadata" and "body") '
    'nor a Caliper envelope (with "sensor", "sendTime", "dataVersion" and "data")'
)
_TOO_DEEP = "nested too deeply"


def decode(
    message: ReceivedMessage,
    format: Literal["auto", "canvas", "caliper"] = "auto",  # noqa: A002
) -> tuple[Event, ...]:
    """The events of a message: one for Canvas, one or more for a Caliper envelope.

    Unknown names and fields are ordinary and stay. Raises `DecodeError`, whose reason never quotes
    the payload, and nothing else. Any thread may call it.
    """
    payload = _parse(message.body)
    if not isinstance(payload, dict):
        reason = "not a JSON object"
        raise DecodeError(reason)
    is_canvas, is_caliper = canvas.recognises(payload), caliper.recognises(payload)
    if is_canvas and format != "caliper":
        return (canvas.event_of(payload, message),)
    if is_caliper and format != "canvas":
        return caliper.events_of(payload, message)
    if is_canvas or is_caliper:
        found = "Canvas" if is_canvas else "Caliper"
        reason = f"a {found} message, but the configured format is {format}"
        raise DecodeError(reason)
    raise DecodeError(_NEITHER)


def _huge_integer(digits: str) -> int | str:
    """An integer, or its digits where Python refuses to convert so many."""
    try:
        return int(digits)
    except ValueError:
        return digits


# Raw control characters inside strings are wrong in JSON, but lose nothing: strict=False.
_decode = json.JSONDecoder(strict=False).decode
_decode_huge = json.JSONDecoder(strict=False, parse_int=_huge_integer).decode


def _parse(text: str) -> Any:
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        if text.startswith("\ufeff"):
            return _parse(text.lstrip("\ufeff"))
        reason = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except ValueError:  # an integer of thousands of digits
        try:
            return _decode_huge(text)
        except json.JSONDecodeError as error:
            reason = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        except RecursionError:
            reason = _TOO_DEEP
    except RecursionError:
        reason = _TOO_DEEP
    raise DecodeError(reason) from None
