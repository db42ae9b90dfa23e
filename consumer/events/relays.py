"""What is no event as it stands, but was one before a relay wrapped, packed or signed it.

Looked at only where decoding has failed. Every reason is a fixed sentence: it never quotes the
payload.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from consumer.config.models import Relay

_SNS: Final = (
    "an Amazon SNS notification: turn on raw message delivery for the subscription of the queue, "
    "or set queue.unwrap: [sns]"
)
_EVENTBRIDGE: Final = (
    'an Amazon EventBridge event: let the rule send "$.detail" as its input, or set '
    "queue.unwrap: [eventbridge]"
)
_RECORD: Final = (
    'an SQS message inside of a message ("attributes" and "body"): a Lambda function or a pipe '
    "has sent on the whole record; let it send the body alone"
)
_BATCH: Final = (
    'what a Lambda function is called with ("Records"): let it send on the body of each record'
)
_POINTER: Final = (
    "a pointer to S3, of the SQS extended client library: the event itself is not in the queue; "
    "let whoever sends it do so without that library"
)
_JWT: Final = (
    'a signed event (JWT), as Canvas sends it over HTTPS with "Sign Payload": turn that off, or '
    "let the relay send on the claims as JSON"
)
_BASE64: Final = "JSON in base64: let the relay send the JSON itself"
_GZIP: Final = "compressed (gzip): let the relay send the JSON itself"
_ARRAY: Final = "a JSON array: let the relay send each event as a message of its own"
_TEXT: Final = "JSON inside of a JSON string, encoded twice: let the relay send the inner text"
_SEVERAL: Final = "several JSON values: let the relay send each event as a message of its own"
_URL_ENCODED: Final = "URL-encoded: let the relay send the JSON itself"
_HTTP: Final = "an HTTP request, as API Gateway describes it: let the relay send its body alone"
_CLOUD_EVENT: Final = 'a CloudEvents envelope: let the relay send its "data" alone'
_KINESIS: Final = "a Kinesis record: let the relay send its data, decoded, alone"
_NO_EVENT: Final = "an Amazon SNS subscription confirmation, which holds no event"

# Possessive: each character is looked at once, whatever comes.
_is_jwt = re.compile(r"eyJ[\w-]*+\.[\w-]++\.[\w-]*+", re.ASCII).fullmatch
_is_base64 = re.compile(r"[A-Za-z0-9+/_\s-]{8,}+={0,2}").fullmatch
#: Of base64, so much is decoded to see what it is: a whole number of groups.
_BEGINNING: Final = 64
_POINTERS: Final = (
    "software.amazon.payloadoffloading.PayloadS3Pointer",
    "com.amazon.sqs.javamessaging.MessageS3Pointer",
)
_scanner: Final = json.JSONDecoder(parse_int=str, strict=False)


class Opened(NamedTuple):
    """What was inside of a relay's envelope: a text, and message attributes that came with it."""

    body: str
    attributes: Mapping[str, str]


def opened(payload: Any, relays: Collection[Relay]) -> Opened | None:
    """The message that one of `relays` wrapped; None if it is none of theirs."""
    if not isinstance(payload, dict):
        return None
    if (
        "sns" in relays
        and _is_sns(payload)
        and not _is_confirmation(payload)
        and isinstance(payload["Message"], str)
    ):
        return Opened(payload["Message"], _sns_attributes(payload.get("MessageAttributes")))
    if "eventbridge" in relays and _is_eventbridge(payload) and "detail" in payload:
        # EventBridge has written this text anew itself: nothing of Canvas's is lost here.
        return Opened(json.dumps(payload["detail"]), {})
    return None


def _sns_attributes(attributes: Any) -> dict[str, str]:
    if not isinstance(attributes, dict):
        return {}
    values = {
        name: attribute.get("Value")
        for name, attribute in attributes.items()
        if isinstance(attribute, dict)
    }
    return {name: value for name, value in values.items() if isinstance(value, str)}


def reason_for(payload: Any) -> str:
    """Which relay's work a JSON value is, and what would help; "" if that can't be seen."""
    if isinstance(payload, dict):
        return next((reason for fits, reason in _ENVELOPES if fits(payload)), "")
    if isinstance(payload, list):
        return _POINTER if any(pointer in payload[:1] for pointer in _POINTERS) else _ARRAY
    if isinstance(payload, str):
        return reason_for_text(payload) or (_TEXT if payload.lstrip()[:1] in {"{", "["} else "")
    return ""


def reason_for_text(text: str) -> str:
    """The same for a text that is no JSON."""
    text = text.strip(" \t\r\n\ufeff")
    if _is_jwt(text.strip("\"'")):
        return _JWT
    if text[:1] == "\x1f":
        return _GZIP
    if text[:3].upper() in {"%7B", "%5B"}:
        return _URL_ENCODED
    if text[:1] == "{":
        return _SEVERAL if _holds_several(text) else ""
    return _reason_for_base64(text) if _is_base64(text) else ""


def _holds_several(text: str) -> bool:
    """True if another object follows behind the first, as in files of Firehose."""
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
    return _BASE64 if content.lstrip()[:1] in {b"{", b"["} else ""


def _is_sns(payload: Mapping[str, Any]) -> bool:
    return "TopicArn" in payload and "Message" in payload and "Type" in payload


def _is_confirmation(payload: Mapping[str, Any]) -> bool:
    return _is_sns(payload) and payload["Type"] != "Notification"


def _is_eventbridge(payload: Mapping[str, Any]) -> bool:
    return "detail-type" in payload and "source" in payload


def _is_record(payload: Mapping[str, Any]) -> bool:
    names = {str(name).lower() for name in payload}
    has_body = "body" in names and ("metadata" not in names)
    return has_body and not names.isdisjoint({"receipthandle", "messageid", "attributes"})


def _is_batch(payload: Mapping[str, Any]) -> bool:
    return isinstance(payload.get("Records"), list)


def _is_pointer(payload: Mapping[str, Any]) -> bool:
    return "s3BucketName" in payload and "s3Key" in payload


def _is_http(payload: Mapping[str, Any]) -> bool:
    return "body" in payload and not payload.keys().isdisjoint(
        {"requestContext", "httpMethod", "headers"}
    )


def _is_cloud_event(payload: Mapping[str, Any]) -> bool:
    return "specversion" in payload and "source" in payload


def _is_kinesis(payload: Mapping[str, Any]) -> bool:
    names = {str(name).lower() for name in payload}
    return "kinesis" in names or ("data" in names and "partitionkey" in names)


_ENVELOPES: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...]] = (
    (_is_confirmation, _NO_EVENT),
    (_is_sns, _SNS),
    (_is_eventbridge, _EVENTBRIDGE),
    (_is_pointer, _POINTER),
    (_is_batch, _BATCH),
    (_is_http, _HTTP),
    (_is_record, _RECORD),
    (_is_cloud_event, _CLOUD_EVENT),
    (_is_kinesis, _KINESIS),
)
