"""The queue of a stress run, with what one process has of it; and a clock whose seconds are short.

Delays are counted in seconds, and nothing happens in them: a twentieth of each shows the same.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING

from consumer.clock import SystemClock
from consumer.errors import AccessDeniedError, TransportError
from consumer.ledger.database import FILE_NAME
from consumer.queues.transport import EntryFailure
from consumer.testing import Fault, InMemoryQueue
from consumer.testing.clock import Changes
from tests.stress.notebook import Killed, Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from consumer.messages import ReceivedMessage
    from consumer.queues.transport import QueueAttributes
    from consumer.testing import Call
    from consumer.testing.store import StoredMessage
    from tests.stress.notebook import Notebook
    from tests.stress.plan import Plan

#: Seconds of the engine per second of the machine.
SPEED = 20.0
#: This share of deliveries is followed by another one at once.
_TWICE = 0.03


class ShortSeconds(SystemClock):
    """The machine's clock, faster. With `end` set, a wait raises Killed."""

    def __init__(self, end: threading.Event | None = None) -> None:
        self._end = end or threading.Event()

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    def cpu(self) -> float:
        return time.process_time() * SPEED

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if self._end.is_set():
            raise Killed
        return event.wait(seconds / SPEED)


class _ShortChanges(Changes):
    def await_change(self, seconds: float) -> None:
        self.wait(seconds / SPEED)


class CrowdedQueue(InMemoryQueue):
    """Unordered, sampling, with faults, and with unexpected deliveries; some come twice."""

    def __init__(self, plan: Plan, notebook: Notebook) -> None:
        super().__init__(
            ShortSeconds(), unordered=True, sampling=True, rng=Random(f"queue {plan.seed}")
        )
        self._changes = _ShortChanges(self.clock)
        self._on_delete = notebook.deleted
        self._twice = Random(f"twice {plan.seed}")
        self._dice = Random(f"faults {plan.seed}")
        self._share = plan.faults
        self.faults = self._draw_fault

    def _deliver(self, message: StoredMessage, now: float, timeout: int) -> ReceivedMessage:
        received = super()._deliver(message, now, timeout)
        if self._twice.random() < _TWICE:
            message.visible_at = now
        return received

    def _delete(self, handle: str) -> EntryFailure | None:
        left = len(self._messages)
        answer = super()._delete(handle)
        if len(self._messages) < left:
            self._on_delete(self._by_handle[handle].message_id)
        return answer

    def _draw_fault(self, call: Call) -> Fault | None:
        # The queue asks one thread at a time.
        if self._dice.random() >= self._share:
            return None
        if call.operation == "receive" or self._dice.random() < 0.5:
            error = TransportError("reset", code="ConnectionReset")
            return Fault(error=error, after=self._dice.random() < 0.5)
        failed = self._dice.sample(range(call.size), self._dice.randint(1, call.size))
        return Fault(failed={position: EntryFailure("RequestThrottled") for position in failed})

    def deliver_again(self, message_ids: Sequence[str]) -> None:
        """Make what was not deleted visible, in flight or not: as SQS may do at any time."""
        with self._changes:
            for message_id in message_ids:
                if message_id in self._messages:
                    self.redeliver(message_id)

    def hidden_handles(self) -> dict[str, str]:
        """The newest receipt handle of each message that was received and is not visible."""
        with self._changes:
            now = self.clock.monotonic()
            return {m.message_id: m.handle for m in self._in_flight(now)}

    def ids_of(self, handles: Sequence[str]) -> list[str]:
        """The messages that these receipt handles are, or were, of."""
        with self._changes:
            return [self._by_handle[handle].message_id for handle in handles]


class Line:
    """What one process has of the queue: it ends with the process, and is watched.

    Any thread may call any method; each raises Killed once the process is dead.
    """

    def __init__(
        self,
        queue: CrowdedQueue,
        notebook: Notebook,
        plan: Plan,
        state: Path,
        dead: threading.Event,
    ) -> None:
        self._queue = queue
        self._notebook = notebook
        self._plan = plan
        self._file = state / FILE_NAME
        self._dead = dead
        self._lock = threading.Lock()
        #: The newest receipt handle of each message that came and was not settled since.
        self._received: dict[str, str] = {}
        #: The messages that were settled at least once, or are about to be.
        self._settled: set[str] = set()
        self._confirmed: set[str] = set()
        self.name, self.region = queue.name, queue.region
        #: Set once receives are refused for good.
        self.refused = threading.Event()

    @property
    def deleted(self) -> int:
        """How many deletes were confirmed."""
        return len(self._confirmed)

    def dropped(self) -> list[str]:
        """Messages whose newest delivery came here, and was forgotten: nothing settles it."""
        newest = self._queue.hidden_handles()
        return [
            message_id
            for message_id, handle in self._received.items()
            if newest.get(message_id) == handle
        ]

    def _live(self) -> None:
        if self._dead.is_set():
            raise Killed

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        self._live()
        if self.refused.is_set():
            raise AccessDeniedError("refused", code="AccessDenied")
        messages = self._queue.receive(
            max_messages=max_messages,
            wait_seconds=wait_seconds,
            visibility_timeout_seconds=visibility_timeout_seconds,
        )
        self._live()
        with self._lock:
            self._received.update({m.message_id: m.receipt_handle for m in messages})
            # What was settled once may be held again: it is not counted. Neither is what is
            # visible again, for it may have been given up because of that.
            unsettled = self._received.keys() - self._settled
            held = len(unsettled & self._queue.hidden_handles().keys())
        if held > self._plan.max_in_flight:
            self._notebook.report(
                f"{held} messages are in flight: {self._plan.max_in_flight} are allowed"
            )
        return messages

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        self._live()
        ids = self._queue.ids_of(receipt_handles)
        self._check_file(ids)
        self._settle(ids)
        answers = self._queue.delete(receipt_handles)
        self._live()
        deleted = [h for h, failure in zip(receipt_handles, answers, strict=True) if not failure]
        with self._lock:
            again = self._confirmed.intersection(deleted)
            self._confirmed.update(deleted)
        if again or len(set(receipt_handles)) < len(receipt_handles):
            self._notebook.report("a delete was sent twice, and confirmed both times")
        return answers

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        self._live()
        # Else it is renewed.
        handles = [h for h, seconds in changes if seconds != self._plan.visibility_seconds]
        self._settle(self._queue.ids_of(handles))
        answers = self._queue.change_visibility(changes)
        self._live()
        return answers

    def attributes(self) -> QueueAttributes:
        self._live()
        return self._queue.attributes()

    def close(self) -> None:
        """Nothing to close."""

    def _settle(self, message_ids: Sequence[str]) -> None:
        with self._lock:
            self._settled.update(message_ids)
            for message_id in message_ids:
                self._received.pop(message_id, None)

    def _check_file(self, message_ids: Sequence[str]) -> None:
        """What is about to be deleted is in the ledger's file, should the process die over it."""
        missing = self._notebook.steps_of_this_life(message_ids) - set(steps_in(self._file))
        if missing and not self._dead.is_set():
            self._notebook.report(f"deleted before it was in the ledger's file: {missing}")


def steps_in(file: Path) -> set[Step]:
    """What the ledger's file remembers."""
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        rows = connection.execute("SELECT messages FROM handled").fetchall()
    return {
        Step(message_id, index, handler)
        for (text,) in rows
        for message_id, steps in json.loads(text).items()
        for index, handler in steps
    }
