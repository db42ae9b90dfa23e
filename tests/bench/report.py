"""Sums up rounds, holds them against the bars, and prints them."""

from __future__ import annotations

import platform
import statistics
from dataclasses import dataclass
from importlib.metadata import version
from os import cpu_count, getloadavg
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.bars import (
    MAX_IDLE_CPU_MS_PER_MINUTE,
    MAX_IDLE_LATENCY_P99_MS,
    MAX_IDLE_REQUESTS_PER_MINUTE,
    Setting,
    described,
    misses,
)
from tests.bench.candidates import DAEMON
from tests.bench.drain import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.bench.candidates import Candidate
    from tests.bench.idle import Idle


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate: the median of its rounds, and what of the bars it misses."""

    candidate: Candidate
    measure: Measure
    #: Least and most steady CPU of the rounds: how far the machine can be trusted.
    spread_us: tuple[float, float]
    #: CPU per message over that of (a), on the same basis; None if (a) was not run.
    steady_ratio: float | None
    whole_ratio: float | None
    misses: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Of the bars; empty for those that have none."""
        if self.candidate.name not in DAEMON or self.candidate.before:
            return ""
        return _verdict(self.misses)

    def as_json(self) -> dict[str, Any]:
        """The row as `--json` prints it."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name != "candidate"}
        measure = {name: getattr(self.measure, name) for name in self.measure.__slots__}
        return {"candidate": self.candidate.title, **shown, "measure": measure}


def summarise(rounds: Mapping[Candidate, Sequence[Measure]], setting: Setting) -> list[Row]:
    """One row for each candidate, in the order given."""
    medians = {candidate: _median(measures) for candidate, measures in rounds.items()}
    by_name = {candidate.name: measure for candidate, measure in medians.items()}
    floor, peer = by_name.get("a"), by_name.get("e")
    rows: list[Row] = []
    for candidate, measure in medians.items():
        steady = [m.steady_cpu_us for m in rounds[candidate]]
        row = Row(
            candidate=candidate,
            measure=measure,
            spread_us=(min(steady), max(steady)),
            steady_ratio=measure.steady_cpu_us / floor.steady_cpu_us if floor else None,
            whole_ratio=measure.whole_cpu_us / floor.whole_cpu_us if floor else None,
            misses=misses(candidate, measure, setting, floor=floor, peer=peer),
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
        stub_cpu_us=statistics.median(m.stub_cpu_us for m in measures),
        calls=measures[-1].calls,
    )


def table(rows: Sequence[Row], setting: Setting) -> str:
    """The rows as text."""
    head = (
        f"{'':30}{'CPU us/message':^27}{'ratio to (a)':^15}\n"
        f"{'':30}{'steady':>8}{'(spread)':>11}{'whole':>8}{'steady':>8}{'whole':>7}"
        f"{'messages/s':>12}{'calls/message':>15}{'peak RSS MB':>13}  bars"
    )
    return "\n".join([head, *(_line(row, setting) for row in rows), *_before_and_after(rows)])


def _line(row: Row, setting: Setting) -> str:
    measure = row.measure
    title = row.candidate.title
    if setting.latency_ms and row.candidate.name == "a":
        title += ", 0 ms"
    spread = f"{row.spread_us[0]:.0f}-{row.spread_us[1]:.0f}"
    steady, whole = _ratio(row.steady_ratio), _ratio(row.whole_ratio)
    return (
        f"{title:30}{measure.steady_cpu_us:8.1f}{spread:>11}{measure.whole_cpu_us:8.1f}"
        f"{steady:>8}{whole:>7}{measure.messages_per_second:12,.0f}"
        f"{measure.calls_per_message:15.4f}{measure.peak_rss_mb:13.1f}  {row.verdict}"
    )


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _before_and_after(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each daemon of which another checkout ran, too."""
    before = {row.candidate.name: row for row in rows if row.candidate.before}
    for row in rows:
        old = before.get(row.candidate.name)
        if old is not None and not row.candidate.before:
            cpu = row.measure.steady_cpu_us / old.measure.steady_cpu_us
            least = row.spread_us[0] / old.spread_us[0]
            speed = row.measure.messages_per_second / old.measure.messages_per_second
            yield (
                f"{row.candidate.title}, over before: CPU {cpu:.3f} "
                f"(least of each {least:.3f}), messages/s {speed:.3f}"
            )


def legend(setting: Setting) -> str:
    """What the columns mean and what the bars are."""
    lines = [
        "CPU is user + system time of the consumer's process, all threads. steady: from the first",
        "receive to the last delete; whole: the process from start to end, imports included.",
        "Medians of the rounds (RSS: the most). (e) decodes no body; the daemon decodes each.",
    ]
    if setting.tls:
        lines.append("All over TLS, (a) included.")
    if setting.latency_ms:
        lines.append(f"{setting.latency_ms:g} ms are added to each call, but not for (a).")
    lines.append(f"Bars: {described(setting)}.")
    return "\n".join(lines)


def idle_table(idle: Idle, misses: Sequence[str]) -> str:
    """What was seen of an idle daemon, as text."""
    lines = [f"{'idle':30}{'requests/minute':>17}{'CPU ms/minute':>15}"]
    for cost in (idle.daemon, *idle.others):
        rate, cpu_ms = cost.requests_per_minute, cost.cpu_ms_per_minute
        lines.append(f"{cost.title:30}{rate:17.2f}{cpu_ms:15.1f}")
    lines.append(
        f"{len(idle.latencies_ms)} messages sent to the idle daemon, each until its handler runs: "
        f"median {idle.median_ms:.1f} ms, p99 {idle.p99_ms:.1f} ms, "
        f"worst {max(idle.latencies_ms):.1f} ms"
    )
    lines.append(
        f"Bars of the daemon: {MAX_IDLE_REQUESTS_PER_MINUTE} requests/minute; "
        f"{MAX_IDLE_CPU_MS_PER_MINUTE:.0f} ms of CPU/minute; "
        f"p99 {MAX_IDLE_LATENCY_P99_MS:.0f} ms: {_verdict(misses)}"
    )
    return "\n".join(lines)


def _verdict(misses: Sequence[str]) -> str:
    return f"missed: {', '.join(misses)}" if misses else "met"


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
