"""The archive's directory: which file the next lines go into."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

from consumer.directories import check_writable
from consumer.handlers.archive.file import ArchiveFile, sync_directory
from consumer.handlers.archive.repair import repair_latest
from consumer.handlers.archive.tail import Written, written_last

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from consumer.messages import Event

#: Files of one day that other processes may hold. More of them means that locks don't work here.
_MAX_HELD = 1_000


class ArchiveStore:
    """`DIRECTORY/YYYY/MM/events-YYYY-MM-DD.jsonl`, then `.1.jsonl`, `.2.jsonl` and so on.

    A further file is begun when one is full or another process holds it. Files have mode 0600,
    directories 0700: they hold data of students. Any thread may call.

    Args:
        directory: created if it is missing.
        create_parent: create its parent, too; by default not, it may be a mount that is missing.
            So it is in the state directory; else the option `directory` named it.
        max_file_bytes: a file that would grow beyond is left, and the next one begun.
    """

    def __init__(
        self, directory: Path, *, max_file_bytes: int, create_parent: bool = False
    ) -> None:
        self._directory = directory
        self._create_parent = create_parent
        self._key = "state_directory" if create_parent else "archive.directory"
        self._max_file_bytes = max_file_bytes
        self._lock = threading.Lock()
        self._file: ArchiveFile | None = None
        self._day: date | None = None
        self._number = 0
        self._started = False
        self._written: Written = Counter()

    def append(self, lines: bytes, day: date) -> None:
        """Write whole lines into the day's file; returns when they are on the disk.

        Raises OSError; then none of them are in the archive, and they can be appended again.
        """
        with self._lock:
            self._file_for(day, len(lines)).append(lines)

    def without_written(self, events: Sequence[Event]) -> Sequence[Event]:
        """Those that the process before this one has not written just before it was killed.

        Raises OSError, as `append` does.
        """
        with self._lock:
            if not self._started:
                self._prepare()
            if not self._written:
                return events
            return [event for event in events if not self._was_written(event)]

    def _was_written(self, event: Event) -> bool:
        key = (event.message_id, event.key)
        if self._written[key] < 1:  # a Counter: no entry is made by that
            return False
        self._written[key] -= 1
        return True

    def check(self, day: date) -> None:
        """Look whether the lines of this day can be written; leaves nothing behind.

        Raises ConfigurationError with path, owner and remedy if that is not so.
        """
        month = self._month_of(day)
        for place in (self._directory, month.parent, month, *month.glob(f"events-{day}*.jsonl")):
            check_writable(place, "the archive", self._key)

    def close(self) -> None:
        """Close the file. May be called again; a later append opens it again."""
        with self._lock:
            self._leave()

    def _file_for(self, day: date, length: int) -> ArchiveFile:
        file = self._file
        if file is not None and day == self._day and file.is_in_place():
            if self._has_room(file, length):
                return file
            first = self._number + 1
        else:
            first = 0
        self._leave()
        self._prepare()
        month = self._month(day)
        self._file = self._open(month, day, first, length)
        self._day = day
        return self._file

    def _open(self, month: Path, day: date, first: int, length: int) -> ArchiveFile:
        self._number = first
        held = 0
        while held < _MAX_HELD:
            suffix = f".{self._number}" if self._number else ""
            file = ArchiveFile.open(month / f"events-{day.isoformat()}{suffix}.jsonl")
            if file is not None and self._has_room(file, length):
                try:
                    sync_directory(month)  # a file whose name is lost is lost
                except BaseException:
                    file.close()
                    raise
                return file
            if file is not None:
                file.close()
            held += file is None
            self._number += 1
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def _has_room(self, file: ArchiveFile, length: int) -> bool:
        return file.size == 0 or file.size + length <= self._max_file_bytes

    def _leave(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _prepare(self) -> None:
        """At the first append: make the directory and repair what a crash left in it."""
        if not self._started:
            if self._create_parent:
                _make(self._directory.parent)
            _make(self._directory)
            repair_latest(self._directory)
            self._written = written_last(self._directory)
            self._started = True
        elif not self._directory.is_dir():
            # It was there: creating it anew would write beside a mount that went away.
            where = str(self._directory)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), where)

    def _month(self, day: date) -> Path:
        month = self._month_of(day)
        _make(month.parent)
        _make(month)
        return month

    def _month_of(self, day: date) -> Path:
        return self._directory / f"{day.year:04d}" / f"{day.month:02d}"


def _make(directory: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    # Even if it was there: whoever made it may have crashed before this.
    sync_directory(directory.parent)
