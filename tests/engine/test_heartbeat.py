"""Renewing the visibility timeouts of messages in flight."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.engine.heartbeat import (
    LONGEST_SECONDS,
    MAX_AGE_SECONDS,
    Heartbeat,
    accepted_seconds,
)
from consumer.engine.inflight import InFlight
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS
from consumer.testing import ManualClock, make_message
from tests.cases import for_each
from tests.engine.conftest import GONE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.engine.inflight import InFlightMessage

    MakeHeld = Callable[..., InFlightMessage]


class Recorder:
    """A transport that records visibility changes and returns the answers of the test."""

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


class Bench:
    """A heartbeat, what is in flight, and the queue that is called."""

    def __init__(self, clock: ManualClock, make_held: MakeHeld) -> None:
        self.clock = clock
        self.transport = Recorder()
        self.table = InFlight(max_messages=1000, max_bytes=1 << 40)
        self.stats = Stats()
        self.heartbeat = self.beating(30)
        self._make_held = make_held

    def beating(self, timeout: int) -> Heartbeat:
        """One with this visibility timeout."""
        return Heartbeat(
            cast("Any", self.transport), self.table, self.stats,
            clock=self.clock, visibility_timeout_seconds=timeout,
        )  # fmt: skip

    def held(self, **options: Any) -> InFlightMessage:
        """A new message in flight."""
        return self._make_held(self.table, **options)


@pytest.fixture(name="bench")
def _bench(clock: ManualClock, make_held: MakeHeld) -> Bench:
    return Bench(clock, make_held)


def test_nothing_is_renewed_before_half_life(bench: Bench) -> None:
    """Quick messages, which are nearly all, cost no call."""
    bench.held()
    bench.clock.advance(14.9)

    bench.heartbeat.tick()

    assert bench.transport.changes == []


def test_half_used_visibility_is_renewed_in_full(bench: Bench) -> None:
    """It is due again half a timeout later."""
    message = bench.held()
    bench.clock.advance(15)

    bench.heartbeat.tick()
    bench.heartbeat.tick()

    assert bench.transport.changes == [[("handle-1", 30)]]
    assert message.visible_at == bench.clock.monotonic() + 30


def test_renewals_go_in_batches_of_ten(bench: Bench) -> None:
    """23 messages are three calls."""
    for _ in range(23):
        bench.held()
    bench.clock.advance(15)

    bench.heartbeat.tick()

    assert [len(changes) for changes in bench.transport.changes] == [10, 10, 3]


@for_each(
    "most, call_seconds", [(10_000, 0.015), (10_000, 0.06), (3_000, 0.15), (320, 1.0), (320, 0.015)]
)
def test_whatever_is_in_flight_is_renewed_in_time(most: int, call_seconds: float) -> None:
    """Also thousands that come within seconds, with slow calls: then they are hidden for longer."""
    clock, transport = ManualClock(), Recorder()
    table = InFlight(max_messages=most, max_bytes=1 << 60)
    heartbeat = Heartbeat(
        cast("Any", transport), table, Stats(), clock=clock, visibility_timeout_seconds=30
    )
    held: list[InFlightMessage] = []

    def pass_time(seconds: float) -> None:
        """Twelve receives are open all the time."""
        clock.advance(seconds)
        came = min(math.ceil(12 * 10 * seconds / call_seconds), most - len(held))
        hidden = max(30, table.least_visibility_seconds)
        received = [
            make_message(message_id=str(number), receipt_handle=f"handle-{number}",
                         received_at=clock.monotonic())
            for number in range(len(held), len(held) + came)
        ]  # fmt: skip
        held.extend(table.admit(0, received, visible_at=clock.monotonic() + hidden)[0])

    transport.meanwhile = lambda: pass_time(call_seconds)
    ends = clock.monotonic() + 600
    while clock.monotonic() < ends:
        heartbeat.tick()
        pass_time(heartbeat.interval_seconds)
        assert all(message.visible_at > clock.monotonic() for message in held)

    longest = max(hidden for changes in transport.changes for _, hidden in changes)
    assert longest <= (30 if most * call_seconds < 10 else LONGEST_SECONDS)
    assert sum(map(len, transport.changes)) < most * 600 / 14


def test_a_failed_renewal_is_tried_again_at_the_next_tick(bench: Bench) -> None:
    """A whole call or a single entry may fail: there is still time."""
    message = bench.held()
    bench.clock.advance(15)
    bench.transport.error = TransportError("no route")
    bench.heartbeat.tick()
    bench.transport.error = None
    bench.transport.answers["handle-1"] = EntryFailure("RequestThrottled")
    bench.clock.advance(1)
    bench.heartbeat.tick()
    bench.transport.answers.clear()
    bench.clock.advance(1)

    bench.heartbeat.tick()

    assert len(bench.transport.changes) == 3
    assert message.visible_at == bench.clock.monotonic() + 30
    assert not message.visibility_lost


def test_a_handle_that_is_gone_is_reported_once_and_left_alone(bench: Bench) -> None:
    """The handler can ask for it; the message is held until its handler ends."""
    message = bench.held()
    bench.transport.answers["handle-1"] = GONE
    bench.clock.advance(15)

    bench.heartbeat.tick()
    bench.clock.advance(15)
    bench.heartbeat.tick()

    assert message.visibility_lost
    assert len(bench.transport.changes) == 1
    assert bench.stats["visibility_lost"] == 1
    assert bench.table.holds(message)


def test_visibility_that_ran_out_is_lost(bench: Bench) -> None:
    """The handler can see that after an outage that was longer than the timeout."""
    message = bench.held()
    bench.clock.advance(30)

    bench.heartbeat.tick()

    assert message.visibility_lost
    assert bench.transport.changes == []


def test_a_renewal_that_ends_after_the_message_was_settled_loses_nothing(bench: Bench) -> None:
    """The delete was quicker, so "gone" is expected."""
    message = bench.held()
    bench.transport.answers["handle-1"] = GONE
    bench.transport.meanwhile = lambda: bench.table.release([message])
    bench.clock.advance(15)

    bench.heartbeat.tick()

    assert not message.visibility_lost
    assert bench.stats["visibility_lost"] == 0


@pytest.mark.parametrize("answers", [{}, {"handle-1": GONE}])
def test_an_answer_about_an_old_handle_changes_nothing(
    bench: Bench, answers: dict[str, EntryFailure]
) -> None:
    """The message was received again during the renewal: the new delivery has its own time."""
    bench.transport.answers = answers
    message = bench.held()
    bench.clock.advance(15)
    newer = make_message(message_id="message-1", receipt_handle="newer")
    visible_at = bench.clock.monotonic() + 5
    bench.transport.meanwhile = lambda: bench.table.admit(
        bench.table.reserve(1), [newer], visible_at=visible_at
    )

    bench.heartbeat.tick()

    assert message.receipt_handle == "newer"
    assert message.visible_at == visible_at
    assert not message.visibility_lost


def test_stuck_and_leaving_messages_are_not_renewed(bench: Bench) -> None:
    """A stuck message goes to another consumer; a renewal must not undo a retry delay."""
    bench.held().stuck = True
    bench.held().leaving = True
    bench.clock.advance(15)

    bench.heartbeat.tick()

    assert bench.transport.changes == []


def test_nothing_is_renewed_past_twelve_hours(bench: Bench) -> None:
    """SQS counts from the receive and would refuse that; then the message becomes visible."""
    message = bench.held()
    began = bench.clock.monotonic()

    while bench.clock.monotonic() - began < MAX_VISIBILITY_SECONDS + 60:
        bench.clock.advance(10)
        before = len(bench.transport.changes)
        bench.heartbeat.tick()
        for changes in bench.transport.changes[before:]:
            assert bench.clock.monotonic() - began + changes[0][1] <= MAX_AGE_SECONDS + 1

    assert message.visibility_lost
    assert message.visible_at - began <= MAX_VISIBILITY_SECONDS


def test_a_message_that_is_too_old_is_not_renewed_by_seconds(bench: Bench) -> None:
    """From five minutes before the twelve hours on, no call is made for it."""
    message = bench.held(visible_in=MAX_AGE_SECONDS + 10)
    bench.clock.advance(MAX_AGE_SECONDS)

    for _ in range(10):
        bench.heartbeat.tick()
        bench.clock.advance(1)

    assert bench.transport.changes == []
    assert not message.visibility_lost


def test_messages_settled_during_a_tick_are_not_renewed(bench: Bench) -> None:
    """A renewal after its release would hide a message for a whole timeout."""
    messages = [bench.held() for _ in range(12)]
    bench.clock.advance(15)
    bench.transport.meanwhile = lambda: bench.table.release(messages[10:11])

    bench.heartbeat.tick()

    assert [len(changes) for changes in bench.transport.changes] == [10, 1]
    assert bench.transport.changes[1] == [("handle-12", 30)]


def test_several_ticks_fit_into_half_a_timeout(bench: Bench) -> None:
    """Also for the shortest timeouts; usually it ticks once a second."""
    for timeout in (1, 2, 10, 30, 43_200):
        heartbeat = bench.beating(timeout)

        assert 0 < heartbeat.interval_seconds <= 1
        assert heartbeat.interval_seconds * 4 <= timeout / 2


def test_a_tick_is_a_sign_of_life_even_when_every_call_fails(bench: Bench) -> None:
    """An outage is not a hang: the watchdog sees progress between two calls."""
    for _ in range(30):
        bench.held(visible_in=300)
    bench.clock.advance(290)
    bench.transport.error = TransportError("timed out")
    longest = 0.0

    def slow() -> None:
        nonlocal longest
        bench.clock.advance(35)
        longest = max(longest, bench.clock.monotonic() - bench.heartbeat.progress)

    bench.transport.meanwhile = slow
    bench.heartbeat.tick()

    assert longest == 35


def test_visibility_is_counted_from_the_call_and_not_from_the_answer(bench: Bench) -> None:
    """SQS may have counted from the call: a slow answer must not add to it."""
    message = bench.held()
    bench.clock.advance(15)
    called_at = bench.clock.monotonic()
    bench.transport.meanwhile = lambda: bench.clock.advance(7)

    bench.heartbeat.tick()

    assert message.visible_at == called_at + 30


@pytest.mark.parametrize("error", [None, TransportError("no route"), KeyError("Failed")])
def test_a_message_may_leave_only_after_its_renewal_was_answered(
    bench: Bench, *, error: Exception | None
) -> None:
    """It is marked during the call, and free after it, however the call ends."""
    message = bench.held()
    bench.clock.advance(15)
    seen: list[tuple[bool, bool]] = []
    bench.transport.meanwhile = lambda: seen.append((message.renewing, bench.table.leave(message)))
    bench.transport.error = error

    with contextlib.suppress(KeyError):
        bench.heartbeat.tick()

    assert seen == [(True, False)]
    assert bench.table.leave(message)


def test_messages_that_leave_during_a_tick_are_not_renewed(bench: Bench) -> None:
    """It was due when the tick began; by its turn its visibility change may have been sent."""
    messages = [bench.held() for _ in range(12)]
    bench.clock.advance(15)
    bench.transport.meanwhile = lambda: bench.table.leave(messages[10])

    bench.heartbeat.tick()

    assert bench.transport.changes[1] == [("handle-12", 30)]


def test_a_handle_that_is_gone_after_its_delete_was_sent_is_expected(bench: Bench) -> None:
    """The message is deleted; only the answer to that is still missing."""
    message = bench.held()
    message.deleting = True
    bench.transport.answers["handle-1"] = GONE
    bench.clock.advance(15)

    bench.heartbeat.tick()

    assert not message.visibility_lost
    assert bench.stats["visibility_lost"] == 0


@given(wanted=st.floats(0, 1e9), age=st.floats(0, 1e6))
def test_no_visibility_timeout_reaches_past_twelve_hours(wanted: float, age: float) -> None:
    """It is in whole seconds, at least one (0: at once), and ends within twelve hours."""
    seconds = accepted_seconds(wanted, age)

    assert isinstance(seconds, int)
    assert seconds >= 1 or seconds == wanted == 0
    assert seconds <= 1 or seconds + age <= 43_200


def test_a_visibility_timeout_is_rounded_up() -> None:
    """A handler's 90.2 s become 91, not less than it asked for."""
    assert accepted_seconds(90.2, 100) == 91
