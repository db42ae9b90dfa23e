"""The rules of the engine, each by its number; the details are in the other files.

Rule 7, the circuit breaker, is shown in test_breaker.py; the durable ledger in test_journal.py.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import AccessDeniedError, QueueMissingError, Retry, TransportError
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_MESSAGE_BYTES
from consumer.testing import Fault, InMemoryQueue, canvas_body
from tests.engine.drains import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.handlers.registering.options import Call
    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Context, Event
    from consumer.testing.faults import Operation
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

GONE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
THROTTLED = EntryFailure("RequestThrottled")


def fail(_event: Event) -> None:
    """A handler whose dependency is down."""
    raise OSError


def test_rule_01_a_receive_asks_for_no_more_than_the_free_capacity(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Ten messages, then the rest of the capacity, then none until one is settled."""
    rig = make_rig(registry, engine={"max_in_flight_messages": 13})
    rig.send(count=30)

    asked = [rig.asks() for _ in range(3)]

    assert asked == [10, 3, 0]
    assert rig.calls("receive") == [10, 3]


def test_rule_01_capacity_counts_bytes(make_rig: MakeRig, registry: Registry) -> None:
    """Ten messages of 1 MiB per receive add up, so their total size is limited, too."""
    rig = make_rig(registry, engine={"max_in_flight_bytes": 5 * MAX_MESSAGE_BYTES})
    for _ in range(10):
        rig.queue.send("x" * 900_000)

    asked = [rig.asks() for _ in range(4)]

    held = rig.parts.in_flight.snapshot()
    assert asked == [5, 0, 0, 0]
    assert sum(message.size_bytes for message in held) < 5 * MAX_MESSAGE_BYTES


def test_rule_02_one_polls_when_idle_and_more_while_receives_come_back_full(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Up to `max_pollers`, and one as soon as the queue is empty."""
    rig = make_rig(registry, engine={"max_pollers": 3, "max_in_flight_messages": 1000})
    rig.send(count=60)
    limits = []

    for _ in range(7):
        rig.clock.cpu_seconds += 0.1
        rig.queue.faults = [Fault(seconds=1, operation="receive")]
        rig.receive_as_a_thread()
        limits.append(rig.parts.pool.load.limit)

    assert limits == [2, 3, 3, 3, 3, 3, 1]


def test_rule_02_an_idle_daemon_makes_three_requests_a_minute(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """They are paid for: one long poll after the other, and nothing else."""
    rig = make_rig(registry)
    rig.queue.advance_on_empty = True
    rig.receive_as_a_thread()  # the first receive is short
    rig.queue.calls.clear()
    before = rig.clock.monotonic()

    while rig.clock.monotonic() - before < 3600:
        rig.receive_as_a_thread()
        rig.parts.heartbeat.tick()
        rig.worker.threads.tick()

    assert len(rig.queue.calls) == 180


def test_rule_03_deletes_go_out_in_batches_of_ten_or_after_a_linger(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """25 messages: two full batches at once, the rest half a second later."""
    rig = make_rig(registry)
    rig.bring(25)
    rig.work()
    assert rig.calls("delete") == [10, 10]

    rig.beat(1)

    assert rig.calls("delete") == [10, 10, 5]
    assert len(rig.queue.deleted()) == 25


def test_rule_03_visibility_changes_go_out_in_batches_of_ten(
    make_rig: MakeRig, registry: Registry
) -> None:
    """A handler whose dependency is down costs a tenth of a call per message."""
    registry.add(fail, "*")
    rig = make_rig(registry)
    rig.bring(20)

    rig.work()

    assert rig.calls("change_visibility") == [10, 10]
    assert rig.held() == []


def test_rule_03_failed_entries_of_a_200_are_retried(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """By position: what SQS refused is sent again, the rest is done."""
    rig = make_rig(registry)
    ids = rig.send(count=3)
    rig.refuse("delete", {0: THROTTLED, 2: THROTTLED})
    rig.receive()
    rig.work()
    rig.beat(1)
    assert rig.queue.deleted() == [ids[1]]

    rig.beat(1)

    assert sorted(rig.queue.deleted()) == sorted(ids)
    assert rig.calls("delete") == [3, 2]
    assert handled == ids


def test_rule_03_what_can_not_be_deleted_is_in_the_ledger(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Its redelivery is deleted and not handled."""
    rig = make_rig(registry)
    ids = rig.send(count=2)
    rig.refuse("delete", {0: GONE, 1: GONE})
    rig.cycle()
    assert rig.queue.deleted() == []

    rig.clock.advance(30)
    rig.cycle()

    assert sorted(rig.queue.deleted()) == sorted(ids)
    assert handled == ids


def test_rule_04_the_heartbeat_covers_a_message_from_its_receive(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Also while it waits for a worker: after an hour it has been delivered once."""
    rig = make_rig(registry)
    (message_id,) = rig.send()
    rig.receive()

    rig.beat(3600)
    rig.work()
    rig.settle()

    assert rig.queue.receive_count(message_id) == 1
    assert rig.queue.deleted() == [message_id]


def test_rule_04_renewals_come_at_half_life_in_batches(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Thirty messages for a minute: three calls each fifteen seconds."""
    rig = make_rig(registry)
    rig.bring(30)

    rig.beat(60)

    assert rig.calls("change_visibility") == [10] * 3 * 4


def test_rule_04_the_heartbeat_stops_before_twelve_hours(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """SQS never has to refuse a renewal; then the message counts as lost, which is logged."""
    rig = make_rig(registry)
    (message_id,) = rig.send()
    rig.receive()
    (message,) = rig.parts.in_flight.snapshot()

    rig.beat(43_200, step=5.0)

    assert message.visibility_lost
    assert rig.queue.visible() == [message_id]
    assert rig.stats["visibility_lost"] == 1


def test_rule_04_a_lost_handle_is_reported_and_is_not_a_failure(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The handler's context reports it; a success still deletes, a failure changes nothing."""
    seen: list[bool] = []

    def look(event: Event, context: Context) -> None:
        seen.append(context.visibility_lost)
        rig.refuse("change_visibility", {0: GONE})
        rig.beat(16)
        seen.append(context.visibility_lost)
        if event.metadata["number"]:
            raise Retry(after=600)

    registry.add(look, "*")
    rig = make_rig(registry)
    ids = rig.send()
    rig.cycle()
    assert rig.queue.deleted() == ids
    rig.queue.calls.clear()

    rig.queue.send(canvas_body(number=1))
    rig.cycle()

    assert seen == [False, True, False, True]
    assert rig.calls("change_visibility") == [1]  # the renewal that failed, and no retry delay
    assert rig.held() == []


def test_rule_05_a_message_is_held_until_its_settle_call_returned(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Buffered is not settled: even during the call the message counts."""
    rig = make_rig(registry)
    rig.send(count=3)
    during: list[int] = []

    def look(call: Any) -> None:
        if call.operation == "delete":
            during.append(len(rig.parts.in_flight))

    rig.queue.faults = look
    rig.receive()
    rig.work()
    buffered = len(rig.parts.in_flight)
    rig.settle()

    assert (buffered, during, rig.held()) == (3, [3], [])


@pytest.mark.parametrize("operation", ["receive", "delete", "change_visibility"])
@pytest.mark.parametrize("after", [False, True])
def test_rule_05_messages_are_released_once_whatever_fails(
    make_rig: MakeRig, registry: Registry, operation: Any, *, after: bool
) -> None:
    """After any failed call the whole capacity is free again."""

    def alternate(event: Event) -> None:
        if event.metadata["number"] % 2:
            raise OSError

    registry.add(alternate, "*")
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    rig.send(count=10)
    rig.fail(operation, times=8, after=after)

    for _ in range(12):
        rig.cycle()
        rig.beat(31)
        rig.work()
        rig.settle()

    table = rig.parts.in_flight
    assert len(table) == 0
    assert table.reserve() == 10


def test_rule_06_a_retry_waits_by_full_jitter_over_the_receive_count(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Up to 5 s after the first failure, 10 after the second, ... 900 in the end; never at once."""
    registry.add(fail, "*")
    rig = make_rig(registry)
    ids = rig.send(count=10)
    for ceiling in (5, 10, 20, 40, 80, 160, 320, 640, 900, 900):
        rig.cycle()
        now = rig.clock.monotonic()
        delays = [rig.queue._messages[message_id].visible_at - now for message_id in ids]
        assert all(1 <= delay <= ceiling for delay in delays)
        assert max(delays) > ceiling / 2
        rig.clock.advance(ceiling)

    assert rig.queue.deleted() == []


def test_rule_06_rejected_and_undecodable_messages_are_left_to_the_redrive_policy(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """After backoff, so that nothing loops hot; the queue moves them, not the daemon."""
    rig = make_rig(registry)
    dead = InMemoryQueue(rig.clock, name="dead")
    rig.queue.dead_letter_queue, rig.queue.max_receive_count = dead, 3
    message_id = rig.queue.send("{}")
    receives = []

    while message_id not in dead.bodies():
        receives.append(rig.clock.monotonic())
        rig.cycle()
        rig.clock.advance(1)
        while not rig.queue.visible() and rig.queue.bodies():
            rig.clock.advance(1)

    assert len(receives) >= 3
    assert all(later - sooner >= 1 for sooner, later in pairwise(receives))
    assert rig.queue.deleted() == []
    assert handled == []


def test_rule_08_every_error_of_the_transport_is_transient_unless_it_is_fatal(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Whatever its code: a receive that fails is repeated after a pause."""
    codes = ["EndpointConnectionError", "RequestThrottled", "InternalError", "ExpiredToken",
             "SomethingThatAwsInventsNextYear", ""]  # fmt: skip
    rig = make_rig(registry)
    rig.queue.faults = [Fault(error=TransportError("x", code=code)) for code in codes]

    pauses = [rig.receive().pause_seconds for _ in codes]

    assert all(pause > 0 for pause in pauses)
    assert rig.receive().pause_seconds == 0
    assert rig.status.finished == ""


@pytest.mark.parametrize("error", [AccessDeniedError("no"), QueueMissingError("gone")])
def test_rule_08_the_fatal_ones_end_the_process_with_their_own_exit_code(
    make_rig: MakeRig, registry: Registry, error: TransportError
) -> None:
    """The loop ends with the error, and the worker is finished."""
    rig = make_rig(registry)
    rig.queue.faults = [Fault(error=error)]

    rig.worker.threads.guard("pool", rig.receive_as_a_thread)

    assert rig.status.finished == "failure"
    assert rig.status.failure is error


@pytest.mark.parametrize("operation", ["receive", "delete"])
def test_rule_08_the_grace_period_of_the_fatal_ones_is_a_setting(
    make_rig: MakeRig, registry: Registry, operation: Operation
) -> None:
    """`engine.fatal_grace_seconds` counts for receives and for what settles messages."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry, engine={"fatal_grace_seconds": 200.0})
    rig.send()
    rig.cycle()

    def cycle() -> None:
        rig.cycle()

    failures = []
    for waited in (0, 199, 1):
        rig.clock.advance(waited)
        rig.queue.faults = [Fault(error=AccessDeniedError("no"), operation=operation)]
        rig.send()
        rig.worker.threads.guard("pool", cycle)
        failures.append(type(rig.status.failure))

    assert failures == [type(None), type(None), AccessDeniedError]


def test_rule_08_receive_has_one_attempt_per_call_and_a_backoff_of_its_own(
    make_rig: MakeRig, registry: Registry
) -> None:
    """From one second to sixty, with jitter."""
    rig = make_rig(registry)
    rig.fail("receive", times=10)

    pauses = [rig.receive().pause_seconds for _ in range(10)]

    assert rig.calls("receive") == [10] * 10
    assert all(0.5 <= pause <= 60 for pause in pauses)
    assert all(pause >= 30 for pause in pauses[-4:])


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["handler", "batch", "middleware", "predicate", "close"])
def test_rule_09_nothing_that_a_user_supplied_can_end_a_loop(
    make_rig: MakeRig, registry: Registry, place: str, error: BaseException
) -> None:
    """What it raises is a failure of its message, which stays in the queue."""

    def fail(*_args: object) -> None:
        raise error

    if place == "handler":
        registry.add(fail, "*", name="one")
    elif place == "batch":
        registry.add(fail, "*", name="one", batch=1)
    elif place == "middleware":
        registry.use(fail)
        registry.add(lambda _event: None, "*", name="one")
    elif place == "predicate":
        registry.add(lambda _event: None, "*", name="one", when=fail)
    else:
        registry.add(lambda _event: None, "*", name="one", close=fail)
    rig = make_rig(registry)
    ids = rig.send()

    rig.worker.threads.guard("crew", rig.cycle)  # type: ignore[arg-type]
    rig.worker.threads.guard("main", rig.drain)  # type: ignore[arg-type]

    assert rig.status.failure is None
    assert (rig.queue.deleted() == ids) == (place == "close")
    assert rig.stats["failed"] == (place != "close")


def test_rule_09_a_loop_that_dies_stops_the_process(make_rig: MakeRig, registry: Registry) -> None:
    """The engine does not go on without it: the worker is finished, with the bug as reason."""
    rig = make_rig(registry)
    rig.queue.faults = [Fault(error=ZeroDivisionError())]

    rig.worker.threads.guard("pool", rig.receive_as_a_thread)

    assert rig.status.finished == "failure"
    assert isinstance(rig.status.failure, ZeroDivisionError)


def test_rule_10_a_drain_finishes_what_runs_and_accounts_for_everything(
    make_rig: MakeRig, registry: Registry
) -> None:
    """One message waits for its delete, three wait in a batch, the rest was not begun."""

    def store(events: Sequence[Event]) -> None:
        order.append(f"batch of {len(events)}")

    order: list[str] = []
    registry.add(lambda _event: None, "single", name="single")
    registry.add(store, "batched", batch=50, linger_seconds=300)
    rig = make_rig(registry)
    rig.send("single")
    rig.send("batched", count=3)
    rig.receive()
    rig.work()
    untouched = rig.send("single", count=7)
    rig.receive()

    counts = rig.drain()

    assert counts == Counts(handled=4, deleted=4, released=7, abandoned=0)
    assert order == ["batch of 3"]
    assert sorted(rig.queue.visible()) == sorted(untouched)


def test_rule_10_the_heartbeat_goes_on_to_the_end_of_the_drain(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """A handler that needs 50 s more keeps its message, and it is deleted."""
    rig = make_rig(registry)
    (message_id,) = rig.send()
    rig.receive()
    running = rig.hold_one()

    rig.clock.call_later(50, running.end)
    counts = rig.drain()

    assert counts == Counts(handled=1, deleted=1, released=0, abandoned=0)
    assert rig.queue.receive_count(message_id) == 1


def test_rule_10_a_second_signal_releases_at_once(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Messages of running handlers are given back, too, and counted as abandoned."""
    rig = make_rig(registry)
    ids = rig.bring(2)
    rig.hold_one()
    before = rig.clock.monotonic()

    counts = rig.drain(signal_after=0)

    assert counts == Counts(handled=0, deleted=0, released=1, abandoned=1)
    assert rig.clock.monotonic() - before < 0.2
    assert sorted(rig.queue.visible()) == sorted(ids)


def test_rule_11_health_is_progress(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Loops that tick and receives that return are healthy; silence is not."""
    rig = make_rig(registry)
    for _ in range(20):
        rig.cycle()
        rig.beat(20)
        assert list(rig.status.problems) == []

    rig.clock.advance(1000)

    assert list(rig.status.problems) == [
        "housekeeper without progress", "heartbeat without progress", "no thread receives",
    ]  # fmt: skip


def test_rule_12_a_retry_changes_the_visibility_and_never_sends_the_message_again(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The queue holds the same messages, with the same ids and bodies, no more and no fewer."""

    def fail(event: Event) -> None:
        if event.metadata["number"] % 2:
            raise OSError

    registry.add(fail, "*")
    rig = make_rig(registry)
    rig.send(count=10)
    before = rig.queue.bodies()

    rig.cycle()
    rig.drain()

    left = rig.queue.bodies()
    assert left.items() < before.items()
    assert {*left, *rig.queue.deleted()} == set(before)
    assert {call.operation for call in rig.queue.calls} == {
        "receive", "delete", "change_visibility",
    }  # fmt: skip


def test_rule_12_logs_hold_no_body_no_handle_and_no_text_of_an_error(
    make_rig: MakeRig, registry: Registry, logs: list[Any]
) -> None:
    """Through failures of every kind."""

    def fail(event: Event, _context: Context) -> None:
        raise ValueError(event.raw)

    def middleware(event: Event, context: Context, call_next: Call) -> None:
        call_next(event, context)

    registry.use(middleware)
    registry.add(fail, "*")
    rig = make_rig(registry)
    rig.send("grade_change")
    rig.queue.send('{"login": "jane@example.edu"}')
    rig.refuse("change_visibility", {0: THROTTLED, 1: GONE})
    rig.cycle()
    rig.fail("receive")
    rig.receive()

    assert len(logs) >= 4
    for line in logs:
        line.pop("exc_info", None)  # its text is the business of the log's own guard
        text = repr(line)
        assert "receipt-handle" not in text
        assert "jane" not in text
        assert "submission_id" not in text
