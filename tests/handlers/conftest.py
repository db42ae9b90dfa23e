"""Archives in a directory, tables of `sqlite`, programs of `command`, and sites of `postgres`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.handlers.archive.store import Archive
from consumer.messages import Context
from consumer.testing import ManualClock, make_event
from tests.handlers.commands import Programs
from tests.handlers.postgres_server import shared_server
from tests.handlers.postgres_site import Site
from tests.handlers.sqlite_table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.messages import Event

CONTEXT = Context(handler="archive", message_ids=("m-1",))


class Shelf:
    """An archive in a directory, and a look at what is in it."""

    def __init__(self, root: Path, *, max_file_bytes: int = 1 << 20) -> None:
        self.root = root
        self.clock = ManualClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
        self.max_file_bytes = max_file_bytes
        self._archives: list[Archive] = []
        self.archive = self.another()

    def another(self, **options: Any) -> Archive:
        """As in another process, which shares only the directory."""
        size = self.max_file_bytes
        archive = Archive(self.root, clock=self.clock, max_file_bytes=size, **options)
        self._archives.append(archive)
        return archive

    def write(self, *message_ids: str, archive: Archive | None = None) -> None:
        """Write one event for each id."""
        events = [make_event(message_id=message_id) for message_id in message_ids]
        (archive or self.archive).write(events, CONTEXT)

    def write_events(self, *events: Event) -> None:
        self.archive.write(events, CONTEXT)

    def restart(self) -> None:
        """End the process and begin another."""
        self.archive.close()
        self.archive = self.another()

    def files(self) -> list[str]:
        """All files, relative to the directory."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.root)) for path in found)

    def path(self, name: str = "events-2026-11-23.jsonl") -> Path:
        return self.root / "2026" / "11" / name

    def lines(self, name: str = "events-2026-11-23.jsonl") -> list[dict[str, Any]]:
        """What a reader of JSON lines sees: each line parses, and each ends."""
        data = self.path(name).read_bytes()
        assert data == b"" or data.endswith(b"\n")
        return [json.loads(line) for line in data.decode("utf-8").splitlines()]

    def ids(self, name: str = "events-2026-11-23.jsonl") -> list[str]:
        return [line["message_id"] for line in self.lines(name)]

    def close(self) -> None:
        for archive in self._archives:
            archive.close()


@pytest.fixture(name="shelf")
def _shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "archive")
    yield shelf
    shelf.close()


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Iterator[Table]:
    table = Table(tmp_path)
    yield table
    table.close()


@pytest.fixture(name="programs")
def _programs(tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(tmp_path)
    yield programs
    programs.close()


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Iterator[Site]:
    site = Site(shared_server(), tmp_path)
    yield site
    site.close()
