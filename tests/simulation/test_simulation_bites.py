"""The simulation bites: it finds every defect that is planted into a copy of the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import consumer
from tests.simulation.planted import DEFECTS

if TYPE_CHECKING:
    from tests.simulation.planted import Defect

pytestmark = [pytest.mark.thorough, pytest.mark.planted]

#: Most are found within a few; all of these are run only if the defect is missed.
RUNS = 300


@pytest.fixture(name="copy", scope="module")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and the simulation in a folder of their own.

    One for all defects: so its bytecode is made once.
    """
    folder = tmp_path_factory.mktemp("planted")
    package, simulation = Path(consumer.__file__).parent, Path(__file__).parent
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, folder / "consumer", ignore=no_bytecode)
    shutil.copytree(simulation, folder / "tests" / "simulation", ignore=no_bytecode)
    (folder / "tests" / "__init__.py").touch()
    return folder


def simulate(copy: Path, runs: int = RUNS) -> subprocess.CompletedProcess[str]:
    """Run the simulation over the copy's engine."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--runs", str(runs), "--seed", "0"],
        cwd=copy,
        env={**environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def write(path: Path, text: str) -> None:
    """Write a module, and drop its bytecode: by size and second it might pass for the same."""
    path.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)


def test_the_engine_as_it_is_keeps_its_promise(copy: Path) -> None:
    """Where nothing is planted nothing is found: it is the defect that is."""
    done = simulate(copy, 60)

    assert done.returncode == 0, done.stderr
    assert "runs         60 " in done.stdout


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_a_planted_defect_is_found(copy: Path, defect: Defect) -> None:
    """Exit code 1, and the seed that shows it; by a check, not because the patch broke Python."""
    path = copy / "consumer" / defect.path
    healthy = path.read_text(encoding="utf-8")
    assert healthy.count(defect.old) == 1, "the text to replace has changed: adapt the patch"

    write(path, healthy.replace(defect.old, defect.new))
    try:
        done = simulate(copy)
    finally:
        write(path, healthy)

    assert done.returncode == 1, f"not found in {RUNS} runs"
    assert done.stderr.startswith("seed "), done.stderr
    assert "Traceback" not in done.stderr


def test_there_are_enough_of_them() -> None:
    """Ten different ones at least, none of which changes nothing."""
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 10
    assert all(defect.old != defect.new for defect in DEFECTS)
