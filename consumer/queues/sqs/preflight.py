"""Checks a queue's attributes before the first poll."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from consumer.queues.sqs.failures import ActionDeniedError
from consumer.queues.transport import QueueAttributes, Transport

_NUMBERS = {
    "VisibilityTimeout": "visibility_timeout_seconds",
    "MessageRetentionPeriod": "retention_seconds",
    "ApproximateNumberOfMessages": "visible_messages",
    "ApproximateNumberOfMessagesNotVisible": "in_flight_messages",
    "ApproximateNumberOfMessagesDelayed": "delayed_messages",
}
ATTRIBUTE_NAMES = (*_NUMBERS, "RedrivePolicy")

LEAST_VISIBILITY_SECONDS = 30
LEAST_RECEIVE_COUNT = 3


@dataclass(frozen=True, slots=True)
class QueueCheck:
    """The queue's attributes, and a warning about each risky one."""

    attributes: QueueAttributes
    warnings: tuple[str, ...] = ()


def check_queue(
    transport: Transport,
    *,
    read_timeout_seconds: float,
    visibility_timeout_seconds: int | None = None,
    has_quarantine: bool = False,
) -> QueueCheck:
    """Ask the queue for its attributes, once. As the first call, it shows whether the queue works.

    A missing permission to ask is not a failure: consuming does not need it. Without a configured
    `visibility_timeout_seconds`, the queue's own counts.

    Raises: `QueueMissingError`, `AccessDeniedError`, or `TransportError` (try again later).
    """
    try:
        attributes = transport.attributes()
    except ActionDeniedError as error:
        if error.action != "sqs:GetQueueAttributes":
            raise
        text = "sqs:GetQueueAttributes is not permitted, so the queue's settings are not checked"
        return QueueCheck(QueueAttributes(), (text,))
    seconds = visibility_timeout_seconds
    if seconds is None:
        seconds = attributes.visibility_timeout_seconds
    risks = _risks(attributes.max_receive_count, seconds, read_timeout_seconds, has_quarantine)
    return QueueCheck(attributes, tuple(risks))


def _risks(
    count: int | None, seconds: int | None, read_timeout_seconds: float, has_quarantine: bool
) -> Iterator[str]:
    if count is None and not has_quarantine:
        yield (
            "the queue has no redrive policy, and there is no quarantine: a message that can't be "
            "handled is delivered again until its retention ends; give it a dead-letter queue"
        )
    if count is not None and count < LEAST_RECEIVE_COUNT:
        yield (
            f"the queue's maxReceiveCount is {count}: a message whose handler fails for a moment, "
            "or that a stop returns, ends in the dead-letter queue; set at least "
            f"{LEAST_RECEIVE_COUNT}"
        )
    if risk := visibility_risk(seconds, read_timeout_seconds):
        yield risk


def visibility_risk(seconds: int | None, read_timeout_seconds: float) -> str:
    """What is risky about the visibility timeout; "" if nothing is, or it is not known."""
    if seconds is not None and seconds < LEAST_VISIBILITY_SECONDS:
        return (
            f"the visibility timeout is {seconds} s: after a short interruption messages are "
            f"handled twice; set at least {LEAST_VISIBILITY_SECONDS} s"
        )
    if seconds is not None and seconds < read_timeout_seconds:
        return (
            f"the visibility timeout, {seconds} s, is shorter than the read timeout, "
            f"{read_timeout_seconds:g} s: messages of a lost answer are delivered again before the "
            "receive times out"
        )
    return ""


def attributes_of(named: Mapping[str, str]) -> QueueAttributes:
    """From SQS's names and texts; what is missing or unreadable is None."""
    try:
        redrive = dict(json.loads(named.get("RedrivePolicy") or "{}"))
    except (TypeError, ValueError):
        redrive = {}
    target = redrive.get("deadLetterTargetArn")
    return QueueAttributes(
        max_receive_count=_number(redrive.get("maxReceiveCount")),
        dead_letter_queue=target.rpartition(":")[2] if isinstance(target, str) else None,
        **{field: _number(named.get(name)) for name, field in _NUMBERS.items()},
    )


def _number(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None
