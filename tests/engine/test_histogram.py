"""Histograms: what is in which bucket, and what is estimated from that."""

from __future__ import annotations

import threading

import pytest

from consumer.engine.handler_stats import HandlerStats
from consumer.engine.histogram import Histogram
from tests.cases import for_each


def test_a_bound_belongs_to_its_bucket() -> None:
    """As Prometheus has it: less than or equal."""
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.add(value)

    spread = histogram.spread()
    assert (spread.counts, spread.sum, spread.count) == ((2, 2, 1), 7.5, 5)
    assert spread.mean == 1.5


def test_one_value_may_stand_for_several_and_none_for_nothing() -> None:
    """Both count and sum have its weight."""
    histogram = Histogram((1.0, 2.0))
    histogram.add(1.5, 10)
    histogram.add(None)

    assert histogram.spread().counts == (0, 10, 0)
    assert histogram.spread().sum == 15.0


@for_each(
    "values, share, expected",
    [
        ([], 0.5, None),
        ([0.5] * 4, 0.5, 0.5),
        ([0.5, 1.5], 0.5, 1.0),
        ([0.5, 1.5], 0.75, 1.5),
        ([1.5] * 10, 0.95, 1.95),
        ([9.0], 0.95, 4.0),  # beyond the last bound nothing is known
    ],
)
def test_a_quantile_is_estimated_within_its_bucket(
    values: list[float], share: float, expected: float | None
) -> None:
    """As `histogram_quantile` of Prometheus does it."""
    histogram = Histogram((1.0, 2.0, 4.0))
    for value in values:
        histogram.add(value)

    assert histogram.spread().quantile(share) == (expected and pytest.approx(expected))


def test_threads_do_not_lose_each_others_counts() -> None:
    """Handlers run in many threads at the same time."""
    stats = HandlerStats()

    def call() -> None:
        for _ in range(2_000):
            stats.succeeded(0.5, 2, 1.0)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (stats.spread().count, stats.handled) == (8_000, 16_000)
    assert stats.spread().sum == 4_000.0
