"""Renewing the visibility of what is in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine.heartbeat import MAX_AGE_SECONDS, Heartbeat
from consumer.engine.inflight import InFlight, Slot
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS
from consumer.testing import make_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.testing import ManualClock


class Recorder:
    """A transport that writes down visibility changes and answers as it is told."""

    def __init__(self) -> None:
        self.changes: list[list[tuple[str, int]]] = []
        self.answers: dict[str, EntryFailure] = {}
        self.error: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """As `Transport` has it."""
        self.changes.append(list(changes))
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return [self.answers.get(handle) for handle, _ in changes]


@pytest.fixture(name="transport")
def _transport() -> Recorder:
    return Recorder()


@pytest.fixture(name="table")
def _table() -> InFlight:
    return InFlight(max_messages=1000, max_bytes=1 << 40)


@pytest.fixture(name="stats")
def _stats() -> Stats:
    return Stats()


@pytest.fixture(name="heartbeat")
def _heartbeat(transport: Any, table: InFlight, stats: Stats, clock: ManualClock) -> Heartbeat:
    return Heartbeat(transport, table, stats, clock=clock, visibility_timeout_seconds=30)


def test_nothing_is_renewed_before_half_life(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """Quick messages, nearly all, cost no call."""
    make_slot(table)
    clock.advance(14.9)

    heartbeat.tick()

    assert transport.changes == []


def test_half_used_visibility_is_renewed_in_full(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """And then it is due again half a timeout later."""
    slot = make_slot(table)
    clock.advance(15)

    heartbeat.tick()
    heartbeat.tick()

    assert transport.changes == [[("handle-1", 30)]]
    assert slot.visible_at == clock.monotonic() + 30


def test_renewals_go_in_batches_of_ten(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """23 messages are three calls."""
    for _ in range(23):
        make_slot(table)
    clock.advance(15)

    heartbeat.tick()

    assert [len(changes) for changes in transport.changes] == [10, 10, 3]


def test_a_failed_renewal_is_tried_again_at_the_next_tick(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """A whole call or a single entry that failed: there is still time."""
    slot = make_slot(table)
    clock.advance(15)
    transport.error = TransportError("no route")
    heartbeat.tick()
    transport.error = None
    transport.answers["handle-1"] = EntryFailure("RequestThrottled")
    clock.advance(1)
    heartbeat.tick()
    transport.answers.clear()
    clock.advance(1)

    heartbeat.tick()

    assert len(transport.changes) == 3
    assert slot.visible_at == clock.monotonic() + 30
    assert not slot.visibility_lost


def test_a_handle_that_is_gone_is_told_once_and_left_alone(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """A fact to pass on, not a crash; the slot stays until its handler ends."""
    slot = make_slot(table)
    transport.answers["handle-1"] = EntryFailure("ReceiptHandleIsInvalid", gone=True)
    clock.advance(15)

    heartbeat.tick()
    clock.advance(15)
    heartbeat.tick()

    assert slot.visibility_lost
    assert len(transport.changes) == 1
    assert heartbeat._stats["visibility_lost"] == 1
    assert table.holds(slot)


def test_visibility_that_ran_out_is_lost(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """After an outage that was longer than the timeout the handler is told."""
    slot = make_slot(table)
    clock.advance(30)

    heartbeat.tick()

    assert slot.visibility_lost
    assert transport.changes == []


def test_a_renewal_that_ends_after_the_message_was_settled_loses_nothing(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """The delete overtook it: "gone" is then what was wanted."""
    slot = make_slot(table)
    transport.answers["handle-1"] = EntryFailure("ReceiptHandleIsInvalid", gone=True)
    transport.meanwhile = lambda: table.release([slot])
    clock.advance(15)

    heartbeat.tick()

    assert not slot.visibility_lost
    assert heartbeat._stats["visibility_lost"] == 0


@pytest.fixture(name="answer", params=[None, EntryFailure("ReceiptHandleIsInvalid", gone=True)])
def _answer(request: pytest.FixtureRequest, transport: Recorder) -> None:
    if request.param is not None:
        transport.answers["handle-1"] = request.param


@pytest.mark.usefixtures("answer")
def test_an_answer_about_an_old_handle_changes_nothing(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """It was received again while the renewal was under way: the new delivery has its own time."""
    slot = make_slot(table)
    clock.advance(15)
    newer = make_message(message_id="message-1", receipt_handle="newer")
    visible_at = clock.monotonic() + 5
    transport.meanwhile = lambda: table.admit(table.reserve(1), [newer], visible_at=visible_at)

    heartbeat.tick()

    assert slot.receipt_handle == "newer"
    assert slot.visible_at == visible_at
    assert not slot.visibility_lost


def test_what_is_stuck_or_leaving_is_not_renewed(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """Others shall get what is stuck; a renewal must not undo a retry delay."""
    make_slot(table).stuck = True
    make_slot(table).leaving = True
    clock.advance(15)

    heartbeat.tick()

    assert transport.changes == []


def test_nothing_is_renewed_past_twelve_hours(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """SQS counts from the receive; what is asked for never reaches past that, then it runs out."""
    slot = make_slot(table)
    began = clock.monotonic()

    while clock.monotonic() - began < MAX_VISIBILITY_SECONDS + 60:
        clock.advance(10)
        before = len(transport.changes)
        heartbeat.tick()
        for changes in transport.changes[before:]:
            assert clock.monotonic() - began + changes[0][1] <= MAX_AGE_SECONDS + 1

    assert slot.visibility_lost
    assert slot.visible_at - began <= MAX_VISIBILITY_SECONDS


def test_a_message_that_is_too_old_is_not_renewed_by_seconds_either(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """From five minutes before the twelve hours on there is no call for it any more."""
    slot = make_slot(table, visible_in=MAX_AGE_SECONDS + 10)
    clock.advance(MAX_AGE_SECONDS)

    for _ in range(10):
        heartbeat.tick()
        clock.advance(1)

    assert transport.changes == []
    assert not slot.visibility_lost


def test_what_was_settled_while_others_were_renewed_is_left_out(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """A renewal after its release would hide it for a whole timeout."""
    slots = [make_slot(table) for _ in range(12)]
    clock.advance(15)
    transport.meanwhile = lambda: table.release(slots[10:11])

    heartbeat.tick()

    assert [len(changes) for changes in transport.changes] == [10, 1]
    assert transport.changes[1] == [("handle-12", 30)]


def test_several_ticks_fit_into_half_a_timeout(
    transport: Any, table: InFlight, stats: Stats, clock: ManualClock
) -> None:
    """Also for the shortest timeouts; for the usual ones it is once a second."""
    for timeout in (1, 2, 10, 30, 43_200):
        heartbeat = Heartbeat(
            transport, table, stats, clock=clock, visibility_timeout_seconds=timeout
        )

        assert 0 < heartbeat.interval_seconds <= 1
        assert heartbeat.interval_seconds * 4 <= timeout / 2


def test_a_tick_is_a_sign_of_life_even_when_every_call_fails(
    heartbeat: Heartbeat,
    transport: Recorder,
    table: InFlight,
    clock: ManualClock,
    make_slot: Callable[..., Slot],
) -> None:
    """An outage is not a hang: between two calls the watchdog sees progress."""
    for _ in range(30):
        make_slot(table, visible_in=300)
    clock.advance(290)
    transport.error = TransportError("timed out")
    longest = 0.0

    def slow() -> None:
        nonlocal longest
        clock.advance(35)
        longest = max(longest, clock.monotonic() - heartbeat.progress)

    transport.meanwhile = slow
    heartbeat.tick()

    assert longest == 35
