"""Poison messages sent to another queue: there before they are deleted here, and logged."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import Reject, TransportError
from consumer.queues.quarantine import QueueQuarantine
from consumer.queues.transport import EntryFailure
from consumer.testing import canvas_body, make_message
from tests.moto_queues import numbered
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from consumer.queues.sending import Outgoing
    from tests.engine.conftest import Rig
    from tests.moto_queues import Moto
    from tests.processes import Consume

    MakeRig = Callable[..., Rig]
    Start = Callable[..., Consume]


class Sent:
    """Takes messages as a queue would; `answer` is what it says to the next."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []
        self.answer: EntryFailure | TransportError | None = None
        self.closed = False

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        if isinstance(self.answer, TransportError):
            raise self.answer
        if self.answer is None:
            self.messages += batch
        return [self.answer for _ in batch]

    def close(self) -> None:
        self.closed = True


def test_it_is_sent_whole_and_then_deleted(make_rig: MakeRig, registry: Registry) -> None:
    """Body and attributes as they were, and also the reason and the old id."""

    def judge(event: Event) -> None:
        raise Reject("no such\ncourse")

    registry.add(judge, "*")
    sent = Sent()
    rig = make_rig(registry, quarantine=QueueQuarantine(sent))
    body = canvas_body("grade_change")
    message_id = rig.queue.send(body, message_attributes={"event_name": "grade_change"})

    rig.receive()
    rig.work()
    assert rig.queue.deleted() == []
    (message,) = sent.messages
    rig.settle()

    assert message.body == body
    assert message.attributes["event_name"] == "grade_change"
    assert message.attributes["QuarantineMessageId"] == message_id
    assert "no such\\ncourse" in message.attributes["QuarantineReason"]
    assert rig.queue.deleted() == [message_id]
    assert rig.stats["quarantined"] == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (EntryFailure("InternalError"), "refused the message: InternalError"),
        (TransportError("allow sqs:SendMessage"), "allow sqs:SendMessage"),
    ],
)
def test_what_could_not_be_sent_stays(
    make_rig: MakeRig, registry: Registry, answer: Any, reason: str, logs: list[Any]
) -> None:
    """It is logged, and tried again when it is delivered again."""
    sent = Sent()
    sent.answer = answer
    rig = make_rig(registry, quarantine=QueueQuarantine(sent))
    rig.queue.send("no event")

    rig.cycle()

    assert rig.queue.deleted() == []
    assert (rig.stats["quarantine_failed"], rig.stats["rejected"]) == (1, 1)
    (failed,) = [line for line in logs if line["event"] == "quarantine_failed"]
    assert failed["reason"].endswith(reason)
    assert len(rig.parts.in_flight) == 0


def test_attributes_are_as_many_as_sqs_takes_and_never_empty() -> None:
    """Ten, the reason among them; each with a text that SQS takes."""
    sent = Sent()
    many = {f"a{number}": "x" for number in range(10)} | {"QuarantineReason": "old"}

    quarantine = QueueQuarantine(sent)

    quarantine.put(make_message("b", message_attributes={**many, "empty": ""}), "\x00" * 900)
    quarantine.put(make_message("b"), "")

    first, second = (message.attributes for message in sent.messages)
    assert len(first) == 10
    assert first["QuarantineReason"].startswith("\\u0000")
    assert len(first["QuarantineReason"]) == 500
    assert second["QuarantineReason"] == "unknown"
    assert all(value.isprintable() for value in first.values())


def test_it_gives_back_its_connections() -> None:
    """When the daemon ends."""
    sent = Sent()

    QueueQuarantine(sent).close()

    assert sent.closed


@pytest.mark.acceptance
def test_the_real_process_sends_it_away(moto: Moto, consume: Start) -> None:
    """By the setting alone; what is an event is handled as ever, and no other warning is left."""
    queue, away = moto.queue(), moto.queue()
    queue.send([numbered(1), "poison"])

    run = consume(
        "--queue-url", queue.url, "--handler", "log", CONSUMER_QUARANTINE__QUEUE_URL=away.url
    )
    eventually(lambda: away.counts() == (1, 0) and queue.counts() == (0, 0), "it is set apart")
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    (body,) = away.take_all()
    assert body == "poison"
    assert run.log("queue_warning") == []  # such as that of a missing redrive policy
    assert "poison" not in run.stderr()
