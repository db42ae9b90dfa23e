"""Deleting, and making visible again, in batches; and what happens when that fails."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer import log_events
from consumer.engine.attempts import MAX_ATTEMPTS, Attempts
from consumer.engine.inflight import InFlight
from consumer.engine.lane import Lane
from consumer.engine.outbox import REFUSED_SECONDS, UNDER_WAY_SECONDS, Outbox
from consumer.engine.settle import Settler
from consumer.engine.stats import Stats
from consumer.errors import AccessDeniedError, TransportError
from consumer.handlers.registering.registry import Handler
from consumer.ledger.database import Step
from consumer.ledger.ledger import Ledger
from consumer.messages import Outcome
from consumer.queues.transport import EntryFailure
from consumer.retry import RetryPolicy
from consumer.testing import Fault, InMemoryQueue, ManualClock, canvas_body
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from consumer.engine.inflight import InFlightMessage
    from consumer.messages import ReceivedMessage

GONE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
THROTTLED = EntryFailure("RequestThrottled")
DOWN = TransportError("no route", code="EndpointConnectionError")
DENIED = AccessDeniedError("no", code="AccessDenied")
STEP = Step(0, "store")
LINGER = 0.5


class Bench:
    """A settler with a real table, ledger and queue; `receive` fills the table."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queue = InMemoryQueue(
            self.clock, visibility_timeout_seconds=30, advance_on_empty=False
        )
        self.in_flight = InFlight(max_messages=100, max_bytes=1 << 40)
        self.ledger = Ledger(clock=self.clock)
        self.stats = Stats()
        self.attempts = Attempts(clock=self.clock, fatal_grace_seconds=60)
        self.put_back: dict[str, str] = {}
        self.outbox = Outbox(
            self.queue, self.in_flight, self.ledger, self.stats, self.attempts,
            clock=self.clock, linger_seconds=LINGER,
        )  # fmt: skip
        self.settler = Settler(
            self.outbox,
            self.ledger,
            self.stats,
            rng=Random(5),
            retry=RetryPolicy(5, 900),
            put_back=self.put_back,
        )

    def ack(self, *messages: InFlightMessage) -> None:
        """Their handler has succeeded."""
        for message in messages:
            message.succeeded = [STEP]
        self.settler.ack(messages)

    def retry(
        self,
        message: InFlightMessage,
        seconds: float | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Their handler has failed."""
        handler = Handler("store", ("*",), call=lambda event, context: None, retry=retry)
        self.settler.settle(message, Outcome.retry("later", seconds), handler)

    def send_due(self) -> None:
        """What a thread sends that has time now."""
        while self.outbox.send():
            pass

    def send_all(self) -> None:
        """What threads send until nothing waits; time passes only where it must."""
        while self.outbox.pending():
            if not self.outbox.send(partial=True):
                self.clock.advance(0.1)

    def receive(self, count: int = 1) -> list[InFlightMessage]:
        """Send messages and receive them."""
        for number in range(count):
            self.queue.send(canvas_body(number=number))
        messages: list[InFlightMessage] = []
        while len(messages) < count:
            messages += self.receive_again()
        return messages

    def receive_again(self) -> list[InFlightMessage]:
        """Receive what is visible; returns the new messages."""
        reserved = self.in_flight.reserve()
        received = self.queue.receive(
            max_messages=reserved, wait_seconds=0, visibility_timeout_seconds=30
        )
        return self.admit(*received, reserved=reserved)

    def admit(self, *received: ReceivedMessage, reserved: int = 0) -> list[InFlightMessage]:
        """Take what a receive has brought; returns the new messages."""
        visible_at = self.clock.monotonic() + 30
        return self.in_flight.admit(reserved, received, visible_at=visible_at)[0]

    def sizes(self, operation: str) -> list[int]:
        """The sizes of the calls so far."""
        return [call.size for call in self.queue.calls if call.operation == operation]

    def visible_in(self, message: InFlightMessage) -> float:
        """Seconds until the queue shows the message again."""
        stored = self.queue._messages[message.message_id]
        return stored.visible_at - self.clock.monotonic()


@pytest.fixture(name="bench")
def _bench() -> Bench:
    return Bench()


def test_a_full_batch_is_sent_by_the_next_thread_that_has_time(bench: Bench) -> None:
    """Ten acks are one call, without a linger; the thread that acks makes none."""
    messages = bench.receive(10)
    bench.ack(*messages[:9])
    assert bench.outbox.full() == 0
    bench.ack(messages[9])
    assert bench.outbox.full() == 1
    assert bench.sizes("delete") == []

    assert bench.outbox.send()

    assert bench.sizes("delete") == [10]
    assert len(bench.queue.deleted()) == 10
    assert len(bench.in_flight) == 0
    assert bench.stats["deleted"] == 10
    assert (bench.outbox.pending(), bench.outbox.full()) == (0, 0)


def test_fewer_than_ten_wait_for_the_linger(bench: Bench) -> None:
    """From the first of them, not the last; until then the message is held."""
    one, two = bench.receive(2)
    bench.ack(one)
    bench.clock.advance(0.3)
    bench.ack(two)
    bench.clock.advance(0.1)
    bench.send_due()
    assert bench.sizes("delete") == []
    assert len(bench.in_flight) == 2

    bench.clock.advance(0.1)
    bench.send_due()

    assert bench.sizes("delete") == [2]
    assert len(bench.in_flight) == 0


def test_each_send_is_one_call(bench: Bench) -> None:
    """So several threads can send at the same time; the rest lingers."""
    bench.ack(*bench.receive(37))
    assert bench.outbox.full() == 3

    sent = [bench.outbox.send() for _ in range(4)]

    assert sent == [True, True, True, False]
    assert bench.sizes("delete") == [10, 10, 10]
    assert bench.outbox.pending() == 7


def test_full_batches_of_changes_count_too(bench: Bench) -> None:
    """A drain gives back hundreds of messages; deletes go first."""
    messages = bench.receive(30)
    bench.settler.release(messages[:20])
    bench.ack(*messages[20:])
    assert bench.outbox.full() == 3

    bench.send_due()

    assert [call.operation for call in bench.queue.calls[-3:]] == [
        "delete", "change_visibility", "change_visibility",
    ]  # fmt: skip


def test_when_something_is_due_is_known(bench: Bench) -> None:
    """The first of all that waits; nothing is never due."""
    assert bench.outbox.due() == float("inf")
    one, two = bench.receive(2)
    now = bench.clock.monotonic()
    bench.ack(one)
    bench.clock.advance(0.2)
    bench.retry(two)

    assert bench.outbox.due() == now + LINGER
    bench.clock.advance(0.3)
    bench.send_due()
    assert bench.outbox.due() == now + 0.2 + LINGER
    bench.outbox.recalls.add(["handle"])
    assert bench.outbox.due() == now + 0.5


def test_a_drain_lets_nothing_linger(bench: Bench) -> None:
    """What waits already and what is still to come is due at once."""
    one, two, three, four = bench.receive(4)
    bench.ack(one)
    bench.retry(two, 9)

    bench.outbox.stop_lingering()
    bench.send_due()
    assert bench.outbox.pending() == 0
    bench.ack(three)
    bench.retry(four, 9)
    bench.send_due()

    assert bench.outbox.pending() == 0
    assert bench.sizes("delete") == [1, 1]
    assert bench.sizes("change_visibility") == [1, 1]


def test_sending_everything_leaves_nothing(bench: Bench) -> None:
    """Deletes and changes, however many and however fresh."""
    messages = bench.receive(28)
    bench.ack(*messages[:14])
    for message in messages[14:]:
        bench.retry(message, 60)

    bench.send_all()

    assert bench.outbox.pending() == 0
    assert len(bench.in_flight) == 0
    assert len(bench.queue.deleted()) == 14
    assert {bench.visible_in(message) for message in messages[14:]} == {60}


def test_a_message_that_came_again_is_deleted_by_its_newest_handle(bench: Bench) -> None:
    """Its visibility ran out while the delete waited for company."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.redeliver(message.message_id)
    bench.receive_again()

    bench.send_all()

    assert bench.queue.deleted() == [message.message_id]
    assert len(bench.in_flight) == 0


@for_each("lenient", [True, False])
def test_a_message_that_comes_again_during_its_delete_is_deleted_again(*, lenient: bool) -> None:
    """SQS may even say that the old handle deleted it: only the newest one does."""
    bench = Bench()
    bench.queue.stale_deletes_succeed = lenient
    (message,) = bench.receive()

    def come_again() -> None:
        bench.queue.redeliver(message.message_id)
        bench.receive_again()

    bench.ack(message)
    bench.clock.call_later(1, come_again)
    bench.queue.faults = [Fault(seconds=2, operation="delete")]
    bench.send_all()

    assert bench.queue.deleted() == [message.message_id]
    assert len(bench.in_flight) == 0
    assert len(bench.ledger) == 0


class Overtaken:
    """The lock of `InFlight`, which another thread takes a moment earlier, once."""

    def __init__(self, in_flight: InFlight, other_thread: Callable[[], object]) -> None:
        self._lock = in_flight._lock
        self._other_thread: Callable[[], object] | None = other_thread
        in_flight._lock = self  # type: ignore[assignment]

    def __enter__(self) -> None:
        other_thread, self._other_thread = self._other_thread, None
        if other_thread is not None:
            other_thread()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@for_each("failed", [False, True])
def test_a_message_that_comes_again_as_its_delete_is_answered_is_deleted_again(
    *, failed: bool
) -> None:
    """Between the answer and its release: else that delivery would belong to nothing."""
    bench = Bench()
    bench.queue.stale_deletes_succeed = True
    (message,) = bench.receive()
    delete = bench.queue.delete

    def delete_late(handles: Sequence[str]) -> list[EntryFailure | None]:
        """It is the old handle by the time that SQS acts."""
        bench.queue.redeliver(message.message_id)
        (again,) = bench.queue.receive(
            max_messages=1, wait_seconds=0, visibility_timeout_seconds=30
        )
        answers = delete(handles)
        bench.queue.delete = delete  # type: ignore[method-assign]
        Overtaken(bench.in_flight, lambda: bench.admit(again))
        return [EntryFailure("InternalError", gone=True)] if failed else answers

    bench.queue.delete = delete_late  # type: ignore[method-assign, assignment]
    bench.ack(message)
    bench.send_all()

    assert bench.queue.deleted() == [message.message_id]
    assert len(bench.in_flight) == 0


def test_in_a_hurry_a_message_that_comes_again_is_a_delivery_of_its_own(bench: Bench) -> None:
    """Also if a renewal is under way: the change that is sent can't settle what comes then."""
    (message,) = bench.receive()
    bench.settler.release([message])
    bench.in_flight.begin_renewal([message])
    bench.attempts.hurry.set()
    bench.queue.faults = [Fault(seconds=2, operation="change_visibility")]
    again: list[InFlightMessage] = []

    def come_again() -> None:
        bench.queue.redeliver(message.message_id)
        again.extend(bench.receive_again())

    bench.clock.call_later(1, come_again)
    bench.outbox.send(partial=True)

    assert [m.message_id for m in again] == [message.message_id]
    assert bench.in_flight.snapshot() == again


def test_a_message_is_known_to_be_deleted_from_the_call_on(bench: Bench) -> None:
    """A renewal that finds it gone has not lost it."""
    (message,) = bench.receive()
    bench.ack(message)
    deleting = [message.deleting]
    bench.queue.faults = lambda _call: deleting.append(message.deleting)

    bench.send_all()

    assert deleting == [False, True]


def test_failed_entries_are_sent_again_and_the_others_are_done(bench: Bench) -> None:
    """A 200 can hold failures: each entry has its own fate."""
    messages = bench.receive(3)
    for message in messages:
        bench.ack(message)
    bench.queue.faults = [Fault(failed={1: THROTTLED}, operation="delete")]
    bench.clock.advance(0.5)
    bench.send_due()
    assert [bench.in_flight.holds(message) for message in messages] == [False, True, False]

    bench.clock.advance(0.5)
    bench.send_due()

    assert bench.sizes("delete") == [3, 1]
    assert len(bench.queue.deleted()) == 3
    assert bench.stats["deleted"] == 3


def test_retried_entries_are_spaced_even_when_everything_is_sent(bench: Bench) -> None:
    """A throttled queue is not called all the time, however much room is needed."""
    bench.ack(*bench.receive(10))
    refused = Fault(failed=dict.fromkeys(range(10), THROTTLED), operation="delete")
    bench.queue.faults = [refused] * 2
    bench.outbox.send()
    began = bench.clock.monotonic()

    for _ in range(2):
        assert (bench.outbox.full(), bench.outbox.pending()) == (0, 10)
        assert not bench.outbox.send(partial=True)
        bench.clock.advance(REFUSED_SECONDS)
        assert bench.outbox.send()

    assert len(bench.queue.deleted()) == 10
    assert bench.clock.monotonic() - began == 2 * REFUSED_SECONDS


def test_an_entry_that_keeps_failing_is_in_the_ledger_before_it_is_let_go(bench: Bench) -> None:
    """It was handled: when it comes again, it is deleted without another run."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.faults = [Fault(failed={0: THROTTLED}, operation="delete")] * MAX_ATTEMPTS

    bench.send_all()

    assert bench.sizes("delete") == [1] * MAX_ATTEMPTS
    assert bench.ledger.succeeded(message.message_id) == {STEP}
    assert len(bench.in_flight) == 0
    assert bench.stats["delete_failed"] == 1
    assert bench.stats["deleted"] == 0


def test_a_handle_that_is_gone_is_not_tried_again(bench: Bench) -> None:
    """A fact: the ledger remembers what was handled."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.faults = [Fault(failed={0: GONE}, operation="delete")]

    bench.send_all()

    assert bench.sizes("delete") == [1]
    assert bench.ledger.succeeded(message.message_id) == {STEP}
    assert len(bench.in_flight) == 0


def test_a_failed_call_is_made_again_after_a_pause(bench: Bench) -> None:
    """A connection that broke loses nothing."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.faults = [Fault(error=DOWN)] * (MAX_ATTEMPTS - 1)

    bench.send_all()

    assert bench.queue.deleted() == [message.message_id]
    assert len(bench.clock.waits) == MAX_ATTEMPTS - 1
    assert all(0 <= seconds <= 5 for seconds in bench.clock.waits)


def test_a_delete_whose_answer_was_lost_is_made_again(bench: Bench) -> None:
    """Deleting twice is no failure."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.faults = [Fault(error=DOWN, after=True)]

    bench.send_all()

    assert bench.queue.deleted() == [message.message_id]
    assert bench.stats["deleted"] == 1
    assert len(bench.ledger) == 0


def test_a_call_that_keeps_failing_leaves_its_messages_in_the_ledger(bench: Bench) -> None:
    """They come again, and are deleted then."""
    messages = bench.receive(2)
    for message in messages:
        bench.ack(message)
    bench.queue.faults = [Fault(error=DOWN)] * MAX_ATTEMPTS

    bench.send_all()

    assert all(bench.ledger.succeeded(message.message_id) for message in messages)
    assert len(bench.in_flight) == 0
    assert bench.stats["delete_failed"] == 2
    assert bench.attempts.fatal is None


def test_a_message_that_is_deleted_is_forgotten(bench: Bench) -> None:
    """The ledger keeps what may come again, and only that."""
    (message,) = bench.receive()
    bench.ledger.note([(message.message_id, STEP)])
    bench.ack(message)

    bench.send_all()

    assert len(bench.ledger) == 0


@given(seed=st.integers(0, 10_000), receive_count=st.integers(1, 30))
@settings(max_examples=30)
def test_a_retry_without_a_delay_has_full_jitter_over_the_receive_count(
    seed: int, receive_count: int
) -> None:
    """From one second to the ceiling of the backoff."""
    bench = Bench()
    bench.settler.rng = Random(seed)
    (message,) = bench.receive()
    object.__setattr__(message.received, "receive_count", receive_count)

    bench.retry(message)
    bench.send_all()

    assert 1 <= bench.visible_in(message) <= RetryPolicy(5, 900).ceiling(receive_count)


def test_no_retry_comes_again_at_once_by_chance(bench: Bench) -> None:
    """The smallest number that can be drawn still is a delay of a second."""

    class Smallest(Random):
        """Draws zeros."""

        def random(self) -> float:
            return 0.0

    bench.settler.rng = Smallest()
    (message,) = bench.receive()

    bench.retry(message)
    bench.send_all()

    assert bench.visible_in(message) == 1


def test_the_policy_of_the_handler_wins(bench: Bench) -> None:
    """A handler that knows its dependency says how long to wait."""
    messages = bench.receive(20)

    for message in messages:
        bench.retry(message, retry=RetryPolicy(4000, 4000))
    bench.send_all()

    assert max(bench.visible_in(message) for message in messages) > 2000


@pytest.mark.parametrize(
    ("asked", "given"), [(0, 0), (0.0, 0), (0.2, 1), (7, 7), (90.5, 91), (10**9, 42_900)]
)
def test_an_explicit_delay_is_kept_within_what_sqs_takes(
    bench: Bench, asked: float, given: int
) -> None:
    """0 means at once; fractions are rounded up; beyond twelve hours it is the most that goes."""
    (message,) = bench.receive()

    bench.retry(message, asked)
    bench.send_all()

    assert bench.visible_in(message) == given


def test_a_long_delay_is_shortened_by_the_age_of_the_message(bench: Bench) -> None:
    """SQS counts twelve hours from the receive, and refuses what reaches past it."""
    (message,) = bench.receive()
    handle = message.receipt_handle
    for _ in range(10):
        bench.queue.change_visibility([(handle, 4000)])
        bench.clock.advance(3600)
    message.visible_at = bench.clock.monotonic() + 400

    bench.retry(message, 40_000)
    bench.send_all()

    assert bench.visible_in(message) == 42_900 - 36_000


def test_a_rejected_message_is_delayed_like_a_failed_one(bench: Bench) -> None:
    """It stays for the redrive policy, and never loops hot."""
    (message,) = bench.receive()

    bench.settler.settle(message, Outcome.reject("not ours"))
    bench.send_all()

    assert 1 <= bench.visible_in(message) <= 5
    assert bench.queue.deleted() == []


def test_a_release_makes_visible_at_once(bench: Bench) -> None:
    """Sent by another thread, so that the one that drains is not held up by the queue."""
    messages = bench.receive(15)

    bench.settler.release(messages)
    assert bench.sizes("change_visibility") == []
    bench.send_all()

    assert bench.sizes("change_visibility") == [10, 5]
    assert len(bench.queue.visible()) == 15
    assert len(bench.in_flight) == 0
    assert bench.stats["released"] == 15


def test_what_succeeded_for_a_message_that_is_given_back_is_remembered(bench: Bench) -> None:
    """One of two handlers was done: it does not run again at the next delivery."""
    retried, released = bench.receive(2)
    for message in (retried, released):
        message.succeeded = [STEP]

    bench.retry(retried, 0)
    bench.settler.release([released])

    assert bench.ledger.succeeded(retried.message_id) == {STEP}
    assert bench.ledger.succeeded(released.message_id) == {STEP}


@pytest.mark.parametrize("first", ["ack", "retry", "release"])
@pytest.mark.parametrize("second", ["ack", "retry", "release"])
def test_a_message_is_settled_once(bench: Bench, first: str, second: str) -> None:
    """A drain may have given it back while its handler ran: the first decision is sent."""
    (message,) = bench.receive()

    for decision in (first, second):
        if decision == "ack":
            bench.ack(message)
        elif decision == "retry":
            bench.retry(message, 600)
        else:
            bench.settler.release([message])
    assert bench.outbox.pending() == 1
    bench.send_all()

    assert bench.sizes("delete" if first == "ack" else "change_visibility") == [1]
    assert bench.sizes("change_visibility" if first == "ack" else "delete") == []


def test_abandoned_messages_are_given_back_and_counted_apart(bench: Bench) -> None:
    """Handlers were still working on them; what is settled already is not counted."""
    messages = bench.receive(3)
    bench.ack(messages[0])

    bench.settler.release(messages, counter="abandoned")
    bench.send_all()

    assert (bench.stats["abandoned"], bench.stats["released"]) == (2, 0)
    assert len(bench.queue.visible()) == 2


def test_why_messages_were_put_back_is_noted_until_they_are_handled(bench: Bench) -> None:
    """A run that ends with an empty queue says what it leaves there."""
    failed, rejected, handled = bench.receive(3)
    bench.retry(failed)
    bench.settler.settle(rejected, Outcome.reject("not ours"))
    bench.put_back[handled.message_id] = "later"

    bench.ack(handled)

    assert bench.put_back == {failed.message_id: "later", rejected.message_id: "not ours"}


def test_releasing_nothing_counts_nothing(bench: Bench) -> None:
    """A zero is not in the summary."""
    bench.settler.release([])

    assert bench.stats.snapshot() == {}


@pytest.mark.parametrize("when", ["before", "while it waits"])
def test_what_lost_its_visibility_is_let_go_without_a_change(bench: Bench, when: str) -> None:
    """Another consumer may hold it: its visibility is not ours to change."""
    (message,) = bench.receive()
    message.visibility_lost = when == "before"

    bench.retry(message, 600)
    message.visibility_lost = True
    bench.send_all()

    assert bench.sizes("change_visibility") == []
    assert len(bench.in_flight) == 0


def test_what_lost_its_visibility_does_not_keep_the_others_from_being_changed(
    bench: Bench,
) -> None:
    """One batch, two fates."""
    lost, kept = bench.receive(2)
    for message in (lost, kept):
        bench.retry(message, 600)
    lost.visibility_lost = True

    bench.send_all()

    assert bench.sizes("change_visibility") == [1]
    assert (bench.visible_in(lost), bench.visible_in(kept)) == (30, 600)
    assert len(bench.in_flight) == 0


def test_success_after_lost_visibility_still_deletes(bench: Bench) -> None:
    """The queue usually takes it, as long as no other consumer received the message."""
    (message,) = bench.receive()
    message.visibility_lost = True

    bench.ack(message)
    bench.send_all()

    assert bench.queue.deleted() == [message.message_id]


@pytest.mark.parametrize("fault", [Fault(error=DOWN), Fault(failed={0: THROTTLED})])
def test_a_change_that_fails_lets_the_message_go(bench: Bench, fault: Fault) -> None:
    """It is visible again when its visibility timeout ends: later or sooner, never lost."""
    (message,) = bench.receive()
    bench.retry(message, 600)
    bench.queue.faults = [fault] * MAX_ATTEMPTS

    bench.send_all()

    assert len(bench.in_flight) == 0
    assert bench.visible_in(message) == pytest.approx(30, abs=16)
    assert message.message_id in bench.queue.bodies()


def test_an_unknown_failure_of_a_change_holds_no_message(bench: Bench) -> None:
    """Even a bug in the transport frees the room before it stops the process."""
    (message,) = bench.receive()
    bench.retry(message, 600)
    bench.queue.faults = [Fault(error=KeyError("Failed"))]

    with pytest.raises(KeyError):
        bench.send_all()

    assert len(bench.in_flight) == 0


# Changes and renewals.


def test_a_change_that_can_not_get_through_keeps_no_renewal_waiting(bench: Bench) -> None:
    """An unreachable queue must not keep the heartbeat from the other messages."""
    leaving, other = bench.receive(2)
    bench.retry(leaving, 600)
    renewable: list[list[InFlightMessage]] = []

    def look(_call: object) -> Fault:
        renewable.append(bench.in_flight.begin_renewal([leaving, other]))
        for message in [leaving, other]:
            message.renewing = False
        return Fault(error=DOWN)

    bench.queue.faults = look
    bench.send_all()

    assert renewable == [[other]] * MAX_ATTEMPTS
    assert leaving.leaving


def test_a_change_waits_for_the_renewal_of_its_message(bench: Bench) -> None:
    """The renewal could arrive later and undo it. The others of the batch do not wait."""
    renewed, other = bench.receive(2)
    bench.retry(renewed, 600)
    bench.retry(other, 600)
    renewing = bench.in_flight.begin_renewal([renewed])

    assert bench.outbox.send(partial=True)
    assert bench.sizes("change_visibility") == [1]
    assert (bench.in_flight.holds(renewed), bench.in_flight.holds(other)) == (True, False)
    assert bench.outbox.pending() == 1

    bench.clock.advance(UNDER_WAY_SECONDS)
    bench.send_due()
    assert bench.outbox.pending() == 1  # the renewal is still under way

    for message in renewing:
        message.renewing = False
    assert not bench.outbox.send(partial=True)
    bench.clock.advance(UNDER_WAY_SECONDS)
    bench.send_due()

    assert bench.sizes("change_visibility") == [1, 1]
    assert bench.visible_in(renewed) == 600
    assert len(bench.in_flight) == 0


def test_a_full_batch_that_waits_for_renewals_is_not_sent_earlier(bench: Bench) -> None:
    """Ten that are being renewed are no reason for a thread to ask without a pause."""
    messages = bench.receive(10)
    bench.settler.release(messages)
    renewing = bench.in_flight.begin_renewal(messages)
    bench.send_due()
    for message in renewing:
        message.renewing = False

    assert not bench.outbox.send(partial=True)
    bench.clock.advance(UNDER_WAY_SECONDS)
    bench.send_due()

    assert bench.sizes("change_visibility") == [10]


def test_in_a_hurry_a_change_waits_for_no_renewal(bench: Bench) -> None:
    """The process ends: there is no time to find out how the renewal went."""
    (message,) = bench.receive()
    bench.settler.release([message])
    bench.in_flight.begin_renewal([message])
    bench.attempts.hurry.set()

    bench.outbox.send(partial=True)

    assert bench.outbox.pending() == 0
    assert bench.queue.visible() == [message.message_id]
    assert len(bench.in_flight) == 0


# Hidden messages whose handler works again.


def test_hidden_messages_are_made_visible_by_their_handles(bench: Bench) -> None:
    """In batches, at once; they are not held here any more."""
    messages = bench.receive(12)
    handles = [message.receipt_handle for message in messages]
    for message in messages:
        bench.retry(message, 3000)
    bench.send_all()

    bench.outbox.recalls.add(handles)
    bench.send_due()

    assert bench.sizes("change_visibility") == [10, 2, 10, 2]
    assert len(bench.queue.visible()) == 12


@pytest.mark.parametrize("fault", [Fault(error=DOWN), Fault(failed={0: GONE})])
def test_a_hidden_message_that_can_not_be_made_visible_comes_later(
    bench: Bench, fault: Fault
) -> None:
    """When its time is over. A handle that is no longer good was received again: that is fine."""
    (message,) = bench.receive()
    bench.retry(message, 3000)
    bench.send_all()
    bench.queue.faults = [fault] * MAX_ATTEMPTS

    bench.outbox.recalls.add([message.receipt_handle])
    bench.send_all()

    assert bench.outbox.pending() == 0
    assert bench.queue.visible() == []
    assert bench.attempts.fatal is None


# Refusals, and a queue that can't be reached.


def test_a_refusal_before_any_success_is_fatal_at_once(bench: Bench) -> None:
    """A missing permission to delete ends the process before the queue is handled twice."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.faults = [Fault(error=DENIED)]

    bench.send_all()

    assert bench.sizes("delete") == [1]
    assert bench.attempts.fatal is DENIED
    assert bench.ledger.succeeded(message.message_id) == {STEP}


def test_a_refusal_after_a_success_has_a_grace_period(bench: Bench) -> None:
    """A policy that is being edited denies for moments."""
    bench.ack(bench.receive()[0])
    bench.send_all()

    for waited, expected in ((0, None), (59, None), (1, DENIED)):
        bench.clock.advance(waited)
        bench.queue.faults = [Fault(error=DENIED, operation="delete")]
        bench.ack(bench.receive()[0])
        bench.send_all()
        assert bench.attempts.fatal is expected


def test_the_grace_period_starts_anew_after_a_success(bench: Bench) -> None:
    """Two short refusals an hour apart are not one long one."""
    for refused in (False, True, False, True):
        faults = [Fault(error=DENIED, operation="delete")] if refused else []
        bench.queue.faults = list(faults)
        bench.ack(bench.receive()[0])
        bench.send_all()
        bench.clock.advance(1800)

    assert bench.attempts.fatal is None


def test_deletes_that_go_through_do_not_hide_that_changes_are_refused(bench: Bench) -> None:
    """Each operation has its own permission, and its own grace period."""
    bench.retry(bench.receive()[0])
    bench.send_all()

    for expected in (None, DENIED):
        bench.ack(bench.receive()[0])
        bench.send_all()
        bench.queue.faults = [Fault(error=DENIED, operation="change_visibility")]
        bench.retry(bench.receive()[0])
        bench.send_all()
        assert bench.attempts.fatal is expected
        bench.clock.advance(60)


def test_a_permission_that_was_never_there_needs_no_grace_period(bench: Bench) -> None:
    """That deletes are allowed says nothing of changes."""
    bench.ack(*bench.receive())
    bench.send_all()
    bench.queue.faults = [Fault(error=DENIED, operation="change_visibility")]

    bench.retry(bench.receive()[0])
    bench.send_all()

    assert bench.attempts.fatal is DENIED


def test_in_a_hurry_there_is_one_attempt_and_after_a_failure_none(bench: Bench) -> None:
    """The deadline has passed: a dead network is not waited for, once for every ten messages."""
    bench.ack(*bench.receive(30))
    bench.queue.faults = lambda _call: Fault(error=DOWN, seconds=35)
    bench.attempts.hurry.set()

    bench.send_all()

    assert bench.sizes("delete") == [10]
    assert len(bench.in_flight) == 0
    assert len(bench.ledger) == 30


def test_a_hurry_cuts_a_pause_short(bench: Bench) -> None:
    """One more attempt, and no further pause."""
    bench.ack(*bench.receive())
    bench.queue.faults = [Fault(error=DOWN, operation="delete")] * 3
    bench.clock.call_later(0.0, bench.attempts.hurry.set)
    began = bench.clock.monotonic()

    bench.send_all()

    assert bench.sizes("delete") == [1, 1]
    assert len(bench.clock.waits) == 1
    assert bench.clock.monotonic() == began


def test_in_a_hurry_a_refused_entry_is_not_sent_again(bench: Bench) -> None:
    """It is in the ledger, and deleted when it comes again."""
    (message,) = bench.receive()
    bench.ack(message)
    bench.queue.faults = [Fault(failed={0: THROTTLED}, operation="delete")]
    bench.attempts.hurry.set()

    bench.outbox.send(partial=True)

    assert bench.outbox.pending() == 0
    assert bench.ledger.succeeded(message.message_id) == {STEP}
    assert len(bench.in_flight) == 0


def test_a_call_that_takes_its_time_is_a_sign_of_life(bench: Bench) -> None:
    """Between attempts progress is noted, so an outage does not look like a hang."""
    bench.ack(*bench.receive())
    oldest = 0.0

    def slow(_call: object) -> Fault:
        nonlocal oldest
        bench.clock.advance(35)
        oldest = max(oldest, bench.clock.monotonic() - bench.attempts.progress)
        return Fault(error=DOWN)

    bench.queue.faults = slow
    bench.send_all()

    assert oldest <= 35 + 5


def test_the_end_of_a_call_is_a_sign_of_life(bench: Bench) -> None:
    """Whether it succeeded or not."""
    for fault in (Fault(seconds=20), Fault(seconds=20, error=DENIED)):
        bench.ack(*bench.receive())
        bench.queue.faults = [fault]
        bench.outbox.send(partial=True)

        assert bench.attempts.progress == bench.clock.monotonic()


def test_what_could_not_be_deleted_or_changed_is_logged(bench: Bench, logs: list[Any]) -> None:
    """With SQS's code, how many messages it is about, and what follows from it."""
    one, two = bench.receive(2)
    bench.ack(one)
    bench.retry(two, 600)
    bench.queue.faults = [
        Fault(failed={0: GONE}, operation="delete"),
        Fault(failed={0: THROTTLED}, operation="change_visibility"),
    ]

    bench.send_all()

    found = [(line["event"], line["code"], line["messages"]) for line in logs]
    assert found == [
        (log_events.DELETE_FAILED, "ReceiptHandleIsInvalid", 1),
        (log_events.VISIBILITY_FAILED, "RequestThrottled", 1),
    ]
    assert all(line["hint"] for line in logs)


# What waits to be sent.


@pytest.fixture(name="lane")
def _lane(bench: Bench) -> Lane[int]:
    return Lane(clock=bench.clock, linger_seconds=2.0)


def test_a_lane_gives_full_batches_at_once_and_the_rest_after_its_linger(
    bench: Bench, lane: Lane[int]
) -> None:
    """In the order of adding."""
    lane.add(range(12))

    assert (lane.full, lane.take(), lane.take()) == (1, list(range(10)), [])
    bench.clock.advance(2)
    assert (lane.full, lane.take(), lane.take()) == (0, [10, 11], [])
    assert (len(lane), lane.due) == (0, float("inf"))


def test_a_lane_gives_what_there_is_if_it_is_asked_for_that(lane: Lane[int]) -> None:
    """When room is needed, or the process drains."""
    lane.add(range(3))

    assert lane.take(partial=True) == [0, 1, 2]
    assert lane.take(partial=True) == []


def test_nothing_is_never_due(bench: Bench, lane: Lane[int]) -> None:
    """To add nothing begins no linger: a thread would look for it again and again."""
    lane.add([])
    bench.clock.advance(10)

    assert (lane.due, lane.take()) == (float("inf"), [])


def test_a_lane_that_is_not_eager_gives_nothing_before_its_linger(bench: Bench) -> None:
    """It is the pause before another attempt, not a wait for company."""
    lane: Lane[int] = Lane(clock=bench.clock, linger_seconds=2.0, eager=False)
    lane.add(range(12))

    assert (lane.full, lane.take()) == (0, [])
    bench.clock.advance(2)
    assert lane.take() == list(range(10))


def test_the_linger_of_a_lane_counts_from_the_first_item(bench: Bench, lane: Lane[int]) -> None:
    """And anew after it was empty."""
    began = bench.clock.monotonic()
    lane.add([1])
    bench.clock.advance(1)
    lane.add([2])
    assert lane.due == began + 2

    lane.take(partial=True)
    lane.add([3])

    assert lane.due == began + 3
