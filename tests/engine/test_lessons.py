"""Faults of other SQS consumers that do not occur here: each lesson by its number.

The lessons are collected from complaints about other consumers. Those that are not here belong to
other parts: 5 (time limits of a call), 25 and 26 (credentials) and 27 (AWS's error codes) to the
transport; 30 (Lambda's idle bill; 29 is ours), 33 (gauges) and 39 (traces) to the service; 37 (dead
threads are restarted there; here one that dies stops the process, see rule 9).
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import (
    BatchFailure,
    QueueMissingError,
    Reject,
    Retry,
    TransportError,
)
from consumer.messages import Outcome
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_MESSAGE_BYTES
from consumer.testing import Fault, InMemoryQueue, canvas_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Context, Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

GONE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
DOWN = TransportError("down", code="EndpointConnectionError")


@pytest.fixture(name="handled")
def _handled(registry: Registry) -> Counter[str]:
    """How often each message was handled, by a handler that succeeds."""
    handled: Counter[str] = Counter()
    registry.add(lambda event: handled.update([event.message_id]), "*", name="one")
    return handled


def test_lesson_01_the_poll_loop_survives_a_network_blip(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Celery logged "Connected" and never fetched again: here the next receive gets the message."""
    rig = make_rig(registry)
    rig.receive()
    rig.fail("receive", times=30)
    ids = rig.send()

    for _ in range(31):
        rig.receive_as_a_thread()
    rig.work()
    rig.settle()

    assert rig.queue.deleted() == ids
    assert rig.status.failure is None


def test_lesson_01_a_poll_loop_that_stands_still_is_noticed(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Its missing progress is a problem of health within two minutes."""
    rig = make_rig(registry)

    for _ in range(120):
        rig.beat(1)

    assert list(rig.status.problems) == ["no thread receives"]


def test_lesson_02_an_error_in_user_code_does_not_end_the_loop(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Bbc's loop died in an error listener: here a hook that fails is a failure of one message."""

    def fail(*_args: object) -> None:
        raise LookupError

    registry.use(fail)
    registry.add(lambda _event: None, "a", name="a")
    registry.add(lambda _event: None, "b", name="b", when=fail)
    registry.add(fail, "c", name="c", batch=1)
    rig = make_rig(registry)
    for name in "abc":
        rig.send(name)

    rig.cycle()

    assert rig.stats["failed"] == 3
    assert rig.held() == []


@pytest.mark.parametrize("code", ["", "InvalidAddress", "NeverHeardOfIt", "SignatureDoesNotMatch"])
def test_lesson_03_an_unknown_error_is_transient(
    make_rig: MakeRig, registry: Registry, code: str
) -> None:
    """Others stopped polling on errors outside a short list: here only fatal errors are listed."""
    rig = make_rig(registry)
    rig.queue.faults = [Fault(error=TransportError("x", code=code))]

    rig.worker.threads.guard("pool", rig.receive_as_a_thread)

    assert rig.status.finished == ""
    assert rig.receive().pause_seconds == 0


def test_lesson_04_failing_receives_are_spaced(make_rig: MakeRig, registry: Registry) -> None:
    """Others logged 40 errors a second: here it is less than two a minute in the long run."""
    rig = make_rig(registry)
    rig.fail("receive", times=10_000)
    before = rig.clock.monotonic()
    while rig.clock.monotonic() - before < 3600:
        rig.receive_as_a_thread()

    assert len(rig.calls("receive")) < 120


def test_lesson_06_failed_receives_leak_no_capacity(make_rig: MakeRig, registry: Registry) -> None:
    """Qdone's workers stopped after enough failures, and still looked healthy."""
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    rig.fail("receive", times=50)
    for _ in range(50):
        rig.receive()

    assert rig.asks() == 10


def test_lesson_07_an_undecodable_message_gives_its_capacity_back(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Spring's listener was stuck for good after enough of them."""
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    for body in ("", "null", "[]", "{", '"text"', "\ud800", "[" * 5000):
        rig.queue.send(body)

    rig.cycle()

    assert rig.stats["undecodable"] == 7
    assert rig.held() == []
    assert rig.asks() == 10


def test_lesson_08_a_message_completes_once(make_rig: MakeRig, registry: Registry) -> None:
    """Shoryuken's counter went negative: here a message that is released twice is counted once."""
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    registry.add(lambda _event: None, "*", name="one")
    rig.bring(2)
    table = rig.parts.in_flight
    one, _two = table.snapshot()

    for _ in range(3):
        table.release([one, one])

    assert len(table) == 1
    assert table.reserve() == 9


@pytest.mark.parametrize("count", [1, 9, 10, 11, 25])
def test_lesson_09_buffered_acks_are_flushed_on_shutdown(
    make_rig: MakeRig, registry: Registry, handled: Counter[str], count: int
) -> None:
    """Spring discarded the acks below its threshold."""
    rig = make_rig(registry)
    rig.send(count=count)
    while rig.receive().messages:
        rig.work()

    counts = rig.drain()

    assert counts.deleted == count == len(rig.queue.deleted())


def test_lesson_10_an_ack_added_during_a_flush_is_not_lost(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Spring lost acks added between reading the buffer and clearing it."""
    rig = make_rig(registry)
    ids = rig.send(count=15)
    rig.receive()
    rig.work()
    rig.receive()
    late = rig.parts.receiver.take_back()
    rig.parts.settler.ack(late[:3])

    def ack_late() -> None:
        rig.parts.settler.ack(late[3:])

    rig.clock.call_later(1, ack_late)
    rig.queue.faults = [Fault(seconds=2, operation="delete")]

    rig.settle()

    assert sorted(rig.queue.deleted()) == sorted(ids)
    assert rig.held() == []


def test_lesson_11_a_redelivery_does_not_spoil_the_batch_it_is_in(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Others got BatchEntryIdsNotDistinct: here it is one entry, with the newest handle."""
    rig = make_rig(registry)
    ids = rig.bring(5)
    rig.work()
    for message_id in ids:
        rig.queue.redeliver(message_id)
    rig.receive()
    rig.work()

    rig.settle()

    assert rig.calls("delete") == [5]
    assert rig.queue.deleted() == ids
    assert handled == Counter(ids)


def test_lesson_12_failed_entries_of_a_200_are_read(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Bbc and others ignored them, and messages were redelivered without end."""
    rig = make_rig(registry)
    ids = rig.send(count=2)
    rig.refuse("delete", {0: EntryFailure("InternalError")})

    rig.cycle()

    assert rig.queue.deleted() == [ids[1], ids[0]]
    assert rig.stats["deleted"] == 2


@pytest.mark.parametrize("code", ["RequestThrottled", "InternalError", "AccessDenied", "Anything"])
def test_lesson_13_a_failed_entry_is_tried_again_whoever_is_at_fault(
    make_rig: MakeRig, registry: Registry, handled: Counter[str], code: str
) -> None:
    """SenderFault does not mean permanent (throttling has it, too): only "gone" is final."""
    rig = make_rig(registry)
    ids = rig.send()
    for _ in range(3):
        rig.refuse("delete", {0: EntryFailure(code)})

    rig.cycle()

    assert rig.queue.deleted() == ids
    assert len(rig.parts.ledger) == 0


def test_lesson_14_a_long_handler_runs_once(make_rig: MakeRig, registry: Registry) -> None:
    """Without a heartbeat its message was redelivered after half a minute."""
    runs: list[str] = []

    def slow(event: Event) -> None:
        runs.append(event.message_id)
        rig.beat(600)

    registry.add(slow, "*")
    rig = make_rig(registry)
    ids = rig.send()

    rig.cycle()
    rig.cycle()

    assert runs == rig.queue.deleted() == ids


def test_lesson_14_prefetched_messages_are_covered(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Renewals begin with the receive, not with the handler."""
    rig = make_rig(registry)
    ids = rig.bring(30)

    rig.beat(600)
    rig.work()
    rig.settle()

    assert handled == Counter(ids)
    assert {rig.queue.receive_count(message_id) for message_id in ids} == {1}


def test_lesson_15_everything_in_flight_is_renewed_in_time(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Bento could not renew all its handles: here a full table is renewed at each half-life."""
    rig = make_rig(registry)
    capacity = rig.parts.in_flight.max_messages
    rig.send(count=capacity)
    while rig.receive().messages:
        pass
    rig.queue.faults = lambda call: Fault(seconds=0.05) if call.operation != "receive" else None

    rig.beat(120)

    assert len(rig.held()) == capacity
    assert len(rig.queue.in_flight()) == capacity
    assert rig.stats["visibility_lost"] == 0


def test_lesson_16_the_same_visibility_is_sent_with_receives_and_renewals(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Elsewhere the client's default replaced the queue's, or was missing in the receive."""
    seen: list[int | None] = []

    class Recorder(InMemoryQueue):
        """Records the visibility timeouts."""

        def receive(self, **options: Any) -> Any:
            seen.append(options["visibility_timeout_seconds"])
            return super().receive(**options)

        def change_visibility(self, changes: Sequence[tuple[str, int]]) -> Any:
            seen.extend(seconds for _, seconds in changes)
            return super().change_visibility(changes)

    clock = make_rig(registry).clock
    rig = make_rig(registry, clock=clock, queue=Recorder(clock, visibility_timeout_seconds=77))
    rig.bring()
    rig.beat(40)

    assert seen == [30, 30, 30]


def test_lesson_17_nothing_is_asked_for_beyond_twelve_hours(
    make_rig: MakeRig, registry: Registry
) -> None:
    """SQS refuses it instead of shortening it: here no renewal and no retry delay is refused."""
    answers: list[Any] = []

    class Recorder(InMemoryQueue):
        """Records SQS's answer to each change."""

        def change_visibility(self, changes: Sequence[tuple[str, int]]) -> Any:
            answers.extend(super().change_visibility(changes))
            return answers[-len(changes) :]

    def slow(_event: Event) -> None:
        rig.beat(11 * 3600, step=5.0)
        raise Retry(after=40_000)

    registry.add(slow, "*")
    clock = make_rig(registry).clock
    rig = make_rig(
        registry, clock=clock, queue=Recorder(clock, advance_on_empty=False)
    )  # fmt: skip
    rig.send()

    rig.cycle()

    assert len(answers) > 2000
    assert set(answers) == {None}
    (stored,) = rig.queue._messages.values()
    assert 3000 <= stored.visible_at - clock.monotonic() <= 3600


def test_lesson_18_what_was_handled_and_not_deleted_is_not_handled_again(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """The handler took longer than its receipt handle was valid: the ledger has its success."""
    rig = make_rig(registry)
    (message_id,) = rig.send()
    rig.receive()
    rig.clock.advance(31)  # it was not renewed
    rig.parts.heartbeat.tick()
    other = rig.queue.receive(max_messages=1, wait_seconds=0, visibility_timeout_seconds=30)
    assert [message.message_id for message in other] == [message_id]
    rig.work()
    rig.settle()
    assert rig.queue.deleted() == []

    rig.clock.advance(31)
    rig.cycle()

    assert rig.queue.deleted() == [message_id]
    assert handled[message_id] == 1


def test_lesson_19_messages_of_the_last_long_poll_are_given_back(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Elsewhere a SIGTERM during a long poll hid its messages until their timeout."""
    rig = make_rig(registry)
    rig.open_receive()

    def answer() -> None:
        rig.send(count=2)
        rig.receive()
        rig.end_receive()

    rig.clock.call_later(15, answer)
    counts = rig.drain()

    assert counts.released == 2
    assert len(rig.queue.visible()) == 2


def test_lesson_20_an_open_long_poll_is_never_aborted(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Stopping waits for it; the transport is not closed under it."""
    rig = make_rig(registry)
    rig.open_receive()
    before = rig.clock.monotonic()
    rig.clock.call_later(19, rig.end_receive)

    rig.drain()

    assert 19 <= rig.clock.monotonic() - before < 20
    assert not rig.queue.closed


def test_lesson_21_a_deployment_dead_letters_nothing(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Elsewhere, with maxReceiveCount 1, every interrupted message went to the DLQ."""
    rig = make_rig(registry)
    dead = InMemoryQueue(rig.clock, name="dead")
    rig.queue.dead_letter_queue, rig.queue.max_receive_count = dead, 1
    ids = rig.bring(5)
    rig.work()

    rig.drain()
    make_rig(registry, queue=rig.queue, clock=rig.clock).cycle()

    assert dead.bodies() == {}
    assert rig.queue.deleted() == ids


def test_lesson_22_a_shutdown_sends_nothing_again(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Release is a change of visibility: the same messages, with the same ids."""
    rig = make_rig(registry)
    ids = rig.bring(5)

    rig.drain()

    assert rig.queue.visible() == ids
    assert {call.operation for call in rig.queue.calls} == {"receive", "change_visibility"}


def test_lesson_23_a_second_stop_changes_nothing(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Shoryuken hung after a second signal: here stopping is idempotent."""
    rig = make_rig(registry)
    rig.bring(3)
    rig.worker.stop()
    rig.worker.stop()

    first = rig.drain(signal_after=0)
    second = rig.drain(signal_after=0)

    assert first == second
    assert first.released == 3


def test_lesson_23_a_hung_worker_does_not_block_the_exit(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """The deadline is hard; deletes and releases are still sent."""
    rig = make_rig(registry, engine={"drain_timeout_seconds": 10})
    ids = rig.bring(3)
    rig.begin_one()
    rig.hold_one()
    before = rig.clock.monotonic()

    counts = rig.drain()

    assert rig.clock.monotonic() - before < 11
    assert (counts.deleted, counts.released, counts.abandoned) == (1, 1, 1)
    assert rig.queue.deleted() == ids[:1]
    assert sorted(rig.queue.visible()) == sorted(ids[1:])


@pytest.mark.parametrize("error", [Reject("no"), Retry("busy"), OSError()])
def test_lesson_24_only_a_success_deletes(
    make_rig: MakeRig, registry: Registry, error: Exception
) -> None:
    """Vector deleted rejected messages, and dropped fetched ones at shutdown."""

    def fail(_event: Event) -> None:
        raise error

    registry.add(fail, "*")
    rig = make_rig(registry)
    ids = rig.bring(3)
    rig.begin_one()

    rig.drain()

    assert rig.queue.deleted() == []
    assert sorted(rig.queue.bodies()) == sorted(ids)


def test_lesson_28_too_much_in_flight_is_survived(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """At its limit the queue answers with OverLimit, or with nothing: receives go on."""
    rig = make_rig(registry)
    rig.queue.in_flight_limit = 5
    rig.bring(8)
    assert rig.receive().messages == 0
    rig.queue.faults = [Fault(error=TransportError("too much", code="OverLimit"))]
    assert rig.receive().pause_seconds > 0

    rig.work()
    rig.settle()
    rig.cycle()

    assert len(rig.queue.deleted()) == 8


def test_lesson_29_an_idle_queue_costs_three_requests_a_minute(
    make_rig: MakeRig, registry: Registry, handled: Counter[str]
) -> None:
    """Others made 552,896 empty receives a month: here it is 130,000, and no other calls."""
    rig = make_rig(registry)
    rig.queue.advance_on_empty = True
    rig.receive()
    rig.queue.calls.clear()

    rig.clock.cpu_seconds = 0.0
    for _ in range(30):
        rig.receive_as_a_thread()
        rig.parts.heartbeat.tick()
        rig.worker.threads.tick()

    assert rig.calls("receive") == [10] * 30
    assert len(rig.queue.calls) == 30
    assert rig.parts.pool.load.limit == 1


def test_lesson_31_a_message_of_one_mebibyte_is_handled(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The only limit on size is SQS's own, and it is used only to reserve capacity."""
    sizes: list[int] = []
    registry.add(lambda event: sizes.append(len(event.raw)), "*", name="one")
    rig = make_rig(registry)
    padding = MAX_MESSAGE_BYTES - len(canvas_body(body={"text": ""}))
    rig.queue.send(canvas_body(body={"text": "x" * padding}))

    rig.cycle()

    assert sizes == [MAX_MESSAGE_BYTES]
    assert len(rig.queue.deleted()) == 1


def test_lesson_31_large_messages_are_bounded_in_memory(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Ten of them per receive and eight pollers would be 80 MiB: bytes are limited, too."""
    rig = make_rig(
        registry, engine={"max_in_flight_bytes": 8 * MAX_MESSAGE_BYTES, "max_pollers": 8}
    )
    for _ in range(40):
        rig.queue.send("x" * (MAX_MESSAGE_BYTES - 100))

    for _ in range(40):
        rig.receive()

    assert 7 <= len(rig.held()) <= 8


def test_lesson_32_each_message_of_a_batch_has_its_own_outcome(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A failure does not hide the results of others, and no batch affects the next."""
    calls: list[list[str]] = []

    def store(events: Sequence[Event]) -> None:
        calls.append([event.message_id for event in events])
        if len(calls) == 1:
            raise BatchFailure({events[0]: OSError(), events[1]: Reject("no")})

    registry.add(store, "*", batch=3)
    rig = make_rig(registry)
    ids = rig.send(count=6)

    rig.cycle()

    assert calls == [ids[:3], ids[3:]]
    assert sorted(rig.queue.deleted()) == sorted([ids[2], *ids[3:]])
    assert rig.held() == []


def test_lesson_34_a_missing_queue_ends_the_process_at_once(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Neither a hang, nor a loop, nor a new queue under the mistyped name."""
    rig = make_rig(registry)
    rig.queue.faults = [Fault(error=QueueMissingError("no such queue"))]

    rig.worker.threads.guard("pool", rig.receive_as_a_thread)

    assert rig.status.finished == "failure"
    assert len(rig.queue.calls) == 1
    assert isinstance(rig.status.failure, QueueMissingError)


def test_lesson_35_liveness_is_a_receive_that_returned_empty_or_not(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A signal based on messages would be a false alarm on every quiet night."""
    rig = make_rig(registry)

    for _ in range(200):
        rig.receive()
        rig.beat(20)
        assert list(rig.status.problems) == []


def test_lesson_36_a_timed_out_handler_keeps_its_place_until_it_returns(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Elsewhere they used up all memory: here they count, and in the end no more is received."""
    contexts: list[Context] = []
    stuck: list[int] = []

    def hang(_event: Event, context: Context) -> None:
        contexts.append(context)
        rig.beat(120)
        stuck.append(rig.parts.invoker.runs.stuck())
        assert len(rig.held()) == 10
        assert rig.asks() == 0

    registry.add(hang, "*", timeout_seconds=60)
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    rig.send(count=20)
    rig.receive()
    rig.begin_one()
    rig.settle()

    assert stuck == [1]
    assert contexts[0].should_stop()
    assert len(rig.held()) == 9
    assert rig.asks() == 1


def test_lesson_38_one_function_decides_the_outcome() -> None:
    """Elsewhere two features together retried poison without end: here is the whole table."""
    ack, reject = Outcome.ack(), Outcome.reject("no")
    soon, later, plain = Outcome.retry("s", 1), Outcome.retry("l", 60), Outcome.retry("p")
    order = [later, soon, plain, reject, ack]

    for outcomes in product(order, repeat=3):
        expected = min(outcomes, key=order.index)
        assert Outcome.worst_of(list(outcomes)) is expected

    assert Outcome.worst_of([]) == ack


def test_lesson_38_a_rejected_message_is_not_retried_for_ever(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Its receive count rises at each delivery, until the redrive policy moves it."""

    def refuse(_event: Event) -> None:
        raise Reject("no")

    registry.add(refuse, "*", retry=None)
    rig = make_rig(registry)
    dead = InMemoryQueue(rig.clock, name="dead")
    rig.queue.dead_letter_queue, rig.queue.max_receive_count = dead, 4
    ids = rig.send()

    received = 0
    while rig.queue.bodies():
        received += rig.cycle().messages
        rig.clock.advance(100)

    assert received == 4
    assert list(dead.bodies()) == ids
