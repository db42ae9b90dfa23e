"""Deleting and putting off, in batches, and what happens when that fails."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from consumer.engine.calls import MAX_ATTEMPTS
from consumer.engine.settler import Settler
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.engine.inflight import InFlight
from consumer.engine.ledger import Ledger
from consumer.engine.stats import Stats
from consumer.errors import AccessDeniedError, TransportError
from consumer.messages import Outcome
from consumer.queues.transport import EntryFailure
from consumer.retry import RetryPolicy
from consumer.testing import Fault, InMemoryQueue, ManualClock, canvas_body

if TYPE_CHECKING:
    from consumer.engine.inflight import Slot

GONE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
THROTTLED = EntryFailure("RequestThrottled")
DOWN = TransportError("no route", code="EndpointConnectionError")
DENIED = AccessDeniedError("no", code="AccessDenied")
STEPS = [(0, "store")]


class Bench:
    """A settler with a real table, ledger and queue; `receive` fills the table."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queue = InMemoryQueue(
            self.clock, visibility_timeout_seconds=30, advance_on_empty=False
        )
        self.table = InFlight(max_messages=100, max_bytes=1 << 40)
        self.ledger = Ledger()
        self.stats = Stats()
        self.settler = Settler(
            self.queue,
            self.table,
            self.ledger,
            self.stats,
            clock=self.clock,
            rng=Random(5),
            linger_seconds=0.5,
            backoff=RetryPolicy(5, 900),
            fatal_grace_seconds=60,
        )

    def receive(self, count: int = 1) -> list[Slot]:
        """Send messages and receive them."""
        for number in range(count):
            self.queue.send(canvas_body(number=number))
        slots: list[Slot] = []
        while len(slots) < count:
            slots += self.receive_again()
        return slots

    def receive_again(self) -> list[Slot]:
        """Receive what is visible; returns the new slots."""
        reserved = self.table.reserve()
        messages = self.queue.receive(
            max_messages=reserved, wait_seconds=0, visibility_timeout_seconds=30
        )
        visible_at = self.clock.monotonic() + 30
        return self.table.admit(reserved, messages, visible_at=visible_at)[0]

    def sizes(self, operation: str) -> list[int]:
        """The sizes of the calls so far."""
        return [call.size for call in self.queue.calls if call.operation == operation]

    def visible_in(self, slot: Slot) -> float:
        """Seconds until the queue shows the message again."""
        stored = self.queue._store.messages[slot.message.message_id]
        return stored.visible_at - self.clock.monotonic()


@pytest.fixture(name="bench")
def _bench() -> Bench:
    return Bench()


def test_the_thread_that_fills_a_batch_sends_it(bench: Bench) -> None:
    """Ten acks are one call, at once; nobody waits for a timer."""
    for slot in bench.receive(10):
        bench.settler.ack(slot, STEPS)

    assert bench.sizes("delete") == [10]
    assert len(bench.queue.deleted()) == 10
    assert len(bench.table) == 0
    assert bench.stats["deleted"] == 10
    assert bench.settler.pending() == 0


def test_fewer_than_ten_wait_for_the_linger(bench: Bench) -> None:
    """From the first of them, not the last; until then the message is held."""
    one, two = bench.receive(2)
    bench.settler.ack(one, STEPS)
    bench.clock.advance(0.3)
    bench.settler.ack(two, STEPS)
    bench.clock.advance(0.1)
    bench.settler.flush()
    assert bench.sizes("delete") == []
    assert len(bench.table) == 2

    bench.clock.advance(0.1)
    bench.settler.flush()

    assert bench.sizes("delete") == [2]
    assert len(bench.table) == 0


def test_many_acks_at_once_go_out_in_full_batches_and_others_are_asked_to_help(
    bench: Bench,
) -> None:
    """One thread could send them one after the other; while the network is slow others help."""
    asked: list[int] = []
    bench.settler._ask_help = asked.append
    slots = bench.receive(37)

    bench.settler.ack_all([(slot, STEPS) for slot in slots])

    assert asked == [2]
    assert bench.sizes("delete") == [10, 10, 10]
    assert bench.settler.pending() == 7
    bench.settler.send_full()
    assert bench.settler.pending() == 7


def test_flushing_everything_leaves_nothing(bench: Bench) -> None:
    """Deletes and changes, however many and however fresh."""
    slots = bench.receive(28)
    for slot in slots[:14]:
        bench.settler.ack(slot, STEPS)
    for slot in slots[14:]:
        bench.settler.put_off(slot, Outcome.retry("later", 60))

    bench.settler.flush(everything=True)

    assert bench.settler.pending() == 0
    assert len(bench.table) == 0
    assert len(bench.queue.deleted()) == 14
    assert {bench.visible_in(slot) for slot in slots[14:]} == {60}


def test_a_message_that_came_again_is_deleted_by_its_newest_handle(bench: Bench) -> None:
    """Its visibility ran out while the delete waited for company."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.redeliver(slot.message.message_id)
    bench.receive_again()

    bench.settler.flush(everything=True)

    assert bench.queue.deleted() == [slot.message.message_id]
    assert len(bench.table) == 0


@pytest.mark.parametrize("lenient", [True, False])
def test_a_message_that_comes_again_during_its_delete_is_deleted_again(*, lenient: bool) -> None:
    """SQS may even say that the old handle deleted it: only the newest one does."""
    bench = Bench()
    bench.queue._stale_deletes_succeed = lenient
    (slot,) = bench.receive()

    def come_again() -> None:
        bench.queue.redeliver(slot.message.message_id)
        bench.receive_again()

    bench.settler.ack(slot, STEPS)
    bench.clock.call_later(1, come_again)
    bench.queue.faults = [Fault(seconds=2, operation="delete")]
    bench.settler.flush(everything=True)

    assert bench.queue.deleted() == [slot.message.message_id]
    assert len(bench.table) == 0
    assert len(bench.ledger) == 0


def test_failed_entries_are_sent_again_and_the_others_are_done(bench: Bench) -> None:
    """A 200 can hold failures: each entry has its own fate."""
    slots = bench.receive(3)
    for slot in slots:
        bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(failed={1: THROTTLED}, operation="delete")]
    bench.clock.advance(0.5)
    bench.settler.flush()
    assert [bench.table.holds(slot) for slot in slots] == [False, True, False]

    bench.clock.advance(0.5)
    bench.settler.flush()

    assert bench.sizes("delete") == [3, 1]
    assert len(bench.queue.deleted()) == 3
    assert bench.stats["deleted"] == 3


def test_retried_entries_are_spaced_also_when_everything_is_flushed(bench: Bench) -> None:
    """A throttled queue is not hammered while the process drains."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(failed={0: THROTTLED}, operation="delete")] * 2

    bench.settler.flush(everything=True)

    assert bench.queue.deleted() == [slot.message.message_id]
    assert bench.clock.waits == [0.5, 0.5]


def test_an_entry_that_keeps_failing_is_in_the_ledger_before_it_is_let_go(bench: Bench) -> None:
    """It was handled: when it comes again, it is deleted without another run."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(failed={0: THROTTLED}, operation="delete")] * MAX_ATTEMPTS

    bench.settler.flush(everything=True)

    assert bench.sizes("delete") == [1] * MAX_ATTEMPTS
    assert bench.ledger.succeeded(slot.message.message_id) == set(STEPS)
    assert len(bench.table) == 0
    assert bench.stats["delete_failed"] == 1
    assert bench.stats["deleted"] == 0


def test_a_handle_that_is_gone_is_not_tried_again(bench: Bench) -> None:
    """A fact: the ledger remembers what was handled."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(failed={0: GONE}, operation="delete")]

    bench.settler.flush(everything=True)

    assert bench.sizes("delete") == [1]
    assert bench.ledger.succeeded(slot.message.message_id) == set(STEPS)
    assert len(bench.table) == 0


def test_a_failed_call_is_made_again_after_a_pause(bench: Bench) -> None:
    """A connection that broke loses nothing."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(error=DOWN)] * (MAX_ATTEMPTS - 1)

    bench.settler.flush(everything=True)

    assert bench.queue.deleted() == [slot.message.message_id]
    assert len(bench.clock.waits) == MAX_ATTEMPTS - 1
    assert all(0 <= seconds <= 5 for seconds in bench.clock.waits)


def test_a_delete_whose_answer_was_lost_is_made_again(bench: Bench) -> None:
    """Deleting twice is no failure."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(error=DOWN, after=True)]

    bench.settler.flush(everything=True)

    assert bench.queue.deleted() == [slot.message.message_id]
    assert bench.stats["deleted"] == 1
    assert len(bench.ledger) == 0


def test_a_call_that_keeps_failing_leaves_its_messages_in_the_ledger(bench: Bench) -> None:
    """They come again, and are deleted then."""
    slots = bench.receive(2)
    for slot in slots:
        bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(error=DOWN)] * MAX_ATTEMPTS

    bench.settler.flush(everything=True)

    assert all(bench.ledger.succeeded(slot.message.message_id) for slot in slots)
    assert len(bench.table) == 0
    assert bench.stats["delete_failed"] == 2
    assert bench.settler.fatal is None


def test_a_message_that_is_deleted_is_forgotten(bench: Bench) -> None:
    """The ledger keeps what may come again, and only that."""
    (slot,) = bench.receive()
    bench.ledger.record(slot.message.message_id, STEPS)
    bench.settler.ack(slot, STEPS)

    bench.settler.flush(everything=True)

    assert len(bench.ledger) == 0


@given(seed=st.integers(0, 10_000), receive_count=st.integers(1, 30))
@settings(max_examples=30)
def test_a_retry_without_a_delay_has_full_jitter_over_the_receive_count(
    seed: int, receive_count: int
) -> None:
    """From one second to the ceiling of the backoff."""
    bench = Bench()
    bench.settler._rng = Random(seed)
    (slot,) = bench.receive()
    object.__setattr__(slot.message, "receive_count", receive_count)

    bench.settler.put_off(slot, Outcome.retry("later"))
    bench.settler.flush(everything=True)

    assert 1 <= bench.visible_in(slot) <= RetryPolicy(5, 900).ceiling(receive_count)


def test_the_policy_of_the_handler_wins(bench: Bench) -> None:
    """A handler that knows its dependency says how long to wait."""
    slots = bench.receive(20)

    for slot in slots:
        bench.settler.put_off(slot, Outcome.retry("later"), RetryPolicy(4000, 4000))
    bench.settler.flush(everything=True)

    assert max(bench.visible_in(slot) for slot in slots) > 2000


@pytest.mark.parametrize(
    ("asked", "given"), [(0, 0), (0.0, 0), (0.2, 1), (7, 7), (90.5, 91), (10**9, 42_900)]
)
def test_an_explicit_delay_is_kept_within_what_sqs_takes(
    bench: Bench, asked: float, given: int
) -> None:
    """0 means at once; fractions are rounded up; beyond twelve hours it is the most that goes."""
    (slot,) = bench.receive()

    bench.settler.put_off(slot, Outcome.retry("later", asked))
    bench.settler.flush(everything=True)

    assert bench.visible_in(slot) == given


def test_a_long_delay_is_shortened_by_the_age_of_the_message(bench: Bench) -> None:
    """SQS counts twelve hours from the receive, and refuses what reaches past it."""
    (slot,) = bench.receive()
    handle = slot.receipt_handle
    for _ in range(10):
        bench.queue.change_visibility([(handle, 4000)])
        bench.clock.advance(3600)
    slot.visible_at = bench.clock.monotonic() + 400

    bench.settler.put_off(slot, Outcome.retry("later", 40_000))
    bench.settler.flush(everything=True)

    assert bench.visible_in(slot) == 42_900 - 36_000


def test_a_rejected_message_is_put_off_like_a_failed_one(bench: Bench) -> None:
    """It stays for the redrive policy, and never loops hot."""
    (slot,) = bench.receive()

    bench.settler.put_off(slot, Outcome.reject("not ours"))
    bench.settler.flush(everything=True)

    assert 1 <= bench.visible_in(slot) <= 5
    assert bench.queue.deleted() == []


def test_a_release_makes_visible_at_once(bench: Bench) -> None:
    """Sent by the next flush, so that nobody who drains is held up by the queue."""
    slots = bench.receive(15)

    bench.settler.release(slots)
    assert bench.sizes("change_visibility") == []
    bench.settler.flush()

    assert bench.sizes("change_visibility") == [10, 5]
    assert len(bench.queue.visible()) == 15
    assert len(bench.table) == 0
    assert bench.stats["released"] == 15


def test_releasing_nothing_counts_nothing(bench: Bench) -> None:
    """An empty hand is no zero in the summary."""
    bench.settler.release([])

    assert bench.stats.snapshot() == {}


@pytest.mark.parametrize("when", ["before", "while it waits"])
def test_what_lost_its_visibility_is_let_go_without_a_change(bench: Bench, when: str) -> None:
    """Another consumer may hold it: its visibility is not ours to change."""
    (slot,) = bench.receive()
    slot.visibility_lost = when == "before"

    bench.settler.put_off(slot, Outcome.retry("later", 600))
    slot.visibility_lost = True
    bench.settler.flush(everything=True)

    assert bench.sizes("change_visibility") == []
    assert len(bench.table) == 0


def test_what_lost_its_visibility_does_not_keep_the_others_from_being_changed(
    bench: Bench,
) -> None:
    """One batch, two fates."""
    lost, kept = bench.receive(2)
    for slot in (lost, kept):
        bench.settler.put_off(slot, Outcome.retry("later", 600))
    lost.visibility_lost = True

    bench.settler.flush(everything=True)

    assert bench.sizes("change_visibility") == [1]
    assert (bench.visible_in(lost), bench.visible_in(kept)) == (30, 600)
    assert len(bench.table) == 0


def test_success_after_lost_visibility_still_deletes(bench: Bench) -> None:
    """The queue usually takes it, as long as nobody else received the message."""
    (slot,) = bench.receive()
    slot.visibility_lost = True

    bench.settler.ack(slot, STEPS)
    bench.settler.flush(everything=True)

    assert bench.queue.deleted() == [slot.message.message_id]


@pytest.mark.parametrize("fault", [Fault(error=DOWN), Fault(failed={0: THROTTLED})])
def test_a_change_that_fails_lets_the_message_go(bench: Bench, fault: Fault) -> None:
    """It is visible again when its visibility timeout ends: later or sooner, never lost."""
    (slot,) = bench.receive()
    bench.settler.put_off(slot, Outcome.retry("later", 600))
    bench.queue.faults = [fault] * MAX_ATTEMPTS

    bench.settler.flush(everything=True)

    assert len(bench.table) == 0
    assert bench.visible_in(slot) == pytest.approx(30, abs=16)
    assert slot.message.message_id in bench.queue.bodies()


def test_an_unknown_failure_of_a_change_holds_no_slot(bench: Bench) -> None:
    """Even a bug in the transport frees the slot before it stops the process."""
    (slot,) = bench.receive()
    bench.settler.put_off(slot, Outcome.retry("later", 600))
    bench.queue.faults = [Fault(error=KeyError("Failed"))]

    with pytest.raises(KeyError):
        bench.settler.flush(everything=True)

    assert len(bench.table) == 0


def test_no_renewal_waits_for_a_change_that_can_not_get_through(bench: Bench) -> None:
    """An unreachable queue must not keep the heartbeat from the other messages."""
    (slot,) = bench.receive()
    bench.settler.put_off(slot, Outcome.retry("later", 600))
    locked: list[bool] = []

    def look(_call: object) -> Fault:
        locked.append(bench.table.visibility_lock.locked())
        return Fault(error=DOWN)

    bench.queue.faults = look
    bench.settler.flush(everything=True)

    assert locked == [False] * MAX_ATTEMPTS
    assert slot.leaving


def test_a_refusal_before_any_success_is_fatal_at_once(bench: Bench) -> None:
    """No permission to delete is told before the queue was handled twice."""
    (slot,) = bench.receive()
    bench.settler.ack(slot, STEPS)
    bench.queue.faults = [Fault(error=DENIED)]

    bench.settler.flush(everything=True)

    assert bench.sizes("delete") == [1]
    assert bench.settler.fatal is DENIED
    assert bench.ledger.succeeded(slot.message.message_id) == set(STEPS)


def test_a_refusal_after_a_success_has_a_grace_period(bench: Bench) -> None:
    """A policy that is being edited denies for moments."""
    bench.settler.ack(bench.receive()[0], STEPS)
    bench.settler.flush(everything=True)

    for waited, expected in ((0, None), (59, None), (1, DENIED)):
        bench.clock.advance(waited)
        bench.queue.faults = [Fault(error=DENIED, operation="delete")]
        bench.settler.ack(bench.receive()[0], STEPS)
        bench.settler.flush(everything=True)
        assert bench.settler.fatal is expected


def test_the_grace_period_starts_anew_after_a_success(bench: Bench) -> None:
    """Two short refusals an hour apart are not one long one."""
    for refused in (False, True, False, True):
        faults = [Fault(error=DENIED, operation="delete")] if refused else []
        bench.queue.faults = list(faults)
        bench.settler.ack(bench.receive()[0], STEPS)
        bench.settler.flush(everything=True)
        bench.clock.advance(1800)

    assert bench.settler.fatal is None


def test_deletes_that_go_through_do_not_hide_that_changes_are_refused(bench: Bench) -> None:
    """Each operation has its own permission, and its own grace period."""
    bench.settler.put_off(bench.receive()[0], Outcome.retry("later"))
    bench.settler.flush(everything=True)

    for expected in (None, DENIED):
        bench.settler.ack(bench.receive()[0], STEPS)
        bench.settler.flush(everything=True)
        bench.queue.faults = [Fault(error=DENIED, operation="change_visibility")]
        bench.settler.put_off(bench.receive()[0], Outcome.retry("later"))
        bench.settler.flush(everything=True)
        assert bench.settler.fatal is expected
        bench.clock.advance(60)


def test_in_a_hurry_there_is_one_attempt_and_after_a_failure_none(bench: Bench) -> None:
    """The deadline has passed: a dead network is not waited for, once for every ten messages."""
    for slot in bench.receive(30):
        bench.settler._deletes.append((slot, STEPS))
    bench.queue.faults = lambda _call: Fault(error=DOWN, seconds=35)
    bench.settler.hurry.set()

    bench.settler.flush(everything=True)

    assert bench.sizes("delete") == [10]
    assert len(bench.table) == 0
    assert len(bench.ledger) == 30


def test_a_call_that_takes_its_time_is_a_sign_of_life(bench: Bench) -> None:
    """Between attempts progress is noted, so an outage does not look like a hang."""
    bench.settler.ack(bench.receive()[0], STEPS)
    oldest = 0.0

    def slow(_call: object) -> Fault:
        nonlocal oldest
        bench.clock.advance(35)
        oldest = max(oldest, bench.clock.monotonic() - bench.settler.progress)
        return Fault(error=DOWN)

    bench.queue.faults = slow
    bench.settler.flush(everything=True)

    assert oldest <= 35 + 5
