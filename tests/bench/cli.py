"""The benchmark: what a drained message costs the daemon, next to a bare boto3 loop.

python tests/bench/run.py                        the table
python tests/bench/run.py --peer PATH            next to fanferro, of another virtual environment
python tests/bench/run.py --against PATH         before and after: the daemon of another checkout
python tests/bench/run.py --latency-ms 15        with a network that takes time
python tests/bench/run.py --tls                  over TLS
python tests/bench/run.py --messages 200000      is memory flat?
python tests/bench/run.py --idle 60              the daemon on an empty queue
python tests/bench/run.py --only handlers        the daemon with each handler that lands events
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bars import Setting, idle_misses
from tests.bench.candidates import HANDLERS, TITLES, Candidate, candidates, peer_version
from tests.bench.certificate import write_certificate
from tests.bench.drain import Measure, drain
from tests.bench.idle import measure_idle
from tests.bench.report import idle_table, legend, machine, summarise, table
from tests.bench.rig import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.certificate import Certificate

_PEER_POLLERS = 8
#: The candidates that have no letter.
_OTHERS = [name for name in HANDLERS if name not in TITLES]


def main() -> int:
    """Read the command line, measure, report; returns the exit code."""
    options = _parser().parse_args()
    about = machine()
    try:
        if options.peer:
            about["fanferro"] = peer_version(options.peer)
        if not options.json:
            print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
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
    parser.add_argument(
        "--only", type=_names, default=list(TITLES),
        help=f"such as a,c; or of {', '.join(sorted(_OTHERS))}; `handlers` are these, (b) and (d)",
    )  # fmt: skip
    parser.add_argument(
        "--tls", action="store_true", help="all of them over TLS, (a) as their measure included"
    )  # fmt: skip
    parser.add_argument(
        "--peer", type=Path, metavar="PATH",
        help="also run (e): a Python with fanferro, or the virtual environment that has it",
    )  # fmt: skip
    parser.add_argument(
        "--peer-pollers", type=int, metavar="N",
        help=f"open receives of (e); 1, or {_PEER_POLLERS} with latency",
    )  # fmt: skip
    parser.add_argument(
        "--against", type=Path, metavar="PATH",
        help="also run the daemon of another checkout of this project, in the same rounds",
    )  # fmt: skip
    parser.add_argument(
        "--idle", type=float, metavar="SECONDS", default=0.0,
        help="idle for this long (three long polls are 60), then send messages one by one",
    )  # fmt: skip
    parser.add_argument("--sends", type=int, default=200, help="with --idle: how many")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    return parser


def _names(text: str) -> list[str]:
    names = set(text.split(","))
    if "handlers" in names:
        names = names - {"handlers"} | set(HANDLERS)
    known = [*TITLES, *_OTHERS]
    if not names <= set(known):
        raise argparse.ArgumentTypeError(f"some of {','.join(known)}, with commas between")
    return [name for name in known if name in names]


def _drain(options: argparse.Namespace, about: dict[str, str]) -> bool:
    setting = Setting(options.latency_ms, options.tls)
    pollers = options.peer_pollers or (_PEER_POLLERS if setting.latency_ms else 1)
    running = candidates(options.only, against=options.against, peer=options.peer, pollers=pollers)
    with tempfile.TemporaryDirectory(prefix="bench-tls-") as folder:
        certificate = write_certificate(Path(folder)) if setting.tls else None
        rounds = _rounds(running, options, certificate)
    rows = summarise(rounds, setting)
    if options.json:
        settings = {
            name: getattr(options, name) for name in ("messages", "rounds", "latency_ms", "tls")
        }
        print(json.dumps({**settings, "machine": about, "rows": [row.as_json() for row in rows]}))
    else:
        print(f"{options.messages:,} messages, {options.rounds} rounds")
        print(table(rows, setting))
        print(legend(setting))
    return not any(row.misses for row in rows)


def _rounds(
    running: Sequence[Candidate], options: argparse.Namespace, certificate: Certificate | None
) -> dict[Candidate, list[Measure]]:
    """Let each drain once in each round: a machine that changes its pace does so for all."""
    rounds: dict[Candidate, list[Measure]] = {candidate: [] for candidate in running}
    for number in range(1, options.rounds + 1):
        for candidate, measures in rounds.items():
            measure = drain(
                candidate,
                messages=options.messages,
                latency_ms=0.0 if candidate.name == "a" else options.latency_ms,
                certificate=certificate,
            )
            measures.append(measure)
            _progress(f"round {number}: {candidate.title}, {measure.steady_cpu_us:.1f} us")
    return rounds


def _idle(options: argparse.Namespace, about: dict[str, str]) -> bool:
    others = candidates(
        [letter for letter in "ae" if letter in options.only],
        against=None, peer=options.peer, pollers=1,
    )  # fmt: skip
    idle = measure_idle(seconds=options.idle, sends=options.sends, others=others)
    missed = idle_misses(idle)
    if options.json:
        print(json.dumps({"machine": about, "misses": missed, **dataclasses.asdict(idle)}))
    else:
        print(idle_table(idle, missed))
    return not missed


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
