"""The archive's directory: writes events into its files, one line each."""

import contextlib
import errno
import os
import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.directories import check_writable, sync_directory
from consumer.errors import BatchFailure, ConfigurationError, Unavailable
from consumer.handlers.archive.file import ArchiveFile, os_error
from consumer.handlers.archive.names import LINES, compressed_path, files_in, month_of, path_for
from consumer.handlers.archive.upkeep import Upkeep
from consumer.handlers.records import each_made, encoded, identity_in, line_of, utc_text
from consumer.messages import Context, Event

_log = structlog.get_logger(__name__)

#: Files of one day that other processes may hold. If there are more, locks don't work here.
_MAX_HELD: Final = 1_000
#: A crash leaves a torn line in the newest month, or at a turn of the month in the one before.
_MONTHS: Final = 2
#: What was written and is not yet noted in the ledger is a few batches, at the end of the newest
#: files.
_FILES: Final = 4
_TAIL_BYTES: Final = 2_097_152


class Archive:
    """`DIRECTORY/YYYY/MM/events-YYYY-MM-DD.jsonl`, then `.1.jsonl`, `.2.jsonl` and so on.

    The next file is begun when one is full or another process holds it. Only the owner can read
    them, because they hold data of students. Any thread may call.

    Args:
        directory: created by the first write if it is missing.
        max_file_bytes: a file that would grow beyond this is left, and the next one begun.
        create_parent: create its parent, too. That is for the state directory; the parent of a
            configured directory may be a mount that is missing.
        scrub_secrets: remove tokens and other secrets from the URLs of a payload.
        upkeep: told of each file that is begun, and closed with the archive.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        max_file_bytes: int,
        create_parent: bool = False,
        scrub_secrets: bool = True,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._max_file_bytes = max_file_bytes
        self._create_parent = create_parent
        self._scrub_secrets = scrub_secrets
        self._upkeep = upkeep
        self._lock = threading.Lock()
        self._file: ArchiveFile | None = None
        self._day: date | None = None
        self._number = 0
        #: (message id, event key) of what the process before this one wrote last, and how often;
        #: None until the first write.
        self._written: Counter[tuple[str, str]] | None = None

    def check(self) -> None:
        """Check that the lines of today can be written; leaves nothing behind.

        Raises ConfigurationError with path, owner and remedy if they can't.
        """
        day = self._clock.now().date()
        month = month_of(self._directory, day)
        key = "state_directory" if self._create_parent else "archive.directory"
        # One after the other: what may not be seen can't be searched for files.
        files = month.glob(f"events-{day}*.jsonl")
        for place in chain((self._directory, month.parent, month), files):
            check_writable(place, "the archive", key)

    def check_destination(self) -> str:
        """Whether it could be written now, as a sentence. Raises Unavailable if it can't."""
        try:
            if not self._create_parent and not self._directory.parent.is_dir():
                raise os_error(errno.ENOENT, self._directory.parent)
            self.check()
            there = next(p for p in (self._directory, *self._directory.parents) if p.exists())
            free = shutil.disk_usage(there).free
        except OSError as error:
            raise Unavailable(_reason(error)) from error
        except ConfigurationError as error:
            raise Unavailable(str(error)) from error
        return f"{self._directory} can be written; {free / 1e9:,.1f} GB are free"

    def write(self, events: Sequence[Event], _context: Context) -> None:
        """Write the events; returns when they are on the disk, so that they can be deleted.

        Raises: Unavailable if the disk did not take them, all of them; BatchFailure for those of
        which no line can be made, after the others were written.
        """
        now = self._clock.now()
        received_at = utc_text(now)
        try:
            made, failures = each_made(
                self._without_written(events),
                lambda event: line_of(event, received_at, scrub_secrets=self._scrub_secrets),
            )
            if made:
                data = encoded([line for _, line in made])
                with self._lock:
                    self._file_for(now.date(), len(data)).append(data)
        except OSError as error:
            raise Unavailable(_reason(error)) from error
        if failures:
            raise BatchFailure(failures)

    def close(self) -> None:
        """Close the file. May be called again; a later write opens it again."""
        with self._lock:
            self._leave()
        if self._upkeep is not None:
            self._upkeep.close()

    def _without_written(self, events: Sequence[Event]) -> Sequence[Event]:
        """Without those that the process before this one wrote just before it was killed."""
        with self._lock:
            if self._written is None:
                if self._create_parent:
                    _make(self._directory.parent)
                _make(self._directory)
                self._written = _recover(self._directory)
            if not self._written:
                return events
            new = []
            for event in events:
                key = (event.message_id, event.key)
                if self._written[key] > 0:  # a Counter: no entry is made by asking
                    self._written[key] -= 1
                else:
                    new.append(event)
            return new

    def _file_for(self, day: date, length: int) -> ArchiveFile:
        file = self._file
        number = 0
        if file is not None and day == self._day and file.is_in_place():
            if self._has_room(file, length):
                return file
            number = self._number + 1
        self._leave()
        if not self._directory.is_dir():
            # It was there: creating it again would write to the disk below a missing mount.
            raise os_error(errno.ENOENT, self._directory)
        month = month_of(self._directory, day)
        _make(month.parent)
        _make(month)
        self._file, self._number = self._open(day, number, length)
        self._day = day
        if self._upkeep is not None:
            self._upkeep.begin(self._file.path)
        return self._file

    def _open(self, day: date, number: int, length: int) -> tuple[ArchiveFile, int]:
        held = 0
        while held < _MAX_HELD:
            path = path_for(self._directory, day, number)
            is_compressed = compressed_path(path).exists()
            file = None if is_compressed else ArchiveFile.open(path)
            if file is None:
                held += not is_compressed
            elif file.size == 0 and compressed_path(path).exists():  # compressed in between
                path.unlink()
                file.close()
            elif self._has_room(file, length):
                return file, number
            else:
                file.close()
            number += 1
        raise os_error(errno.EBUSY)

    def _has_room(self, file: ArchiveFile, length: int) -> bool:
        return file.size == 0 or file.size + length <= self._max_file_bytes

    def _leave(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _recover(directory: Path) -> Counter[tuple[str, str]]:
    """Repair the files of the newest months; returns the events in the last lines of the newest.

    On return these are on the disk for good. Files that a running process holds are left alone. A
    file that can't be repaired or read is logged: its events are then written once more.
    """
    lines = [file for file in files_in(directory) if file.kind == LINES]
    months = sorted({file.path.parent for file in lines})[-_MONTHS:]
    files = [file.path for file in lines if file.path.parent in months]
    newest = sorted(files, key=_modified)[-_FILES:]
    written: Counter[tuple[str, str]] = Counter()
    for path in files:
        try:
            if file := ArchiveFile.open(path):
                with contextlib.closing(file):
                    last = file.last_lines(_TAIL_BYTES) if path in newest else []
                written += Counter(filter(None, map(identity_in, last)))
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            _log.warning(log_events.ARCHIVE_REPAIR_FAILED, file=path.name, error=reason)
    return written


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def _make(directory: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    # Even if it was there: the process that made it may have crashed before this.
    sync_directory(directory.parent)


def _reason(error: OSError) -> str:
    """What an operator must know to fix it: the system's words and our own path, no user's data."""
    number = error.errno or 0
    code = errno.errorcode.get(number, "unknown")
    place = f": {error.filename}" if error.filename else ""
    hint = " (in a systemd unit: ReadWritePaths=)" if number == errno.EROFS else ""
    return f"the archive could not be written: {os.strerror(number)} ({code}){place}{hint}"
