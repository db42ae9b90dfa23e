"""Health is progress: each clause, and that ordinary trouble is not a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine.status import FAILING_SECONDS, MARGIN_SECONDS, STUCK_SECONDS
from consumer.errors import StuckError, TransportError
from consumer.messages import Outcome
from consumer.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

#: read timeout 30 + connect timeout 5 + margin 15
CALLS = 50
DOWN = TransportError("no route")


@pytest.fixture(name="rig")
def _rig(make_rig: MakeRig, registry: Registry) -> Rig:
    registry.add(lambda _event: None, "*", name="one")
    return make_rig(registry, engine={"workers": 2, "max_in_flight_messages": 10})


def keep_alive(rig: Rig, *, but: str = "") -> None:
    """Let every loop but one show a sign of life now."""
    now = rig.clock.monotonic()
    if but != "settles":
        rig.parts.attempts.progress = now
    if but != "heartbeat":
        rig.parts.heartbeat.progress = now
    if but != "housekeeper":
        rig.worker.threads.progress = now
    if but != "receiver":
        rig.parts.receiver.last_return = now


def problems(rig: Rig) -> list[str]:
    """Why the watchdog is not fed."""
    return list(rig.status.problems)


@pytest.mark.parametrize("part", ["heartbeat", "housekeeper"])
def test_a_loop_without_a_sign_of_life_is_a_problem(rig: Rig, part: str) -> None:
    """Once it is silent for longer than its calls may take."""
    rig.clock.advance(CALLS)
    keep_alive(rig, but=part)
    assert problems(rig) == []

    rig.clock.advance(0.1)
    keep_alive(rig, but=part)

    assert problems(rig) == [f"{part} without progress"]


@pytest.mark.parametrize("verdict", ["ack", "retry"])
def test_a_settle_that_is_due_and_not_sent_is_a_problem(rig: Rig, verdict: str) -> None:
    """After its linger, a call, its timeout and a margin may pass."""
    rig.bring()
    (message,) = rig.parts.in_flight.snapshot()
    if verdict == "ack":
        rig.parts.settler.ack([message])
    else:
        rig.parts.settler.settle(message, Outcome.retry("busy"))

    due = rig.parts.outbox.due() - rig.clock.monotonic()
    rig.clock.advance(due + CALLS)
    keep_alive(rig, but="settles")
    assert problems(rig) == []

    rig.clock.advance(0.1)
    keep_alive(rig, but="settles")

    assert problems(rig) == ["settles without progress"]


def test_nothing_to_settle_is_no_problem(rig: Rig) -> None:
    """No call is made for hours if nothing waits to be sent."""
    rig.clock.advance(86_400)
    keep_alive(rig, but="settles")

    assert problems(rig) == []


def test_a_settle_that_waits_while_another_is_tried_again_is_no_problem(rig: Rig) -> None:
    """In an outage each attempt ends with its timeout: that is progress."""
    rig.bring()
    rig.parts.settler.ack(rig.parts.in_flight.snapshot())
    for _ in range(10):
        rig.clock.advance(CALLS)
        keep_alive(rig)
        assert problems(rig) == []


def test_a_receive_that_begins_late_is_no_problem(rig: Rig) -> None:
    """None was open for a long time, but one is now."""
    seen: list[list[str]] = []
    rig.clock.advance(1000)
    keep_alive(rig, but="receiver")
    rig.queue.faults = lambda _call: seen.append(problems(rig))

    rig.receive()

    assert seen == [[]]


def test_a_receive_that_never_returns_is_a_problem(rig: Rig) -> None:
    """It may take a long poll, its timeout, and a little more."""
    seen: list[tuple[str, ...]] = []

    def look(_call: object) -> Fault:
        for seconds in (20 + CALLS, 0.1):
            rig.clock.advance(seconds)
            keep_alive(rig, but="receiver")
            seen.append(rig.status.problems)
        return Fault()

    rig.queue.faults = look
    rig.receive()

    assert seen == [(), ("receive without end",)]


def test_no_receive_though_there_is_room_is_a_problem(rig: Rig) -> None:
    """No receive is open, and none was for longer than any pause lasts."""
    rig.clock.advance(60 + CALLS)
    keep_alive(rig, but="receiver")
    assert problems(rig) == []

    rig.clock.advance(0.1)
    keep_alive(rig, but="receiver")

    assert problems(rig) == ["no thread receives"]


def test_no_receive_while_draining_is_no_problem(rig: Rig) -> None:
    """Nothing is to be received any more."""
    rig.worker.stop()
    rig.clock.advance(1000)
    keep_alive(rig, but="receiver")

    assert problems(rig) == []


def test_no_receive_during_the_longest_pause_after_failures_is_no_problem(rig: Rig) -> None:
    """The last receive has returned, though with an error."""
    rig.receive()
    rig.fail("receive", times=20)
    for _ in range(20):
        pause = rig.receive().pause_seconds
        rig.clock.advance(pause)
        keep_alive(rig, but="receiver")
        assert problems(rig) == []

    assert pause > 30


def test_backpressure_is_no_problem_nor_is_its_end(rig: Rig) -> None:
    """Slow handlers take all capacity for hours; when one ends, no thread receives yet."""
    rig.bring(10)
    for _ in range(3600):
        rig.beat(1)
        assert not rig.may_receive()
    assert problems(rig) == []

    rig.work()
    rig.settle()

    assert rig.may_receive()
    assert problems(rig) == []


def test_a_full_table_of_stuck_messages_ends_the_process_before_it_is_a_problem(rig: Rig) -> None:
    """After a minute it drains and exits with 75; only if that hangs, the watchdog is not fed."""
    rig.bring(10)
    for message in rig.parts.in_flight.snapshot():
        message.stuck = True
    assert rig.status.failure is None

    rig.beat(STUCK_SECONDS - 1)
    keep_alive(rig)
    assert rig.status.failure is None
    rig.beat(1)
    keep_alive(rig)
    status = rig.status
    assert isinstance(status.failure, StuckError)
    assert (status.finished, status.problems) == ("failure", ())

    rig.beat(MARGIN_SECONDS)
    keep_alive(rig)
    assert problems(rig) == []
    rig.beat(1)
    keep_alive(rig)

    assert problems(rig) == ["every message in flight is stuck"]


def test_one_stuck_worker_of_two_is_neither_failure_nor_problem(
    make_rig: MakeRig, registry: Registry
) -> None:
    """The other still handles. Two of two are a failure, though there is room for messages."""
    failures: list[BaseException | None] = []

    def hang(_event: Event) -> None:
        if rig.queued():  # stands for the second thread
            rig.begin_one()
            return
        rig.clock.advance(10)
        rig.parts.invoker.runs.find_stuck()
        failures.append(rig.status.failure)
        rig.clock.advance(STUCK_SECONDS)
        failures.append(rig.status.failure)

    registry.add(hang, "*", timeout_seconds=10)
    rig = make_rig(registry, engine={"workers": 2})
    rig.bring()
    rig.work()
    assert failures == [None, None]

    rig.bring(2)
    rig.work()

    assert failures[2] is None
    assert isinstance(failures[3], StuckError)


def test_the_minute_starts_anew_after_a_handler_has_returned(rig: Rig) -> None:
    """Stuck twice for half a minute each is not stuck for good."""
    rig.bring(10)
    messages = rig.parts.in_flight.snapshot()

    for stuck in (True, False, True):
        for message in messages:
            message.stuck = stuck
        assert rig.status.failure is None
        rig.beat(STUCK_SECONDS / 2)

    assert rig.status.failure is None


def test_idle_is_no_problem(make_rig: MakeRig, registry: Registry) -> None:
    """No message for days; the open long poll has reserved all capacity."""
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    seen: list[tuple[str, ...]] = []

    def look(_call: object) -> Fault:
        rig.beat(20)
        seen.append(rig.status.problems)
        return Fault()

    rig.queue.faults = look
    for _ in range(50):
        rig.receive()
        seen.append(rig.status.problems)

    assert seen == [()] * 100


def test_an_outage_is_no_problem(rig: Rig) -> None:
    """Every call times out for an hour: a restart would not help."""
    rig.bring(10)
    rig.begin_one()
    caller = ""
    seen: list[tuple[str, ...]] = []

    def down(_call: object) -> Fault:
        """A call takes 35 s; the other loops go on meanwhile."""
        for _ in range(7):
            rig.clock.advance(5)
            keep_alive(rig, but=caller)
            seen.append(rig.status.problems)
        return Fault(error=DOWN)

    rig.queue.faults = down
    for _ in range(30):
        caller = "heartbeat"
        rig.parts.heartbeat.tick()
        caller = "settles"
        rig.parts.outbox.send(partial=True)
        caller = "receiver"
        rig.receive()
        rig.clock.advance(1)
        seen.append(rig.status.problems)

    assert len(seen) > 100
    assert seen == [()] * len(seen)
    assert all(message.visibility_lost for message in rig.parts.in_flight.snapshot())


def test_receives_that_all_fail_for_long_are_an_outage(rig: Rig) -> None:
    """Unhealthy, but no watchdog would help: a load balancer may cut long polls."""
    rig.receive()
    assert rig.status.ready

    rig.queue.faults = lambda _call: Fault(error=TransportError("cut", code="504"))
    rig.receive()
    rig.clock.advance(FAILING_SECONDS - 0.1)
    rig.receive()
    assert not rig.status.outages
    rig.clock.advance(0.1)

    assert rig.status.outages == ("every receive has failed for 120 s",)
    assert rig.status.receive_error_code == "504"
    rig.queue.faults = lambda _call: None
    rig.receive()
    assert not rig.status.outages


def test_the_status_has_everything(make_rig: MakeRig, registry: Registry) -> None:
    """One value for the status line and the summary."""
    open_receives: list[int] = []
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry, until_empty=True)
    assert (rig.status.ready, rig.status.finished) == (False, "")

    rig.send(count=3)
    rig.clock.advance(4)
    rig.receive()
    rig.begin_one()
    rig.fail("receive")
    rig.receive()
    status = rig.status

    assert status.ready
    assert (status.in_flight, status.open_receives) == (3, 0)
    assert status.receive_error_code == "ServiceUnavailable"
    assert status.counts == {
        "receives": 1, "received": 3, "handled": 1, "receive_failures": 1,
    }  # fmt: skip
    assert status.events == {"grade_change": 1}
    assert status.lag_seconds == 4
    assert (status.finished, status.failure) == ("", None)

    def look(_call: object) -> None:
        open_receives.append(rig.status.open_receives)
        rig.clock.advance(20)

    rig.work()
    rig.settle()
    rig.queue.faults = look
    rig.receive()

    assert open_receives == [1]
    assert rig.status.finished == "queue empty"


def test_a_fatal_error_stays(rig: Rig) -> None:
    """Once reported, the reason of the end stays the same."""
    rig.bring()
    rig.work()
    rig.fail("delete", fatal=True)
    rig.settle()

    first = rig.status
    rig.parts.attempts.fatal = None

    assert first.finished == "failure"
    assert first.failure is rig.status.failure
    assert isinstance(first.failure, TransportError)
