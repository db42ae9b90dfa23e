"""What the handlers for SQS and EventBridge send, and what they refuse before they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consumer.config import QueueSettings
from consumer.errors import ConfigurationError
from consumer.handlers.eventbridge import factory
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.handlers.records import payload_of
from consumer.testing import ManualClock, make_event, run_batch
from tests.cases import for_each
from tests.handlers.aws_handlers import CLIENTS, answering, close, error, events, land, made
from tests.queues.servers import http

AWS = "https://sqs.us-east-1.amazonaws.com/123456789012"
ONE_SENT = http({"Successful": [{"Id": "0"}]})
ONE_PUT = http({"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]})


def sent(kind: str, answer: bytes, event: Any, **options: Any) -> Any:
    """The entry that is sent for an event."""
    with answering(answer) as (server, url):
        assert [("ack", "")] == land(made(kind, url, **options), [event])
    (entry,) = server.requests[0].asked["Entries"]
    return entry


def test_a_message() -> None:
    """The record; name, time and key are attributes, so that the queue's readers can filter."""
    event = make_event("grade_change", body={"comment": "\ufffe \uffff \x00 \ud800 \u00e4"})
    entry = sent("sqs", ONE_SENT, event)
    record = json.loads(entry["MessageBody"])
    assert (event.key, json.loads(payload_of(event, scrub_secrets=True))) == (
        record["event_key"],
        record["payload"],
    )
    assert [] == [mark for mark in "\ufffe\uffff\x00" if mark in entry["MessageBody"]]
    texts = {name: found["StringValue"] for name, found in entry["MessageAttributes"].items()}
    time = "2024-03-01T12:00:00Z"
    assert {"event_name": "grade_change", "event_time": time, "event_key": event.key} == texts
    assert {"Id", "MessageBody", "MessageAttributes"} == entry.keys()


def test_the_payload_alone() -> None:
    """As it was received, so that another consumer of Canvas's events can read it."""
    event = make_event("grade_change")
    assert event.raw == sent("sqs", ONE_SENT, event, body="raw")["MessageBody"]
    assert event.raw == sent("eventbridge", ONE_PUT, event, detail="raw")["Detail"]


def test_a_fifo_queue() -> None:
    """A group for each course; the event key, as SQS accepts it, recognises what comes twice."""
    fifo = {"queue_url": f"{AWS}/courses.fifo"}
    event = make_event("grade_change")
    course = event.subject.course_id
    assert course
    entry = sent("sqs", ONE_SENT, event, **fifo)
    assert str(course.global_id) == entry["MessageGroupId"]
    assert 64 == len(entry["MessageDeduplicationId"])
    assert (
        entry["MessageDeduplicationId"]
        == sent("sqs", ONE_SENT, event, **fifo)["MessageDeduplicationId"]
    )
    assert "none" == sent("sqs", ONE_SENT, make_event("logged_in"), **fifo)["MessageGroupId"]


@for_each(
    "source, url",
    [
        ({"url": f"{AWS}/canvas-live-events"}, f"{AWS}/canvas-live-events"),
        (
            {"url": f"{AWS}/canvas-live-events"},
            f"{AWS.replace('sqs.', 'vpce-1.sqs.')}/canvas-live-events/",
        ),
        ({"name": "canvas-live-events"}, f"{AWS}/canvas-live-events"),
    ],
)
def test_never_its_own_source(source: dict[str, str], url: str) -> None:
    """The events would come again and again."""
    with pytest.raises(ConfigurationError, match="another queue than the one"):
        made("sqs", queue=QueueSettings.model_validate(source), queue_url=url)
    made("sqs", queue=QueueSettings.model_validate(source), queue_url=f"{url.rstrip('/')}-2")


def test_an_entry() -> None:
    """Rules match its source and detail-type; its time is the event's, and its key is there."""
    event = make_event("grade_change")
    entry = sent("eventbridge", ONE_PUT, event, source="edu.example.canvas")
    detail = json.loads(entry.pop("Detail"))
    assert event.time
    assert {
        "EventBusName": "default",
        "Source": "edu.example.canvas",
        "DetailType": "grade_change",
        "Resources": [event.key],
        "Time": event.time.timestamp(),
    } == entry
    assert (event.key, "grade_change") == (detail["event_key"], detail["event_name"])


def test_a_name_that_is_too_long() -> None:
    """EventBridge would drop the event, and confirm it."""
    entry = sent("eventbridge", ONE_PUT, make_event("x" * 300))
    assert "x" * 128 == entry["DetailType"]
    entry = sent("sqs", ONE_SENT, make_event("x" * 300))
    assert "x" * 256 == entry["MessageAttributes"]["event_name"]["StringValue"]


def test_the_bus_is_looked_up() -> None:
    """Now and then: EventBridge confirms events for a bus that does not exist."""
    clock = ManualClock()
    environment = HandlerEnvironment(Path("state"), clock=clock, aws_client=CLIENTS.client)
    missing = error("ResourceNotFoundException")
    answers = [missing, http({}), ONE_PUT, ONE_PUT, missing]
    with answering(*answers) as (server, url):
        registry = factory("h", {"bus": "lms", "endpoint_url": url}, environment)
        for expected in ("retry", "ack", "ack"):
            assert [expected] == [ran.verdict for ran in run_batch(registry, events(1))]
        clock.advance(300)
        (ran,) = run_batch(registry, events(1))
        assert (
            "event bus 'lms': AWS has none (ResourceNotFoundException): check its name, the"
            in ran.reason
        )
        close(registry)
    asked = [request.headers["x-amz-target"].partition(".")[2] for request in server.requests]
    assert [
        "DescribeEventBus",
        "DescribeEventBus",
        "PutEvents",
        "PutEvents",
        "DescribeEventBus",
    ] == asked


def test_a_bus_that_may_not_be_looked_up() -> None:
    """That of another account is only known by its ARN; the own one must be known."""
    denied, arn = (
        error("AccessDeniedException"),
        "arn:aws:events:eu-west-1:111122223333:event-bus/lms",
    )
    with answering(denied) as (_, url):
        ((verdict, reason),) = land(made("eventbridge", url, bus="lms"), events(1))
    assert verdict == "retry"
    assert "allow events:DescribeEventBus on it" in reason
    with answering(denied, ONE_PUT) as (server, url):
        assert [("ack", "")] == land(made("eventbridge", url, bus=arn), events(1))
    assert "/eu-west-1/events/" in server.requests[0].headers["authorization"]


@for_each(
    "kind, options, fault",
    [
        ("sqs", {"queue_url": None}, "queue_url must be the URL of a queue"),
        ("sqs", {"queue_url": "courses"}, "queue_url must be an http or https URL"),
        ("sqs", {"queue_url": "http://sqs.us-east-1.amazonaws.com/1/q"}, "must be an https URL"),
        ("sqs", {"body": "payload"}, "body must be one of record, raw"),
        ("eventbridge", {"bus": "a bus"}, "bus must be the name or the ARN of an event bus"),
        ("eventbridge", {"source": "aws.canvas"}, 'source must be .* does not begin with "aws."'),
        ("eventbridge", {"detail": "payload"}, "detail must be one of record, raw"),
    ],
)
def test_wrong_options(kind: str, options: dict[str, Any], fault: str) -> None:
    """They are refused before anything is called."""
    with pytest.raises(ConfigurationError, match=fault):
        made(kind, **options)


@for_each("kind", ["s3", "sqs", "eventbridge"])
def test_a_check_that_is_not_permitted(kind: str) -> None:
    """It is no failure: handling events does not need the permission."""
    denied = http(b"", 403) if kind == "s3" else error("AccessDeniedException")
    with answering(denied) as (_, url):
        registry = made(kind, url)
        (handler,) = registry.handlers
        assert handler.check_destination
        assert "nothing more is known" in handler.check_destination()
        close(registry)
