"""What the archive held last when a process ended: it may come again, and need not be written."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from consumer.handlers.archive.repair import latest_files, lock

if TYPE_CHECKING:
    from pathlib import Path

#: What was written and not yet noted in the ledger when a process was killed: some batches, in the
#: files that were written to last.
_FILES: Final = 4
_TAIL_BYTES: Final = 2_097_152

#: (message id, event key): how often it stands there.
Written = Counter[tuple[str, str]]


def written_last(directory: Path) -> Written:
    """The events in the last lines of the newest files that no running process holds.

    On return they are on the disk for good. What can't be read is left out: then it is only
    written once more.
    """
    written: Written = Counter()
    aged = []
    for path in latest_files(directory):
        try:
            aged.append((path.stat().st_mtime_ns, path))
        except OSError:
            continue
    for _, path in sorted(aged)[-_FILES:]:
        try:
            written += _tail_of(path)
        except OSError:
            continue
    return written


def _tail_of(path: Path) -> Written:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not lock(fd):
            return Counter()
        size = os.fstat(fd).st_size
        begin = max(0, size - _TAIL_BYTES)
        text = os.pread(fd, size - begin, begin)
        # Killed between the write and its sync, the process has left it to the system's memory.
        os.fsync(fd)
    finally:
        os.close(fd)
    lines = text.splitlines()
    return Counter(filter(None, map(_event_in, lines[1:] if begin else lines)))


def _event_in(line: bytes) -> tuple[str, str] | None:
    try:
        told = json.loads(line)
        found = told["message_id"], told["event_key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if all(isinstance(part, str) for part in found) else None
