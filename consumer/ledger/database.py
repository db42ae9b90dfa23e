"""The SQLite file in the state directory, and its rows: which steps of which messages succeeded."""

import json
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog
from pydantic_core import to_json

from consumer import log_events
from consumer.clock import Clock
from consumer.directories import LEDGER_FILE, make_private_directory
from consumer.sqs_limits import MAX_RETENTION_SECONDS

_log = structlog.get_logger(__name__)
T = TypeVar("T")

FILE_NAME = LEDGER_FILE
#: How long a write waits for another process that has locked the file.
BUSY_SECONDS = 1.0
#: No write is tried for this long after one that failed: each attempt may cost a second.
PAUSE_SECONDS = 30.0
#: "CLEL" marks our file, as opposed to another program's; the version marks the release's format.
_APPLICATION_ID = 0x434C454C
_VERSION = 1
#: Done in one step, and checked in the reverse order: another process that starts at the same time
#: must not take half of it for another program's file.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS handled
    (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, messages TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
#: Raised while reading rows that this program did not write.
_ODD_ROWS = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)


class Step(NamedTuple):
    """One handler's work on one event of a message."""

    #: The position of the event in its envelope.
    event_index: int
    #: The handler's name.
    handler: str


#: The same steps occur again and again, for most messages have one event. Cheaper than a new one.
step_of = lru_cache(maxsize=4096)(Step)


class NotOurs(Exception):  # noqa: N818 - never leaves the opening
    """The file is another program's, or of another version."""


class Database:
    """Any thread may call any method. Only `write` waits: for a write of another thread.

    Each write is one transaction, in the file before the call returns: it survives the death of
    the process at any moment (`synchronous=NORMAL`: a loss of power may undo the last ones, and
    those messages are handled again). A write that fails is logged, and has no other effect: the
    messages are still settled.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Raises `OSError`, `sqlite3.Error`, `NotOurs` or one of _ODD_ROWS."""
        # Created here, so that only the owner may read it; SQLite itself would use the umask.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._writer = self._connect()
        self._readers: deque[sqlite3.Connection] = deque()
        self._paused_until = float("-inf")
        self._failing = False
        self._closed = False
        since = self.now() - MAX_RETENTION_SECONDS  # what is older can't be received again
        try:
            _prepare(self._writer)
            #: What was handled and perhaps not deleted when the file was opened, by message id.
            self.loaded = self._transaction(lambda writer: load_rows(writer, since=since))
        except BaseException:
            self._writer.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    def now(self) -> int:
        """Wall-clock time in whole seconds since 1970, as in the rows."""
        return int(self._clock.now().timestamp())

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do `work` in a transaction; None if that failed, or is not tried after a failure."""
        if self.is_off():
            return None
        failure: sqlite3.Error | None = None
        result: T | None = None
        with self._lock:
            if self.is_off():  # it failed, or was closed, while this thread waited
                return None
            try:
                result = self._transaction(work)
            except sqlite3.Error as error:
                failure = error
                self._paused_until = self._clock.monotonic() + PAUSE_SECONDS
        self._log_change(failure)
        return result

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._writer:  # commits, or rolls back what raised
            self._writer.execute("BEGIN IMMEDIATE")
            return work(self._writer)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do `work`, which only reads, while others may write; None if that failed."""
        if self._closed:
            return None
        try:
            try:
                reader = self._readers.pop()
            except IndexError:  # all are in use
                reader = self._connect()
            try:
                return work(reader)
            finally:
                self._readers.append(reader)
        except sqlite3.Error as error:
            self._log_change(error)
            return None

    def close(self) -> None:
        """Close the file. Later calls have no effect, and raise nothing."""
        with self._lock:
            self._closed = True
            self._writer.close()
            while self._readers:
                self._readers.pop().close()

    def is_off(self) -> bool:
        """True if nothing is written now: it is closed, or a write failed a short while ago."""
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
                hint="messages are still settled; after a crash some are handled again",
            )


def open_database(directory: Path, *, clock: Clock) -> Database:
    """Open the file in a directory. Raises `OSError` or `sqlite3.Error`.

    A file that this program can't read is renamed and logged: it is never a reason not to start.
    """
    make_private_directory(directory)
    path = directory / FILE_NAME
    try:
        return Database(path, clock=clock)
    except (sqlite3.DatabaseError, NotOurs, *_ODD_ROWS) as error:
        if isinstance(error, sqlite3.OperationalError) and hasattr(error, "sqlite_errorcode"):
            raise  # a full disk or missing permissions: a new file would not help
        aside = path.with_name(f"{path.name}.set-aside-{int(clock.now().timestamp())}")
        for suffix in ("", "-wal", "-shm"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(aside.with_name(aside.name + suffix))
        _log.warning(
            log_events.LEDGER_SET_ASIDE,
            reason="of another program or version" if isinstance(error, NotOurs) else "damaged",
            file=aside.name,
            hint="starting a new one; messages that were handled and not deleted are handled again",
        )
    return Database(path, clock=clock)


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
    connection.executescript(_SCHEMA)


def load_rows(connection: sqlite3.Connection, *, since: int) -> dict[str, tuple[int, set[Step]]]:
    """Give each message a row of its own; returns these rows and the steps, by message id.

    Raises `sqlite3.Error`, and `ValueError` or the like for rows that this program did not write.
    """
    found: dict[str, set[Step]] = {}
    ages: dict[str, int] = {}
    select = "SELECT at, messages FROM handled WHERE at >= ? ORDER BY id"
    for at, text in connection.execute(select, (since,)).fetchall():
        for message_id, steps in json.loads(text).items():
            known = found.setdefault(message_id, set())
            known.update(Step(int(index), str(handler)) for index, handler in steps)
            ages[message_id] = at
    # The new ids are above all old ones: another process with this file may still delete the rows
    # that it knows. The last row stays, empty, because SQLite reuses the ids of an empty table.
    (highest,) = connection.execute("SELECT ifnull(max(id), 0) FROM handled").fetchone()
    loaded = {
        message_id: (write_row(connection, {message_id: steps}, ages[message_id]), steps)
        for message_id, steps in found.items()
    }
    write_row(connection, {}, since)
    connection.execute("DELETE FROM handled WHERE id <= ?", (highest,))
    return loaded


def write_row(
    connection: sqlite3.Connection, handled: Mapping[str, Iterable[Step]], at: int
) -> int:
    """Write the steps of some messages as a new row; returns its id."""
    text = to_json({message_id: list(steps) for message_id, steps in handled.items()}).decode()
    insert = "INSERT INTO handled (at, messages) VALUES (?, ?)"
    return connection.execute(insert, (at, text)).lastrowid or 0


def error_code(error: sqlite3.Error) -> str:
    """SQLite's name of the error, such as SQLITE_FULL; never its text."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
