"""The archive: files of JSON lines."""

from __future__ import annotations

import json
from typing import Any

from tests.handlers.landing.destination import Destination, Feature, Landed


class Archive(Destination):
    """In a directory on a mount, which goes away."""

    kind = "archive"
    #: What was written last is recognised after a start; in one process, the ledger does that.
    features = frozenset({Feature.MEBIBYTE, Feature.BATCH_ONCE})

    def set_up(self) -> None:
        self._mount = self.folder / "mount"
        self._mount.mkdir()
        self._directory = self._mount / "archive"

    def options(self) -> dict[str, Any]:
        return {"directory": str(self._directory), "max_file_bytes": 200_000}

    def landed(self) -> list[Landed]:
        found = []
        for path in sorted(self._directory.rglob("*.jsonl")):
            lines = path.read_bytes().split(b"\n")
            # A process that was killed in the middle of a line leaves a fragment, until the next.
            found += [json.loads(line) for line in lines[:-1]]
        return [Landed(line["event_key"], line["payload"]) for line in found]

    def go_down(self) -> None:
        self._mount.rename(self.folder / "unmounted")

    def come_back(self) -> None:
        (self.folder / "unmounted").rename(self._mount)
