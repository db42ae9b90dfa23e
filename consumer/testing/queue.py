"""A queue in memory that behaves as a standard SQS queue does, its bad days included."""

from __future__ import annotations

import random
import threading
import uuid
from typing import TYPE_CHECKING, TypeVar

from consumer.errors import TransportError
from consumer.queues.transport import (
    MAX_BATCH,
    MAX_VISIBILITY_SECONDS,
    EntryFailure,
    QueueAttributes,
)
from consumer.testing.clock import ManualClock
from consumer.testing.faults import Call, Fault, Faults, next_fault
from consumer.testing.store import MessageStore, StoredMessage, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.clock import Clock
    from consumer.messages import ReceivedMessage
    from consumer.testing.faults import Operation

_T = TypeVar("_T")

_MAX_WAIT_SECONDS = 20
_MAX_DELAY_SECONDS = 900
_RETENTION_SECONDS = 345_600


class InMemoryQueue:
    """A `Transport` with SQS's semantics. Any thread may call any method.

    Each receive gives a new receipt handle and makes those before it stale. Strict where SQS is
    lenient: deleting with a stale handle is refused (`gone`), whereas SQS answers that it succeeded
    and keeps the message; `stale_deletes_succeed` is for that.

    A long poll that finds nothing moves a `ManualClock` to the moment at which a message becomes
    visible, by `wait_seconds` at most; with any other clock it waits.

    Args:
        max_receive_count: with `dead_letter_queue`: a message that was received that often moves
            there instead of being delivered again.
        in_flight_limit: beyond it a receive gives nothing, and no error.
        advance_on_empty: False: an empty long poll returns at once and moves no clock.
        unordered: deliver in random order.
        sampling: a receive sees only some of what is visible; a short poll perhaps nothing.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        name: str = "canvas-live-events-test",
        visibility_timeout_seconds: int = 30,
        max_receive_count: int | None = None,
        dead_letter_queue: InMemoryQueue | None = None,
        in_flight_limit: int = 120_000,
        advance_on_empty: bool = True,
        unordered: bool = False,
        sampling: bool = False,
        stale_deletes_succeed: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        if (max_receive_count is None) != (dead_letter_queue is None):
            raise ValueError("max_receive_count and dead_letter_queue go together")
        self.name = name
        self.region = "us-east-1"
        self._clock = clock
        self._visibility_timeout = visibility_timeout_seconds
        self._max_receive_count = max_receive_count
        self._dead_letter_queue = dead_letter_queue
        self._in_flight_limit = in_flight_limit
        self._advance_on_empty = advance_on_empty
        self._unordered = unordered
        self._sampling = sampling
        self._stale_deletes_succeed = stale_deletes_succeed
        self._rng = rng or random.Random(0)
        self._changed = threading.Condition()
        self._store = MessageStore()
        #: What goes wrong with the next calls; see `Fault`.
        self.faults: Faults = []
        #: Every call so far, those that failed too.
        self.calls: list[Call] = []
        self.closed = False

    def send(
        self,
        body: str,
        *,
        message_attributes: Mapping[str, str] | None = None,
        delay_seconds: float = 0,
        message_id: str | None = None,
    ) -> str:
        """Put a message into the queue; returns its id."""
        if not 0 <= delay_seconds <= _MAX_DELAY_SECONDS:
            raise ValueError("delay_seconds must be from 0 to 900")
        with self._changed:
            message = StoredMessage(
                message_id or str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
                body,
                dict(message_attributes or {}),
                sent_ms=round(self._clock.now().timestamp() * 1000),
                visible_at=self._clock.monotonic() + delay_seconds,
            )
            self._store.add(message)
            self._changed.notify_all()
        return message.message_id

    def redeliver(self, message_id: str) -> None:
        """Let SQS deliver a message once more, though it is in flight or was deleted."""
        with self._changed:
            message = self._store.find(message_id)
            message.visible_at = self._clock.monotonic()
            self._store.deleted.pop(message_id, None)
            self._store.messages[message_id] = message
            self._changed.notify_all()

    def visible(self) -> list[str]:
        """The ids of what a receive could give now, in the order of sending."""
        with self._changed:
            return [m.message_id for m in self._store.visible(self._clock.monotonic())]

    def in_flight(self) -> list[str]:
        """The ids of what was received and is neither deleted nor visible again."""
        with self._changed:
            return [m.message_id for m in self._store.in_flight(self._clock.monotonic())]

    def deleted(self) -> list[str]:
        """The ids of what was deleted, in the order of deletion."""
        with self._changed:
            return list(self._store.deleted)

    def bodies(self) -> dict[str, str]:
        """Everything that is still there, visible or not: id -> body."""
        with self._changed:
            return {m.message_id: m.body for m in self._store.messages.values()}

    def receive_count(self, message_id: str) -> int:
        """How often a message was delivered."""
        with self._changed:
            return self._store.find(message_id).receive_count

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """Long-poll, as `Transport.receive` has it."""
        timeout = visibility_timeout_seconds
        timeout = self._visibility_timeout if timeout is None else timeout
        _check_range("MaxNumberOfMessages", max_messages, 1, MAX_BATCH)
        _check_range("WaitTimeSeconds", wait_seconds, 0, _MAX_WAIT_SECONDS)
        _check_range("VisibilityTimeout", timeout, 0, MAX_VISIBILITY_SECONDS)
        fault = self._begin("receive", max_messages)
        deadline = self._clock.monotonic() + wait_seconds
        while True:
            with self._changed:
                received = self._take(max_messages, timeout, least=min(1, wait_seconds))
            if received or not self._wait_for_message(deadline):
                break
        _end(fault)
        return received

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """Delete, as `Transport.delete` has it."""
        return self._each(
            "delete",
            receipt_handles,
            lambda handle: self._store.delete(handle, stale_succeeds=self._stale_deletes_succeed),
        )

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """Change visibility, as `Transport.change_visibility` has it."""
        for _, seconds in changes:
            _check_range("VisibilityTimeout", seconds, 0, MAX_VISIBILITY_SECONDS)
        return self._each(
            "change_visibility",
            changes,
            lambda change: self._store.change(*change, self._clock.monotonic()),
        )

    def attributes(self) -> QueueAttributes:
        """What the queue says of itself."""
        fault = self._begin("attributes", 0)
        dead_letter_queue = self._dead_letter_queue
        with self._changed:
            now = self._clock.monotonic()
            visible, in_flight = len(self._store.visible(now)), len(self._store.in_flight(now))
            told = QueueAttributes(
                visibility_timeout_seconds=self._visibility_timeout,
                max_receive_count=self._max_receive_count,
                dead_letter_queue=dead_letter_queue.name if dead_letter_queue else None,
                retention_seconds=_RETENTION_SECONDS,
                visible_messages=visible,
                in_flight_messages=in_flight,
                delayed_messages=len(self._store.messages) - visible - in_flight,
            )
        _end(fault)
        return told

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    def _begin(self, operation: Operation, count: int) -> Fault:
        """Write the call down and let what strikes it strike, as far as it comes before acting."""
        call = Call(operation, count)
        with self._changed:
            self.calls.append(call)
            fault = next_fault(self.faults, call)
        if fault.seconds and isinstance(self._clock, ManualClock):
            self._clock.advance(fault.seconds)
        if fault.error is not None and not fault.after:
            raise fault.error
        return fault

    def _take(self, count: int, timeout: int, *, least: int) -> list[ReceivedMessage]:
        now = self._clock.monotonic()
        if self._max_receive_count is not None and self._dead_letter_queue is not None:
            for message in self._store.take_exhausted(self._max_receive_count, now):
                self._dead_letter_queue.take_over(message)
        room = self._in_flight_limit - len(self._store.in_flight(now))
        chosen = choose(
            self._store.visible(now), min(count, max(room, 0)), self._rng,
            unordered=self._unordered, sampling=self._sampling, least=least,
        )  # fmt: skip
        return [self._store.deliver(message, now, timeout) for message in chosen]
