"""Remembers what was handled and not deleted, so that a redelivery runs only what is missing."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.ledger.database import error_code, open_database
from consumer.ledger.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from consumer.clock import Clock
    from consumer.ledger.database import Database
    from consumer.ledger.journal import Loaded, Step

_log = structlog.get_logger(__name__)

#: More messages than these are not remembered; the oldest go first.
MOST_MESSAGES = 100_000
#: What was noted is in the file within this time, if another step succeeds; without one within the
#: quarter of a second in which the housekeeper comes by. A commit costs about 0.1 ms.
COMMIT_SECONDS = 0.02

_NOTHING: frozenset[Step] = frozenset()


class Ledger:
    """Steps that succeeded, by message id. Any thread may call any method.

    `succeeded` looks into memory, where only messages are of which something went wrong: a handler
    failed beside others that succeeded, or a delete did not go through. With a journal these
    survive the process; and so does every step of a message in flight, soon after it succeeded.

    Args:
        clock: for the time between commits.
        journal: None keeps all of it in memory.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        journal: Journal | None = None,
        database: Database | None = None,
        max_messages: int = MOST_MESSAGES,
    ) -> None:
        self._clock = clock
        self._journal = journal
        #: The file that it writes to; None without one.
        self.database = database
        self._max_messages = max_messages
        self._lock = threading.Lock()
        #: What survives the message's time in flight.
        self._kept: OrderedDict[str, set[Step]] = OrderedDict()
        #: Noted, and not in the file yet.
        self._pending: dict[str, list[Step]] = {}
        #: Kept since the last commit.
        self._to_keep: set[str] = set()
        #: Held over each commit: who waits for it waits for a write that may carry its own notes.
        self._committing = threading.Lock()
        self._committed_at = float("-inf")
        #: Where the file has a message; and how many messages a row still has that are not deleted.
        self._rows: dict[str, list[int]] = {}
        self._open: dict[int, int] = {}

    def load(self, loaded: Mapping[str, Loaded]) -> None:
        """Take over what the file had at the start."""
        with self._lock:
            for message_id, (row, steps) in loaded.items():
                self._kept[message_id] = steps
                self._rows[message_id] = [row]
                self._open[row] = 1
            self._forget_oldest()

    def __len__(self) -> int:
        """How many messages are remembered beyond their time in flight."""
        return len(self._kept)

    @property
    def durable(self) -> bool:
        """True if it survives the process."""
        return self._journal is not None

    def succeeded(self, message_id: str) -> frozenset[Step]:
        """The steps of this message that need not run again."""
        if message_id not in self._kept:  # nearly always; no lock for it
            return _NOTHING
        with self._lock:
            return frozenset(self._kept.get(message_id, _NOTHING))

    def note(self, steps: Sequence[tuple[str, Step]]) -> None:
        """These steps succeeded, each with the id of its message: they are in the file soon."""
        if self._journal is None or not steps:
            return
        with self._lock:
            for message_id, step in steps:
                self._pending.setdefault(message_id, []).append(step)
        if self._clock.monotonic() - self._committed_at >= COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Write what was noted so far; on return it is in the file, unless that can't be written.

        Then it is tried again with what is noted next, as long as the messages are in flight.
        """
        journal = self._journal
        if journal is None:
            return
        with self._committing:
            self._committed_at = self._clock.monotonic()
            if not self._pending and not self._to_keep:
                return
            if self.database is not None and self.database.is_off():
                return  # nothing is collected for a write that is not made: it may be much by now
            with self._lock:
                pending, self._pending = self._pending, {}
                keep = {
                    m: self._kept[m] | set(pending.get(m, ()))
                    for m in self._to_keep
                    if m in self._kept
                }
                self._to_keep.clear()
            notes = {m: steps for m, steps in pending.items() if m not in keep}
            # A kept message has a row of its own: it goes when the message goes, with no other.
            groups = [notes] * bool(notes) + [{m: steps} for m, steps in keep.items()]
            rows = journal.write(groups) if groups else []
            with self._lock:
                if rows is None:
                    self._take_back(pending, keep)
                    return
                for message_id in keep:
                    self._leave_rows(message_id)
                for row, group in zip(rows, groups, strict=True):
                    self._open[row] = len(group)
                    for message_id in group:
                        self._rows.setdefault(message_id, []).append(row)
                for message_id in keep.keys() - self._kept.keys():  # deleted meanwhile
                    self._leave_rows(message_id)

    def _take_back(self, pending: dict[str, list[Step]], keep: Iterable[str]) -> None:
        for message_id, steps in self._pending.items():
            pending.setdefault(message_id, []).extend(steps)
        self._pending = pending
        self._to_keep.update(keep)

    def keep(self, message_id: str, steps: Iterable[Step]) -> None:
        """The message leaves the process undeleted: its steps must not run when it comes again."""
        with self._lock:
            self._kept.setdefault(message_id, set()).update(steps)
            self._kept.move_to_end(message_id)
            if self._journal is not None:
                self._to_keep.add(message_id)
            self._forget_oldest()

    def forget(self, message_ids: Iterable[str]) -> None:
        """These messages are deleted: they can't come again."""
        with self._lock:
            for message_id in message_ids:
                self._kept.pop(message_id, None)
                self._drop(message_id)

    def flush(self) -> None:
        """Write what was noted, and delete what is no longer needed; called now and then."""
        self.commit()
        if self._journal is not None:
            self._journal.flush()

    def close(self) -> None:
        """Write what is left and close the file. What is noted afterwards has no effect."""
        self.flush()
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
            self._open[row] -= 1
            if not self._open[row]:
                del self._open[row]
                if self._journal is not None:
                    self._journal.drop(row)


def open_ledger(directory: Path, *, clock: Clock) -> Ledger:
    """The durable ledger in the state directory; if there can be none, one in memory (logged)."""

    def load(database: Database) -> Ledger:
        journal = Journal(database)
        ledger = Ledger(clock=clock, journal=journal, database=database)
        ledger.load(journal.load())
        return ledger

    try:
        ledger = open_database(directory, clock=clock, use=load)
    except (OSError, sqlite3.Error) as error:
        code = error_code(error) if isinstance(error, sqlite3.Error) else type(error).__name__
        _log.warning(
            log_events.LEDGER_OFF,
            code=code,
            hint="no ledger in the state directory: after a crash some messages are handled again",
        )
        return Ledger(clock=clock)
    _log.info(log_events.LEDGER_OPENED, messages=len(ledger))
    return ledger
