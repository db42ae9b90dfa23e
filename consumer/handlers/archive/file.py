"""One archive file, which this process alone appends to: durably, and by whole lines."""

import contextlib
import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Final, Self

import structlog

from consumer import log_events
from consumer.directories import sync_directory
from consumer.handlers.archive.names import compressed_path

_log = structlog.get_logger(__name__)

#: Enough for appended data: it also syncs the new length, which is needed to read them back, and
#: leaves out the file's times, which are not. The full sync where there is none (macOS).
_sync: Final = getattr(os, "fdatasync", os.fsync)

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_CHUNK_BYTES: Final = 65_536
_GZIP: Final = b"\x1f\x8b"


class ArchiveFile:
    """Made by `open`. Not thread-safe: its owner has a lock.

    Several processes may archive into one directory, each into a file of its own, which it holds
    with flock: in a shared file, a line of another process could follow a fragment, which could
    then not be cut off any more.
    """

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self.path = path
        self._fd = fd
        #: Up to here the file is known to consist of whole lines that are on the disk.
        self.size = size
        self._unsure = False

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Self | None:
        """Create or continue a file, and repair it; None if another process holds it: `OSError`."""
        fd = os.open(path, _FLAGS if create else _FLAGS & ~os.O_CREAT, 0o600)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, fd)
            # Locked but no longer at its path: it was moved away in between.
            if not lock(fd) or not _is_at(fd, path):
                return None
            if os.pread(fd, len(_GZIP), 0) == _GZIP:
                name_compressed(path)  # a process was killed just before it would have done that
                return None
            file = cls(path, fd, _repair(fd, path))
            if file.size == 0:
                sync_directory(path.parent)  # a file whose name is lost is lost
            stack.pop_all()
            return file

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
            # Also after a failed sync: what the system still holds of the data is then unknown.
            with contextlib.suppress(OSError):
                self._cut_off()
            raise
        self.size += len(lines)
        self._unsure = False

    def last_lines(self, most_bytes: int) -> list[bytes]:
        """The whole lines in the last `most_bytes`, which are on the disk on return: `OSError`."""
        begin = max(0, self.size - most_bytes)
        text = _read(self._fd, begin, self.size)
        # A process that was killed between write and sync left them in the system's memory.
        os.fsync(self._fd)
        return text.splitlines()[1 if begin else 0 :]

    def read(self, begin: int, most_bytes: int) -> bytes:
        """A part of its whole lines, from a position on: `OSError`."""
        return _read(self._fd, begin, min(begin + most_bytes, self.size))

    def status(self) -> os.stat_result:
        """What the system knows of it."""
        return os.fstat(self._fd)

    def is_in_place(self) -> bool:
        """False once the file was moved away or deleted: a reader would not find it any more."""
        return _is_at(self._fd, self.path)

    def close(self) -> None:
        """Close it. A fragment that could not be cut off is repaired at the next start."""
        os.close(self._fd)

    def _check_place(self) -> None:
        if not self.is_in_place():  # deleted meanwhile, with what was just written
            raise os_error(errno.ENOENT, self.path)

    def _cut_off(self) -> None:
        # If the file is shorter by now, another program has cut it: do not lengthen it with zeros.
        if os.fstat(self._fd).st_size > self.size:
            os.ftruncate(self._fd, self.size)
        self._unsure = False

    def _accept_changes(self) -> None:
        """After another program (logrotate, an editor) cut or edited it, go on at a whole line."""
        size = os.fstat(self._fd).st_size
        if size == self.size:
            return
        _log.warning(
            log_events.ARCHIVE_CHANGED, file=self.path.name, bytes=size, expected_bytes=self.size
        )
        self.size = _repair(self._fd, self.path)


def name_compressed(path: Path) -> None:
    """Give a file that was replaced by its compressed content the name of one. Raises `OSError`.

    Whoever calls it holds the file.
    """
    to = compressed_path(path)
    if os.path.lexists(to):
        raise os_error(errno.EEXIST, to)
    path.rename(to)
    sync_directory(path.parent)


def os_error(number: int, path: Path | None = None) -> OSError:
    """The error that the system would raise."""
    return OSError(number, os.strerror(number), path and str(path))


def lock(fd: int) -> bool:
    """Take the file for this process, until it is closed; False if another process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """True if a process writes it now. Raises `OSError`."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return not lock(fd)
    finally:
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _repair(fd: int, path: Path) -> int:
    """Make the file end with a whole line; returns its length in bytes.

    A last line that only lacks its newline gets it. Of any other fragment the message was not
    deleted, so it is delivered again: the fragment is moved to a file with the suffix `.torn`.
    """
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return size
    start = _start_of_last_line(fd, size)
    tail = _read(fd, start, size)
    whole = _is_object(tail)
    if whole:
        os.write(fd, b"\n")
        size += 1
    else:
        # Copied before it is cut off: after a crash in between it is in both files, not in none.
        with os.fdopen(os.open(path.with_suffix(".torn"), _FLAGS, 0o600), "ab") as torn:
            torn.write(tail + b"\n")
            torn.flush()
            os.fsync(torn.fileno())
        os.ftruncate(fd, start)
        size = start
    os.fsync(fd)
    _log.warning(log_events.ARCHIVE_REPAIRED, file=path.name, bytes=len(tail), set_apart=not whole)
    return size


def _start_of_last_line(fd: int, size: int) -> int:
    for begin in range((size - 1) // _CHUNK_BYTES * _CHUNK_BYTES, -1, -_CHUNK_BYTES):
        newline = _read(fd, begin, min(begin + _CHUNK_BYTES, size)).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
    return 0


def _read(fd: int, begin: int, end: int) -> bytes:
    parts = []
    while begin < end and (part := os.pread(fd, end - begin, begin)):
        parts.append(part)
        begin += len(part)
    return b"".join(parts)


def _is_object(line: bytes) -> bool:
    """True for a JSON object; no shorter part of one is an object."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # a write may take less than it was given
        written = os.write(fd, rest)
        if written <= 0:
            raise os_error(errno.EIO)
        rest = rest[written:]
