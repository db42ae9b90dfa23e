"""Remembers what was handled and not deleted, so that a redelivery runs only what is missing."""

import sqlite3
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.ledger.database import Database, Step, error_code, open_database, write_row

Handled = Mapping[str, Iterable[Step]]

_log = structlog.get_logger(__name__)

#: Beyond this many messages the oldest are forgotten.
MOST_MESSAGES = 100_000
#: A note is in the file after this time, if another step succeeds; else with the next tick of the
#: housekeeper, within a quarter of a second. A commit costs about 0.1 ms.
COMMIT_SECONDS = 0.02

_NOTHING: frozenset[Step] = frozenset()


class Ledger:
    """Steps that succeeded, by message id. Any thread may call any method.

    `succeeded` looks in memory, where only messages are with which something went wrong: one of
    several handlers failed, or a delete did not go through. With a file these survive the process;
    and so does every step of a message in flight, soon after it succeeded.

    Args:
        clock: for the time between commits.
        database: None keeps everything in memory.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database | None = None,
        max_messages: int = MOST_MESSAGES,
    ) -> None:
        self._clock = clock
        #: The file that it writes to; None without one.
        self.database = database
        self._max_messages = max_messages
        self._lock = threading.Lock()
        #: What is remembered beyond the message's time in flight.
        self._kept: OrderedDict[str, set[Step]] = OrderedDict()
        #: Noted, and not in the file yet.
        self._pending: dict[str, list[Step]] = {}
        #: Kept since the last commit.
        self._to_keep: set[str] = set()
        #: Held over each commit: a thread that waits for it waits for a write of its own notes.
        self._committing = threading.Lock()
        self._committed_at = float("-inf")
        #: The rows in which a message is; and how many messages need a row.
        self._rows: dict[str, list[int]] = {}
        self._needed_by: dict[int, int] = {}
        #: Rows to delete with the next write.
        self._unneeded: deque[int] = deque()
        if database is not None:
            for message_id, (row, steps) in database.loaded.items():
                self._kept[message_id] = steps
                self._rows[message_id] = [row]
                self._needed_by[row] = 1
            database.loaded.clear()
            self._forget_oldest()

    def __len__(self) -> int:
        """How many messages are remembered beyond their time in flight."""
        return len(self._kept)

    def succeeded(self, message_id: str) -> frozenset[Step]:
        """The steps of this message that need not run again."""
        if message_id not in self._kept:  # nearly always; no lock for it
            return _NOTHING
        with self._lock:
            return frozenset(self._kept.get(message_id, _NOTHING))

    def note(self, steps: Sequence[tuple[str, Step]]) -> None:
        """These steps succeeded, each with the id of its message: they are in the file soon."""
        if self.database is None or not steps:
            return
        with self._lock:
            for message_id, step in steps:
                self._pending.setdefault(message_id, []).append(step)
        if self._clock.monotonic() - self._committed_at >= COMMIT_SECONDS:
            self.commit()

    def commit(self, *, tidy: bool = False) -> None:
        """Write what was noted so far; it is in the file on return, unless the write failed.

        A write that failed is tried again with the next, as long as the messages are in flight.

        Args:
            tidy: also write if only rows are to be deleted, which otherwise wait for the next note.
        """
        database = self.database
        if database is None:
            return
        with self._committing:
            self._committed_at = self._clock.monotonic()
            if not (self._pending or self._to_keep or (tidy and self._unneeded)):
                return
            if database.is_off():
                return  # by now it may be much to collect, for a write that is not made
            with self._lock:
                pending, self._pending = self._pending, {}
                to_keep, self._to_keep = self._to_keep & self._kept.keys(), set()
                keep = {m: self._kept[m] | set(pending.get(m, ())) for m in to_keep}
            notes = {m: steps for m, steps in pending.items() if m not in keep}
            # A kept message has a row of its own, which goes when that message is deleted.
            groups: list[Handled] = [notes] * bool(notes) + [{m: s} for m, s in keep.items()]
            rows = self._write(database, groups)
            with self._lock:
                if rows is None:
                    self._take_back(pending, keep)
                else:
                    self._note_rows(rows, groups, keep.keys())

    def _write(self, database: Database, groups: Sequence[Handled]) -> list[int] | None:
        """Write a row for each group; returns the rows, or None if none could be written."""
        unneeded = [(self._unneeded.popleft(),) for _ in range(len(self._unneeded))]

        def write(connection: sqlite3.Connection) -> list[int]:
            connection.executemany("DELETE FROM handled WHERE id = ?", unneeded)
            return [write_row(connection, group, database.now()) for group in groups]

        rows = database.write(write)
        if rows is None:
            self._unneeded.extend(row for (row,) in unneeded)
        return rows

    def _take_back(self, pending: dict[str, list[Step]], keep: Iterable[str]) -> None:
        for message_id, steps in self._pending.items():
            pending.setdefault(message_id, []).extend(steps)
        self._pending = pending
        self._to_keep.update(keep)

    def _note_rows(
        self, rows: list[int], groups: Sequence[Handled], keep: AbstractSet[str]
    ) -> None:
        for message_id in keep:
            self._leave_rows(message_id)
        for row, group in zip(rows, groups, strict=True):
            self._needed_by[row] = len(group)
            for message_id in group:
                self._rows.setdefault(message_id, []).append(row)
        for message_id in keep - self._kept.keys():  # deleted meanwhile
            self._leave_rows(message_id)

    def keep(self, message_id: str, steps: Iterable[Step]) -> None:
        """The message leaves undeleted: its steps must not run when it is delivered again."""
        with self._lock:
            self._kept.setdefault(message_id, set()).update(steps)
            self._kept.move_to_end(message_id)
            if self.database is not None:
                self._to_keep.add(message_id)
            self._forget_oldest()

    def forget(self, message_ids: Iterable[str]) -> None:
        """These messages are deleted: they can't be delivered again."""
        with self._lock:
            for message_id in message_ids:
                self._kept.pop(message_id, None)
                self._drop(message_id)

    def close(self) -> None:
        """Write what is left and close the file. What is noted afterwards has no effect."""
        self.commit(tidy=True)
        if self.database is not None:
            self.database.close()

    def _forget_oldest(self) -> None:
        while len(self._kept) > self._max_messages:
            message_id, _ = self._kept.popitem(last=False)
            self._drop(message_id)

    def _drop(self, message_id: str) -> None:
        self._pending.pop(message_id, None)
        self._leave_rows(message_id)

    def _leave_rows(self, message_id: str) -> None:
        for row in self._rows.pop(message_id, ()):
            self._needed_by[row] -= 1
            if not self._needed_by[row]:
                del self._needed_by[row]
                self._unneeded.append(row)


def open_ledger(directory: Path, *, clock: Clock) -> Ledger:
    """Open the durable ledger in the state directory; if that fails, log it and use memory."""
    try:
        database = open_database(directory, clock=clock)
    except (OSError, sqlite3.Error) as error:
        code = error_code(error) if isinstance(error, sqlite3.Error) else type(error).__name__
        _log.warning(
            log_events.LEDGER_OFF,
            code=code,
            hint="no ledger in the state directory: after a crash some messages are handled again",
        )
        return Ledger(clock=clock)
    ledger = Ledger(clock=clock, database=database)
    _log.info(log_events.LEDGER_OPENED, messages=len(ledger))
    return ledger
