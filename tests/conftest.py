"""How the tests are spread over workers, and what tests of whole processes share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.processes import Consume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.moto_queues import Moto

_MOST_WORKERS = 16

# The same examples in each run, however slow the machine is, and nothing is kept.
settings.register_profile(
    "tests", deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("tests")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers for each core, since many tests wait; none if single files or tests are named."""
    if not all(Path(argument).is_dir() for argument in config.args):
        return 0
    return min(_MOST_WORKERS, 2 * len(os.sched_getaffinity(0)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With workers, begin with the tests that take long: while they wait, others compute."""
    if hasattr(config, "workerinput"):
        items.sort(key=_takes_long, reverse=True)


def _takes_long(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("acceptance", "systemd", "thorough"))


@pytest.fixture(name="moto", scope="session")
def _moto() -> Iterator[Moto]:
    from tests.moto_queues import running_moto

    with running_moto() as moto:
        yield moto


@pytest.fixture(name="consume")
def _consume(tmp_path: Path) -> Iterator[Callable[..., Consume]]:
    """Starts `consume` in a folder of the test; what still runs afterwards is killed."""
    runs: list[Consume] = []

    def start(*arguments: str, **environ: str) -> Consume:
        runs.append(Consume(*arguments, folder=tmp_path, environ=environ))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()
