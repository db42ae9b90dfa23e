"""The benchmark's verdicts follow from its figures."""

from __future__ import annotations

from pathlib import Path

from tests.bench.bars import Setting, idle_misses, load_misses
from tests.bench.candidates import Candidate
from tests.bench.drain import Measure
from tests.bench.idle import Cost, Idle
from tests.bench.report import idle_table, summarise, table

A, B, C, D, E = (Candidate(letter) for letter in "abcde")


def _measure(
    cpu_us: float, *, per_second: float = 6000, calls: float = 0.2, rss_mb: float = 60
) -> Measure:
    return Measure(cpu_us, cpu_us + 10, per_second, calls, rss_mb, 50, {})


def test_bars_are_held_against_the_bare_loop() -> None:
    """A bar that is missed is named; the bare loop is the measure and has none."""
    rounds = {
        A: [_measure(100)],
        B: [_measure(25)],
        C: [_measure(34, calls=0.21, rss_mb=80)],
        D: [_measure(44)],
    }

    rows = summarise(rounds, Setting())

    missed = ("ratio > 0.33", "calls > 0.205", "RSS > 75 MB")
    assert [row.misses for row in rows] == [(), (), missed, ()]
    assert [row.steady_ratio for row in rows] == [1.0, 0.25, 0.34, 0.44]
    assert [row.verdict for row in rows] == ["", "met", f"missed: {', '.join(missed)}", "met"]
    assert "missed: ratio > 0.33" in table(rows, Setting())


def test_the_batch_handler_is_held_against_the_peer() -> None:
    """The peer has no bars; what costs more than it does is named."""
    rounds = {A: [_measure(100)], B: [_measure(25)], C: [_measure(30)], E: [_measure(24)]}

    rows = summarise(rounds, Setting())

    assert [row.misses for row in rows] == [(), ("CPU > (e)",), (), ()]


def test_with_latency_speed_is_the_bar() -> None:
    """With latency, messages per second are the bar, not the ratio to the bare loop."""
    rounds = {A: [_measure(50)], B: [_measure(40, per_second=4900)], C: [_measure(40)]}

    rows = summarise(rounds, Setting(latency_ms=15))

    assert [row.misses for row in rows] == [(), ("messages/s < 5,000",), ()]


def test_another_checkout_is_compared_and_not_judged() -> None:
    """The daemon of another checkout misses nothing, and its figures are put beside ours."""
    before = Candidate("b", tree=Path("/elsewhere"))
    slow = [_measure(cpu_us, per_second=4000) for cpu_us in (40, 80, 90)]
    rounds = {A: [_measure(100)], before: slow, B: [_measure(20)]}

    rows = summarise(rounds, Setting())

    assert [row.verdict for row in rows] == ["", "", "met"]
    compared = "over before: CPU 0.250 (least of each 0.500), messages/s 1.500"
    assert compared in table(rows, Setting())


def test_over_tls_the_ratios_are_others() -> None:
    """Over TLS the bare loop costs more, too; the peer is shown and is not a bar."""
    rounds = {A: [_measure(100)], B: [_measure(34)], C: [_measure(36)], E: [_measure(20)]}

    rows = summarise(rounds, Setting(tls=True))

    assert [row.misses for row in rows] == [(), (), ("ratio > 0.35",), ()]


def test_an_idle_daemon_is_held_against_its_bars() -> None:
    """Requests and CPU a minute, and the slowest but one in a hundred, are each named if missed."""
    latencies = (*[1.0] * 98, 21.0, 90.0)
    good = Idle(Cost("daemon", 3.0, 40.0), (), (*[1.0] * 99, 90.0))
    bad = Idle(Cost("daemon", 3.3, 41.0), (Cost("bare loop", 3.0, 6.0),), latencies)

    missed = ("requests/minute > 3.2", "CPU > 40 ms/minute", "p99 > 20 ms")
    assert idle_misses(good) == ()
    assert idle_misses(bad) == missed
    assert (bad.median_ms, bad.p99_ms) == (1.0, 21.0)
    assert "bare loop" in idle_table(bad, missed)


def test_a_large_backlog_is_held_against_its_bars() -> None:
    """Memory has to be flat, and little."""
    assert load_misses(growth=0.09, rss_mb=74) == ()
    assert load_misses(growth=0.11, rss_mb=76) == ("growth > 10 %", "RSS > 75 MB")
