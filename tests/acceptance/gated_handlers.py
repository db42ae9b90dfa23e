"""Handlers that write files when they start and end, and wait for the test in between.

In the folder $GATE_FOLDER: `started/N` and `handled/N` for the event with the number N; the file
`go` lets every run return.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from consumer import Registry

if TYPE_CHECKING:
    from consumer import Event

registry = Registry()


def _write(what: str, event: Event) -> None:
    folder = Path(os.environ["GATE_FOLDER"], what)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(event.body["submission_id"])).touch()


@registry.on("*", name="gated")
def gated(event: Event) -> None:
    """Start, wait for the file `go`, end."""
    _write("started", event)
    go = Path(os.environ["GATE_FOLDER"], "go")
    while not go.exists():
        time.sleep(0.01)
    _write("handled", event)
