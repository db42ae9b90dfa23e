"""Why a call of AWS failed: what is no event's fault opens the breaker, and says what to do."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from consumer.config import HandlerSettings
from consumer.errors import AccessDeniedError, ConfigurationError
from consumer.handlers.loading.loader import build_registry
from consumer.testing import run_batch
from tests.cases import for_each
from tests.handlers.aws_handlers import (
    REQUIRED,
    SECRET,
    answering,
    close,
    error,
    events,
    land,
    made,
    xml_error,
)
from tests.queues.servers import CLOSE, KEYS, http

S3, SQS, BUS = "bucket 'lake'", "queue 'courses'", "event bus 'default'"


@for_each(
    "kind, answer, reason",
    [
        ("s3", xml_error("NoSuchBucket", 404), f"{S3}: AWS has none (NoSuchBucket): check its"),
        ("s3", xml_error("AccessDenied", 403), f"{S3}: not permitted (AccessDenied): allow s3:Pu"),
        ("s3", xml_error("SlowDown", 503), f"{S3}: AWS asks for fewer requests (SlowDown)"),
        ("s3", xml_error("InternalError", 500), f"{S3}: AWS answered InternalError to s3:Put"),
        ("s3", xml_error("InvalidArgument"), f"{S3}: AWS answered InvalidArgument to s3:PutObject"),
        (
            "s3", xml_error("ConditionalRequestConflict", 409),
            f"{S3}: AWS answered ConditionalRequestConflict to s3:PutObject",
        ),
        ("s3", http(b"<html>", 502), f"{S3}: AWS answered 502 to s3:PutObject"),
        # Only S3 knows that an object is there: a proxy says less with the same status.
        ("s3", http(b"<html>", 412), f"{S3}: AWS answered 412 to s3:PutObject"),
        (
            "sqs", error("com.amazonaws.sqs#QueueDoesNotExist"),
            f"{SQS}: AWS has none (QueueDoesNotExist): check its name, the region and the account",
        ),
        (
            "sqs", error("AccessDeniedException"),
            f"{SQS}: not permitted (AccessDeniedException): allow sqs:SendMessage on it; `consume",
        ),
        ("sqs", error("KmsAccessDenied"), f"{SQS}: not permitted (KmsAccessDenied): allow kms:Gen"),
        (
            "s3", xml_error("KMS.KMSInvalidStateException"),
            f"{S3}: AWS answered KmsInvalidState to s3:PutObject: its KMS key can't be used",
        ),
        ("s3", xml_error("KMS.ThrottlingException"), f"{S3}: AWS asks for fewer requests (KmsThr"),
        ("sqs", error("RequestThrottled"), f"{SQS}: AWS asks for fewer requests (RequestThro"),
        ("sqs", http(b"<html>a proxy's page"), f"{SQS}: the response is not AWS's; is it a proxy"),
        ("sqs", http({"Successful": [{}]}), f"{SQS}: the response is not AWS's; is it a proxy"),
        ("sqs", http({"Failed": [None]}), f"{SQS}: the response is not AWS's; is it a proxy"),
        ("s3", http(b""), f"{S3}: the response is not AWS's; is it a proxy"),
        ("eventbridge", http({"Entries": [None]}), f"{BUS}: the response is not AWS's; is i"),
        ("eventbridge", http(b"{}"), f"{BUS}: the response is not AWS's; is it a proxy's page?"),
        (
            "eventbridge", error("UnrecognizedClientException"),
            f"{BUS}: AWS answered UnrecognizedClientException to events:PutEvents: AWS does not ",
        ),
        (
            "eventbridge", error("ExpiredTokenException"),
            f"{BUS}: AWS answered ExpiredTokenException to events:PutEvents: the session to",
        ),
        ("eventbridge", error("InternalException", 500), f"{BUS}: AWS answered InternalException"),
        ("eventbridge", CLOSE, f"{BUS}: 127.0.0.1:"),
    ],
)  # fmt: skip
def test_what_is_no_events_fault(kind: str, answer: Any, reason: str) -> None:
    """The target, AWS's code, what to do; nothing of AWS's text. One call is one request."""
    with answering(answer) as (server, url):
        registry = made(kind, url)
        (outcome,) = run_batch(registry, events(1))
        close(registry)
    assert outcome.verdict == "retry"
    assert outcome.outcome.down_seconds is not None, outcome.reason
    assert outcome.reason.startswith(reason), outcome.reason
    assert [] == [word for word in SECRET.split() if len(word) > 2 and word in outcome.reason]
    assert 1 == len(server.requests)


@for_each("kind", ["s3", "sqs", "eventbridge"])
def test_nothing_listens(kind: str) -> None:
    """The host and its port are named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ((verdict, reason),) = land(made(kind, f"http://127.0.0.1:{port}"), events(1))
    assert ("retry", True) == (verdict, reason.endswith(f": 127.0.0.1:{port} was not reached"))


def test_no_credentials() -> None:
    """They are looked for with the first event; later ones look again."""
    asked = []

    def client(service: str, **_: Any) -> Any:
        asked.append(service)
        raise AccessDeniedError("no AWS credentials were found", code="NoCredentialsError")

    entry = HandlerSettings(name="h", type="sqs", options=REQUIRED["sqs"])
    registry = build_registry([entry], state_directory=Path("state"), aws_client=client)
    assert [] == asked
    for _ in range(2):
        (ran,) = run_batch(registry, events(1))
        assert f"{SQS}: no AWS credentials were found" == ran.reason
    assert ["sqs", "sqs"] == asked
    close(registry)


def test_one_that_is_closed_can_be_called_again() -> None:
    """With a new client."""
    ok = http({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    with answering(ok, ok) as (_, url):
        registry = made("eventbridge", url)
        assert [("ack", "")] == land(registry, events(1)) == land(registry, events(1))


@for_each("kind", ["s3", "sqs", "eventbridge"])
def test_aws_over_http_is_refused(kind: str) -> None:
    """Students' data would be readable on the way."""
    with pytest.raises(ConfigurationError, match="endpoint_url must be an https URL"):
        made(kind, "http://s3.us-east-1.amazonaws.com")


def test_the_identity_is_the_daemons() -> None:
    """Requests are signed with the key of the settings."""
    ok = http({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    with answering(ok) as (server, url):
        land(made("eventbridge", url, region="eu-west-1"), events(1))
    signature = server.requests[0].headers["authorization"]
    assert f"Credential={KEYS['access_key_id']}/" in signature
    assert "/eu-west-1/events/aws4_request" in signature
