"""The engine under a stress of real threads, for some seconds; any number of runs by hand."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from tests.stress.plan import draw
from tests.stress.stress import run
from tests.stress.switches import TRACED, many_switches

pytestmark = pytest.mark.thorough

SEEDS = range(14)


@pytest.mark.parametrize("seed", SEEDS)
def test_threads_lose_nothing_and_do_nothing_twice(seed: int) -> None:
    """Whenever they are switched, through drains, kills and refusals, with one ledger."""
    tally = run(seed)

    assert tally.successes > 0


def test_these_seeds_have_all_ways_to_end_and_both_kinds_of_switches() -> None:
    """So that all parts of the stress are used."""
    plans = [draw(seed) for seed in SEEDS]

    endings = {ending for plan in plans for ending in plan.endings}
    assert endings == {"drain", "kill", "kill while draining", "refused"}
    assert {plan.opcodes for plan in plans} == {True, False}
    assert {plan.deduplicate for plan in plans} == {True, False}
    assert any(plan.outages for plan in plans)


def test_what_threads_share_is_where_it_is_looked_for() -> None:
    """A part that has moved would be switched in fewer places, and no other test would show it."""
    assert [path for path in TRACED if not Path(path).is_file()] == []


def test_switching_is_as_before_afterwards() -> None:
    """Other tests run as they would without it."""
    before = sys.getswitchinterval(), threading.gettrace()

    with many_switches(1e-6, opcodes=True):
        assert sys.getswitchinterval() < 1e-4

    assert (sys.getswitchinterval(), threading.gettrace()) == before
