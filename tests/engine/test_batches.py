"""The batch that is being filled for one handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from consumer.engine.batching import Collector

from consumer.handlers.registering.registry import Handler

if TYPE_CHECKING:
    from consumer.testing import ManualClock


@pytest.fixture(name="collector")
def _collector(clock: ManualClock) -> Collector[str]:
    handler = Handler(
        "store", ("*",), call_batch=lambda events, context: None, batch=3, linger_seconds=2.0
    )
    return Collector(handler, clock)


def test_the_item_that_fills_a_batch_gets_it(collector: Collector[str]) -> None:
    """In the order of adding; the next batch starts empty."""
    assert collector.add("a") is None
    assert collector.add("b") is None

    batch = collector.add("c")

    assert batch is not None
    assert batch.items == ["a", "b", "c"]
    assert batch.handler.name == "store"
    assert len(collector) == 0
    assert collector.take() is None


def test_a_batch_lingers_from_its_first_item(collector: Collector[str], clock: ManualClock) -> None:
    """Later ones do not put it off."""
    collector.add("a")
    clock.advance(1.5)
    collector.add("b")

    assert collector.take(now=clock.monotonic()) is None
    clock.advance(0.5)
    batch = collector.take(now=clock.monotonic())

    assert batch is not None
    assert batch.items == ["a", "b"]


def test_each_batch_lingers_anew(collector: Collector[str], clock: ManualClock) -> None:
    """The time of the batch before does not count for this one."""
    collector.add("a")
    collector.take()
    clock.advance(10)
    collector.add("b")

    assert collector.take(now=clock.monotonic()) is None


def test_taking_without_a_time_takes_at_once(collector: Collector[str]) -> None:
    """For a drain, or when no more can come."""
    collector.add("a")

    batch = collector.take()

    assert batch is not None
    assert batch.items == ["a"]
    assert collector.take() is None


def test_nothing_of_one_batch_is_in_the_next(collector: Collector[str]) -> None:
    """A handler that keeps or changes its list changes nothing of ours."""
    for item in "abc":
        first = collector.add(item)
    assert first is not None
    first.items.clear()
    collector.add("d")

    second = collector.take()

    assert second is not None
    assert second.items == ["d"]
