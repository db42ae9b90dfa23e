"""Messages that a relay wrapped, packed or signed: opens some, and names the others.

Used only when decoding failed. A reason is a fixed sentence, which never quotes the payload.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from consumer.config.models import Relay

_SNS: Final = (
    "an Amazon SNS notification: turn on raw message delivery for the subscription of the queue, "
    "or set queue.unwrap: [sns]"
)
_EVENTBRIDGE: Final = (
    'an Amazon EventBridge event: let the rule send "$.detail" as its input, or set '
    "queue.unwrap: [eventbridge]"
)
_POINTER: Final = (
    "a pointer to S3, from the SQS extended client library: the event itself is not in the queue; "
    "let the sender send it without that library"
)
_BASE64: Final = "JSON in base64: let the relay send the JSON itself"
_GZIP: Final = "compressed (gzip): let the relay send the JSON itself"
_WRAPPER: Final = "a JSON object with an event inside: let the relay send the event alone"
_RECORD: Final = (
    'an SQS message inside a message ("attributes" and "body"): a Lambda function or a pipe '
    "forwards the whole record; let it send the body alone"
)
_HTTP: Final = "an HTTP request, as described by API Gateway: let the relay send its body alone"
_KINESIS: Final = "a Kinesis record: let the relay send its data, decoded, alone"
#: Keys in lower case, and the relay whose JSON objects have all of them.
_OBJECTS: Final = (
    ({"topicarn", "message", "type"}, _SNS),
    ({"detail-type", "source"}, _EVENTBRIDGE),
    ({"s3bucketname", "s3key"}, _POINTER),
    (
        {"records"},
        'the input of a Lambda function ("Records"): let it send the body of each record',
    ),
    ({"body", "requestcontext"}, _HTTP),
    ({"body", "httpmethod"}, _HTTP),
    ({"body", "headers"}, _HTTP),
    ({"body", "receipthandle"}, _RECORD),
    ({"body", "messageid"}, _RECORD),
    ({"body", "attributes"}, _RECORD),
    ({"specversion", "source"}, 'a CloudEvents envelope: let the relay send its "data" alone'),
    ({"kinesis"}, _KINESIS),
    ({"data", "partitionkey"}, _KINESIS),
)

# Possessive: each character is looked at once, for any text.
_is_jwt = re.compile(r"eyJ[\w-]*+\.[\w-]++\.[\w-]*+", re.ASCII).fullmatch
_is_base64 = re.compile(r"[A-Za-z0-9+/_\s-]{8,}+={0,2}").fullmatch
_is_url_encoded = re.compile(r"(\w+=)?%[57]B", re.IGNORECASE).match
#: So many characters of base64, a whole number of groups, are decoded to see what it is.
_BEGINNING: Final = 64
_POINTERS: Final = (
    "software.amazon.payloadoffloading.PayloadS3Pointer",
    "com.amazon.sqs.javamessaging.MessageS3Pointer",
)
_scanner: Final = json.JSONDecoder(parse_int=str, strict=False)


class Opened(NamedTuple):
    """The content of a relay's envelope: a text, and the message attributes sent with it."""

    body: str
    attributes: Mapping[str, str]


def opened(payload: Any, relays: Collection[Relay]) -> Opened | None:
    """The message that one of `relays` wrapped, or None if none of them did."""
    if not isinstance(payload, dict):
        return None
    if "sns" in relays and "TopicArn" in payload and payload.get("Type") == "Notification":
        body, attributes = payload.get("Message"), payload.get("MessageAttributes")
        if isinstance(body, str):
            return Opened(body, _sns_attributes(attributes))
    if "eventbridge" in relays and {"detail-type", "source", "detail"} <= payload.keys():
        # EventBridge parses and writes the JSON itself, so the text of Canvas is lost already.
        return Opened(json.dumps(payload["detail"]), {})
    return None


def _sns_attributes(attributes: Any) -> dict[str, str]:
    found = attributes.items() if isinstance(attributes, dict) else ()
    values = {name: value.get("Value") for name, value in found if isinstance(value, dict)}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def reason_for(payload: Any) -> str:
    """What a JSON value is, and what to do about it; "" if it is from no known relay."""
    if isinstance(payload, dict):
        if {"TopicArn", "Message", "Type"} <= payload.keys() and payload["Type"] != "Notification":
            return "an Amazon SNS subscription confirmation, which contains no event"
        keys = {str(key).lower() for key in payload}
        default = _WRAPPER if any(map(_has_event, payload.values())) else ""
        return next((reason for required, reason in _OBJECTS if required <= keys), default)
    if isinstance(payload, list):
        array = "a JSON array: let the relay send each event as a message of its own"
        return _POINTER if any(pointer in payload[:1] for pointer in _POINTERS) else array
    if isinstance(payload, str):
        text = "JSON inside a JSON string, encoded twice: let the relay send the inner text"
        return reason_for_text(payload) or (text if payload.lstrip()[:1] in {"{", "["} else "")
    return ""


def _has_event(value: Any, depth: int = 2) -> bool:
    """True for an event, as an object or as text, also inside a few objects or arrays."""
    if isinstance(value, str):
        return value.lstrip()[:1] == "{" or reason_for_text(value).startswith(
            (_BASE64, "compressed")
        )
    if isinstance(value, dict):
        if "metadata" in value or "sendTime" in value:
            return True
        value = list(value.values())
    inside = value[:10] if isinstance(value, list) and depth else ()
    return any(_has_event(part, depth - 1) for part in inside)


def reason_for_text(text: str) -> str:
    """The same for a text that is not JSON."""
    text = text.strip(" \t\r\n\ufeff")
    if _is_jwt(text.strip("\"'")):
        return (
            'a signed event (JWT), as Canvas sends it over HTTPS with "Sign Payload": set '
            "queue.signed: {mode: accepted}, and let the relay send it alone, as the whole message"
        )
    if text[:1] == "\x1f":
        return _GZIP
    if text[:1] == "<":
        return "XML or HTML, not JSON: let the relay send the event as Canvas sent it"
    if _is_url_encoded(text):
        return "URL-encoded: let the relay send the JSON itself"
    if text[:1] == "{":
        several = "several JSON values: let the relay send each event as a message of its own"
        return several if _has_second_object(text) else ""
    return _reason_for_base64(text) if _is_base64(text) else ""


def _has_second_object(text: str) -> bool:
    """True if another object follows the first, as in files of Firehose."""
    try:
        _, end = _scanner.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text[end:].lstrip()[:1] == "{"


def _reason_for_base64(text: str) -> str:
    beginning = "".join(text[: 2 * _BEGINNING].split())[:_BEGINNING].rstrip("=")
    whole = beginning[: len(beginning) // 4 * 4]
    try:
        content = base64.b64decode(whole.replace("-", "+").replace("_", "/"))
    except (binascii.Error, ValueError):
        return ""
    if content[:2] == b"\x1f\x8b":
        return _GZIP
    if content[:2] in {b"x\x01", b"x\x9c", b"x\xda", b"BZ"}:
        return "compressed (zlib or bzip2): let the relay send the JSON itself"
    return _BASE64 if content.lstrip()[:1] in {b"{", b"["} else ""
