"""A replay's transport gives back what it has not deleted."""

from __future__ import annotations

from consumer.operations.dlq.replay import _Returning
from consumer.queues.transport import EntryFailure
from consumer.testing import InMemoryQueue, ManualClock
from consumer.testing.faults import Fault
from tests.moto_queues import numbered


def queue_of(count: int) -> tuple[ManualClock, InMemoryQueue, _Returning]:
    """A queue with so many messages, and what the engine sees of it."""
    clock = ManualClock()
    queue = InMemoryQueue(clock)
    for number in range(count):
        queue.send(numbered(number))
    return clock, queue, _Returning(queue, clock)


def receive(transport: _Returning) -> list[str]:
    """Up to ten messages, hidden for half a minute; returns their receipt handles."""
    messages = transport.receive(max_messages=10, wait_seconds=0, visibility_timeout_seconds=30)
    return [message.receipt_handle for message in messages]


def test_what_was_hidden_is_visible_at_the_end() -> None:
    """What failed, for however long; what was deleted is not there."""
    _, queue, transport = queue_of(5)
    handles = receive(transport)
    transport.change_visibility([(handles[0], 900), (handles[1], 43_000)])
    assert [None] == transport.delete(handles[4:])
    assert 4 == transport.attributes().in_flight_messages

    transport.close()

    assert 4 == len(queue.visible())
    assert (4, 1) == (len(transport.held), len(transport.deleted))
    assert queue.closed


def test_a_delete_that_was_refused_is_not_handled() -> None:
    """Entries of a successful answer."""
    _, queue, transport = queue_of(2)
    handles = receive(transport)
    queue.faults = [Fault(failed={0: EntryFailure("Throttled")}, operation="delete")]

    transport.delete(handles)
    transport.close()

    assert (1, 1) == (len(transport.held), len(transport.deleted))
    assert 1 == len(queue.visible())


def test_the_newest_receipt_handle_gives_back() -> None:
    """A message that was delivered twice."""
    clock, queue, transport = queue_of(1)
    receive(transport)
    clock.advance(31)
    receive(transport)

    transport.close()

    assert 1 == len(queue.visible())
    assert not transport.not_given_back
