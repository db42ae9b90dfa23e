"""The table of what this process holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine.inflight import InFlight
from consumer.sqs_limits import MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS
from consumer.testing import make_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.engine.inflight import Slot
    from consumer.testing import ManualClock

AMPLE = 1 << 40


@pytest.fixture(name="table")
def _table() -> InFlight:
    return InFlight(max_messages=12, max_bytes=AMPLE)


def test_no_more_is_reserved_than_there_is_room_for(table: InFlight) -> None:
    """Reservations count as held, so two receives at once can't bring too much."""
    assert [table.reserve(), table.reserve(), table.reserve()] == [10, 2, 0]
    assert not table.has_room()


def test_a_reservation_that_brought_nothing_is_given_back(table: InFlight) -> None:
    """A failed or empty receive leaves the capacity as it was."""
    reserved = table.reserve()

    table.admit(reserved, [], visible_at=0.0)

    assert len(table) == 0
    assert [table.reserve(), table.reserve()] == [10, 2]


def test_bytes_bound_what_may_be_received() -> None:
    """Each message that may come is reckoned with at its largest, ten times 1 MiB per receive."""
    table = InFlight(max_messages=100, max_bytes=3 * MAX_MESSAGE_BYTES)

    assert [table.reserve(), table.reserve()] == [3, 0]


def test_bytes_of_what_is_held_count_until_it_is_released() -> None:
    """Large bodies take the room of many; a release gives it back to the byte."""
    table = InFlight(max_messages=100, max_bytes=4 * MAX_MESSAGE_BYTES)
    large = make_message("x" * MAX_MESSAGE_BYTES)
    new, _ = table.admit(table.reserve(1), [large], visible_at=0.0)

    assert table.reserve() == 2  # the body takes a little more than its text, so not 3
    table.admit(2, [], visible_at=0.0)

    table.release(new)

    assert table.reserve() == 4


def test_one_message_always_goes_however_small_the_limit() -> None:
    """A byte limit below one message's largest size does not stop everything for ever."""
    table = InFlight(max_messages=100, max_bytes=10)

    assert [table.reserve(), table.reserve()] == [1, 0]


def test_a_slot_is_counted_out_once(table: InFlight, make_slot: Callable[..., Slot]) -> None:
    """Releasing twice, or what another release took already, does not free more than there was."""
    one, two = make_slot(table), make_slot(table)

    table.release([one, one])
    table.release([one])

    assert len(table) == 1
    assert table.holds(two)
    assert not table.holds(one)
    assert table.reserve() + table.reserve() == 11


def test_a_slot_of_an_earlier_delivery_does_not_release_a_later_one(table: InFlight) -> None:
    """The same message received anew, after its release, has a slot of its own."""
    message = make_message(message_id="m")
    (old,), _ = table.admit(table.reserve(1), [message], visible_at=0.0)
    table.release([old])
    (new,), _ = table.admit(table.reserve(1), [message], visible_at=0.0)

    table.release([old])

    assert table.holds(new)
    assert len(table) == 1


def test_a_redelivery_in_flight_gives_its_newest_handle_to_the_slot(table: InFlight) -> None:
    """It is not handled a second time: what runs settles it, with the handle that still works."""
    first = make_message(message_id="m", receipt_handle="old", received_at=1.0)
    (slot,), _ = table.admit(table.reserve(1), [first], visible_at=31.0)
    slot.visibility_lost = True

    second = make_message(message_id="m", receipt_handle="new", received_at=40.0)
    new, again = table.admit(table.reserve(1), [second], visible_at=70.0)

    assert (new, again) == ([], [slot])
    assert (slot.receipt_handle, slot.received_at, slot.visible_at) == ("new", 40.0, 70.0)
    assert not slot.visibility_lost
    assert len(table) == 1


def test_the_same_message_twice_in_one_receive_is_one_slot(table: InFlight) -> None:
    """SQS may do that; the later handle wins and the reservation is given back whole."""
    twins = [make_message(message_id="m", receipt_handle=handle) for handle in ("one", "two")]

    new, again = table.admit(table.reserve(2), twins, visible_at=30.0)

    assert new == again
    assert new[0].receipt_handle == "two"
    assert table.reserve() + table.reserve() == 11


def test_handles_and_bodies_stay_out_of_a_repr(
    table: InFlight, make_slot: Callable[..., Slot]
) -> None:
    """A slot that ends up in a log or a traceback gives nothing away."""
    assert "handle-1" not in repr(make_slot(table))
    assert "metadata" not in repr(make_slot(table))


def test_a_table_full_of_stuck_slots_is_stuck(
    clock: ManualClock, make_slot: Callable[..., Slot]
) -> None:
    """No room, and nobody who would make any."""
    table = InFlight(max_messages=2, max_bytes=AMPLE)
    slots = [make_slot(table), make_slot(table)]

    assert not table.all_stuck(clock.monotonic())
    slots[0].stuck = True
    assert not table.all_stuck(clock.monotonic())
    slots[1].stuck = True

    assert table.all_stuck(clock.monotonic())


def test_slots_older_than_sqs_allows_are_stuck(
    clock: ManualClock, make_slot: Callable[..., Slot]
) -> None:
    """A handler without a timeout that hangs for twelve hours is found, too."""
    table = InFlight(max_messages=1, max_bytes=AMPLE)
    make_slot(table)

    clock.advance(MAX_VISIBILITY_SECONDS)

    assert table.all_stuck(clock.monotonic())


def test_a_table_that_waits_for_messages_is_not_stuck(
    clock: ManualClock, make_slot: Callable[..., Slot]
) -> None:
    """All room is reserved by open long polls: that is idle, not stuck."""
    table = InFlight(max_messages=10, max_bytes=AMPLE)
    table.reserve(10)

    assert not table.all_stuck(clock.monotonic())

    table.admit(10, [], visible_at=0.0)
    make_slot(table).stuck = True
    table.reserve(9)

    assert not table.all_stuck(clock.monotonic())


def test_slots_that_lost_their_visibility_are_not_stuck(
    clock: ManualClock, make_slot: Callable[..., Slot]
) -> None:
    """In an outage all visibility runs out, and the handlers are at work all the same."""
    table = InFlight(max_messages=1, max_bytes=AMPLE)

    make_slot(table).visibility_lost = True

    assert not table.all_stuck(clock.monotonic())


def test_stuck_slots_that_fill_the_bytes_are_stuck(clock: ManualClock) -> None:
    """It is room that counts, of whichever kind."""
    table = InFlight(max_messages=100, max_bytes=MAX_MESSAGE_BYTES)
    large = make_message("x" * 600_000, received_at=clock.monotonic())
    (slot,), _ = table.admit(table.reserve(1), [large], visible_at=0.0)

    slot.stuck = True

    assert table.all_stuck(clock.monotonic())
