"""The SQLite file in the state directory: opened with care, written by one thread at a time."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import structlog

from consumer import log_events
from consumer.directories import LEDGER_FILE, make_private_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from consumer.clock import Clock

_log = structlog.get_logger(__name__)
T = TypeVar("T")

FILE_NAME = LEDGER_FILE
#: How long a write waits for another process that holds the file locked.
BUSY_SECONDS = 1.0
#: After a write that failed the file is left alone for so long: each attempt may cost a second.
PAUSE_SECONDS = 30.0
#: "CLEL" tells our file from another program's; the version tells it from a later release's.
_APPLICATION_ID = 0x434C454C
_VERSION = 1
#: What reading rows raises that this program did not write.
ODD = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)


class NotOurs(Exception):  # noqa: N818 - never leaves the opening
    """The file is another program's, or of another version."""


class Database:
    """Any thread may call any method. Only `write` waits: for a write that is under way.

    Each write is one transaction, in the file before the call returns: it survives the death of
    the process at any moment (`synchronous=NORMAL`; after a loss of power the last ones may be
    missing, and those messages are handled again). A write that fails is logged and changes nothing
    else: the messages are settled all the same.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Raises `OSError`, `sqlite3.Error` or `NotOurs`."""
        # Made here, so that only the owner may read it; SQLite itself would go by the umask.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._writer = self._connect()
        self._readers: deque[sqlite3.Connection] = deque()
        self._paused_until = float("-inf")
        self._failing = False
        self._closed = False
        try:
            _prepare(self._writer)
        except BaseException:
            self._writer.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    def now(self) -> int:
        """Wall-clock time in whole seconds since 1970, as the rows have it."""
        return int(self._clock.now().timestamp())

    def write(
        self, work: Callable[[sqlite3.Connection], T], *, is_one_statement: bool = False
    ) -> T | None:
        """Do `work` in a transaction; None if that failed, or is not tried for a while after it.

        One statement is a transaction by itself.
        """
        if self.is_off():
            return None
        failure: sqlite3.Error | None = None
        result: T | None = None
        with self._lock:
            if self.is_off():  # it has failed, or was closed, while this thread waited
                return None
            try:
                result = work(self._writer) if is_one_statement else self.transaction(work)
            except sqlite3.Error as error:
                failure = error
                self._paused_until = self._clock.monotonic() + PAUSE_SECONDS
        self._log_change(failure)
        return result

    def transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction, while no other thread writes. Raises whatever it raises."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            result = work(self._writer)
            self._writer.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            raise
        return result

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do `work`, which only reads, beside whatever is being written; None if that failed."""
        if self._closed:
            return None
        try:
            with self._reader() as reader:
                return work(reader)
        except sqlite3.Error as error:
            self._log_change(error)
            return None

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self._connect()
        try:
            yield reader
        finally:
            self._readers.append(reader)

    def close(self) -> None:
        """Close the file. What is asked for afterwards has no effect, and is no error."""
        with self._lock:
            self._closed = True
            self._writer.close()
            while self._readers:
                self._readers.pop().close()

    def is_off(self) -> bool:
        """True if nothing is written now: it is closed, or has failed a short while ago."""
        return self._closed or self._clock.monotonic() < self._paused_until

    def _log_change(self, error: sqlite3.Error | None) -> None:
        if error is None:
            if self._failing:
                self._failing = False
                _log.info(log_events.LEDGER_RECOVERED)
        elif not self._failing:
            self._failing = True
            _log.warning(
                log_events.LEDGER_FAILED,
                code=error_code(error),
                next_attempt_seconds=PAUSE_SECONDS,
                hint="messages are settled all the same; after a crash some are handled again",
            )


def open_database(directory: Path, *, clock: Clock, use: Callable[[Database], T]) -> T:
    """Open the file in a directory and `use` it. Raises `OSError` or `sqlite3.Error`.

    A file that can't be read as ours, or that `use` finds odd, is renamed, and that is logged: it
    is never a reason not to start.
    """
    make_private_directory(directory)
    path = directory / FILE_NAME
    try:
        return _use(path, clock, use)
    except (sqlite3.DatabaseError, NotOurs, *ODD) as error:
        if isinstance(error, sqlite3.OperationalError) and hasattr(error, "sqlite_errorcode"):
            raise  # a full disk or missing permissions: another file would fare no better
        aside = _set_aside(path, int(clock.now().timestamp()))
        _log.warning(
            log_events.LEDGER_SET_ASIDE,
            reason="another program's" if isinstance(error, NotOurs) else "damaged",
            file=aside.name,
            hint="a new one is begun; messages that were handled and not deleted are handled again",
        )
    return _use(path, clock, use)


def _use(path: Path, clock: Clock, use: Callable[[Database], T]) -> T:
    database = Database(path, clock=clock)
    try:
        return use(database)
    except BaseException:
        database.close()
        raise


def _prepare(connection: sqlite3.Connection) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    )
    if tables and (application, version) != (_APPLICATION_ID, _VERSION):
        raise NotOurs
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise sqlite3.DatabaseError(answer)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # In one step, and looked at above in the reverse order: another process that starts now must
    # not take half of it for another program's.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS handled "
        "(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, messages TEXT NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX IF NOT EXISTS seen_at ON seen (at)")
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _set_aside(path: Path, now: int) -> Path:
    aside = path.with_name(f"{path.name}.set-aside-{now}")
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    return aside


def error_code(error: sqlite3.Error) -> str:
    """SQLite's name of the error, such as SQLITE_FULL; never its text."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
