"""The table of what this process holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine.inflight import InFlight
from consumer.sqs_limits import MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS
from consumer.testing import make_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.engine.inflight import InFlightMessage
    from consumer.testing import ManualClock

    MakeHeld = Callable[..., InFlightMessage]

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
    """Each message that may come is counted at the largest size, ten times 1 MiB per receive."""
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
    """A byte limit below one message's largest size does not stop everything forever."""
    table = InFlight(max_messages=100, max_bytes=10)

    assert [table.reserve(), table.reserve()] == [1, 0]


def test_a_message_is_counted_out_once(table: InFlight, make_held: MakeHeld) -> None:
    """Releasing twice, or what another release took already, does not free more than there was."""
    one, two = make_held(table), make_held(table)

    table.release([one, one])
    table.release([one])

    assert len(table) == 1
    assert table.holds(two)
    assert not table.holds(one)
    assert table.reserve() + table.reserve() == 11


def test_an_earlier_delivery_does_not_release_a_later_one(table: InFlight) -> None:
    """The same message received anew, after its release, is held on its own account."""
    message = make_message(message_id="m")
    (old,), _ = table.admit(table.reserve(1), [message], visible_at=0.0)
    table.release([old])
    (new,), _ = table.admit(table.reserve(1), [message], visible_at=0.0)

    table.release([old])

    assert table.holds(new)
    assert len(table) == 1


def test_a_redelivery_in_flight_brings_the_newest_handle(table: InFlight) -> None:
    """It is not handled a second time: what runs settles it, with the handle that still works."""
    first = make_message(message_id="m", receipt_handle="old", received_at=1.0)
    (message,), _ = table.admit(table.reserve(1), [first], visible_at=31.0)
    message.visibility_lost = True

    second = make_message(message_id="m", receipt_handle="new", received_at=40.0)
    new, again = table.admit(table.reserve(1), [second], visible_at=70.0)

    assert (new, again) == ([], [message])
    assert (message.receipt_handle, message.received_at, message.visible_at) == ("new", 40.0, 70.0)
    assert not message.visibility_lost
    assert len(table) == 1


def test_the_same_message_twice_in_one_receive_is_held_once(table: InFlight) -> None:
    """SQS may do that; the later handle wins and the reservation is given back whole."""
    twins = [make_message(message_id="m", receipt_handle=handle) for handle in ("one", "two")]

    new, again = table.admit(table.reserve(2), twins, visible_at=30.0)

    assert new == again
    assert new[0].receipt_handle == "two"
    assert table.reserve() + table.reserve() == 11


def test_handles_and_bodies_stay_out_of_a_repr(table: InFlight, make_held: MakeHeld) -> None:
    """A message that ends up in a log or a traceback gives nothing away."""
    assert "handle-1" not in repr(make_held(table))
    assert "metadata" not in repr(make_held(table))


def test_a_table_full_of_stuck_messages_is_stuck(clock: ManualClock, make_held: MakeHeld) -> None:
    """No room, and nothing that would make any."""
    table = InFlight(max_messages=2, max_bytes=AMPLE)
    messages = [make_held(table), make_held(table)]

    assert not table.all_stuck(clock.monotonic())
    messages[0].stuck = True
    assert not table.all_stuck(clock.monotonic())
    messages[1].stuck = True

    assert table.all_stuck(clock.monotonic())


def test_messages_older_than_sqs_allows_are_stuck(clock: ManualClock, make_held: MakeHeld) -> None:
    """A handler without a timeout that hangs for twelve hours is found, too."""
    table = InFlight(max_messages=1, max_bytes=AMPLE)
    make_held(table)

    clock.advance(MAX_VISIBILITY_SECONDS)

    assert table.all_stuck(clock.monotonic())


def test_a_table_that_waits_for_messages_is_not_stuck(
    clock: ManualClock, make_held: MakeHeld
) -> None:
    """All room is reserved by open long polls: that is idle, not stuck."""
    table = InFlight(max_messages=10, max_bytes=AMPLE)
    table.reserve(10)

    assert not table.all_stuck(clock.monotonic())

    table.admit(10, [], visible_at=0.0)
    make_held(table).stuck = True
    table.reserve(9)

    assert not table.all_stuck(clock.monotonic())


def test_messages_that_lost_their_visibility_are_not_stuck(
    clock: ManualClock, make_held: MakeHeld
) -> None:
    """In an outage all visibility runs out, and the handlers are at work all the same."""
    table = InFlight(max_messages=1, max_bytes=AMPLE)

    make_held(table).visibility_lost = True

    assert not table.all_stuck(clock.monotonic())


def test_stuck_messages_that_fill_the_bytes_are_stuck(clock: ManualClock) -> None:
    """It is room that counts, of whichever kind."""
    table = InFlight(max_messages=100, max_bytes=MAX_MESSAGE_BYTES)
    large = make_message("x" * 600_000, received_at=clock.monotonic())
    (message,), _ = table.admit(table.reserve(1), [large], visible_at=0.0)

    message.stuck = True

    assert table.all_stuck(clock.monotonic())


def test_what_is_being_renewed_may_not_leave_until_that_has_ended(
    table: InFlight, make_held: MakeHeld
) -> None:
    """A delay that is sent meanwhile could be undone by the renewal; the caller asks again."""
    message = make_held(table)
    renewed = table.begin_renewal([message])

    assert renewed == [message]
    assert not table.leave(message)
    assert not message.leaving

    for message in renewed:
        message.renewing = False

    assert table.leave(message)
    assert message.leaving


def test_what_leaves_or_has_left_is_not_renewed(table: InFlight, make_held: MakeHeld) -> None:
    """A renewal would undo the delay, or hide a message that was given back."""
    leaving, released, held = make_held(table), make_held(table), make_held(table)
    table.leave(leaving)
    table.release([released])

    renewed = table.begin_renewal([leaving, released, held])

    assert renewed == [held]
    assert [m.renewing for m in (leaving, released, held)] == [False, False, True]


def test_it_is_occupied_while_anything_is_held(table: InFlight) -> None:
    """What is due by time is looked for often only then."""
    assert not table.occupied.is_set()

    new, _ = table.admit(
        table.reserve(2), [make_message(message_id=i) for i in "ab"], visible_at=0.0
    )
    states = [table.occupied.is_set()]
    for message in new:
        table.release([message])
        states.append(table.occupied.is_set())

    assert states == [True, True, False]


def test_a_recall_is_sent_for_what_is_not_held(table: InFlight) -> None:
    """What is held is marked, to be visible after its last call; what is leaving is recalled later.

    The call that hides a message may be under way: a recall that is sent now could overtake it.
    """
    received = [make_message("{}", message_id=name, receipt_handle=name) for name in ("m", "n")]
    (running, hidden), _ = table.admit(table.reserve(2), received, visible_at=30.0)
    assert table.leave(hidden)

    assert table.recall(["gone", "m", "n", "gone"]) == (["gone"], [hidden])
    assert running.recalled

    assert not table.leave(hidden)  # not before the call that hides it has ended
    table.release([hidden])
    assert table.leave(hidden)
