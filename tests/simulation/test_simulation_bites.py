"""The simulation finds every defect that is planted into a copy of the engine."""

from __future__ import annotations

import pytest

from tests.planted import Copy, Defect
from tests.simulation.planted import DEFECTS

pytestmark = [pytest.mark.thorough, pytest.mark.planted]

#: Most defects are found within a few runs; all are made only if a defect is missed.
RUNS = ("--runs", "900", "--seed", "0")


@pytest.fixture(name="copy", scope="module")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """One for all defects, so that its bytecode is made once."""
    return Copy(tmp_path_factory.mktemp("planted"), "simulation")


def test_the_engine_without_a_defect_keeps_its_promise(copy: Copy) -> None:
    """Nothing is found where nothing is planted."""
    done = copy.run("--runs", "60", "--seed", "0")

    assert done.returncode == 0, done.stderr
    assert "runs         60 " in done.stdout


@pytest.mark.parametrize("defect", DEFECTS, ids=str)
def test_a_planted_defect_is_found(copy: Copy, defect: Defect) -> None:
    """Exit code 1 and the seed, from a check of the simulation."""
    copy.find(defect, *RUNS)


def test_there_are_enough_defects() -> None:
    """Ten different ones at least, and each changes something."""
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 10
    assert all(defect.old != defect.new for defect in DEFECTS)
