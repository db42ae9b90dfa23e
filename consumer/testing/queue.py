"""A queue in memory that behaves as a standard SQS queue does, with its faults if asked for."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from consumer.clock import Clock
from consumer.errors import TransportError
from consumer.messages import ReceivedMessage
from consumer.queues.transport import EntryFailure, QueueAttributes
from consumer.sqs_limits import (
    DEFAULT_RETENTION_SECONDS,
    IN_FLIGHT_LIMIT,
    MAX_BATCH,
    MAX_DELAY_SECONDS,
    MAX_VISIBILITY_SECONDS,
    MAX_WAIT_SECONDS,
)
from consumer.testing.clock import Changes
from consumer.testing.faults import FaultyCalls, Operation
from consumer.testing.store import MessageStore, StoredMessage

_T = TypeVar("_T")


class InMemoryQueue(FaultyCalls):
    """A `Transport` with SQS's semantics. Any thread may call any method.

    Each delivery of a message has a new receipt handle and makes the older ones stale. A delete
    with a stale handle is refused (`gone`); SQS answers that it succeeded, and keeps the message:
    see `stale_deletes_succeed`.

    A long poll that finds nothing moves a `ManualClock` to the time at which a message becomes
    visible, by `wait_seconds` at most; with any other clock it waits.

    `faults` are those of the next calls (see `Fault`), `calls` lists the calls so far.

    Args:
        max_receive_count: with `dead_letter_queue`: a message that was received this often moves
            there instead of being delivered again.
        in_flight_limit: beyond it a receive returns nothing, without an error.
        advance_on_empty: if False, an empty long poll returns at once and moves no clock.
        unordered: deliver in random order.
        sampling: a receive sees only some of the visible messages; a short poll perhaps none.
        stale_deletes_succeed: do as SQS does.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        name: str = "canvas-live-events-test",
        visibility_timeout_seconds: int = 30,
        max_receive_count: int | None = None,
        dead_letter_queue: "InMemoryQueue | None" = None,
        in_flight_limit: int = IN_FLIGHT_LIMIT,
        advance_on_empty: bool = True,
        unordered: bool = False,
        sampling: bool = False,
        stale_deletes_succeed: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        if (max_receive_count is None) != (dead_letter_queue is None):
            raise ValueError("max_receive_count and dead_letter_queue go together")
        super().__init__(clock)
        self.name = name
        self.region = "us-east-1"
        self._visibility_timeout = visibility_timeout_seconds
        self._max_receive_count = max_receive_count
        self._dead_letter_queue = dead_letter_queue
        self._in_flight_limit = in_flight_limit
        self._advance_on_empty = advance_on_empty
        self._unordered = unordered
        self._sampling = sampling
        self._stale_deletes_succeed = stale_deletes_succeed
        self._rng = rng or random.Random(0)
        self._changes = Changes(clock)
        self._store = MessageStore()
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
        if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
            raise ValueError(f"delay_seconds must be from 0 to {MAX_DELAY_SECONDS}")
        with self._changes:
            message = StoredMessage(
                message_id or str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
                body,
                dict(message_attributes or {}),
                sent_ms=round(self._clock.now().timestamp() * 1000),
                visible_at=self._clock.monotonic() + delay_seconds,
            )
            self._store.add(message)
            self._changes.notify_of_change()
        return message.message_id

    def redeliver(self, message_id: str) -> None:
        """Make a message visible again, even if it is in flight or was deleted."""
        with self._changes:
            message = self._store.find(message_id)
            message.visible_at = self._clock.monotonic()
            self._store.deleted.pop(message_id, None)
            self._store.messages[message_id] = message
            self._changes.notify_of_change()

    def visible(self) -> list[str]:
        """The ids of the visible messages, in the order of sending."""
        with self._changes:
            return [m.message_id for m in self._store.visible(self._clock.monotonic())]

    def in_flight(self) -> list[str]:
        """The ids of the messages in flight, in the order of sending."""
        with self._changes:
            return [m.message_id for m in self._store.in_flight(self._clock.monotonic())]

    def deleted(self) -> list[str]:
        """The ids of the deleted messages, in the order of deletion."""
        with self._changes:
            return list(self._store.deleted)

    def bodies(self) -> dict[str, str]:
        """The bodies of all messages that are not deleted, by id."""
        with self._changes:
            return {m.message_id: m.body for m in self._store.messages.values()}

    def receive_count(self, message_id: str) -> int:
        """How often a message was delivered."""
        with self._changes:
            return self._store.find(message_id).receive_count

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """As `Transport.receive`."""
        timeout = visibility_timeout_seconds
        timeout = self._visibility_timeout if timeout is None else timeout
        _check_range("MaxNumberOfMessages", max_messages, 1, MAX_BATCH)
        _check_range("WaitTimeSeconds", wait_seconds, 0, MAX_WAIT_SECONDS)
        _check_range("VisibilityTimeout", timeout, 0, MAX_VISIBILITY_SECONDS)
        with self._call("receive", max_messages), self._changes:
            deadline = self._clock.monotonic() + wait_seconds
            while True:
                received = self._take(max_messages, timeout, least=min(1, wait_seconds))
                if received or not self._wait_for_message(deadline):
                    return received

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """As `Transport.delete`."""

        def delete(handle: str) -> EntryFailure | None:
            return self._store.delete(handle, stale_succeeds=self._stale_deletes_succeed)

        return self._each("delete", receipt_handles, delete)

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """As `Transport.change_visibility`."""

        def change(entry: tuple[str, int]) -> EntryFailure | None:
            return self._store.change(*entry, self._clock.monotonic())

        return self._each("change_visibility", changes, change)

    def attributes(self) -> QueueAttributes:
        """As `Transport.attributes`."""
        dead_letter_queue = self._dead_letter_queue
        with self._call("attributes", 0), self._changes:
            now = self._clock.monotonic()
            visible, in_flight = len(self._store.visible(now)), len(self._store.in_flight(now))
            return QueueAttributes(
                visibility_timeout_seconds=self._visibility_timeout,
                max_receive_count=self._max_receive_count,
                dead_letter_queue=dead_letter_queue.name if dead_letter_queue else None,
                retention_seconds=DEFAULT_RETENTION_SECONDS,
                visible_messages=visible,
                in_flight_messages=in_flight,
                delayed_messages=len(self._store.messages) - visible - in_flight,
            )

    def close(self) -> None:
        """Set `closed`."""
        self.closed = True

    def _each(
        self,
        operation: Operation,
        entries: Sequence[_T],
        act: Callable[[_T], EntryFailure | None],
    ) -> list[EntryFailure | None]:
        if not 1 <= len(entries) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} entries, not {len(entries)}")
        with self._call(operation, len(entries)) as fault, self._changes:
            answers = [
                fault.failed[position] if position in fault.failed else act(entry)
                for position, entry in enumerate(entries)
            ]
            self._changes.notify_of_change()
            return answers

    def _take(self, count: int, timeout: int, *, least: int) -> list[ReceivedMessage]:
        now = self._clock.monotonic()
        if self._max_receive_count is not None and self._dead_letter_queue is not None:
            for message in self._store.take_exhausted(self._max_receive_count, now):
                self._dead_letter_queue.take_over(message)
        room = self._in_flight_limit - len(self._store.in_flight(now))
        visible = self._store.visible(now)
        if self._unordered:
            self._rng.shuffle(visible)
        chosen = visible[: max(0, min(count, room))]
        if self._sampling and chosen:
            del chosen[self._rng.randint(min(least, len(chosen)), len(chosen)) :]
        return [self._store.deliver(message, now, timeout) for message in chosen]

    def take_over(self, message: StoredMessage) -> None:
        """Add a message that another queue has moved here: this is its dead-letter queue."""
        with self._changes:
            message.handle = ""
            message.visible_at = self._clock.monotonic()
            self._store.add(message)
            self._changes.notify_of_change()

    def _wait_for_message(self, deadline: float) -> bool:
        """Wait until there may be a message; False if the long poll is over."""
        now = self._clock.monotonic()
        if now >= deadline or not self._advance_on_empty:
            return False
        self._changes.await_change(min(self._store.next_visible_at(now), deadline) - now)
        return True


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise TransportError(
            f"{name} is {value} but must be from {least} to {most}", code="InvalidParameterValue"
        )
