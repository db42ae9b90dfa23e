"""What reads a queue without consuming it gives back each message, whatever happens."""

from __future__ import annotations

from contextlib import suppress

import pytest

from consumer.errors import AccessDeniedError, TransportError
from consumer.operations.holding import Holder
from consumer.queues.transport import EntryFailure
from consumer.testing import InMemoryQueue, ManualClock
from consumer.testing.faults import Fault
from tests.cases import for_each
from tests.moto_queues import numbered

LOST = TransportError("the network is down", code="Down")


def queue_of(count: int, clock: ManualClock | None = None) -> InMemoryQueue:
    """A queue with so many messages."""
    queue = InMemoryQueue(clock or ManualClock())
    for number in range(count):
        queue.send(numbered(number))
    return queue


def holder_of(queue: InMemoryQueue, *, batch: int = 10) -> Holder:
    """Holds for half a minute."""
    return Holder(queue, seconds=30, clock=queue.clock, batch=batch)


@for_each("count, limit, read", [(25, 100, 25), (25, 7, 7), (0, 5, 0)])
def test_each_message_is_read_once_and_given_back(count: int, limit: int, read: int) -> None:
    """Up to the limit; all of them are visible afterwards."""
    queue = queue_of(count)

    with holder_of(queue) as holder:
        ids = [message.message_id for message in holder.read(limit)]
        held = queue.in_flight()

    assert read == len(set(ids)) == len(ids)
    assert sorted(held) == sorted(ids)
    assert count == len(queue.visible())
    assert not holder.not_given_back


@for_each("error", [KeyboardInterrupt(), TransportError("lost", code="Lost"), ZeroDivisionError()])
def test_they_are_given_back_after_any_exception(error: BaseException) -> None:
    """Ctrl-C, a failure of the queue, a bug."""
    queue = queue_of(15)

    with suppress(type(error)), holder_of(queue) as holder:
        for read, _ in enumerate(holder.read(100)):
            if read == 12:
                raise error

    assert 15 == len(queue.visible())


def test_a_receive_that_fails_gives_back_what_was_read() -> None:
    """And its error is reported."""
    queue = queue_of(15)
    queue.faults = [Fault(operation="receive"), Fault(error=LOST, operation="receive")]

    with pytest.raises(TransportError, match="the network is down"), holder_of(queue) as holder:
        list(holder.read(100))

    assert 15 == len(queue.visible())


def test_after_a_crash_they_are_visible_when_the_time_is_over() -> None:
    """The process was killed: nothing was given back."""
    queue = queue_of(15)

    list(holder_of(queue).read(100))

    assert [] == queue.visible()
    queue.clock.advance(31)  # type: ignore[attr-defined]
    assert 15 == len(queue.visible())


def test_reading_ends_before_the_first_ones_are_visible_again() -> None:
    """Else they would be read, and counted, twice."""
    queue = queue_of(15)
    queue.faults = lambda call: Fault(seconds=3) if call.operation == "receive" else None

    with holder_of(queue, batch=1) as holder:
        read = list(holder.read(100))

    assert holder.out_of_time
    assert 7 == len(read)
    assert 15 == len(queue.visible())


def test_what_sqs_refuses_to_give_back_is_tried_again() -> None:
    """Entries of a successful answer, and calls that fail."""
    queue = queue_of(10)
    refused = Fault(failed={3: EntryFailure("Throttled")}, operation="change_visibility")
    queue.faults = [refused, Fault(error=LOST, operation="change_visibility")]

    with holder_of(queue) as holder:
        list(holder.read(100))

    assert not holder.not_given_back
    assert 10 == len(queue.visible())


@for_each("error, calls", [(LOST, 3), (AccessDeniedError("not permitted", code="No"), 1)])
def test_what_can_not_be_given_back_is_known(error: TransportError, calls: int) -> None:
    """A dead network is found out once, not for every ten messages."""
    queue = queue_of(35)
    queue.faults = lambda call: (
        Fault(error=error) if call.operation == "change_visibility" else None
    )

    with holder_of(queue) as holder:
        list(holder.read(100))

    assert 35 == len(holder.not_given_back)
    assert {error.code} == {failure.code for failure in holder.not_given_back.values()}
    assert calls == [call.operation for call in queue.calls].count("change_visibility")


def test_what_another_consumer_has_is_not_missing() -> None:
    """Its receipt handle is stale, because it was visible again meanwhile."""
    clock = ManualClock()
    queue = queue_of(1, clock)

    with holder_of(queue) as holder:
        list(holder.read(1))
        clock.advance(31)
        queue.receive(max_messages=1, wait_seconds=0, visibility_timeout_seconds=60)

    assert not holder.not_given_back
    assert [] == queue.visible()
