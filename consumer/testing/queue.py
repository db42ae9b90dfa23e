"""A queue in memory that behaves as a standard SQS queue does, with its faults if asked for."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeVar

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
from consumer.testing.store import NOT_IN_FLIGHT, STALE, StoredMessage

_T = TypeVar("_T")


@dataclass(eq=False, repr=False)
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

    _: KW_ONLY
    name: str = "canvas-live-events-test"
    visibility_timeout_seconds: int = 30
    max_receive_count: int | None = None
    dead_letter_queue: "InMemoryQueue | None" = None
    in_flight_limit: int = IN_FLIGHT_LIMIT
    advance_on_empty: bool = True
    unordered: bool = False
    sampling: bool = False
    stale_deletes_succeed: bool = False
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        if (self.max_receive_count is None) != (self.dead_letter_queue is None):
            raise ValueError("max_receive_count and dead_letter_queue go together")
        self.region = "us-east-1"
        self.closed = False
        #: The lock of all that follows.
        self._changes = Changes(self.clock)
        #: By id, in the order of sending, and in the order of deletion.
        self._messages: dict[str, StoredMessage] = {}
        self._deleted: dict[str, StoredMessage] = {}
        self._by_handle: dict[str, StoredMessage] = {}

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
            message_id = message_id or str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
            if message_id in self._messages or message_id in self._deleted:
                raise ValueError("the message id was used before")
            sent_ms = round(self.clock.now().timestamp() * 1000)
            visible_at = self.clock.monotonic() + delay_seconds
            attributes = dict(message_attributes or {})
            self._put(StoredMessage(message_id, body, attributes, sent_ms, visible_at))
        return message_id

    def redeliver(self, message_id: str) -> None:
        """Make a message visible again, even if it is in flight or was deleted."""
        with self._changes:
            message = self._find(message_id)
            message.visible_at = self.clock.monotonic()
            self._deleted.pop(message_id, None)
            self._put(message)

    def visible(self) -> list[str]:
        """The ids of the visible messages, in the order of sending."""
        with self._changes:
            return [m.message_id for m in self._visible(self.clock.monotonic())]

    def in_flight(self) -> list[str]:
        """The ids of the messages in flight, in the order of sending."""
        with self._changes:
            return [m.message_id for m in self._in_flight(self.clock.monotonic())]

    def deleted(self) -> list[str]:
        """The ids of the deleted messages, in the order of deletion."""
        with self._changes:
            return list(self._deleted)

    def bodies(self) -> dict[str, str]:
        """The bodies of all messages that are not deleted, by id."""
        with self._changes:
            return {m.message_id: m.body for m in self._messages.values()}

    def receive_count(self, message_id: str) -> int:
        """How often a message was delivered."""
        with self._changes:
            return self._find(message_id).receive_count

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """As `Transport.receive`."""
        timeout = visibility_timeout_seconds
        timeout = self.visibility_timeout_seconds if timeout is None else timeout
        for name, value, least, most in (
            ("MaxNumberOfMessages", max_messages, 1, MAX_BATCH),
            ("WaitTimeSeconds", wait_seconds, 0, MAX_WAIT_SECONDS),
            ("VisibilityTimeout", timeout, 0, MAX_VISIBILITY_SECONDS),
        ):
            if not least <= value <= most:
                fault = f"{name} is {value} but must be from {least} to {most}"
                raise TransportError(fault, code="InvalidParameterValue")
        with self._call("receive", max_messages), self._changes:
            now = self.clock.monotonic()
            deadline = now + wait_seconds
            while True:
                chosen = self._choose(max_messages, now, least=min(1, wait_seconds))
                if chosen or now >= deadline or not self.advance_on_empty:
                    return [self._deliver(message, now, timeout) for message in chosen]
                later = [m.visible_at for m in self._messages.values() if m.visible_at > now]
                self._changes.await_change(min([deadline, *later]) - now)
                now = self.clock.monotonic()

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """As `Transport.delete`. A second delete succeeds, too, as with SQS."""
        return self._each("delete", receipt_handles, self._delete)

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """As `Transport.change_visibility`; more than 12 h after the receive is refused."""
        return self._each("change_visibility", changes, self._change)

    def attributes(self) -> QueueAttributes:
        """As `Transport.attributes`."""
        with self._call("attributes", 0), self._changes:
            now = self.clock.monotonic()
            visible, in_flight = len(self._visible(now)), len(self._in_flight(now))
            return QueueAttributes(
                visibility_timeout_seconds=self.visibility_timeout_seconds,
                max_receive_count=self.max_receive_count,
                dead_letter_queue=self.dead_letter_queue.name if self.dead_letter_queue else None,
                retention_seconds=DEFAULT_RETENTION_SECONDS,
                visible_messages=visible,
                in_flight_messages=in_flight,
                delayed_messages=len(self._messages) - visible - in_flight,
            )

    def close(self) -> None:
        """As `Transport.close`."""
        self.closed = True

    def _each(
        self, operation: Operation, entries: Sequence[_T], act: Callable[[_T], EntryFailure | None]
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

    # The callers of these methods hold the lock.

    def _put(self, message: StoredMessage) -> None:
        self._messages[message.message_id] = message
        self._changes.notify_of_change()

    def _find(self, message_id: str) -> StoredMessage:
        return self._messages.get(message_id) or self._deleted[message_id]

    def _visible(self, now: float) -> list[StoredMessage]:
        return [m for m in self._messages.values() if m.visible_at <= now]

    def _in_flight(self, now: float) -> list[StoredMessage]:
        return [m for m in self._messages.values() if m.is_in_flight(now)]

    def _choose(self, count: int, now: float, *, least: int) -> list[StoredMessage]:
        """What a receive returns. Messages that were received too often are moved away."""
        visible = self._visible(now)
        if self.max_receive_count is not None and self.dead_letter_queue is not None:
            for message in [m for m in visible if m.receive_count >= self.max_receive_count]:
                visible.remove(message)
                self.dead_letter_queue.take_over(self._messages.pop(message.message_id))
        if self.unordered:
            self.rng.shuffle(visible)
        room = self.in_flight_limit - len(self._in_flight(now))
        chosen = visible[: max(0, min(count, room))]
        if self.sampling and chosen:
            del chosen[self.rng.randint(min(least, len(chosen)), len(chosen)) :]
        return chosen

    def take_over(self, message: StoredMessage) -> None:
        """Add a message that another queue has moved here: this is its dead-letter queue."""
        with self._changes:
            message.handle = ""
            message.visible_at = self.clock.monotonic()
            self._put(message)

    def _deliver(self, message: StoredMessage, now: float, timeout: int) -> ReceivedMessage:
        handle = f"receipt-handle-{len(self._by_handle) + 1:06d}"
        self._by_handle[handle] = message
        return message.deliver(handle, now, timeout)

    def _delete(self, handle: str) -> EntryFailure | None:
        message = self._by_handle.get(handle)
        if message is None or message.handle != handle:
            return None if message is not None and self.stale_deletes_succeed else STALE
        if self._messages.pop(message.message_id, None):
            self._deleted[message.message_id] = message
        return None

    def _change(self, change: tuple[str, int]) -> EntryFailure | None:
        handle, seconds = change
        message = self._by_handle.get(handle)
        if message is None or message.handle != handle:
            return STALE
        if message.message_id not in self._messages:
            return NOT_IN_FLIGHT
        return message.change(seconds, self.clock.monotonic())
