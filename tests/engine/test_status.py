"""Health is progress: each clause, and that ordinary trouble is none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import TransportError
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
    """Let every loop show a sign of life now, but one."""
    now = rig.clock.monotonic()
    if but != "settler":
        rig.parts.settler._calls.progress = now
    if but != "heartbeat":
        rig.parts.heartbeat.progress = now
    if but != "poller":
        rig.parts.receiver.last_return = now


@pytest.mark.parametrize("part", ["settler", "heartbeat"])
def test_a_loop_without_a_sign_of_life_is_a_problem(rig: Rig, part: str) -> None:
    """Once it is silent for longer than its calls may take."""
    rig.clock.advance(CALLS)
    keep_alive(rig, but=part)
    assert list(rig.status.problems) == []

    rig.clock.advance(0.1)
    keep_alive(rig, but=part)

    assert list(rig.status.problems) == [f"{part} without progress"]


def test_a_receive_that_never_returns_is_a_problem(rig: Rig) -> None:
    """It may wait for the long poll, fail by its timeout, and a little more."""
    seen: list[list[str]] = []

    def look(_call: object) -> Fault:
        for seconds in (20 + CALLS, 0.1):
            rig.clock.advance(seconds)
            keep_alive(rig, but="poller")
            seen.append(list(rig.status.problems))
        return Fault()

    rig.worker.crew.polling = 1
    rig.queue.faults = look
    rig.receive()

    assert seen == [[], ["receive without end"]]


def test_nobody_receiving_is_a_problem(rig: Rig) -> None:
    """There is room, no receive is open, and none was for longer than any pause lasts."""
    rig.clock.advance(60 + CALLS)
    keep_alive(rig, but="poller")
    assert list(rig.status.problems) == []

    rig.clock.advance(0.1)
    keep_alive(rig, but="poller")

    assert list(rig.status.problems) == ["nobody receives"]


@pytest.mark.parametrize("why", ["stopping", "polling"])
def test_nobody_receiving_is_no_problem_when_there_is_a_reason(rig: Rig, why: str) -> None:
    """Draining, or pausing after a failed receive (the role is kept meanwhile)."""
    rig.clock.advance(1000)
    keep_alive(rig, but="poller")
    if why == "stopping":
        rig.worker.stop()
    else:
        rig.worker.crew.polling = 1

    assert list(rig.status.problems) == []


def test_backpressure_is_no_problem_nor_is_its_end(rig: Rig) -> None:
    """Slow handlers hold all room for hours; when one ends, somebody has yet to receive."""
    rig.send(count=10)
    rig.receive()
    rig.beat(3600)
    assert list(rig.status.problems) == []

    rig.work()
    rig.settle()

    assert rig.parts.receiver.may_poll()
    assert list(rig.status.problems) == []


def test_a_full_table_of_stuck_slots_is_a_problem(rig: Rig) -> None:
    """Nothing can be received, and nothing will change that."""
    rig.send(count=10)
    rig.receive()
    for slot in rig.parts.in_flight.snapshot():
        slot.stuck = True

    assert list(rig.status.problems) == ["every slot is stuck"]


def test_every_worker_in_a_stuck_handler_is_a_problem(
    make_rig: MakeRig, registry: Registry
) -> None:
    """There is room for messages, and no thread to handle them. One stuck worker of two is none."""
    seen: list[list[str]] = []

    def hang(_event: Event) -> None:
        if rig.worker.crew._queue:  # stands for the second thread
            rig.begin_one()
            return
        rig.clock.advance(10)
        rig.parts.invoker.find_stuck()
        seen.append(list(rig.status.problems))

    registry.add(hang, "*", timeout_seconds=10)
    rig = make_rig(registry, engine={"workers": 2})
    rig.send(count=2)
    rig.receive()
    rig.work()
    rig.send()
    rig.receive()
    rig.work()

    assert seen == [["every slot is stuck"], []]


def test_idle_is_no_problem(make_rig: MakeRig, registry: Registry) -> None:
    """Nothing comes for days; all room is reserved by the open long poll."""
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    seen: list[list[str]] = []

    def look(_call: object) -> Fault:
        rig.worker.crew.polling = 1
        rig.beat(20)
        seen.append(list(rig.status.problems))
        rig.worker.crew.polling = 0
        return Fault()

    rig.queue.faults = look
    for _ in range(50):
        rig.receive()
        seen.append(list(rig.status.problems))

    assert seen == [[]] * 100


def test_an_outage_is_no_problem(make_rig: MakeRig, registry: Registry) -> None:
    """Every call fails by its timeout for an hour: a restart would mend nothing."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry, engine={"max_in_flight_messages": 10})
    worker = rig.worker
    rig.send(count=10)
    rig.receive()
    worker.pipeline.process(worker.crew._queue.popleft())
    caller = ""
    seen: list[list[str]] = []

    def down(_call: object) -> Fault:
        """A call takes 35 s; the other loops go on meanwhile."""
        for _ in range(7):
            rig.clock.advance(5)
            keep_alive(rig, but=caller)
            seen.append(worker.problems())
        return Fault(error=DOWN)

    rig.queue.faults = down
    for _ in range(30):
        caller = "heartbeat"
        worker.heartbeat.tick()
        caller = "settler"
        worker.settler.flush()
        caller = "poller"
        worker.poller.poll_once()
        rig.clock.advance(1)
        seen.append(worker.problems())

    assert len(seen) > 100
    assert seen == [[]] * len(seen)
    assert all(slot.visibility_lost for slot in worker.in_flight.snapshot())
