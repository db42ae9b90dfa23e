"""What the acceptance tests need: a gate that handlers wait at, and endpoints with scripts.

All of them run the real command as a process: they are marked `acceptance`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.scripted_queue import scripted_queue
from tests.bench.rig import running_stub
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.scripted_queue import Script
    from tests.bench.rig import StubAddress

HERE = Path(__file__).parent
# With these, some work is always in progress, and waits are short.
SMALL_BATCHES = """
handlers: [{name: archive, archive: {directory: archive}, batch_size: 5, linger_seconds: 0.1}]
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker("acceptance")


class Gate:
    """The test's side of gated_handlers.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(HERE / "gated_handlers.py", folder)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the handlers need."""
        return {"GATE_FOLDER": str(self.folder)}

    def open(self) -> None:
        """Let all handlers return, now and later."""
        (self.folder / "go").touch()

    def started(self) -> set[int]:
        """The numbers of the events for which a handler has started."""
        return self._numbers("started")

    def handled(self) -> set[int]:
        """The numbers of the events that a handler has finished."""
        return self._numbers("handled")

    def until_started(self, count: int) -> set[int]:
        """Wait until this many handlers run."""
        eventually(lambda: len(self.started()) >= count, f"{count} handlers have started")
        return self.started()

    def _numbers(self, what: str) -> set[int]:
        folder = self.folder / what
        return {int(path.name) for path in folder.iterdir()} if folder.exists() else set()


def written(directory: Path) -> int:
    """How many whole lines there are in an archive that is being written."""
    return sum(path.read_bytes().count(b"\n") for path in directory.rglob("*.jsonl"))


def archived(directory: Path) -> list[dict[str, Any]]:
    """Every line of an archive; each must be a JSON object."""
    lines: list[dict[str, Any]] = []
    for path in sorted(directory.rglob("*.jsonl")):
        text = path.read_text()
        assert text.endswith("\n")
        lines += [json.loads(line) for line in text.splitlines()]
    return lines


@pytest.fixture(name="gate")
def _gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture(name="stub")
def _stub() -> Iterator[StubAddress]:
    with running_stub() as stub:
        yield stub


@pytest.fixture(name="script")
def _script() -> Iterator[Script]:
    with scripted_queue() as script:
        yield script
