"""Receiving: what is asked for, what a failure does, when it is given up."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from consumer.engine.poller import RECEIVE_BACKOFF, Poller

from consumer.engine.inflight import InFlight
from consumer.engine.stats import Stats
from consumer.errors import AccessDeniedError, QueueMissingError, TransportError
from consumer.testing import Fault, InMemoryQueue, canvas_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.testing import ManualClock

    MakePoller = Callable[..., Poller]

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


@pytest.fixture(name="make_poller")
def _make_poller(
    queue: InMemoryQueue, table: InFlight, stats: Stats, clock: ManualClock
) -> MakePoller:
    def make(*, max_messages: int | None = None) -> Poller:
        return Poller(
            queue,
            table,
            stats,
            clock=clock,
            rng=Random(3),
            wait_time_seconds=20,
            visibility_timeout_seconds=30,
            max_messages=max_messages,
        )

    return make


def fill(queue: InMemoryQueue, count: int) -> None:
    """Put messages into the queue."""
    for number in range(count):
        queue.send(canvas_body(number=number))


def test_a_receive_brings_slots(
    make_poller: MakePoller, queue: InMemoryQueue, table: InFlight, stats: Stats, clock: ManualClock
) -> None:
    """Each message has a slot, visible again one visibility timeout later."""
    fill(queue, 3)

    poll = make_poller().poll_once()

    assert (poll.asked, poll.messages, poll.full, poll.empty) == (10, 3, False, False)
    assert [slot.visible_at for slot in poll.slots] == [clock.monotonic() + 30] * 3
    assert poll.pause_seconds == 0
    assert len(table) == 3
    assert stats.snapshot() == {"receives": 1, "received": 3}


def test_no_more_is_asked_for_than_there_is_room(
    make_poller: MakePoller, queue: InMemoryQueue, table: InFlight
) -> None:
    """The last receive asks for what is left; without room there is no call at all."""
    fill(queue, 40)
    poller = make_poller()

    polls = [poller.poll_once() for _ in range(4)]

    assert [poll.asked for poll in polls] == [10, 10, 5, 0]
    assert [call.size for call in queue.calls] == [10, 10, 5]
    assert len(table) == 25
    assert not poller.may_poll()


def test_the_first_receive_is_short(make_poller: MakePoller, clock: ManualClock) -> None:
    """Being ready does not wait for a whole long poll; an empty short one proves no emptiness."""
    poller = make_poller()
    before = clock.monotonic()

    first = poller.poll_once()
    between = clock.monotonic()
    second = poller.poll_once()

    assert between - before == 1
    assert clock.monotonic() - between == 20
    assert poller.succeeded
    assert (first.empty, second.empty) == (False, True)


def test_a_failed_first_receive_is_followed_by_a_short_one(
    make_poller: MakePoller, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """Short is what comes before the first success, not what comes first."""
    queue.faults = [TRANSIENT]
    poller = make_poller()
    poller.poll_once()
    before = clock.monotonic()

    poller.poll_once()

    assert clock.monotonic() - before == 1


def test_a_failure_pauses_longer_each_time_and_a_success_resets(
    make_poller: MakePoller, queue: InMemoryQueue, stats: Stats
) -> None:
    """Equal jitter between half the ceiling and the ceiling, 1 to 60 s."""
    poller = make_poller()
    queue.faults = [TRANSIENT] * 9

    pauses = [poller.poll_once().pause_seconds for _ in range(9)]

    for attempt, pause in enumerate(pauses, start=1):
        ceiling = RECEIVE_BACKOFF.ceiling(attempt)
        assert ceiling / 2 <= pause <= ceiling
    assert poller.last_error_code == "EndpointConnectionError"
    assert stats["receive_failures"] == 9

    recovered = poller.poll_once()
    queue.faults = [TRANSIENT]
    after = poller.poll_once()

    assert recovered.pause_seconds == 0
    assert 0.5 <= after.pause_seconds <= 1


def test_a_recovery_clears_the_last_error(make_poller: MakePoller, queue: InMemoryQueue) -> None:
    """The status line does not tell of yesterday's outage."""
    queue.faults = [TRANSIENT]
    poller = make_poller()
    poller.poll_once()

    poller.poll_once()

    assert poller.last_error_code == ""


def test_a_failed_receive_is_neither_empty_nor_holds_room(
    make_poller: MakePoller, queue: InMemoryQueue, table: InFlight
) -> None:
    """An unreachable queue is not an empty one, and each failure gives its reservation back."""
    poller = make_poller()
    poller.poll_once()
    queue.faults = [TRANSIENT] * 20

    polls = [poller.poll_once() for _ in range(20)]

    assert not any(poll.empty for poll in polls)
    assert table.reserve() + table.reserve() + table.reserve() == 25


def test_a_bug_in_the_transport_is_raised_and_holds_no_room(
    make_poller: MakePoller, queue: InMemoryQueue, table: InFlight, clock: ManualClock
) -> None:
    """What is no TransportError is not swallowed; even then the capacity is whole."""
    queue.faults = [Fault(error=KeyError("Messages"))]
    poller = make_poller()

    with pytest.raises(KeyError):
        poller.poll_once()

    assert table.reserve() + table.reserve() + table.reserve() == 25
    assert poller.oldest_open(clock.monotonic()) == clock.monotonic()


@pytest.mark.parametrize("error", [AccessDeniedError("no"), QueueMissingError("gone")])
def test_fatal_before_the_first_success_ends_at_once(
    make_poller: MakePoller, queue: InMemoryQueue, error: TransportError
) -> None:
    """Wrong credentials or a mistyped queue are told at the start, not after a minute."""
    queue.faults = [Fault(error=error)]

    with pytest.raises(type(error)):
        make_poller().poll_once()


def test_fatal_after_a_success_has_a_grace_period(
    make_poller: MakePoller, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """A policy that is being edited denies for moments; what lasts a minute is for good."""
    poller = make_poller()
    poller.poll_once()
    queue.faults = [DENIED] * 3

    assert poller.poll_once().pause_seconds > 0
    clock.advance(59)
    assert poller.poll_once().pause_seconds > 0
    clock.advance(1)

    with pytest.raises(AccessDeniedError):
        poller.poll_once()


def test_the_grace_period_starts_anew_after_a_success(
    make_poller: MakePoller, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """Two short denials a day apart are not one long one."""
    poller = make_poller()
    poller.poll_once()
    queue.faults = [DENIED]
    poller.poll_once()
    poller.poll_once()
    clock.advance(86_400)
    queue.faults = [DENIED]

    assert poller.poll_once().pause_seconds > 0


def test_an_outage_before_it_does_not_use_up_the_grace_period(
    make_poller: MakePoller, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """The first denial after ten minutes without network ends nothing: only denials count."""
    poller = make_poller()
    poller.poll_once()
    queue.faults = [TRANSIENT, TRANSIENT, DENIED, TRANSIENT, DENIED]
    poller.poll_once()
    clock.advance(600)
    poller.poll_once()

    denied = poller.poll_once()
    clock.advance(600)
    poller.poll_once()
    denied_again = poller.poll_once()

    assert denied.pause_seconds > 0
    assert denied_again.pause_seconds > 0


def test_a_limit_on_messages_is_kept_to_the_message(
    make_poller: MakePoller, queue: InMemoryQueue
) -> None:
    """13 means 13: empty and failed receives use up nothing."""
    poller = make_poller(max_messages=13)
    poller.poll_once()
    queue.faults = [TRANSIENT]
    poller.poll_once()
    fill(queue, 40)

    received = [poller.poll_once().messages for _ in range(4)]

    assert received == [10, 3, 0, 0]
    assert poller.exhausted
    assert not poller.may_poll()


def test_a_limit_on_messages_waits_for_what_is_missing(
    make_poller: MakePoller, queue: InMemoryQueue
) -> None:
    """A receive that brings less than it asked for gives the rest of the budget back."""
    poller = make_poller(max_messages=5)
    fill(queue, 3)

    assert poller.poll_once().messages == 3
    assert not poller.exhausted

    fill(queue, 9)

    assert poller.poll_once().messages == 2
    assert poller.exhausted


def test_the_budget_is_not_exhausted_while_a_receive_is_open(
    make_poller: MakePoller, queue: InMemoryQueue
) -> None:
    """All of it is asked for, and nothing has come yet."""
    poller = make_poller(max_messages=5)
    seen: list[bool] = []

    def look(_call: object) -> None:
        seen.append(poller.exhausted)

    queue.faults = look
    fill(queue, 5)
    poller.poll_once()

    assert seen == [False]
    assert poller.exhausted


def test_a_redelivery_in_flight_is_no_new_work(
    make_poller: MakePoller, queue: InMemoryQueue, table: InFlight, stats: Stats
) -> None:
    """It counts as received and as duplicate, and takes no second slot."""
    fill(queue, 1)
    poller = make_poller()
    (slot,) = poller.poll_once().slots
    queue.redeliver(slot.message.message_id)

    again = poller.poll_once()

    assert (again.messages, again.slots) == (1, [])
    assert len(table) == 1
    assert slot.receipt_handle != slot.message.receipt_handle
    assert stats["duplicates"] == 1
    assert stats["redelivered"] == 1


def test_lag_is_the_time_that_a_message_waited(
    make_poller: MakePoller, queue: InMemoryQueue, stats: Stats, clock: ManualClock
) -> None:
    """From SentTimestamp to the receive; never negative, if the clocks differ."""
    fill(queue, 1)
    clock.advance(95)
    poller = make_poller()

    poller.poll_once()

    assert stats.lag_seconds == 95

    clock._start -= timedelta(hours=1)  # our clock is behind
    fill(queue, 1)
    clock._start -= timedelta(hours=1)
    poller.poll_once()

    assert stats.lag_seconds == 0


def test_open_receives_are_known_by_their_age(
    make_poller: MakePoller, queue: InMemoryQueue, clock: ManualClock
) -> None:
    """So that one that never returns can be told from one that waits."""
    poller = make_poller()
    began = clock.monotonic()
    seen: list[float] = []

    def look(_call: object) -> Fault:
        clock.advance(7)
        seen.append(poller.oldest_open(clock.monotonic()))
        return Fault()

    queue.faults = look
    poller.poll_once()

    assert seen == [began]
    assert poller.oldest_open(clock.monotonic()) == clock.monotonic()
