"""Receiving: what is asked for, what a failure does, when the queue counts as empty."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from consumer import log_events
from consumer.config import EngineSettings, QueueSettings, Settings
from consumer.engine.inflight import InFlight
from consumer.engine.receive import Receiver
from consumer.engine.receive_failures import RECEIVE_BACKOFF
from consumer.engine.run_options import RunOptions
from consumer.engine.stats import Stats
from consumer.errors import AccessDeniedError, QueueMissingError, TransportError
from consumer.testing import Fault, InMemoryQueue, canvas_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.engine.inflight import InFlightMessage
    from consumer.testing import ManualClock

    MakeReceiver = Callable[..., Receiver]

WAIT = 20
TRANSIENT = Fault(error=TransportError("no route", code="EndpointConnectionError"))
DENIED = Fault(error=AccessDeniedError("denied", code="AccessDenied"))


@pytest.fixture(name="queue")
def _queue(clock: ManualClock) -> InMemoryQueue:
    return InMemoryQueue(clock, visibility_timeout_seconds=30)


@pytest.fixture(name="table")
def _table() -> InFlight:
    return InFlight(max_messages=25, max_bytes=1 << 40)


@pytest.fixture(name="stats")
def _stats() -> Stats:
    return Stats()


@pytest.fixture(name="make_receiver")
def _make_receiver(
    queue: InMemoryQueue, table: InFlight, stats: Stats, clock: ManualClock
) -> MakeReceiver:
    def make(
        *, wait_seconds: int = WAIT, fatal_grace_seconds: float = 60, **options: Any
    ) -> Receiver:
        settings = Settings(
            queue=QueueSettings(wait_time_seconds=wait_seconds),
            engine=EngineSettings(fatal_grace_seconds=fatal_grace_seconds),
        )
        run = RunOptions(30, **options)
        return Receiver(queue, table, stats, settings, run, clock=clock, rng=Random(3))

    return make


def fill(queue: InMemoryQueue, count: int) -> list[str]:
    """Put messages into the queue; returns their ids."""
    return [queue.send(canvas_body(number=number)) for number in range(count)]


def test_what_a_receive_brings_waits_to_be_taken(
    make_receiver: MakeReceiver,
    queue: InMemoryQueue,
    table: InFlight,
    stats: Stats,
    clock: ManualClock,
) -> None:
    """It is held from then on, in the order of the queue, visible again one timeout later."""
    sent = fill(queue, 3)
    receiver = make_receiver()

    received = receiver.receive()

    assert (received.messages, received.pause_seconds) == (3, 0)
    assert (len(receiver.received), len(table)) == (3, 3)
    assert stats.snapshot() == {"receives": 1, "received": 3}
    taken = receiver.take_back()
    assert [message.message_id for message in taken] == sent
    assert [message.visible_at for message in taken] == [clock.monotonic() + 30] * 3


def test_without_a_long_poll_an_empty_queue_is_asked_once_a_second(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """Each receive costs money, and returns at once; what brings messages is repeated at once."""
    receiver = make_receiver(wait_seconds=0)
    assert receiver.receive().pause_seconds == 1

    fill(queue, 1)
    assert receiver.receive().pause_seconds == 0


def test_each_message_is_taken_once(make_receiver: MakeReceiver, queue: InMemoryQueue) -> None:
    """By a thread that handles it or by the one that gives the rest back."""
    first, *rest = fill(queue, 3)
    receiver = make_receiver()
    receiver.receive()

    taken = receiver.take()
    back = receiver.take_back()

    assert taken is not None
    assert taken.message_id == first
    assert [message.message_id for message in back] == rest
    assert (receiver.take(), receiver.take_back(), len(receiver.received)) == (None, [], 0)


def test_what_a_thread_takes_meanwhile_is_not_taken_back(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """Threads at work take messages without a lock: each goes to one side, never to both."""
    fill(queue, 10)
    receiver = make_receiver()
    receiver.receive()
    taken: list[InFlightMessage] = []

    class Contended(deque[Any]):
        """Another thread takes a message after each one that this thread takes."""

        def popleft(self) -> Any:
            message = super().popleft()
            if len(self):
                taken.append(super().popleft())
            return message

    received = receiver.received = Contended(receiver.received)
    before = list(received)

    back = receiver.take_back()

    assert len(taken) == 5
    assert sorted([*back, *taken], key=before.index) == before


def test_no_more_is_asked_for_than_there_is_room(
    make_receiver: MakeReceiver, queue: InMemoryQueue, table: InFlight
) -> None:
    """The last receive asks for what is left; without room there is no call at all."""
    fill(queue, 40)
    receiver = make_receiver()

    received = [receiver.receive().messages for _ in range(4)]

    assert received == [10, 10, 5, 0]
    assert [call.size for call in queue.calls] == [10, 10, 5]
    assert len(table) == 25
    assert not receiver.may_receive(None)
    assert not table.has_room()


def test_no_more_is_asked_for_than_is_wanted(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """While every handler fails, one message is enough to see whether it works again, or none."""
    fill(queue, 9)
    receiver = make_receiver()

    assert receiver.may_receive(1)
    assert not receiver.may_receive(0)
    assert [receiver.receive(1).messages, receiver.receive(0).messages] == [1, 0]
    assert [call.size for call in queue.calls] == [1]


def test_when_there_last_was_no_room_or_no_need_is_known(
    make_receiver: MakeReceiver, clock: ManualClock, table: InFlight
) -> None:
    """Since then the health check may expect a receive."""
    receiver = make_receiver()
    began = clock.monotonic()
    clock.advance(5)
    receiver.may_receive(None)
    assert receiver.last_blocked == began

    receiver.may_receive(0)
    assert receiver.last_blocked == began + 5

    clock.advance(5)
    while table.reserve():
        pass
    receiver.may_receive(None)
    assert receiver.last_blocked == began + 10


def test_the_first_receive_is_short(make_receiver: MakeReceiver, clock: ManualClock) -> None:
    """Being ready does not wait for a whole long poll."""
    receiver = make_receiver()
    before = clock.monotonic()

    receiver.receive()
    between = clock.monotonic()
    receiver.receive()

    assert between - before == 1
    assert clock.monotonic() - between == WAIT
    assert receiver.succeeded


def test_a_failed_first_receive_is_followed_by_a_short_one(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """Short is what comes before the first success, not what comes first."""
    queue.faults = [TRANSIENT]
    receiver = make_receiver()
    receiver.receive()
    assert not receiver.succeeded
    before = clock.monotonic()

    receiver.receive()

    assert clock.monotonic() - before == 1


# Failures.


def test_a_failure_pauses_longer_each_time_and_a_success_resets(
    make_receiver: MakeReceiver, queue: InMemoryQueue, stats: Stats
) -> None:
    """Equal jitter between half the ceiling and the ceiling, 1 to 60 s."""
    receiver = make_receiver()
    queue.faults = [TRANSIENT] * 9

    pauses = [receiver.receive().pause_seconds for _ in range(9)]

    for attempt, pause in enumerate(pauses, start=1):
        ceiling = RECEIVE_BACKOFF.ceiling(attempt)
        assert ceiling / 2 <= pause <= ceiling
    assert receiver.failures.last_code == "EndpointConnectionError"
    assert stats["receive_failures"] == 9

    recovered = receiver.receive()
    queue.faults = [TRANSIENT]
    after = receiver.receive()

    assert recovered.pause_seconds == 0
    assert 0.5 <= after.pause_seconds <= 1


def test_a_recovery_clears_the_last_error_and_is_logged(
    make_receiver: MakeReceiver, queue: InMemoryQueue, logs: list[Any]
) -> None:
    """The status line does not show yesterday's outage."""
    queue.faults = [TRANSIENT] * 2
    receiver = make_receiver()
    receiver.receive()
    receiver.receive()

    receiver.receive()
    receiver.receive()

    assert receiver.failures.last_code == ""
    assert [line for line in logs if line["log_level"] == "info"] == [
        {"event": log_events.RECEIVE_RECOVERED, "log_level": "info", "failures": 2}
    ]


def test_a_failed_receive_holds_no_room(
    make_receiver: MakeReceiver, queue: InMemoryQueue, table: InFlight
) -> None:
    """Each failure gives its reservation back."""
    receiver = make_receiver()
    queue.faults = [TRANSIENT] * 20

    for _ in range(20):
        receiver.receive()

    assert table.reserve() + table.reserve() + table.reserve() == 25


def test_a_bug_in_the_transport_is_raised_and_holds_no_room(
    make_receiver: MakeReceiver, queue: InMemoryQueue, table: InFlight, clock: ManualClock
) -> None:
    """What is no TransportError is not swallowed; even then the capacity is whole."""
    queue.faults = [Fault(error=KeyError("Messages"))]
    receiver = make_receiver()

    with pytest.raises(KeyError):
        receiver.receive()

    assert table.reserve() + table.reserve() + table.reserve() == 25
    assert min([*receiver.open, clock.monotonic()]) == clock.monotonic()
    assert len(receiver.open) == 0


@pytest.mark.parametrize("error", [AccessDeniedError("no"), QueueMissingError("gone")])
def test_fatal_before_the_first_success_ends_at_once(
    make_receiver: MakeReceiver, queue: InMemoryQueue, error: TransportError
) -> None:
    """Wrong credentials or a mistyped queue are reported at the start, not after a minute."""
    queue.faults = [Fault(error=error)]

    with pytest.raises(type(error)):
        make_receiver().receive()


def test_fatal_after_a_success_has_a_grace_period(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """A policy that is being edited denies for moments; what lasts a minute is for good."""
    receiver = make_receiver()
    receiver.receive()
    queue.faults = [DENIED] * 3

    assert receiver.receive().pause_seconds > 0
    clock.advance(59)
    assert receiver.receive().pause_seconds > 0
    clock.advance(1)

    with pytest.raises(AccessDeniedError):
        receiver.receive()


def test_the_grace_period_can_be_set(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """In seconds."""
    receiver = make_receiver(fatal_grace_seconds=5)
    receiver.receive()
    queue.faults = [DENIED] * 2
    receiver.receive()
    clock.advance(5)

    with pytest.raises(AccessDeniedError):
        receiver.receive()


def test_the_grace_period_starts_anew_after_a_success(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """Two short denials a day apart are not one long one."""
    receiver = make_receiver()
    receiver.receive()
    queue.faults = [DENIED]
    receiver.receive()
    receiver.receive()
    clock.advance(86_400)
    queue.faults = [DENIED]

    assert receiver.receive().pause_seconds > 0


def test_an_outage_before_it_does_not_use_up_the_grace_period(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """The first denial after ten minutes without network ends nothing: only denials count."""
    receiver = make_receiver()
    receiver.receive()
    queue.faults = [TRANSIENT, TRANSIENT, DENIED, TRANSIENT, DENIED]
    receiver.receive()
    clock.advance(600)
    receiver.receive()

    denied = receiver.receive()
    clock.advance(600)
    receiver.receive()
    denied_again = receiver.receive()

    assert denied.pause_seconds > 0
    assert denied_again.pause_seconds > 0


# A limit on the number of messages.


def test_a_limit_on_messages_is_kept_to_the_message(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """13 means 13: empty and failed receives use up nothing."""
    receiver = make_receiver(max_messages=13)
    receiver.receive()
    queue.faults = [TRANSIENT]
    receiver.receive()
    fill(queue, 40)

    received = [receiver.receive().messages for _ in range(4)]

    assert received == [10, 3, 0, 0]
    assert receiver.exhausted
    assert not receiver.may_receive(None)


def test_a_limit_on_messages_waits_for_what_is_missing(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """A receive that brings less than it asked for gives the rest of the budget back."""
    receiver = make_receiver(max_messages=5)
    fill(queue, 3)

    assert receiver.receive().messages == 3
    assert not receiver.exhausted

    fill(queue, 9)

    assert receiver.receive().messages == 2
    assert receiver.exhausted


def test_the_budget_is_not_exhausted_while_a_receive_is_open(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """All of it is asked for, and nothing has come yet."""
    receiver = make_receiver(max_messages=5)
    seen: list[tuple[bool, bool]] = []

    def look(_call: object) -> None:
        seen.append((receiver.exhausted, receiver.may_receive(None)))

    queue.faults = look
    fill(queue, 5)
    receiver.receive()

    assert seen == [(False, False)]
    assert receiver.exhausted


def test_without_a_limit_nothing_is_ever_exhausted(
    make_receiver: MakeReceiver, queue: InMemoryQueue
) -> None:
    """A daemon goes on, with messages and without."""
    receiver = make_receiver()
    fill(queue, 3)
    for _ in range(3):
        receiver.receive()

    assert not receiver.exhausted
    assert not receiver.emptied


# Facts about what came.


def test_a_redelivery_in_flight_is_no_new_work(
    make_receiver: MakeReceiver, queue: InMemoryQueue, table: InFlight, stats: Stats
) -> None:
    """It counts as received and as duplicate, and is not handled a second time."""
    (message_id,) = fill(queue, 1)
    receiver = make_receiver()
    receiver.receive()
    message = receiver.take()
    assert message is not None
    queue.redeliver(message_id)

    again = receiver.receive()

    assert (again.messages, len(receiver.received)) == (1, 0)
    assert len(table) == 1
    assert message.receipt_handle != message.received.receipt_handle
    assert stats["duplicates"] == 1
    assert stats["redelivered"] == 1


def test_lag_is_the_time_that_a_message_waited(
    make_receiver: MakeReceiver, queue: InMemoryQueue, stats: Stats, clock: ManualClock
) -> None:
    """From SentTimestamp to the receive; never negative, if the clocks differ."""
    fill(queue, 1)
    clock.advance(95)
    receiver = make_receiver()

    receiver.receive()

    assert stats.lag_seconds == 95

    clock._start -= timedelta(hours=1)  # our clock is behind
    fill(queue, 1)
    clock._start -= timedelta(hours=1)
    receiver.receive()

    assert stats.lag_seconds == 0


def test_open_receives_are_known_by_their_age(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """So that one that never returns is distinguishable from one that waits."""
    receiver = make_receiver()
    began = clock.monotonic()
    seen: list[tuple[int, float]] = []

    def look(_call: object) -> Fault:
        clock.advance(7)
        seen.append((len(receiver.open), min([*receiver.open, clock.monotonic()])))
        return Fault()

    queue.faults = look
    receiver.receive()

    assert seen == [(1, began)]
    assert min([*receiver.open, clock.monotonic()]) == clock.monotonic()
    assert (len(receiver.open), receiver.last_return) == (0, clock.monotonic())


# An empty queue: only with `until_empty`.


def test_a_whole_long_poll_without_a_message_is_an_empty_queue(
    make_receiver: MakeReceiver,
) -> None:
    """The short one at the start proves nothing. Then nothing is received any more."""
    receiver = make_receiver(until_empty=True)

    emptied = []
    for _ in range(2):
        receiver.receive()
        emptied.append(receiver.emptied)

    assert emptied == [False, True]
    assert not receiver.may_receive(None)


def test_an_answer_a_moment_before_the_end_of_the_long_poll_counts(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """SQS is a little early at times; an answer after half the time is not a whole long poll."""
    queue.advance_on_empty = False
    receiver = make_receiver(until_empty=True)
    for seconds, emptied in ((WAIT - 0.6, False), (0.1, True)):
        queue.faults = [Fault(seconds=seconds)]
        receiver.receive()
        assert receiver.emptied is emptied

    assert clock.monotonic() > receiver.last_blocked


def test_a_message_that_comes_meanwhile_begins_the_long_poll_anew(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock, table: InFlight
) -> None:
    """A new one may be followed by others."""
    receiver = make_receiver(until_empty=True)
    receiver.receive()
    clock.call_later(WAIT - 1, lambda: fill(queue, 1))

    assert receiver.receive().messages == 1
    table.release(receiver.take_back())
    assert not receiver.emptied
    queue.advance_on_empty = False
    clock.advance(WAIT - 1)
    receiver.receive()
    assert not receiver.emptied
    clock.advance(1)
    receiver.receive()

    assert receiver.emptied


def test_a_failed_receive_begins_the_long_poll_anew(
    make_receiver: MakeReceiver, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """A queue that can't be reached is not an empty one."""
    receiver = make_receiver(until_empty=True)
    receiver.receive()
    queue.faults = [TRANSIENT]
    clock.advance(WAIT)
    receiver.receive()
    assert not receiver.emptied

    queue.advance_on_empty = False
    receiver.receive()
    assert not receiver.emptied


def test_while_a_new_message_is_in_hand_the_queue_is_not_empty(
    make_receiver: MakeReceiver, queue: InMemoryQueue, table: InFlight
) -> None:
    """Its handler may fail, and then it is to be tried again."""
    fill(queue, 1)
    receiver = make_receiver(until_empty=True)
    for _ in range(4):
        receiver.receive()
        table.snapshot()[0].visible_at += 1000
        queue.change_visibility([(table.snapshot()[0].receipt_handle, 30)])
    assert not receiver.emptied

    table.release(receiver.take_back())
    queue.delete([queue._find(message_id).handle for message_id in queue.in_flight()])
    receiver.receive()

    assert receiver.emptied


def test_what_was_put_back_and_comes_again_is_nothing_new(
    make_receiver: MakeReceiver, queue: InMemoryQueue, table: InFlight
) -> None:
    """A message that fails each time must not keep the process alive, not even while in hand."""
    (message_id,) = fill(queue, 1)
    receiver = make_receiver(until_empty=True)
    receiver.receive()
    assert receiver.put_back == {}
    receiver.put_back[message_id] = "ValueError"

    receives = 0
    while not receiver.emptied and receives < 10:
        table.release(receiver.take_back())
        queue.change_visibility([(queue._find(message_id).handle, 7)])
        receiver.receive()
        receives += 1

    assert receives == 3
    assert len(receiver.received) == 1


def test_without_until_empty_what_is_put_back_is_not_noted(make_receiver: MakeReceiver) -> None:
    """It would grow without a bound."""
    assert make_receiver().put_back is None
