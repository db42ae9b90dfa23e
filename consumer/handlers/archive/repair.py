"""Repairs what a crash left of an archive file: a last line that is not whole."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

import structlog

from consumer import log_events

if TYPE_CHECKING:
    from pathlib import Path

_log = structlog.get_logger(__name__)

_CHUNK_BYTES = 65_536
#: A file that a crash tore is in the newest month, or at a turn of the month in the one before.
_MONTHS = 2


def lock(fd: int) -> bool:
    """Take the file for this process, until it is closed; False if another one has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def repair(fd: int, path: Path) -> int:
    """Make the file end with a whole line; returns its length in bytes. The caller has the lock.

    A line that only lacks its newline gets it. Of any other rest the message was never acked (the
    ack follows the sync), so it comes again: the rest is kept, but in a file beside, `….torn`.
    """
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return size
    start = _start_of_last_line(fd, size)
    tail = _read(fd, start, size)
    whole = _is_whole(tail)
    if whole:
        os.write(fd, b"\n")
        size += 1
    else:
        # Kept before it is cut off: a crash in between leaves it in both files, not in none.
        _set_apart(path.with_suffix(".torn"), tail)
        os.ftruncate(fd, start)
        size = start
    os.fsync(fd)
    _log.warning(log_events.ARCHIVE_REPAIRED, file=path.name, bytes=len(tail), set_apart=not whole)
    return size


def repair_latest(directory: Path) -> None:
    """Repair the files of the newest months; those that a running process holds are left alone.

    A file that can't be repaired is told and left: it must not keep new events from being archived.
    """
    for path in latest_files(directory):
        try:
            _repair_closed(path)
        except OSError as error:
            _log.warning(
                log_events.ARCHIVE_REPAIR_FAILED,
                file=path.name,
                error=os.strerror(error.errno or 0),
            )


def latest_files(directory: Path) -> list[Path]:
    """The files of the newest months, by name."""
    months = sorted(directory.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]"))[-_MONTHS:]
    return sorted(file for month in months for file in month.glob("events-*.jsonl"))


def _repair_closed(path: Path) -> None:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if lock(fd):
            repair(fd, path)
    finally:
        os.close(fd)


def _start_of_last_line(fd: int, size: int) -> int:
    end = size
    while end > 0:
        begin = max(0, end - _CHUNK_BYTES)
        newline = _read(fd, begin, end).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def _read(fd: int, begin: int, end: int) -> bytes:
    parts = []
    while begin < end and (part := os.pread(fd, end - begin, begin)):
        parts.append(part)
        begin += len(part)
    return b"".join(parts)


def _is_whole(line: bytes) -> bool:
    """True for a JSON object; no shorter part of one is an object."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _set_apart(path: Path, tail: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "ab", buffering=0) as file:  # noqa: PTH123 - its mode
        rest = memoryview(tail + b"\n")
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
