"""Messages from a relay: the reason names the relay without quoting them, or they are unwrapped."""

import base64
import bz2
import gzip
import json
import zlib
from typing import Any

import pytest

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.messages import Event
from consumer.testing import make_message
from tests.cases import for_each

SECRET = "jane.doe@example.edu"
EVENT = {
    "metadata": {"event_name": "logged_in", "user_login": SECRET},
    "body": {"redirect_url": f"https://x.example.edu/{SECRET}", "n": 2**60},
}
CALIPER = {
    "sensor": "http://canvas.example.edu/",
    "data": [{"id": "urn:uuid:1", "type": "Event", "action": "Created"}],
}
TEXT = json.dumps(EVENT)
PACKED = base64.b64encode(TEXT.encode()).decode()
ZIPPED = base64.b64encode(gzip.compress(TEXT.encode())).decode()
HEADER = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT","kid":"2019"}').decode().rstrip("=")
SIGNED = f"{HEADER}.{base64.urlsafe_b64encode(TEXT.encode()).decode().rstrip('=')}.c2lnbmVk"
SNS = {
    "Type": "Notification",
    "MessageId": "1",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:canvas",
    "Message": TEXT,
    "MessageAttributes": {"event_name": {"Type": "String", "Value": "logged_in"}},
}
EVENTBRIDGE = {
    "version": "0",
    "id": "1",
    "detail-type": "logged_in",
    "source": "canvas",
    "account": "123456789012",
    "detail": EVENT,
}
LAMBDA = {
    "messageId": "1",
    "receiptHandle": "h",
    "body": TEXT,
    "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
    "messageAttributes": {},
    "eventSource": "aws:sqs",
}
POINTER = {"s3BucketName": "bucket", "s3Key": SECRET}


def reason_of(text: str, **options: Any) -> str:
    """Why it is not an event. Checks that the reason does not quote the text."""
    with pytest.raises(DecodeError) as caught:
        decode(make_message(text), **options)
    assert SECRET not in caught.value.reason
    assert SECRET[:8] not in caught.value.reason
    return caught.value.reason


def opened(payload: Any, *unwrap: Any) -> Event:
    """The one event of a wrapped message."""
    (event,) = decode(make_message(json.dumps(payload)), unwrap=unwrap)
    return event


@for_each(
    "payload, named",
    [
        (SNS, "an Amazon SNS notification: turn on raw message delivery"),
        (SNS | {"Type": "SubscriptionConfirmation"}, "an Amazon SNS subscription confirmation"),
        (EVENTBRIDGE, "an Amazon EventBridge event"),
        (LAMBDA, "an SQS message inside a message"),
        ({"attributes": LAMBDA["attributes"], "body": EVENT}, "an SQS message inside a message"),
        ({"attributes": {}, "body": {}}, "an SQS message inside a message"),
        ({"MessageId": "1", "Body": TEXT, "Attributes": {}}, "an SQS message inside a message"),
        ({"Records": [LAMBDA]}, "the input of a Lambda function"),
        (
            ["software.amazon.payloadoffloading.PayloadS3Pointer", POINTER],
            "a pointer to S3",
        ),
        (["com.amazon.sqs.javamessaging.MessageS3Pointer", POINTER], "a pointer to S3"),
        (POINTER, "a pointer to S3"),
        (SIGNED, "a signed event (JWT)"),
        (PACKED, "JSON in base64"),
        (ZIPPED, "compressed (gzip)"),
        ([EVENT, EVENT], "a JSON array"),
        ([], "a JSON array"),
        (TEXT, "JSON inside a JSON string"),
        (json.dumps([EVENT]), "JSON inside a JSON string"),
        ({"body": TEXT, "headers": {}, "requestContext": {}}, "an HTTP request"),
        ({"specversion": "1.0", "source": "x", "data": EVENT}, "a CloudEvents envelope"),
        ({"partitionKey": "1", "data": PACKED}, "a Kinesis record"),
        ({"message": {"data": PACKED}, "subscription": "s"}, "a JSON object with an event inside"),
        ({"Messages": [{"Body": TEXT}]}, "a JSON object with an event inside"),
        ({"payload": EVENT}, "a JSON object with an event inside"),
        ({"event": {"sendTime": "2026"}}, "a JSON object with an event inside"),
        ({"payload": {"text": "none"}, "list": [[[{"metadata": {}}]]]}, "neither a Canvas event"),
        ({}, "neither a Canvas event"),
        ("", "not a JSON object"),
        ("text", "not a JSON object"),
        (1, "not a JSON object"),
    ],
)
def test_json_from_a_relay_is_named(payload: Any, named: str) -> None:
    """The reason says what it is, and what to do."""
    assert reason_of(json.dumps(payload)).startswith(named)


@for_each(
    "text, named",
    [
        (SIGNED, "a signed event (JWT)"),
        (f'  "{SIGNED}"\n', "a signed event (JWT)"),
        (PACKED, "JSON in base64"),
        (base64.encodebytes(TEXT.encode()).decode(), "JSON in base64"),
        (base64.urlsafe_b64encode(TEXT.encode()).decode(), "JSON in base64"),
        (base64.b64encode(json.dumps(EVENT, indent=1).encode()).decode(), "JSON in base64"),
        (ZIPPED, "compressed (gzip)"),
        ("\x1f\ufffd\x08", "compressed (gzip)"),
        (base64.b64encode(zlib.compress(TEXT.encode())).decode(), "compressed (zlib or bzip2)"),
        (base64.b64encode(bz2.compress(TEXT.encode())).decode(), "compressed (zlib or bzip2)"),
        ("%7B%22metadata%22%3A", "URL-encoded"),
        ("payload=%7b%22metadata%22%3A", "URL-encoded"),
        ("<html><body>", "XML or HTML"),
        (TEXT + TEXT, "several JSON values"),
        (f"{TEXT}\n{TEXT}\n", "several JSON values"),
        ("This is not an event.", "not JSON: "),
        ("notanevent", "not JSON: "),
        ("eyJ.not.a", "a signed event (JWT)"),
        (TEXT[:-5], "not JSON: "),
        ("", "not JSON: "),
    ],
)
def test_text_from_a_relay_is_named(text: str, named: str) -> None:
    """Text that is not JSON."""
    assert reason_of(text).startswith(named)


def test_self_hosted_canvas_is_still_an_event() -> None:
    """It sends `attributes` instead of `metadata`, with the name of the event."""
    payload = {"attributes": EVENT["metadata"], "body": EVENT["body"]}

    (event,) = decode(make_message(json.dumps(payload)))

    assert event.name == "logged_in"


@for_each(
    "payload, unwrap",
    [
        (SNS, ("sns",)),
        (SNS, ("sns", "eventbridge")),
        (EVENTBRIDGE, ("eventbridge",)),
        (SNS | {"Message": json.dumps(EVENTBRIDGE)}, ("sns", "eventbridge")),
        (EVENT, ("sns", "eventbridge")),
    ],
)
def test_an_unwrapped_event_is_the_same_as_a_plain_one(
    payload: Any, unwrap: tuple[Any, ...]
) -> None:
    """The same name, body and key; `raw` is the text of the event."""
    (alone,) = decode(make_message(TEXT))

    event = opened(payload, *unwrap)

    assert (event.name, event.body, event.key) == (alone.name, alone.body, alone.key)
    assert json.loads(event.raw) == EVENT


def test_an_event_in_an_envelope_is_not_opened_again() -> None:
    """Even if it also has the keys of an envelope."""
    inner = EVENTBRIDGE | EVENT | {"detail": {}}

    event = opened(EVENTBRIDGE | {"detail": inner}, "eventbridge")

    assert (event.name, event.body) == ("logged_in", EVENT["body"])


def test_a_caliper_event_has_the_name_from_the_sns_envelope() -> None:
    """SNS puts the message attributes of Canvas into its envelope."""
    attributes = {"event_name": {"Type": "String", "Value": "quiz_log"}, "odd": 1}
    payload = SNS | {"Message": json.dumps(CALIPER), "MessageAttributes": attributes}

    event = opened(payload, "sns")

    assert event.name == "quiz_log"


@for_each(
    "payload, unwrap, named",
    [
        (SNS, ("eventbridge",), "an Amazon SNS notification"),
        (EVENTBRIDGE, ("sns",), "an Amazon EventBridge event"),
        (SNS | {"Message": "hello"}, ("sns",), "not JSON"),
        (SNS | {"Message": PACKED}, ("sns",), "JSON in base64"),
        (SNS | {"Message": {}}, ("sns",), "an Amazon SNS notification"),
        (SNS | {"Type": "SubscriptionConfirmation"}, ("sns",), "an Amazon SNS subscription"),
        (EVENTBRIDGE | {"detail": None}, ("eventbridge",), "not a JSON object"),
        (EVENTBRIDGE | {"detail": EVENTBRIDGE}, (), "an Amazon EventBridge event"),
    ],
)
def test_what_is_not_unwrapped_is_named(payload: Any, unwrap: tuple[Any, ...], named: str) -> None:
    """The envelope of another relay, or one without an event."""
    assert reason_of(json.dumps(payload), unwrap=unwrap).startswith(named)


def test_the_depth_of_envelopes_is_limited() -> None:
    """Of 100 envelopes only a few are opened, and the next is named."""
    payload: Any = EVENT
    for _ in range(100):
        payload = EVENTBRIDGE | {"detail": payload}

    assert reason_of(json.dumps(payload), unwrap=("eventbridge",)).startswith("an Amazon Event")
