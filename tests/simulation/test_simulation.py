"""Two thousand bad days: the engine keeps its promise in every one of them, and one can be seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.simulation.__main__ import main
from tests.simulation.simulate import simulate
from tests.simulation.tally import BrokenPromiseError, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.thorough

RUNS, PARTS = 2_000, 8
FAULTS = (
    "answer lost", "disk full", "entries refused", "expired token", "latency", "no connection",
    "queue denied", "queue down", "queue missing", "queue refusing", "reset", "server error",
    "slow answer", "throttle", "time-out",
)  # fmt: skip


@pytest.mark.parametrize("part", range(PARTS))
def test_the_promise_holds_in_each_run(part: int) -> None:
    """Nothing lost, nothing deleted unhandled, nothing held for ever; though all goes wrong."""
    total = Tally()

    for seed in range(part * RUNS // PARTS, (part + 1) * RUNS // PARTS):
        try:
            total.add(simulate(seed))
        except BrokenPromiseError as error:
            pytest.fail(f"{error}: python -m tests.simulation --replay {seed}")

    assert total.runs == RUNS // PARTS
    assert total.messages > 10 * total.runs
    assert min(total.crashes, total.stops, total.dead, total.quarantined) > 20
    assert total.duplicates < total.handled / 10
    assert all(total.faults[kind] for kind in FAULTS), total.faults


def test_the_same_seed_is_the_same_run() -> None:
    """Down to each step: what failed once can be looked at."""
    first: list[str] = []
    second: list[str] = []

    for seed in range(5):
        assert simulate(seed, trace=first.append) == simulate(seed, trace=second.append)

    assert len(first) > 100
    assert first == second


def test_a_summary_is_printed() -> None:
    """What was tried, and that nothing was lost."""
    result = CliRunner().invoke(main, ["--runs", "3", "--seed", "5"])

    assert result.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["runs"].startswith("3 ")
    assert lines["losses"] == "0"
    assert {"messages", "handled", "faults", "crashes", "calls"} <= lines.keys()


def test_a_run_can_be_replayed() -> None:
    """Each step and each fault is printed."""
    result = CliRunner().invoke(main, ["--replay", "7"])

    assert result.exit_code == 0
    assert result.stdout.count("\n") > 30
    assert {"poll", "process", "beat"} <= set(result.stdout.split())


def test_the_first_failure_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its seed, and how to see it again; and the exit code is 1."""

    def simulate_badly(seed: int, **_trace: Callable[[str], None]) -> Tally:
        if seed == 4:
            raise BrokenPromiseError("a message is nowhere")
        return Tally(runs=1)

    monkeypatch.setattr(sys.modules[main.callback.__module__], "simulate", simulate_badly)

    result = CliRunner().invoke(main, ["--runs", "10", "--seed", "2"])

    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "seed 4: a message is nowhere"
    assert "--replay 4" in result.stderr


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--seed", "-1"], ["--replay", "x"]])
def test_nonsense_is_refused(arguments: list[str]) -> None:
    """A usage error, not a run of nothing."""
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 2
    assert "Invalid value" in result.stderr


def test_it_runs_as_a_module() -> None:
    """As the documentation says: `python -m tests.simulation`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--runs", "1"],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "losses       0" in done.stdout
