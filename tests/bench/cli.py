"""The benchmark: what a drained message costs the daemon, next to a bare boto3 loop.

python tests/bench/run.py                        the table
python tests/bench/run.py --latency-ms 15        with a network that takes time
python tests/bench/run.py --messages 200000      is memory flat?
python tests/bench/run.py --idle 65              the daemon on an empty queue
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from tests.bench.idle import Idle, measure_idle
from tests.bench.report import (
    MAX_IDLE_LATENCY_MS,
    MAX_IDLE_REQUESTS_PER_MINUTE,
    TITLES,
    legend,
    machine,
    summarise,
    table,
)
from tests.bench.rig import BenchError, Measure, drain

_IDLE_SENDS = 20


def main() -> int:
    """Read the command line, measure, report; returns the exit code."""
    options = _parser().parse_args()
    about = machine()
    if not options.json:
        print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    try:
        met = _idle(options, about) if options.idle else _drain(options, about)
    except BenchError as error:
        print(f"benchmark failed: {error}", file=sys.stderr)
        return 1
    return 1 if options.check and not met else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="per drain")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--latency-ms", type=float, default=0.0,
        help="added to each call of the daemon; (a) then still runs without, as the measure",
    )  # fmt: skip
    parser.add_argument("--only", type=_letters, default=list(TITLES), help="such as a,c")
    parser.add_argument(
        "--idle", type=float, metavar="SECONDS", default=0.0,
        help="idle for so long (three long polls are 65), then send some messages",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    return parser


def _letters(text: str) -> list[str]:
    letters = text.split(",")
    if not set(letters) <= set(TITLES):
        raise argparse.ArgumentTypeError(f"letters of {','.join(TITLES)}, with commas between")
    return sorted(set(letters))


def _drain(options: argparse.Namespace, about: dict[str, str]) -> bool:
    rounds: dict[str, list[Measure]] = {candidate: [] for candidate in options.only}
    for number in range(1, options.rounds + 1):
        for candidate, measures in rounds.items():
            latency_ms = 0.0 if candidate == "a" else options.latency_ms
            measures.append(drain(candidate, messages=options.messages, latency_ms=latency_ms))
            _progress(f"round {number}: {TITLES[candidate]}, {measures[-1].steady_cpu_us:.1f} us")
    rows = summarise(rounds, latency_ms=options.latency_ms)
    if options.json:
        shown = [dataclasses.asdict(row) for row in rows]
        told = {name: getattr(options, name) for name in ("messages", "rounds", "latency_ms")}
        print(json.dumps({**told, "machine": about, "rows": shown}))
    else:
        print(f"{options.messages:,} messages, {options.rounds} rounds")
        print(table(rows, latency_ms=options.latency_ms))
        print(legend(latency_ms=options.latency_ms))
    return not any(row.misses for row in rows)


def _idle(options: argparse.Namespace, about: dict[str, str]) -> bool:
    idle = measure_idle(seconds=options.idle, sends=_IDLE_SENDS)
    met = _idle_met(idle)
    if options.json:
        print(json.dumps({"machine": about, "met": met, **dataclasses.asdict(idle)}))
    else:
        print(
            f"idle: {idle.requests_per_minute:.2f} requests/minute "
            f"(bar {MAX_IDLE_REQUESTS_PER_MINUTE})\n"
            f"sent while idle, until the handler runs: median {idle.median_ms:.1f} ms, "
            f"worst {idle.worst_ms:.1f} ms of {_IDLE_SENDS} (bar {MAX_IDLE_LATENCY_MS:.0f} ms)\n"
            f"bars: {'met' if met else 'missed'}"
        )
    return met


def _idle_met(idle: Idle) -> bool:
    enough = idle.requests_per_minute <= MAX_IDLE_REQUESTS_PER_MINUTE
    return enough and idle.worst_ms <= MAX_IDLE_LATENCY_MS


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
