"""What stands still without an error: a queue that returns nothing, handlers that never return."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine.stall import LOOK_SECONDS, StallDetector
from consumer.engine.stats import Stats
from consumer.engine.status import STUCK_SECONDS
from consumer.errors import TransportError
from consumer.queues.transport import QueueAttributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


class Answering:
    """A queue that reports how much it holds."""

    def __init__(self) -> None:
        self.attributes_now: QueueAttributes | TransportError = QueueAttributes(visible_messages=0)
        self.asked = 0

    def attributes(self) -> QueueAttributes:
        self.asked += 1
        if isinstance(self.attributes_now, TransportError):
            raise self.attributes_now
        return self.attributes_now


@pytest.fixture(name="queue")
def _queue() -> Answering:
    return Answering()


@pytest.fixture(name="stats")
def _stats() -> Stats:
    return Stats()


@pytest.fixture(name="detector")
def _detector(queue: Any, stats: Stats, clock: ManualClock) -> StallDetector:
    return StallDetector(queue, stats, clock=clock)


def look(detector: StallDetector, clock: ManualClock, times: int, *, receives: bool = True) -> None:
    """Let time pass as the housekeeper does, with a receive each second that brings nothing."""
    for _ in range(times * round(LOOK_SECONDS)):
        clock.advance(1)
        detector._stats.add("empty_receives", int(receives))
        if detector.is_due():
            detector.look()


def test_a_queue_that_holds_messages_and_returns_none_is_reported_once(
    detector: StallDetector, queue: Answering, stats: Stats, clock: ManualClock, logs: list[Any]
) -> None:
    """At the limit of messages in flight SQS answers with empty receives, and with no error."""
    queue.attributes_now = QueueAttributes(visible_messages=7, in_flight_messages=120_000)

    look(detector, clock, 1)
    assert not detector.stalled
    look(detector, clock, 5)

    (line,) = logs
    assert ("queue_stalled", 7, 120_000) == (line["event"], line["visible"], line["in_flight"])
    assert "120,000" in line["hint"]
    assert stats["stalls"] == 1


def test_a_queue_from_which_nothing_is_received_is_not_stalled(
    detector: StallDetector, queue: Answering, clock: ManualClock, logs: list[Any]
) -> None:
    """Everything waits here, for a slow handler or a rate limit: there is no room for more."""
    queue.attributes_now = QueueAttributes(visible_messages=7)

    look(detector, clock, 6, receives=False)

    assert logs == []


def test_it_is_over_when_messages_are_received_again(
    detector: StallDetector, queue: Answering, stats: Stats, clock: ManualClock, logs: list[Any]
) -> None:
    """That is logged."""
    queue.attributes_now = QueueAttributes(visible_messages=7)
    look(detector, clock, 2)

    stats.add("received")
    look(detector, clock, 1)

    assert ["queue_stalled", "queue_unstalled"] == [line["event"] for line in logs]


def test_an_empty_queue_is_not_stalled(
    detector: StallDetector, queue: Answering, clock: ManualClock, logs: list[Any]
) -> None:
    """A night without events costs six requests an hour, and nothing is logged."""
    look(detector, clock, 6)

    assert logs == []
    assert queue.asked == 6


def test_a_queue_that_returns_messages_is_not_asked(
    detector: StallDetector, queue: Answering, stats: Stats, clock: ManualClock
) -> None:
    """The request is paid for, so there is none while receives return messages."""
    queue.attributes_now = QueueAttributes(visible_messages=7)
    for _ in range(6):
        stats.add("received")
        look(detector, clock, 1)

    assert queue.asked == 0


@pytest.mark.parametrize("visible", [0, None])
def test_one_look_is_not_enough(
    detector: StallDetector,
    queue: Answering,
    clock: ManualClock,
    logs: list[Any],
    visible: int | None,
) -> None:
    """The counts of SQS are approximate: two looks in a row must agree."""
    for _ in range(3):
        queue.attributes_now = QueueAttributes(visible_messages=1)
        look(detector, clock, 1)
        queue.attributes_now = QueueAttributes(visible_messages=visible)
        look(detector, clock, 1)

    assert logs == []


def test_a_request_that_fails_changes_nothing(
    detector: StallDetector, queue: Answering, clock: ManualClock, logs: list[Any]
) -> None:
    """It is not permitted everywhere, and receives log that the queue can't be reached."""
    queue.attributes_now = TransportError("denied", code="AccessDenied")

    look(detector, clock, 3)

    assert logs == []
    assert queue.asked == 3


def test_most_handlers_stuck_for_good_end_the_process_with_75(
    make_rig: MakeRig, registry: Registry
) -> None:
    """After a minute past their timeouts; half of them are not enough."""
    hang = threading.Event()
    registry.add(lambda _event: hang.wait(60) and None, "*", timeout_seconds=1)
    rig = make_rig(registry, engine={"workers": 3})
    rig.bring(3)
    threads = [threading.Thread(target=rig.begin_one) for _ in range(3)]
    try:
        started = wait_until_inside(rig, threads[:1], 1)
        rig.beat(STUCK_SECONDS + 10)
        assert rig.status.finished == ""

        started += wait_until_inside(rig, threads[1:], 3)
        rig.beat(5)
        assert rig.status.finished == ""
        rig.beat(STUCK_SECONDS)

        assert rig.status.finished == "failure"
        assert getattr(rig.status.failure, "exit_code", None) == 75
        assert not rig.worker._broken()
    finally:
        hang.set()
        for thread in threads:
            thread.join(10)


def wait_until_inside(rig: Rig, threads: list[threading.Thread], inside: int) -> int:
    """Start the threads, and wait until so many calls are under way."""
    for thread in threads:
        thread.start()
    pause = threading.Event()
    for _ in range(1000):
        if len(rig.parts.invoker.runs._limited) == inside:
            return len(threads)
        pause.wait(0.01)
    raise AssertionError("the handlers were not called")


def test_a_handler_that_returns_after_all_keeps_the_process(
    make_rig: MakeRig, registry: Registry, clock: ManualClock
) -> None:
    """A slow handler is not stuck for good."""

    def slow(_event: Event) -> None:
        clock.advance(STUCK_SECONDS - 5)

    registry.add(slow, "*", timeout_seconds=1)
    rig = make_rig(registry, clock=clock, engine={"workers": 1})
    rig.send(count=3)

    for _ in range(3):
        rig.cycle()
        rig.beat(2)

    assert rig.status.finished == ""
