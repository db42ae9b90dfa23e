"""The file: writes batches of events into its table."""

import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from consumer.clock import Clock
from consumer.directories import make_private_directory, sync_directory
from consumer.errors import BatchFailure, Reject
from consumer.handlers.records import each_made
from consumer.handlers.sql.rows import COLUMNS, row_of
from consumer.handlers.sqlite.failures import error_name, unavailable
from consumer.handlers.sqlite.schema import SchemaError, check, is_made, prepare
from consumer.messages import Context, Event

#: How long a write waits for another process that writes.
_BUSY_SECONDS: Final = 5.0
#: Raised for a row that the table refuses, such as by a constraint that the operator added.
_ROW_ERRORS: Final = (sqlite3.IntegrityError, sqlite3.DataError)
_INSERT: Final = (
    f'INSERT INTO "{{table}}" ({", ".join(column.name for column in COLUMNS)})'  # noqa: S608 - the table is a plain identifier
    f" VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT (event_key) DO NOTHING"
)
_Entry = tuple[Event, tuple[Any, ...]]


class Store:
    """One table in one SQLite file, which several processes may write, and any may read.

    A batch is one transaction, which is on the disk before `write` returns. Only the owner can read
    the file, because it holds data of students. Any thread may call.

    Args:
        path: created by the first write if it is missing.
        make_directory: create its directory, too. That is for the state directory; a configured one
            may be a mount that is missing.
        views: keep a view for each event of the catalog.
        scrub_secrets: remove tokens and other secrets from the URLs of a payload.
    """

    def __init__(
        self,
        path: Path,
        *,
        table: str,
        clock: Clock,
        make_directory: bool = False,
        views: bool = True,
        scrub_secrets: bool = True,
    ) -> None:
        self._path = path
        self._table = table
        self._clock = clock
        self._make_directory = make_directory
        self._views = views
        self._scrub_secrets = scrub_secrets
        self._insert = _INSERT.format(table=table)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        #: Device and number of the file that is open.
        self._open: tuple[int, int] | None = None
        #: Its write-ahead log, which is where a link leads.
        self._log = ""

    def write(self, events: Sequence[Event], _context: Context) -> None:
        """Write the events; returns when they are on the disk, so that they can be deleted.

        Raises: `Unavailable` if the file can't be written, or is not as it must be; `BatchFailure`
        for rows that the table refuses, after the others were written.
        """
        now = self._clock.now()
        landed = _utc(now)
        rows, failures = each_made(
            events, lambda event: row_of(event, now, scrub_secrets=self._scrub_secrets)
        )
        entries = [(e, (*row[:4], _utc(row.time), landed, *row[6:])) for e, row in rows]
        if entries:
            with self._lock:
                failures |= self._write(entries)
        if failures:
            raise BatchFailure(failures)

    def check(self) -> str:
        """A sentence about what is there; changes nothing. Raises `Unavailable`."""
        try:
            if _identity(self._path) is not None:
                return self._found()
            if not self._make_directory:
                Path(os.path.realpath(self._path)).parent.stat()
        except (OSError, sqlite3.Error, SchemaError) as error:
            raise unavailable(self._path, error) from error
        return f"{self._path} is made with the first event"

    def _found(self) -> str:
        with closing(self._connect()) as connection:
            if not is_made(connection, self._table):
                return f"{self._path}: the table {self._table} is made with the first event"
            check(connection, self._table)
            select = f'SELECT received_at FROM "{self._table}" ORDER BY rowid DESC LIMIT 1'  # noqa: S608 - likewise
            newest = connection.execute(select).fetchone()
        landed = f"the newest event landed at {newest[0]}" if newest else "no event has landed"
        return f"{self._path}, table {self._table}: {landed}"

    def close(self) -> None:
        """Close the file. May be called again; a later write opens it again."""
        with self._lock:
            self._leave()

    def _write(self, entries: list[_Entry]) -> dict[Event, Exception]:
        try:
            for _ in range(2):
                connection = self._opened()
                failures = self._land(connection, entries)
                if self._is_in_place():
                    return failures
                self._leave()  # someone removed it: a crash would lose what was written
        except (OSError, sqlite3.Error, SchemaError) as error:
            with suppress(sqlite3.Error):
                self._leave()  # the next attempt looks at everything again
            raise unavailable(self._path, error) from error
        raise unavailable(self._path, "it is being replaced while it is written")

    def _land(
        self, connection: sqlite3.Connection, entries: list[_Entry]
    ) -> dict[Event, Exception]:
        """Insert all, in halves around the rows that the table refuses; returns those.

        If it fails after some halves have landed, all events come again: those are skipped then.
        """
        try:
            with connection:  # commits, or rolls back what raised
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(self._insert, [values for _, values in entries])
        except _ROW_ERRORS as error:
            check(connection, self._table)  # is it the table, and not the row?
            if len(entries) == 1:
                reason = f"the table {self._table} refuses the row ({error_name(error)})"
                return {entries[0][0]: Reject(reason)}
            half = len(entries) // 2
            first = self._land(connection, entries[:half])
            return first | self._land(connection, entries[half:])
        return {}

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            real = Path(os.path.realpath(self._path))
            self._make(real)
            self._open, self._log = _identity(self._path), f"{real}-wal"
            self._connection = self._connect()
            _configure(self._connection)
            prepare(self._connection, self._table, views=self._views)
        return self._connection

    def _make(self, file: Path) -> None:
        directory = file.parent
        if self._make_directory:
            for made in make_private_directory(directory):
                sync_directory(made.parent)
        # Created here, so that only the owner may read it; SQLite itself would use the umask. One
        # that is there must not be opened: closing it would give up the locks of SQLite.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # Even if it was there: the process that made it may have crashed before this.
        with suppress(PermissionError):  # a directory that this user may write, but not read
            sync_directory(directory)

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: SQLite does not make the file. mode=ro would leave a -wal behind.
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def _is_in_place(self) -> bool:
        """True if what was written is found by whoever opens the path, also after a crash."""
        return self._open == _identity(self._path) and os.path.exists(self._log)  # noqa: PTH110 - half the time of a Path

    def _leave(self) -> None:
        connection, self._connection, self._open = self._connection, None, None
        if connection is not None:
            connection.close()


def _configure(connection: sqlite3.Connection) -> None:
    # WAL: readers and the writer do not wait for each other.
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise SchemaError("its file system is not made for several processes: use a local disk")
    connection.execute("PRAGMA synchronous = FULL")


def _utc(time: datetime | None) -> str | None:
    """All in one form, so that texts sort as times do."""
    if time is None:
        return None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
