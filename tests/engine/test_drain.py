"""Draining: no message is lost, and every message is counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from consumer import log_events
from consumer.engine.worker import LAST_CALLS_SECONDS
from consumer.errors import AccessDeniedError, TransportError
from consumer.handlers.registering.registry import Registry
from consumer.queues.transport import EntryFailure
from consumer.testing import Fault
from tests.engine.drains import Counts, drained
from tests.processes import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.messages import Context, Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

DOWN = TransportError("no route")


def test_draining_an_idle_worker_does_nothing(make_rig: MakeRig, registry: Registry) -> None:
    """It makes no call and does not wait."""
    rig = make_rig(registry)

    assert rig.drain() == Counts(0, 0, 0, 0)
    assert rig.queue.calls == []


def test_messages_that_were_not_begun_are_released(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """They are visible again at once, for other consumers."""
    rig = make_rig(registry)
    ids = rig.bring(12)

    counts = rig.drain()

    assert counts == Counts(handled=0, deleted=0, released=12, abandoned=0)
    assert sorted(rig.queue.visible()) == sorted(ids)
    assert handled == []
    assert rig.held() == []


def test_a_running_handler_may_finish_and_its_message_is_deleted(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """It returns half a minute later; visibility is renewed until then."""
    rig = make_rig(registry)
    ids = rig.bring(2)
    running = rig.hold_one()
    rig.clock.call_later(35, running.end)

    counts = rig.drain()

    assert counts == Counts(handled=1, deleted=1, released=1, abandoned=0)
    assert handled == rig.queue.deleted() == ids[:1]
    assert rig.queue.receive_count(ids[0]) == 1


def test_handled_messages_are_deleted_though_the_batch_is_not_full(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Deletes that linger must not be lost."""
    rig = make_rig(registry)
    ids = rig.bring(3)
    rig.work()

    counts = rig.drain()

    assert counts == Counts(handled=3, deleted=3, released=0, abandoned=0)
    assert rig.queue.deleted() == ids == handled


def test_events_in_a_batch_are_handled(make_rig: MakeRig, registry: Registry) -> None:
    """The batch lingers no more."""
    sizes: list[int] = []

    def store(events: Sequence[Event]) -> None:
        sizes.append(len(events))

    registry.add(store, "*", batch=500, linger_seconds=300)
    rig = make_rig(registry)
    rig.bring(4)
    rig.work()
    before = rig.clock.monotonic()

    counts = rig.drain()

    assert counts == Counts(handled=4, deleted=4, released=0, abandoned=0)
    assert sizes == [4]
    assert rig.clock.monotonic() - before < 2


def test_messages_of_an_open_long_poll_are_released(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """The poll may finish: aborting it would hide its messages for a visibility timeout."""
    rig = make_rig(registry)
    rig.open_receive()
    ids: list[str] = []

    def bring() -> None:
        ids.extend(rig.send(count=3))
        rig.receive()
        rig.end_receive()

    rig.clock.call_later(19, bring)

    counts = rig.drain()

    assert counts == Counts(handled=0, deleted=0, released=3, abandoned=0)
    assert sorted(rig.queue.visible()) == sorted(ids)
    assert handled == []


def test_calls_that_wait_at_a_gate_get_their_turn(make_rig: MakeRig, registry: Registry) -> None:
    """They have begun, and finish in time."""
    seen: list[str] = []

    def slow(event: Event) -> None:
        seen.append(event.message_id)

    registry.add(slow, "*", concurrency=1)
    rig = make_rig(registry)
    ids = rig.bring(3)
    gate = rig.parts.admission._gates["slow"]
    assert gate.enter(object())  # type: ignore[arg-type]
    rig.work()  # all three wait outside

    def leave() -> None:
        following = gate.leave()
        assert following is not None
        rig.parts.admission.ready.append(following)

    rig.clock.call_later(10, leave)
    counts = rig.drain()

    assert counts == Counts(handled=3, deleted=3, released=0, abandoned=0)
    assert sorted(seen) == sorted(ids)


def test_at_the_deadline_the_rest_is_given_back(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Messages of running handlers are abandoned: visible again at once, and counted."""
    rig = make_rig(registry, engine={"drain_timeout_seconds": 30})
    ids = rig.bring(2)
    running = rig.hold_one()
    before = rig.clock.monotonic()

    counts = rig.drain()

    assert counts == Counts(handled=0, deleted=0, released=1, abandoned=1)
    assert 30 <= rig.clock.monotonic() - before < 31
    assert sorted(rig.queue.visible()) == sorted(ids)
    assert rig.held() == []
    running.end()  # its thread goes on after all, and calls nothing for what was given back
    assert handled == []


def test_waiting_messages_are_released_at_the_deadline(
    make_rig: MakeRig, registry: Registry
) -> None:
    """At a gate whose handler hangs, or in a batch: no handler has begun on them."""
    registry.add(lambda _event: None, "*", name="slow", concurrency=1)
    rig = make_rig(registry, engine={"drain_timeout_seconds": 5})
    gate = rig.parts.admission._gates["slow"]
    assert gate.enter(object())  # type: ignore[arg-type]
    ids = rig.bring(3)
    rig.work()
    rig.parts.pool._roles["work"] += 1

    counts = rig.drain()

    assert counts == Counts(handled=0, deleted=0, released=3, abandoned=0)
    assert sorted(rig.queue.visible()) == sorted(ids)


def test_a_second_signal_gives_everything_back_at_once(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Without waiting for the deadline; handled messages are still deleted."""
    rig = make_rig(registry)
    done, running, fresh = rig.send(count=3)
    rig.receive()
    rig.begin_one()
    rig.hold_one()
    before = rig.clock.monotonic()

    counts = rig.drain(signal_after=2)

    assert counts == Counts(handled=1, deleted=1, released=1, abandoned=1)
    assert rig.clock.monotonic() - before < 1
    assert rig.queue.deleted() == [done]
    assert sorted(rig.queue.visible()) == sorted([running, fresh])


def test_a_stuck_handler_does_not_hold_up_the_drain(make_rig: MakeRig, registry: Registry) -> None:
    """The deadline counts for it, too. Its context says that it should stop."""
    contexts: list[Context] = []

    def look(_event: Event, context: Context) -> None:
        contexts.append(context)

    registry.add(look, "*")
    rig = make_rig(registry, engine={"drain_timeout_seconds": 5})
    rig.bring(2)
    rig.begin_one()
    assert not contexts[0].should_stop()
    rig.hold_one()

    counts = rig.drain()

    assert contexts[0].should_stop()
    assert counts.abandoned == 1


def test_a_delete_that_fails_once_is_repeated_while_draining(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """As at any other time."""
    rig = make_rig(registry)
    rig.bring(3)
    rig.work()
    rig.fail("delete", times=3)

    counts = rig.drain()

    assert counts == Counts(handled=3, deleted=3, released=0, abandoned=0)


def test_a_delete_that_keeps_failing_does_not_hold_up_the_drain(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """The counts show what was handled and not deleted; those messages are redelivered."""
    rig = make_rig(registry)
    rig.bring(3)
    rig.work()
    rig.fail("delete", times=100)

    counts = rig.drain()

    assert counts == Counts(handled=3, deleted=0, released=0, abandoned=0)
    assert rig.stats["delete_failed"] == 3
    assert len(rig.parts.ledger) == 3


def test_a_dead_network_does_not_hold_up_a_second_signal(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """One call may still time out, but not one for every ten messages."""
    rig = make_rig(registry)
    rig.bring(60)
    rig.queue.faults = lambda _call: Fault(error=DOWN, seconds=35)
    before = rig.clock.monotonic()

    counts = rig.drain(signal_after=0)

    assert counts.released == 60
    assert rig.clock.monotonic() - before < 36
    assert rig.calls("change_visibility") == [10]
    assert rig.held() == []


@pytest.mark.parametrize("signals", [0, 2])
def test_a_drain_ends_even_if_all_threads_hang(
    make_rig: MakeRig, registry: Registry, handled: list[str], signals: int
) -> None:
    """No call returns: it ends 5 s after its deadline, or after the second signal."""
    rig = make_rig(registry, engine={"drain_timeout_seconds": 3})
    rig.bring(30)
    rig.work()
    rig.bring(7)
    before = rig.clock.monotonic()

    counts = drained(rig.worker, lambda _seconds_left: signals > 1)

    seconds = rig.clock.monotonic() - before
    assert seconds == pytest.approx((0 if signals else 3) + LAST_CALLS_SECONDS, abs=0.2)
    assert (counts.handled, counts.deleted, counts.released) == (30, 30, 7)
    assert len(rig.held()) == 7


def test_deletes_that_are_refused_one_by_one_do_not_hold_up_a_drain(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """After the deadline they are not sent again; the ledger has them."""
    rig = make_rig(registry, engine={"drain_timeout_seconds": 0.3})
    rig.bring(40)
    while (message := rig.parts.receiver.take()) is not None:
        rig.parts.flow.begin(message)
    refused = dict.fromkeys(range(10), EntryFailure("InternalError"))
    rig.queue.faults = lambda _call: Fault(failed=refused)
    before = rig.clock.monotonic()

    counts = rig.drain()

    assert (counts.handled, counts.deleted) == (40, 0)
    assert rig.clock.monotonic() - before < 0.3 + 1
    assert rig.calls("delete") == [10] * 8
    assert len(rig.parts.ledger) == 40
    assert rig.held() == []


def test_the_thread_that_drains_makes_no_calls(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """It has to notice the second signal, and to notify systemd."""
    rig = make_rig(registry)
    rig.bring(30)
    rig.queue.calls.clear()

    rig.worker.drain(lambda _seconds_left: False)

    assert rig.queue.calls == []


def test_a_receive_that_is_refused_for_good_lets_handlers_finish(
    make_rig: MakeRig, registry: Registry, handled: list[str]
) -> None:
    """Running handlers are not affected, and their deletes may be permitted."""
    rig = make_rig(registry)
    ids = rig.bring()
    running = rig.hold_one()
    rig.clock.call_later(5, running.end)
    rig.worker.threads.failure = AccessDeniedError("no")
    assert rig.status.finished == "failure"

    counts = rig.drain()

    assert counts == Counts(handled=1, deleted=1, released=0, abandoned=0)
    assert rig.queue.deleted() == ids


@pytest.mark.parametrize("what", ["a loop died", "deletes are refused"])
def test_a_broken_engine_gives_everything_back_at_once(
    make_rig: MakeRig, registry: Registry, handled: list[str], what: str
) -> None:
    """Waiting is futile: messages could not be renewed, or not be deleted."""
    rig = make_rig(registry)
    rig.bring()
    rig.hold_one()
    if what == "a loop died":
        rig.worker.threads.failure = KeyError("bug")
    else:
        rig.parts.attempts.fatal = AccessDeniedError("no")
    before = rig.clock.monotonic()

    counts = rig.drain()

    assert counts.abandoned == 1
    assert rig.clock.monotonic() - before < 0.2


def test_handlers_are_closed_at_the_end_once(make_rig: MakeRig, registry: Registry) -> None:
    """Each of them, after the last delete, even if the one before failed to close."""
    order: list[str] = []

    def fail() -> None:
        order.append("first")
        raise SystemExit

    def close() -> None:
        order.append("second")
        order.extend(rig.queue.deleted())

    registry.add(lambda _event: None, "*", name="first", close=fail)
    registry.add(lambda _event: None, "*", name="second", close=close)
    rig = make_rig(registry)
    ids = rig.bring()
    rig.work()

    counts = rig.drain()

    assert order == ["first", "second", *ids]
    assert counts.deleted == 1


def test_a_handler_that_fails_to_close_is_logged(
    make_rig: MakeRig, registry: Registry, logs: list[Any]
) -> None:
    """By name, type and place, without the text of its error."""

    def fail() -> None:
        raise OSError(28, "jane@example.edu")

    registry.add(lambda _event: None, "*", name="archive", close=fail)
    rig = make_rig(registry)

    rig.drain()

    (line,) = logs
    assert isinstance(line.pop("exc_info"), OSError)
    assert line.pop("error_at").endswith("in fail")
    assert line == {
        "event": log_events.CLOSE_FAILED,
        "log_level": "error",
        "handler": "archive",
        "error_type": "OSError",
    }


def _waits_for(event: threading.Event) -> Callable[[], None]:
    def close() -> None:
        event.wait(BOUND)

    return close


def test_a_handler_that_hangs_while_it_closes_holds_up_nothing(
    make_rig: MakeRig, logs: list[Any]
) -> None:
    """Looks go on meanwhile. It has as long as the drain, and a few seconds; or until a signal."""
    for signal_after, seconds in ((None, 3 + LAST_CALLS_SECONDS), (2, 2.0)):
        returns = threading.Event()
        own = Registry()
        own.add(lambda _event: None, "*", name="one", close=_waits_for(returns))
        rig = make_rig(own, engine={"drain_timeout_seconds": 3})
        looks: list[float] = []
        began = rig.clock.monotonic()

        def while_waiting(
            left: float, r: Rig = rig, n: list[float] = looks, most: int | None = signal_after
        ) -> bool:
            r.clock.advance(1)
            n.append(left)
            return len(n) == most

        rig.worker.drain(while_waiting)

        assert seconds == pytest.approx(rig.clock.monotonic() - began, abs=1)
        returns.set()
    assert [log_events.CLOSE_FAILED] * 2 == [line["event"] for line in logs]


def test_a_handler_that_is_still_running_is_not_closed(
    make_rig: MakeRig, registry: Registry
) -> None:
    """It may still use what it would close."""
    closed: list[str] = []
    registry.add(lambda _event: None, "*", name="one", close=lambda: closed.append("one"))
    rig = make_rig(registry)
    rig.bring()
    rig.hold_one()

    rig.drain(signal_after=0)

    assert closed == []


def test_a_handler_is_not_closed_beside_a_call_whose_message_is_returned_for_another(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Other events of the message wait at the handler's gate, so it counts as released."""
    closed: list[str] = []
    counts: list[Counts] = []

    def store(_events: object) -> None:
        if not counts:  # the process drains, and ends, while this call has not returned
            counts.append(rig.drain(signal_after=0))

    registry.add(store, "*", name="one", batch=1, concurrency=1, close=lambda: closed.append("one"))
    rig = make_rig(registry)
    rig.send_envelope(3)
    rig.receive()
    role = rig.parts.pool.take_role()
    assert role == "work"

    rig.parts.pool.do(role)

    assert counts == [Counts(handled=0, deleted=0, released=1, abandoned=0)]
    assert closed == []


def test_nothing_is_received_once_draining_has_begun(make_rig: MakeRig, registry: Registry) -> None:
    """However many messages wait."""
    rig = make_rig(registry)
    rig.send(count=5)

    rig.worker.stop()

    assert rig.parts.pool.take_role() is None
    rig.drain()
    assert rig.calls("receive") == []
