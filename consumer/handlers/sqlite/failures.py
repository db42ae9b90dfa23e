"""Why the file could not be written, in words for an operator."""

import sqlite3
from pathlib import Path
from typing import Final

from consumer.errors import Unavailable

#: By primary result code; others are named.
_WORDS: Final = {
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_BUSY: "another process has locked it for too long",
    sqlite3.SQLITE_LOCKED: "another connection has locked it for too long",
    sqlite3.SQLITE_READONLY: "it can't be written: check owner and mode of the file, its -wal and "
    "-shm files, and the directory (in a systemd unit: ReadWritePaths=)",
    sqlite3.SQLITE_PERM: "this process may not write it",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: is its directory there, and may this process "
    "write in it (in a systemd unit: ReadWritePaths=)?",
    sqlite3.SQLITE_CORRUPT: "it is damaged: rename it, together with its -wal and -shm files, and "
    "a new one is made; `sqlite3 FILE .recover` saves what was in it",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database: rename it, and a new one is made",
    sqlite3.SQLITE_IOERR: "its disk fails",
}


def unavailable(path: Path, error: Exception | str) -> Unavailable:
    """The reason to wait until an operator or time has changed something."""
    if isinstance(error, OSError):
        words = error.strerror or type(error).__name__
    elif isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        # Of a wrong table or trigger, SQLite's text names it; there is no value in our statements.
        words = str(error) if code == sqlite3.SQLITE_ERROR else _WORDS.get(code, "it can't be used")
        words = f"{words} ({error_name(error)})"
    else:
        words = str(error)
    return Unavailable(f"the SQLite file {path}: {words}")


def error_name(error: sqlite3.Error) -> str:
    """SQLite's name of the error, such as SQLITE_FULL; never its text."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
