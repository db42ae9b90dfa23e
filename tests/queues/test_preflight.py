"""What is looked at before the first poll, and what is worth a warning."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.errors import AccessDeniedError, QueueMissingError, TransportError
from consumer.queues.sqs.failures import ActionDeniedError
from consumer.queues.sqs.preflight import attributes_of, check_queue
from consumer.queues.transport import QueueAttributes
from consumer.testing import Fault, InMemoryQueue, ManualClock
from tests.cases import for_each


def queue(*, receives: int | None = 5, visibility: int = 30) -> InMemoryQueue:
    """A queue, with a dead-letter queue unless `receives` is None."""
    clock = ManualClock()
    dead = None if receives is None else InMemoryQueue(clock, name="dlq")
    return InMemoryQueue(
        clock,
        visibility_timeout_seconds=visibility,
        max_receive_count=receives,
        dead_letter_queue=dead,
    )


def test_a_sound_queue_draws_no_warning() -> None:
    """SQS's defaults with a dead-letter queue, and ours."""
    check = check_queue(queue(), read_timeout_seconds=30)

    assert () == check.warnings
    assert 30 == check.attributes.visibility_timeout_seconds
    assert "dlq" == check.attributes.dead_letter_queue


@for_each(
    "receives, visibility, read_timeout, warning",
    [
        (None, 30, 30, "no redrive policy"),
        (2, 30, 30, "maxReceiveCount is 2"),
        (5, 29, 10, "29 s"),
        (5, 30, 31, "shorter than the read timeout, 31 s"),
    ],
)
def test_a_risk_draws_a_warning(
    receives: int | None, visibility: int, read_timeout: float, warning: str
) -> None:
    """One sentence for each."""
    check = check_queue(
        queue(receives=receives, visibility=visibility), read_timeout_seconds=read_timeout
    )

    assert 1 == len(check.warnings)
    assert warning in check.warnings[0]


def test_the_configured_visibility_timeout_is_what_counts() -> None:
    """It is sent with each receive, so the queue's own does not matter."""
    sound = check_queue(queue(visibility=5), read_timeout_seconds=30, visibility_timeout_seconds=60)
    short = check_queue(
        queue(visibility=60), read_timeout_seconds=30, visibility_timeout_seconds=10
    )

    assert () == sound.warnings
    assert "10 s" in short.warnings[0]


def test_a_missing_permission_to_ask_is_only_a_warning() -> None:
    """Consuming needs no GetQueueAttributes: a warning says what was not checked."""
    ours = queue()
    denied = ActionDeniedError("no", code="AccessDenied", action="sqs:GetQueueAttributes")
    ours.faults = [Fault(denied)]

    check = check_queue(ours, read_timeout_seconds=30)

    assert QueueAttributes() == check.attributes
    assert ["sqs:GetQueueAttributes"] == [text.split()[0] for text in check.warnings]


@for_each(
    "error",
    [
        QueueMissingError("no such queue"),
        AccessDeniedError("no credentials"),
        ActionDeniedError("no", code="AccessDenied", action="sqs:GetQueueUrl"),
        ActionDeniedError("no", code="AccessDenied", action="sts:AssumeRole"),
        TransportError("not reached"),
    ],
)
def test_what_stops_consuming_is_raised(error: TransportError) -> None:
    """The start of the daemon decides whether to wait."""
    ours = queue()
    ours.faults = [Fault(error)]

    with pytest.raises(type(error)):
        check_queue(ours, read_timeout_seconds=30)


@for_each("policy", ["", "not json", "[]", "{}", '{"maxReceiveCount": "many"}'])
def test_what_cannot_be_read_is_not_known(policy: str) -> None:
    """An emulator's odd answer does not stop the start."""
    attributes = attributes_of({"RedrivePolicy": policy, "VisibilityTimeout": "soon"})

    assert QueueAttributes() == attributes


def test_a_redrive_policy_that_is_no_text_is_not_known() -> None:
    """Likewise of an answer in another shape."""
    named: Any = {"RedrivePolicy": {"maxReceiveCount": 3}, "VisibilityTimeout": {}}

    assert QueueAttributes() == attributes_of(named)


def test_a_redrive_policy_is_read_whether_its_count_is_text_or_number() -> None:
    """AWS gives back what was put in."""
    arn = "arn:aws:sqs:us-east-1:123456789012:dlq"
    for count in ('"3"', "3"):
        policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {count}}}'

        attributes = attributes_of({"RedrivePolicy": policy})

        assert (3, "dlq") == (attributes.max_receive_count, attributes.dead_letter_queue)
