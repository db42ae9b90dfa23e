"""The batches that are being filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.engine.call import Batches
from consumer.engine.inflight import InFlight
from consumer.handlers.registering.registry import Handler
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.engine.call import Entry
    from consumer.engine.inflight import InFlightMessage
    from consumer.testing import ManualClock


def batch_handler(name: str, *, batch: int = 3, linger_seconds: float = 2.0) -> Handler:
    """A batch handler that does nothing."""
    return Handler(
        name,
        ("*",),
        call_batch=lambda events, context: None,
        batch=batch,
        linger_seconds=linger_seconds,
    )


STORE = batch_handler("store")
MAIL = batch_handler("mail", batch=2, linger_seconds=5.0)
SINGLE = Handler("single", ("*",), call=lambda event, context: None)


@pytest.fixture(name="batches")
def _batches(clock: ManualClock) -> Batches:
    return Batches(clock)


@pytest.fixture(name="entries")
def _entries(make_held: Callable[..., InFlightMessage]) -> list[Entry]:
    in_flight = InFlight(max_messages=10, max_bytes=1 << 40)
    return [(make_held(in_flight), make_event()) for _ in range(4)]


def test_the_event_that_fills_a_batch_gets_it(batches: Batches, entries: list[Entry]) -> None:
    """In the order of adding; the next batch starts empty."""
    a, b, c, _ = entries
    assert batches.add(STORE, a) is None
    assert batches.add(STORE, b) is None

    call = batches.add(STORE, c)

    assert call is not None
    assert call.entries == [a, b, c]
    assert call.handler is STORE
    assert len(batches) == 0
    assert batches.take(everything=True) == []


def test_a_batch_lingers_from_its_first_event(
    batches: Batches, entries: list[Entry], clock: ManualClock
) -> None:
    """Later ones do not delay it."""
    a, b, *_ = entries
    batches.add(STORE, a)
    clock.advance(1.5)
    batches.add(STORE, b)

    assert batches.take() == []
    clock.advance(0.5)
    (call,) = batches.take()

    assert call.entries == [a, b]


def test_each_batch_lingers_anew(
    batches: Batches, entries: list[Entry], clock: ManualClock
) -> None:
    """The time of the batch before does not count for this one."""
    batches.add(STORE, entries[0])
    batches.take(everything=True)
    clock.advance(10)
    batches.add(STORE, entries[1])

    assert batches.take() == []
    assert len(batches) == 1


def test_each_handler_has_a_batch_of_its_own(
    batches: Batches, entries: list[Entry], clock: ManualClock
) -> None:
    """With its own size and its own linger."""
    a, b, c, _ = entries
    batches.add(STORE, a)
    batches.add(MAIL, a)
    assert len(batches) == 2

    full = batches.add(MAIL, b)
    batches.add(MAIL, c)
    clock.advance(2)
    lingered = batches.take()

    assert full is not None
    assert (full.handler, full.entries) == (MAIL, [a, b])
    assert [(call.handler, call.entries) for call in lingered] == [(STORE, [a])]
    assert len(batches) == 1


def test_everything_can_be_taken_at_once(batches: Batches, entries: list[Entry]) -> None:
    """For a drain, or when no more can come; an event leaves once."""
    batches.add(STORE, entries[0])
    batches.add(MAIL, entries[1])

    calls = batches.take(everything=True)

    assert [call.entries for call in calls] == [[entries[0]], [entries[1]]]
    assert batches.take(everything=True) == []


def test_nothing_of_one_batch_is_in_the_next(batches: Batches, entries: list[Entry]) -> None:
    """A handler that keeps or changes its list changes nothing of ours."""
    a, b, c, d = entries
    batches.add(STORE, a)
    batches.add(STORE, b)
    first = batches.add(STORE, c)
    assert first is not None
    first.entries.clear()
    batches.add(STORE, d)

    (second,) = batches.take(everything=True)

    assert second.entries == [d]
