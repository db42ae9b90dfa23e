"""One archive file that this process alone appends to, durably and by whole lines."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

import structlog

from consumer import log_events
from consumer.handlers.archive.repair import lock, repair

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_log = structlog.get_logger(__name__)

#: Enough for appended data: it also syncs the new length, which is needed to read them back, and
#: leaves out the times of the file, which are not. Where there is none (macOS), the full sync.
_sync: Final = getattr(os, "fdatasync", os.fsync)

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class ArchiveFile:
    """Made by `open`. Not safe for threads: whoever owns it has a lock.

    Several processes may archive into one directory, each into a file of its own, which it holds
    with flock. A shared file in append mode would not do: a write that the disk cuts short lets
    another process's line in between, and what it left could not be cut off again.
    """

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self.path = path
        self._fd = fd
        #: Up to here the file is known to be whole lines, on the disk.
        self.size = size
        self._unsure = False

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """Create or continue a file; None if another process holds it. Raises OSError."""
        fd = os.open(path, _FLAGS, 0o600)
        try:
            # Locked but no longer at its path: somebody moved it away in between.
            if lock(fd) and _is_at(fd, path):
                file = cls(path, fd, repair(fd, path))
                fd = -1
                return file
            return None
        finally:
            if fd >= 0:
                os.close(fd)

    def append(self, lines: bytes) -> None:
        """Write whole lines; returns when they are on the disk. Raises OSError.

        If it raises, none of them are in the file, or they will be cut off before the next append:
        half a line is never continued by another one.
        """
        if self._unsure:
            self._cut_off()
        self._accept_changes()
        self._unsure = True
        try:
            _write_all(self._fd, lines)
            _sync(self._fd)
            self._check_place()
        except BaseException:
            # Also after a failed sync: what the system then still holds of the data is unknown.
            with contextlib.suppress(OSError):
                self._cut_off()
            raise
        self.size += len(lines)
        self._unsure = False

    def is_in_place(self) -> bool:
        """False once the file was moved away or deleted: nobody would find what is appended."""
        return _is_at(self._fd, self.path)

    def close(self) -> None:
        """Give it up. A rest that could not be cut off is repaired at the next start."""
        os.close(self._fd)

    def _check_place(self) -> None:
        if not self.is_in_place():  # deleted meanwhile, and what was just written with it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))

    def _cut_off(self) -> None:
        if os.fstat(self._fd).st_size > self.size:  # else somebody cut off more: nothing to fill up
            os.ftruncate(self._fd, self.size)
        self._unsure = False

    def _accept_changes(self) -> None:
        """Somebody else cut or edited the file (such as logrotate): go on after a whole line."""
        size = os.fstat(self._fd).st_size
        if size == self.size:
            return
        _log.warning(
            log_events.ARCHIVE_CHANGED, file=self.path.name, bytes=size, expected_bytes=self.size
        )
        self.size = repair(self._fd, self.path)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; a file system that knows no such thing needs none."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # a write may take less than it was given
        written = os.write(fd, rest)
        if written <= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[written:]
