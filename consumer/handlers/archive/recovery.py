"""What a process that was killed left in the archive: torn lines, and events that come again."""

import contextlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

import structlog

from consumer import log_events
from consumer.handlers.archive.file import ArchiveFile

_log = structlog.get_logger(__name__)

#: A crash leaves a torn line in the newest month, or at a turn of the month in the one before.
_MONTHS: Final = 2
#: What was written and not yet noted in the ledger is a few batches, in the files that were written
#: to last.
_FILES: Final = 4
_TAIL_BYTES: Final = 2_097_152

#: (message id, event key): how often it is in the archive.
Written = Counter[tuple[str, str]]


def recover(directory: Path) -> Written:
    """Repair the files of the newest months; returns the events in the last lines of the newest.

    On return these are on the disk for good. Files that a running process holds are left alone. A
    file that can't be repaired or read is logged: its events are then written once more.
    """
    months = sorted(directory.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]"))[-_MONTHS:]
    files = sorted([file for month in months for file in month.glob("events-*.jsonl")])
    newest = sorted(files, key=_modified)[-_FILES:]
    written: Written = Counter()
    for path in files:
        try:
            if file := ArchiveFile.open(path):
                with contextlib.closing(file):
                    lines = file.last_lines(_TAIL_BYTES) if path in newest else []
                written += Counter(filter(None, map(_event_in, lines)))
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            _log.warning(log_events.ARCHIVE_REPAIR_FAILED, file=path.name, error=reason)
    return written


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def _event_in(line: bytes) -> tuple[str, str] | None:
    try:
        found = json.loads(line)
        key = found["message_id"], found["event_key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return key if all(isinstance(part, str) for part in key) else None
