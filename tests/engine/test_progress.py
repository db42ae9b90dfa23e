"""One message among its handlers, and the gate of a handler with little concurrency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from consumer.engine.delivery import Delivery, Gate, Work

from consumer.engine.inflight import InFlight, Slot
from consumer.handlers.registering.registry import Handler
from consumer.messages import Outcome
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Callable

ACK = Outcome.ack()


def handler(name: str) -> Handler:
    """A handler that does nothing."""
    return Handler(name, ("*",), call=lambda event, context: None)


@pytest.fixture(name="slot")
def _slot(make_slot: Callable[..., Slot]) -> Slot:
    return make_slot(InFlight(max_messages=1, max_bytes=1 << 30))


@pytest.fixture(name="work")
def _work() -> list[Work]:
    events = [make_event(index=0, count=2), make_event(index=1, count=2)]
    return [(event, handler(name)) for event in events for name in ("store", "mail")]


def test_the_last_piece_of_work_is_told_once(slot: Slot, work: list[Work]) -> None:
    """Whoever ends it settles the message; in which order they end does not matter."""
    delivery = Delivery(slot, [], work)

    ended = [delivery.end(event, found, ACK) for event, found in reversed(work)]

    assert ended == [False, False, False, True]
    assert delivery.verdict() == (ACK, None)


def test_what_succeeded_is_known_by_position_and_handler(slot: Slot, work: list[Work]) -> None:
    """Only that may be left out when the message comes again."""
    delivery = Delivery(slot, [], work)
    outcomes = [ACK, Outcome.retry("TimeoutError"), Outcome.reject("not ours"), ACK]

    for (event, found), outcome in zip(work, outcomes, strict=True):
        delivery.end(event, found, outcome)

    assert delivery.succeeded == [(0, "store"), (1, "mail")]


def test_a_retry_wins_over_a_reject(slot: Slot, work: list[Work]) -> None:
    """Its handler may yet succeed; and the handler whose retry it is names the policy."""
    delivery = Delivery(slot, [], work[:3])
    retry = Outcome.retry("TimeoutError")
    delivery.end(*work[0], Outcome.reject("not ours"))
    delivery.end(*work[1], retry)
    delivery.end(*work[2], ACK)

    outcome, found = delivery.verdict()

    assert outcome is retry
    assert found is work[1][1]


def test_the_longest_explicit_delay_wins(slot: Slot, work: list[Work]) -> None:
    """No handler is called before it asked to be."""
    delivery = Delivery(slot, [], work[:3])
    for piece, delay in zip(work, (None, 600.0, 30.0), strict=False):
        delivery.end(*piece, Outcome.retry("later", delay))

    outcome, found = delivery.verdict()

    assert outcome.delay_seconds == 600
    assert found is work[1][1]


def test_a_gate_keeps_what_has_no_room_and_hands_it_back_in_turn() -> None:
    """First come, first served; the place goes over without being free in between."""
    gate: Gate[str] = Gate(1)

    assert gate.enter("a")
    assert not gate.enter("b")
    assert not gate.enter("c")
    assert gate.leave() == "b"
    assert not gate.enter("d")
    assert [gate.leave(), gate.leave(), gate.leave()] == ["c", "d", None]
    assert gate.enter("e")


def test_a_gate_lets_in_as_many_as_its_limit() -> None:
    """And no more."""
    gate: Gate[str] = Gate(2)

    assert [gate.enter(item) for item in "abc"] == [True, True, False]


def test_what_waits_at_a_gate_can_be_given_up() -> None:
    """The places of those inside stay taken."""
    gate: Gate[str] = Gate(1)
    for item in "abc":
        gate.enter(item)

    assert gate.abandon() == ["b", "c"]
    assert gate.abandon() == []
    assert not gate.enter("d")
