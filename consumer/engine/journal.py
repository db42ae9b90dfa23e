"""The ledger's memory over restarts: a small SQLite file in the state directory."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.sqs_limits import MAX_RETENTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from consumer.clock import Clock
    from consumer.engine.ledger import Step

_log = structlog.get_logger(__name__)

FILE_NAME = "ledger.sqlite3"
#: "CLEL" tells our file from another program's; the version tells it from a later release's.
_APPLICATION_ID = 0x434C454C
_VERSION = 1
_BUSY_SECONDS = 1.0

#: By message id: its row, and the steps that succeeded.
Loaded = dict[str, tuple[int | None, set["Step"]]]


#: What reading rows raises that nobody of us wrote.
_ODD = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)


class NotOurs(Exception):  # noqa: N818 - never leaves this module
    """The file is another program's, or of another version."""


class Journal:
    """Rows of what was handled: {message id: steps}. Any thread may call any method.

    Every write is one transaction, in the file before the call returns: it survives the death of
    the process at any moment (`synchronous=NORMAL`; after a loss of power the last ones may be
    missing, and those messages are handled again). A write that fails is told and changes nothing
    else: the messages are settled all the same.
    """

    def __init__(self, connection: sqlite3.Connection, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        #: Rows that are no longer needed; they go with the next write.
        self._done: list[int] = []
        self._failing = False

    def load(self) -> Loaded:
        """What was handled and perhaps not deleted, each message in a row of its own from now on.

        Raises `sqlite3.Error`, and `ValueError` or the like for rows that are not ours.
        """
        execute = self._connection.execute
        found: dict[str, set[Step]] = {}
        ages: dict[str, int] = {}
        execute("BEGIN IMMEDIATE")
        try:
            oldest = self._now() - MAX_RETENTION_SECONDS  # what is older can't be delivered again
            rows = execute("SELECT at, messages FROM handled WHERE at >= ? ORDER BY id", (oldest,))
            for at, text in rows.fetchall():
                for message_id, steps in json.loads(text).items():
                    known = found.setdefault(message_id, set())
                    known.update((int(index), str(handler)) for index, handler in steps)
                    ages[message_id] = at
            execute("DELETE FROM handled")
            loaded = {
                message_id: (self._insert(ages[message_id], {message_id: steps}), steps)
                for message_id, steps in found.items()
            }
            execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return loaded

    def write(self, handled: Mapping[str, Iterable[Step]]) -> int | None:
        """Note messages as handled; returns the row for `done`, or None if it failed (told)."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._drop_done()
                row = self._insert(self._now(), handled)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._failed(error)
                return None
            self._done.clear()
            self._recovered()
            return row

    def done(self, row: int | None) -> None:
        """The messages of this row are deleted, or noted in another one."""
        if row is not None:
            with self._lock:
                self._done.append(row)

    def write_keys(self, keys: Mapping[str, int], *, purge_before: float | None) -> bool:
        """Note events as handled at a time; forget older ones. False if it failed (told)."""
        if not keys and purge_before is None:
            return True
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                if purge_before is not None:
                    self._connection.execute("DELETE FROM seen WHERE at < ?", (int(purge_before),))
                self._connection.executemany(
                    "INSERT INTO seen (key, at) VALUES (?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET at = excluded.at",
                    keys.items(),
                )
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._failed(error)
                return False
            self._recovered()
            return True

    def key_time(self, key: str) -> int | None:
        """When the event with this key was handled, in seconds since 1970; None if not known."""
        with self._lock:
            try:
                row = self._connection.execute(
                    "SELECT at FROM seen WHERE key = ?", (key,)
                ).fetchone()
            except sqlite3.Error as error:
                self._failed(error)
                return None
            return None if row is None else int(row[0])

    def flush(self) -> None:
        """Drop the rows that are done; called now and then, and at the end."""
        with self._lock:
            if not self._done:
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._drop_done()
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._failed(error)
                return
            self._done.clear()

    def close(self) -> None:
        """Drop what is done and close the file."""
        self.flush()
        with self._lock:
            self._connection.close()

    def _insert(self, at: int, handled: Mapping[str, Iterable[Step]]) -> int | None:
        text = json.dumps({message_id: list(steps) for message_id, steps in handled.items()})
        return self._connection.execute(
            "INSERT INTO handled (at, messages) VALUES (?, ?)", (at, text)
        ).lastrowid

    def _drop_done(self) -> None:
        self._connection.executemany(
            "DELETE FROM handled WHERE id = ?", [(row,) for row in self._done]
        )

    def _failed(self, error: sqlite3.Error) -> None:
        self._roll_back()
        if not self._failing:
            self._failing = True
            _log.warning(
                log_events.LEDGER_FAILED,
                code=error_code(error),
                hint="messages are settled all the same; after a crash some are handled again",
            )

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            _log.info(log_events.LEDGER_RECOVERED)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def open_journal(directory: Path, *, clock: Clock) -> tuple[Journal, Loaded]:
    """The journal in a directory, and what it holds. Raises `OSError` or `sqlite3.Error`.

    A file that can't be read as ours is set aside under another name, and told: it is never a
    reason not to start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    try:
        return _open(path, clock)
    except (sqlite3.DatabaseError, NotOurs, *_ODD) as error:
        if isinstance(error, sqlite3.OperationalError) and hasattr(error, "sqlite_errorcode"):
            raise  # a full disk or missing permissions: another file would fare no better
        aside = _set_aside(path, int(clock.now().timestamp()))
        _log.warning(
            log_events.LEDGER_SET_ASIDE,
            reason="another program's" if isinstance(error, NotOurs) else "damaged",
            file=aside.name,
            hint="a new one is begun; messages that were handled and not deleted are handled again",
        )
    return _open(path, clock)


def _open(path: Path, clock: Clock) -> tuple[Journal, Loaded]:
    # Made here, so that nobody else may read it; SQLite itself would go by the umask.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection)
        journal = Journal(connection, clock=clock)
        return journal, journal.load()
    except BaseException:
        connection.close()
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
