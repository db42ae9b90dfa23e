"""The benchmark's verdicts follow from its figures."""

from __future__ import annotations

from tests.bench.report import summarise, table
from tests.bench.rig import Measure


def test_bars_are_held_against_the_bare_loop() -> None:
    """A bar that is missed is named; the bare loop is the measure and has none."""
    floor = Measure(100.0, 110.0, 4500.0, 0.2, 45.0, {})
    rounds = {
        "a": [floor],
        "b": [Measure(105.0, 140.0, 4400.0, 0.2, 60.0, {})],
        "c": [Measure(150.0, 200.0, 4000.0, 0.22, 120.0, {})],
    }

    rows = summarise(rounds, latency_ms=0)

    assert [r.misses for r in rows] == [(), (), ("ratio > 1.35", "calls > 0.21", "RSS > 100 MB")]
    assert [row.steady_ratio for row in rows] == [1.0, 1.05, 1.5]
    assert "ratio > 1.35" in table(rows, latency_ms=0)


def test_with_latency_speed_is_the_bar() -> None:
    """With latency, messages a second are held against the bare loop without it."""
    slow, fast = (Measure(150.0, 200.0, rate, 0.25, 60.0, {}) for rate in (2400.0, 2600.0))
    floor = Measure(100.0, 110.0, 4500.0, 0.2, 45.0, {})

    rows = summarise({"a": [floor], "b": [slow], "c": [fast]}, latency_ms=15)

    assert [row.misses for row in rows] == [(), ("messages/s < 2500",), ()]
