"""What is done with archive files that are full or of earlier days: compressed, later deleted."""

import errno
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.handlers.archive.compressing import compress
from consumer.handlers.archive.file import lock
from consumer.handlers.archive.lines import newest_day
from consumer.handlers.archive.names import LINES, Named, files_in, named, unfinished_path

_log = structlog.get_logger(__name__)

#: The last lines of a file are looked up there after a crash, until the ledger has noted them.
_DELAY_SECONDS: Final = 5.0
#: So long `close` waits for the thread, which ends at once unless the disk hangs.
_END_SECONDS: Final = 5.0
#: Of the events that arrive: SQS keeps a message for 14 days.
_MOST_AHEAD_DAYS: Final = 60
#: A clock is right if there are files of so many days before today.
_SURE_DAYS: Final = 7
#: Errors of the disk, not of one file.
_OF_THE_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


class Upkeep:
    """Compresses and deletes, in a thread that runs only while there is something to do.

    Files that a running process holds are left alone. What fails is logged, never raised, and tried
    again when the next file is begun. Any thread may call.

    Args:
        gzip: compress files.
        keep_days: delete files of days before the last so many; None: never.
        keep_bytes: delete the oldest files while all together are larger than this; None: never.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        gzip: bool = False,
        keep_days: int | None = None,
        keep_bytes: int | None = None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._gzip = gzip
        self._keep_days = keep_days
        self._keep_bytes = keep_bytes
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        #: The file that was begun since the thread looked last.
        self._begun: Path | None = None

    def begin(self, path: Path) -> None:
        """A file was begun: in a moment, look what can be done with those before it."""
        with self._lock:
            self._begun = path
            if self._thread is None:
                self._stop = threading.Event()
                thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="archive-upkeep", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:  # no more threads, or Python ends
                    _failed("no thread could be started")
                else:
                    self._thread = thread

    def close(self) -> None:
        """End the thread; a file that it compresses stays as it was. `begin` starts it again."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stop.set()
        if thread is not None:
            thread.join(_END_SECONDS)

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(_DELAY_SECONDS):
            with self._lock:
                begun, self._begun = self._begun, None
                if begun is None and self._stop is stop:
                    self._thread = None
            if begun is None:
                return
            try:
                self.look(begun, stop)
            except OSError as error:
                _failed(_reason(error))
            except Exception as error:
                _failed(type(error).__name__)

    def look(self, begun: Path, stop: threading.Event) -> None:
        """Once: delete what is too old, compress, delete what is too much. Raises `OSError`.

        Args:
            begun: the file that is written; later ones are left alone.
            stop: ends it early.
        """
        current = named(begun)
        if current is None:
            return
        for path in self._directory.glob("*/*/events-*.gz.unfinished"):
            lines = path.with_name(path.name.removesuffix(".gz.unfinished"))
            if path == unfinished_path(lines) and named(lines) and not lines.exists():
                path.unlink(missing_ok=True)
        if self._keep_days is not None:
            self._delete(self._too_old(self._keep_days, begun))
        if self._gzip:
            before = (f for f in files_in(self._directory) if _is_before(f, current))
            self._compress((file for file in before if file.kind == LINES), stop)
        if self._keep_bytes is not None:
            self._delete(self._surplus(self._keep_bytes))

    def _compress(self, files: Iterable[Named], stop: threading.Event) -> None:
        count = before = after = 0
        for file in files:
            if stop.is_set():
                break
            try:
                sizes = compress(file.path, stopping=stop.is_set)
            except OSError as error:
                _failed(_reason(error), file.path)
                if error.errno in _OF_THE_DISK:
                    break
                continue
            if sizes is not None:
                count, before, after = count + 1, before + sizes[0], after + sizes[1]
        if count:
            _log.info(
                log_events.ARCHIVE_COMPRESSED, files=count, bytes=before, compressed_bytes=after
            )

    def _too_old(self, most: int, begun: Path) -> list[Named]:
        today = self._clock.now().date()
        ages = {file: (today - file.day).days for file in files_in(self._directory)}
        before = {age for age in ages.values() if 0 < age <= most}
        # A clock that begins in a wrong year must not delete everything.
        if len(before) < min(most, _SURE_DAYS) and (newest := newest_day(begun)) is not None:
            ahead = (today - newest).days
            if ahead > _MOST_AHEAD_DAYS:
                _failed(f"the clock is {ahead} days ahead of the events; is it right?")
                return []
        return [file for file, age in ages.items() if age > most]

    def _surplus(self, most: int) -> Iterator[Named]:
        """The oldest files, until what is left is not too much."""
        sizes = []
        for file in files_in(self._directory):
            with suppress(FileNotFoundError):
                sizes.append((file, file.path.stat().st_size))
        total = sum(size for _, size in sizes)
        for file, size in sizes:
            if total <= most:
                return
            total -= size
            yield file

    def _delete(self, files: Iterable[Named]) -> None:
        today = self._clock.now().date()
        deleted: list[tuple[Named, int]] = []
        for file in files:
            if file.day >= today:
                continue
            try:
                size = _deleted(file.path)
            except FileNotFoundError:
                continue
            except OSError as error:
                _failed(_reason(error), file.path)
                continue
            if size is not None:
                deleted.append((file, size))
                if file.day.replace(day=1) < today.replace(day=1):
                    _remove_if_empty(file.path.parent)
        if deleted:
            _log.info(
                log_events.ARCHIVE_DELETED,
                files=len(deleted),
                bytes=sum(size for _, size in deleted),
                first_day=str(deleted[0][0].day),
                last_day=str(deleted[-1][0].day),
            )


def _is_before(file: Named, current: Named) -> bool:
    return (file.day, file.number) < (current.day, current.number)


def _deleted(path: Path) -> int | None:
    """Delete it, and return its bytes; None if a process holds it. Raises `OSError`."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not lock(fd):
            return None
        path.unlink()
        return os.fstat(fd).st_size
    finally:
        os.close(fd)


def _remove_if_empty(month: Path) -> None:
    with suppress(OSError):
        month.rmdir()
        month.parent.rmdir()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0)


def _failed(reason: str, path: Path | None = None) -> None:
    _log.warning(log_events.ARCHIVE_UPKEEP_FAILED, file=path and path.name, error=reason)
