"""What lands by real processes: killed in the middle, and two of them at once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.handlers.landing.destination import Feature
from tests.handlers.landing.events import numbered
from tests.handlers.landing.lander import landers

if TYPE_CHECKING:
    from collections import Counter

    from tests.handlers.landing.destination import Destination

KILLS = 5
#: Numbers of landers are so far apart that none reaches the next one's.
APART = 1_000_000

pytestmark = pytest.mark.acceptance


def times(destination: Destination, numbers: set[int]) -> Counter[str]:
    """How often each event has landed; every one of these numbers has."""
    keys = destination.keys()
    assert [] == [event.key for event in numbered(numbers) if event.key not in keys]
    return keys


def test_killed_in_the_middle(destination: Destination) -> None:
    """What was acked has landed, after each kill; what was not is handed over again, and lands."""
    with landers(destination) as process:
        for number in range(KILLS):
            pid = process.start(APART * number, again=number)
            process.until_acked(20 + 7 * number)
            os.kill(pid, signal.SIGKILL)
            assert -signal.SIGKILL == process.end(pid)
            times(destination, process.acked())
        assert 0 == process.end(process.start(0, 0, again=0))
        assert process.begun() == process.acked()
        found = times(destination, process.acked())
        assert len(process.acked()) == len(found)
        if Feature.ONCE in destination.features:
            assert {1} == set(found.values())


def test_two_processes_land_the_same_events_at_once(destination: Destination) -> None:
    """Each comes to an end without a failure; everything lands, if possible once."""
    with landers(destination) as process:
        pids = [process.start(0, 160) for _ in range(2)]
        assert [0, 0] == [process.end(pid) for pid in pids]
        assert set(range(160)) == process.acked()
        found = times(destination, process.acked())
        assert 160 == len(found)
        if Feature.ONCE in destination.features:
            assert {1} == set(found.values())
