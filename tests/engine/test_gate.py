"""The gate of a handler with little concurrency, or with a rate limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine.call import Call
from consumer.engine.gate import Gate
from consumer.engine.inflight import InFlight
from consumer.errors import Unavailable
from consumer.handlers.registering.registry import Handler, Registry
from consumer.testing import ManualClock, make_event
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.engine.inflight import InFlightMessage
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeHeld = Callable[..., InFlightMessage]
    MakeRig = Callable[..., Rig]


def gate_of(concurrency: int | None, clock: ManualClock | None = None, **limits: Any) -> Gate:
    """The gate of a handler."""
    handler = Handler(
        "store", ("*",), call=lambda event, context: None, concurrency=concurrency, **limits
    )
    return Gate(handler, clock=clock or ManualClock())


@pytest.fixture(name="calls")
def _calls(make_held: MakeHeld) -> list[Call]:
    in_flight = InFlight(max_messages=10, max_bytes=1 << 40)
    handler = Handler("store", ("*",), call=lambda event, context: None)
    return [Call(handler, [(make_held(in_flight), make_event())]) for _ in range(5)]


def test_a_gate_keeps_what_has_no_room_and_hands_it_back_in_turn(calls: list[Call]) -> None:
    """First come, first served; the place goes over without being free in between."""
    gate = gate_of(1)
    a, b, c, d, e = calls

    assert gate.enter(a)
    assert not gate.enter(b)
    assert not gate.enter(c)
    assert gate.leave() is b
    assert not gate.enter(d)
    assert [gate.leave(), gate.leave(), gate.leave()] == [c, d, None]
    assert gate.enter(e)


def test_a_gate_lets_in_as_many_as_its_limit(calls: list[Call]) -> None:
    """And no more."""
    gate = gate_of(2)

    assert [gate.enter(call) for call in calls[:3]] == [True, True, False]


def test_what_waits_at_a_gate_can_be_given_up(calls: list[Call]) -> None:
    """The places of those inside stay taken."""
    gate = gate_of(1)
    for call in calls[:3]:
        gate.enter(call)

    assert gate.give_up() == calls[1:3]
    assert gate.give_up() == []
    assert not gate.enter(calls[3])


def test_a_rate_limit_lets_in_one_call_each_interval(calls: list[Call]) -> None:
    """Also if the calls before it have long returned."""
    clock = ManualClock()
    gate = gate_of(None, clock, rate_limit_per_second=0.5)

    assert [gate.enter(call) for call in calls[:3]] == [True, False, False]
    assert gate.leave() is None
    assert gate.take_due() == []
    clock.advance(2)
    assert gate.take_due() == [calls[1]]
    clock.advance(1)
    assert not gate.enter(calls[3])  # it is not its turn
    clock.advance(1)
    assert gate.leave() is calls[2]
    clock.advance(2)
    assert gate.take_due() == [calls[3]]


def test_a_rate_limit_holds_beside_a_concurrency(calls: list[Call]) -> None:
    """Who waits for a place gets it when there is one, and it is time."""
    clock = ManualClock()
    gate = gate_of(1, clock, rate_limit_per_second=1)

    assert [gate.enter(call) for call in calls[:2]] == [True, False]
    clock.advance(1)
    assert gate.take_due() == []
    assert gate.leave() is calls[1]
    assert gate.leave() is None
    assert not gate.enter(calls[2])
    clock.advance(1)
    assert gate.take_due() == [calls[2]]


def test_rest_earns_no_burst(calls: list[Call]) -> None:
    """After an hour without events one call begins, and those of a quarter of a second."""
    clock = ManualClock()
    gate = gate_of(None, clock, rate_limit_per_second=8)
    clock.advance(3600)

    assert [gate.enter(call) for call in calls[:4]] == [True, True, True, False]


def test_what_was_not_called_does_not_count_for_the_rate(calls: list[Call]) -> None:
    """Its turn is that of the next one, at once."""
    gate = gate_of(None, rate_limit_per_second=0.1)

    assert [gate.enter(call) for call in calls[:3]] == [True, False, False]
    assert gate.leave(unused=True) is calls[1]
    assert gate.leave() is None


@for_each("rate", [0.5, 3, 4, 25])
def test_the_engine_keeps_to_the_rate(make_rig: MakeRig, rate: float) -> None:
    """Over any second, and on average; other handlers do not wait, and all events are handled."""
    began: list[float] = []
    others: list[str] = []
    registry = Registry()
    registry.add(
        lambda _event: began.append(rig.clock.monotonic()),
        "*", name="slow", rate_limit_per_second=rate,
    )  # fmt: skip
    registry.add(lambda event: others.append(event.message_id), "*", name="quick")
    rig = make_rig(registry)
    sent = rig.send(count=60)
    while rig.may_receive() and rig.receive().messages:
        rig.work()
    assert sorted(others) == sorted(sent)

    while len(began) < len(sent):
        rig.beat(0.2, step=0.2)
        rig.work()
    rig.settle()

    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert len(began) == len(sent)  # each once
    span = began[-1] - began[0]
    assert (len(sent) - 1) / span <= rate * 1.1
    assert (len(sent) - 1) / span >= rate * 0.95
    window = max(1.0, 1 / rate)
    for first in range(len(began)):
        within = [time for time in began if began[first] <= time < began[first] + window]
        assert len(within) <= window * rate + max(1.0, rate * 0.5)


def test_a_drain_returns_what_waits_for_the_rate(make_rig: MakeRig, registry: Registry) -> None:
    """When its time is up: nothing is lost, and nothing is held."""
    registry.add(lambda _event: None, "*", name="slow", rate_limit_per_second=0.1)
    rig = make_rig(registry, engine={"drain_timeout_seconds": 3})
    sent = rig.send(count=5)
    rig.cycle()

    rig.drain()

    assert len(rig.queue.deleted()) == 1
    assert len(rig.queue.visible()) == 4
    assert sorted([*rig.queue.deleted(), *rig.queue.visible()]) == sorted(sent)
    assert rig.held() == []


def test_events_that_a_predicate_declines_do_not_wait_for_the_rate(
    make_rig: MakeRig, registry: Registry
) -> None:
    """Only calls count: a handler of few events must not slow down all of the queue."""
    called: list[str] = []
    registry.add(
        lambda event: called.append(event.message_id),
        "*", name="slow", rate_limit_per_second=0.1, when=lambda event: event.message_id == last,
    )  # fmt: skip
    rig = make_rig(registry)
    last = rig.send(count=200)[-1]
    while rig.may_receive() and rig.receive().messages:
        rig.work()
    rig.settle()

    assert called == [last]
    assert len(rig.queue.deleted()) == 200


def test_a_probe_does_not_wait_for_what_is_before_it(make_rig: MakeRig, registry: Registry) -> None:
    """Each call that has its turn and finds the handler paused leaves that turn to the next one."""
    tried: list[float] = []

    def store(_event: Event) -> None:
        tried.append(rig.clock.monotonic())
        if len(tried) == 1:
            raise Unavailable("down")

    registry.add(store, "grade_change", name="store", rate_limit_per_second=0.1)
    rig = make_rig(registry, engine={"breaker_failures": 5})
    sent = rig.send(count=50)
    for _ in range(520):
        while rig.may_receive() and rig.receive().messages:
            rig.work()
        rig.beat(1)
        rig.work()
    rig.settle()

    assert tried[1] - tried[0] <= 20
    assert sorted(rig.queue.deleted()) == sorted(sent)
    assert len(tried) == 51
