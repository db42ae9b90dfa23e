"""Replaces an archive file by a compressed one; a crash at any point leaves one of the two."""

import errno
import gzip
import os
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, Final

from consumer.handlers.archive.file import ArchiveFile, lock, name_compressed, os_error
from consumer.handlers.archive.names import compressed_path, unfinished_path

#: Between two of them it can be stopped. A thread that compresses holds no interpreter lock.
_CHUNK_BYTES: Final = 1_048_576
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


def compress(path: Path, *, stopping: Callable[[], bool]) -> tuple[int, int] | None:
    """Compress a file of lines; returns its bytes before and after that.

    None if it is held or empty, or if it is time to stop: then it stays as it was. Raises
    `OSError`, likewise.
    """
    if compressed_path(path).exists():
        raise os_error(errno.EEXIST, compressed_path(path))
    file = ArchiveFile.open(path, create=False)
    if file is None:
        return None
    unfinished = unfinished_path(path)
    with closing(file), os.fdopen(os.open(unfinished, _FLAGS, 0o600), "w+b") as packed:
        try:
            if not file.size or not _pack(file, packed, stopping):
                return None
            _check(packed)
            # The new content is held before it has the name: no process may append to it. Readers
            # recognise it by its first bytes; a new name alone would show the lines twice, or not
            # at all, after a crash in between.
            if not lock(packed.fileno()) or not file.is_in_place():
                return None
            unfinished.rename(path)
        finally:
            with suppress(OSError):
                unfinished.unlink()
        name_compressed(path)
        return file.size, os.fstat(packed.fileno()).st_size


def _pack(file: ArchiveFile, packed: BinaryIO, stopping: Callable[[], bool]) -> bool:
    status, done = file.status(), 0
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=packed, mtime=0) as stream:
        while done < file.size:
            chunk = file.read(done, _CHUNK_BYTES)
            if stopping() or not chunk:  # or another program has cut it
                return False
            stream.write(chunk)
            done += len(chunk)
    packed.flush()
    os.utime(packed.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
    os.fsync(packed.fileno())
    after = file.status()
    return (after.st_size, after.st_mtime_ns) == (file.size, status.st_mtime_ns)


def _check(packed: BinaryIO) -> None:
    """Read it once, with its checksum: the lines are deleted for it."""
    packed.seek(0)
    try:
        with gzip.GzipFile(fileobj=packed) as stream:
            while stream.read(_CHUNK_BYTES):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise os_error(errno.EIO) from None
