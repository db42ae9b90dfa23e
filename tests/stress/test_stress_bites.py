"""The stress finds every defect of threads that is planted into a copy of the engine."""

from __future__ import annotations

import pytest

from tests.planted import Copy, Defect
from tests.stress.planted import DEFECTS

pytestmark = [pytest.mark.thorough, pytest.mark.planted, pytest.mark.timeout(300)]

#: Most defects are found within ten runs; all are made only if a defect is missed. Two waits for a
#: probe of a breaker fit into the patience.
OPTIONS = ("--runs", "150", "--patience", "6")


@pytest.fixture(name="copy", scope="module")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("planted"), "stress")


@pytest.mark.parametrize("defect", DEFECTS, ids=str)
def test_a_planted_defect_of_threads_is_found(copy: Copy, defect: Defect) -> None:
    """Exit code 1 and the seed, from a check of the stress."""
    copy.find(defect, *OPTIONS)
