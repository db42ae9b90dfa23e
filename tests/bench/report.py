"""Sums up rounds, holds them against the bars, and prints them."""

from __future__ import annotations

import platform
import statistics
from dataclasses import dataclass
from importlib.metadata import version
from os import cpu_count, getloadavg
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.rig import Measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TITLES = {
    "a": "(a) bare boto3 loop",
    "b": "(b) daemon, batch handler",
    "c": "(c) daemon, handler per event",
    "d": "(d) daemon, archive",
}
#: CPU per message may be so many times that of the bare loop.
MAX_RATIO = {"b": 1.1, "c": 1.35, "d": 1.4}
MAX_CALLS_PER_MESSAGE = 0.21
MAX_RSS_MB = 100.0
#: With latency: this share of what the bare loop reaches without (2,500 where that is 4,500).
MIN_SPEED_SHARE = 2500 / 4500
MAX_IDLE_REQUESTS_PER_MINUTE = 3.2
MAX_IDLE_LATENCY_MS = 50.0


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate: the median of its rounds, and what of the bars it misses."""

    candidate: str
    measure: Measure
    #: Least and most steady CPU of the rounds: how far the machine can be trusted.
    spread_us: tuple[float, float]
    #: CPU per message over that of (a), on the same basis; None if (a) was not run.
    steady_ratio: float | None
    whole_ratio: float | None
    misses: tuple[str, ...]


def summarise(rounds: Mapping[str, Sequence[Measure]], *, latency_ms: float) -> list[Row]:
    """One row for each candidate, in the order of their letters."""
    medians = {candidate: _median(measures) for candidate, measures in rounds.items()}
    floor = medians.get("a")
    rows: list[Row] = []
    for candidate, measure in sorted(medians.items()):
        steady = [m.steady_cpu_us for m in rounds[candidate]]
        row = Row(
            candidate=candidate,
            measure=measure,
            spread_us=(min(steady), max(steady)),
            steady_ratio=measure.steady_cpu_us / floor.steady_cpu_us if floor else None,
            whole_ratio=measure.whole_cpu_us / floor.whole_cpu_us if floor else None,
            misses=_misses(candidate, measure, floor, latency_ms),
        )
        rows.append(row)
    return rows


def _median(measures: Sequence[Measure]) -> Measure:
    return Measure(
        steady_cpu_us=statistics.median(m.steady_cpu_us for m in measures),
        whole_cpu_us=statistics.median(m.whole_cpu_us for m in measures),
        messages_per_second=statistics.median(m.messages_per_second for m in measures),
        calls_per_message=statistics.median(m.calls_per_message for m in measures),
        peak_rss_mb=max(m.peak_rss_mb for m in measures),
        calls=measures[-1].calls,
    )


def _misses(
    candidate: str, measure: Measure, floor: Measure | None, latency_ms: float
) -> tuple[str, ...]:
    if candidate == "a":
        return ()
    found: list[str] = []
    if latency_ms and floor:
        least = MIN_SPEED_SHARE * floor.messages_per_second
        if measure.messages_per_second < least:
            found.append(f"messages/s < {least:.0f}")
    elif floor:
        ratio = measure.steady_cpu_us / floor.steady_cpu_us
        if ratio > MAX_RATIO[candidate]:
            found.append(f"ratio > {MAX_RATIO[candidate]}")
    # With latency, receives come back less full: more calls then are the price of speed.
    if measure.calls_per_message > MAX_CALLS_PER_MESSAGE and not latency_ms:
        found.append(f"calls > {MAX_CALLS_PER_MESSAGE}")
    if measure.peak_rss_mb > MAX_RSS_MB:
        found.append(f"RSS > {MAX_RSS_MB:.0f} MB")
    return tuple(found)


def table(rows: Sequence[Row], *, latency_ms: float) -> str:
    """The rows as text."""
    head = (
        f"{'':30}{'CPU us/message':^27}{'ratio to (a)':^15}\n"
        f"{'':30}{'steady':>8}{'(spread)':>11}{'whole':>8}{'steady':>8}{'whole':>7}"
        f"{'messages/s':>12}{'calls/message':>15}{'peak RSS MB':>13}  bars"
    )
    lines = [head]
    for row in rows:
        measure = row.measure
        title = TITLES[row.candidate]
        if latency_ms and row.candidate == "a":
            title += ", 0 ms"
        spread = f"{row.spread_us[0]:.0f}-{row.spread_us[1]:.0f}"
        steady, whole = _ratio(row.steady_ratio), _ratio(row.whole_ratio)
        verdict = "" if row.candidate == "a" else ", ".join(row.misses) or "met"
        lines.append(
            f"{title:30}{measure.steady_cpu_us:8.1f}{spread:>11}{measure.whole_cpu_us:8.1f}"
            f"{steady:>8}{whole:>7}{measure.messages_per_second:12,.0f}"
            f"{measure.calls_per_message:15.3f}{measure.peak_rss_mb:13.1f}  {verdict}"
        )
    return "\n".join(lines)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def legend(*, latency_ms: float) -> str:
    """What the columns mean and what the bars are."""
    lines = [
        "CPU is user + system time of the consumer's process, all threads. steady: from the first",
        "receive to the last delete; whole: the process from start to end, imports included.",
        "Medians of the rounds (RSS: the most).",
    ]
    if latency_ms:
        lines.append(
            f"Bar with {latency_ms:g} ms per call: {MIN_SPEED_SHARE:.3f} of the messages/s that "
            "(a) reaches without latency."
        )
    else:
        ratios = ", ".join(f"({name}) {most}" for name, most in MAX_RATIO.items())
        lines.append(
            f"Bars: steady ratio {ratios}; {MAX_CALLS_PER_MESSAGE} calls/message; "
            f"{MAX_RSS_MB:.0f} MB."
        )
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """What it ran on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": f"{cpu_count()} x {model}",
        "load": f"{getloadavg()[0]:.2f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "boto3": version("boto3"),
        "botocore": version("botocore"),
    }
