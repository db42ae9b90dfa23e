"""Remembers what was handled and not deleted, so that a redelivery runs only what is missing."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.engine.journal import error_code, open_journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from consumer.clock import Clock
    from consumer.engine.journal import Journal, Loaded

_log = structlog.get_logger(__name__)

#: One handler's work on one event of a message: (position in the envelope, handler name).
Step = tuple[int, str]

_NOTHING: frozenset[Step] = frozenset()


@dataclass(slots=True)
class _Entry:
    steps: set[Step] = field(default_factory=set)
    #: Where the journal has them; None without a journal.
    row: int | None = None


@dataclass(slots=True)
class _Note:
    """Messages that were noted together, in one row of the journal."""

    row: int
    #: How many of them are not settled yet.
    open: int


class Ledger:
    """Steps that succeeded, by message id. Bounded: the oldest message is forgotten first.

    What is looked up is in memory, and only of messages of which something went wrong: a handler
    failed beside others that succeeded, or a delete did not go through. With a journal it survives
    the process, and so does what was handled when the process died before the delete: what is to
    be deleted is noted there first. Any thread may call.
    """

    def __init__(
        self,
        *,
        journal: Journal | None = None,
        loaded: Loaded | None = None,
        max_messages: int = 100_000,
    ) -> None:
        self._lock = threading.Lock()
        self._entries = OrderedDict(
            (message_id, _Entry(steps, row)) for message_id, (row, steps) in (loaded or {}).items()
        )
        self._notes: dict[str, _Note] = {}
        self._journal = journal
        self._max_messages = max_messages
        self._forget_oldest()

    def __len__(self) -> int:
        """How many messages are remembered."""
        return len(self._entries)

    @property
    def durable(self) -> bool:
        """True if it survives the process."""
        return self._journal is not None

    @property
    def journal(self) -> Journal | None:
        """The file that it writes to; None without one."""
        return self._journal

    def succeeded(self, message_id: str) -> frozenset[Step]:
        """The steps of this message that need not run again."""
        if message_id not in self._entries:  # nearly always; no lock for it
            return _NOTHING
        with self._lock:
            entry = self._entries.get(message_id)
            return frozenset(entry.steps) if entry else _NOTHING

    def record(self, message_id: str, steps: Iterable[Step]) -> None:
        """Remember these steps as done."""
        with self._lock:
            entry = self._entries.setdefault(message_id, _Entry())
            entry.steps.update(steps)
            self._entries.move_to_end(message_id)
            if self._journal is not None:
                # The new row first: at no moment is the message in none.
                row = self._journal.write({message_id: entry.steps})
                if row is not None:
                    self._journal.done(entry.row)
                    entry.row = row
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._entries) > self._max_messages:
            _, oldest = self._entries.popitem(last=False)
            if self._journal is not None:
                self._journal.done(oldest.row)

    def forget(self, message_id: str) -> None:
        """The message is deleted: it can't come again."""
        if message_id in self._entries:
            with self._lock:
                entry = self._entries.pop(message_id, None)
                if entry is not None and self._journal is not None:
                    self._journal.done(entry.row)

    def deleting(self, handled: Sequence[tuple[str, Sequence[Step]]]) -> None:
        """Note messages as handled before they are deleted; those that are noted stay as they are.

        If the process dies now, they are only deleted when they come again.
        """
        if self._journal is None:
            return
        with self._lock:
            new = {message: steps for message, steps in handled if message not in self._notes}
        row = self._journal.write(new) if new else None
        if row is not None:
            note = _Note(row, len(new))
            with self._lock:
                self._notes.update(dict.fromkeys(new, note))

    def settled(self, message_ids: Iterable[str]) -> None:
        """Their delete was answered: what of it did not go through for good is recorded by now."""
        if self._journal is None:
            return
        with self._lock:
            for message_id in message_ids:
                note = self._notes.pop(message_id, None)
                if note is not None:
                    note.open -= 1
                    if not note.open:
                        self._journal.done(note.row)

    def flush(self) -> None:
        """Bring the journal up to date; called now and then."""
        if self._journal is not None:
            self._journal.flush()

    def close(self) -> None:
        """Close the journal. Nothing may be called afterwards."""
        if self._journal is not None:
            self._journal.close()


def open_ledger(directory: Path, *, clock: Clock) -> Ledger:
    """The durable ledger in the state directory; one in memory, and told, if there can be none."""
    try:
        journal, loaded = open_journal(directory, clock=clock)
    except (OSError, sqlite3.Error) as error:
        code = error_code(error) if isinstance(error, sqlite3.Error) else type(error).__name__
        _log.warning(
            log_events.LEDGER_OFF,
            code=code,
            hint="no ledger in the state directory: after a crash some messages are handled again",
        )
        return Ledger()
    _log.info(log_events.LEDGER_OPENED, messages=len(loaded))
    return Ledger(journal=journal, loaded=loaded)
