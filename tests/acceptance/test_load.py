"""A backlog is drained without anything growing; half a million: `python -m tests.bench.load`."""

from __future__ import annotations

import pytest

from consumer.config.models import EngineSettings
from tests.bench.load import measure_load

#: By how many each may vary. A connection belongs to each open receive, whose number adapts, to the
#: delete and to the heartbeat; the archive opens its directory for a moment to make a file last.
_MAY_VARY = {"threads": 1, "sockets": EngineSettings().max_pollers + 2, "files": 1}


@pytest.mark.acceptance
@pytest.mark.timeout(900)
def test_a_backlog_leaves_memory_threads_and_files_as_they_are() -> None:
    """After a warm-up, memory grows by less than a tenth; nothing else grows."""
    load = measure_load(25_000, every_seconds=0.1)

    assert len(load.steady) >= 5
    assert load.growth < 0.1
    for name, most_of_it in _MAY_VARY.items():
        fewest, most = load.range_of(name)
        assert most - fewest <= most_of_it, f"{name}: {fewest} to {most}"
    assert load.archived == 25_000
