"""What tests of whole processes share: moto's server, and runs of `consume` that always end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.processes import Consume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.moto_queues import Moto


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
