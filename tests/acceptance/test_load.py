"""A backlog is drained without anything growing; half a million: `python -m tests.bench.load`."""

from __future__ import annotations

import pytest

from consumer.config.models import EngineSettings
from tests.bench.load import measure_load


@pytest.mark.acceptance
@pytest.mark.timeout(900)
def test_a_backlog_leaves_memory_threads_and_files_as_they_are() -> None:
    """After a warm-up, memory grows by less than a tenth; nothing else grows."""
    load = measure_load(25_000, every_seconds=0.1)

    steady = load.steady
    assert len(steady) >= 5
    assert load.growth < 0.1
    assert max(sample.threads for sample in steady) - min(s.threads for s in steady) <= 1
    # Each open receive has a connection, and their number adapts.
    most = EngineSettings().max_pollers
    assert max(sample.files for sample in steady) - min(s.files for s in steady) <= most
    assert load.archived == 25_000
