"""The messages of the in-memory queue: who may have which, and what a receipt handle is good for.

Knows no clock, no lock and no faults: its caller brings the time and takes care of the threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.messages import ReceivedMessage
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_STALE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
_NOT_IN_FLIGHT = EntryFailure("MessageNotInflight", gone=True)
_TOO_LONG = EntryFailure("InvalidParameterValue")


@dataclass(slots=True, eq=False)
class StoredMessage:
    """One message. Times are `Clock.monotonic()`; `handle` is the newest receipt handle."""

    message_id: str
    body: str
    attributes: dict[str, str]
    sent_ms: int
    visible_at: float
    receive_count: int = 0
    received_at: float = 0.0
    handle: str = ""

    def is_visible(self, now: float) -> bool:
        """A receive could give it."""
        return self.visible_at <= now

    def is_in_flight(self, now: float) -> bool:
        """It was received, and its visibility timeout still runs."""
        return bool(self.handle) and self.visible_at > now

    def as_received(self) -> ReceivedMessage:
        """Its newest delivery."""
        return ReceivedMessage(
            message_id=self.message_id,
            receipt_handle=self.handle,
            body=self.body,
            receive_count=self.receive_count,
            received_at=self.received_at,
            attributes={
                "ApproximateReceiveCount": str(self.receive_count),
                "SentTimestamp": str(self.sent_ms),
            },
            message_attributes=dict(self.attributes),
        )


class MessageStore:
    """All messages of one queue, in the order of sending."""

    def __init__(self) -> None:
        self.messages: dict[str, StoredMessage] = {}
        self.deleted: dict[str, StoredMessage] = {}
        self._by_handle: dict[str, StoredMessage] = {}
        self._handles_made = 0

    def add(self, message: StoredMessage) -> None:
        """Put it at the end. Raises ValueError if its id was used before."""
        if message.message_id in self.messages or message.message_id in self.deleted:
            raise ValueError("the message id was used before")
        self.messages[message.message_id] = message

    def find(self, message_id: str) -> StoredMessage:
        """The message, deleted or not. Raises KeyError."""
        return self.messages.get(message_id) or self.deleted[message_id]

    def visible(self, now: float) -> list[StoredMessage]:
        """What a receive could give."""
        return [m for m in self.messages.values() if m.is_visible(now)]

    def in_flight(self, now: float) -> list[StoredMessage]:
        """What was received and is neither deleted nor visible again."""
        return [m for m in self.messages.values() if m.is_in_flight(now)]

    def next_visible_at(self, now: float) -> float:
        """When the next message becomes visible; infinite if none will."""
        later = (m.visible_at for m in self.messages.values() if m.visible_at > now)
        return min(later, default=float("inf"))

    def take_exhausted(self, max_receive_count: int, now: float) -> Iterator[StoredMessage]:
        """Take out what was received as often as it may be: it goes to the dead-letter queue."""
        for message in self.visible(now):
            if message.receive_count >= max_receive_count:
                yield self.messages.pop(message.message_id)

    def deliver(self, message: StoredMessage, now: float, timeout: int) -> ReceivedMessage:
        """Hand it out for `timeout` seconds, under a receipt handle of its own."""
        self._handles_made += 1
        message.receive_count += 1
        message.received_at = now
        message.visible_at = now + timeout
        message.handle = f"receipt-handle-{self._handles_made:06d}"
        self._by_handle[message.handle] = message
        return message.as_received()

    def delete(self, handle: str, *, stale_succeeds: bool) -> EntryFailure | None:
        """Delete by the newest handle. Deleting twice succeeds twice, as it does with SQS."""
        message = self._by_handle.get(handle)
        if message is None:
            return _STALE
        if message.handle != handle:
            return None if stale_succeeds else _STALE
        if self.messages.pop(message.message_id, None):
            self.deleted[message.message_id] = message
        return None

    def change(self, handle: str, seconds: int, now: float) -> EntryFailure | None:
        """Let it be visible in `seconds`: 12 h from its receive at most, else nothing changes."""
        message = self._by_handle.get(handle)
        if message is None or message.handle != handle:
            return _STALE
        if message.message_id not in self.messages or not message.is_in_flight(now):
            return _NOT_IN_FLIGHT
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS - (now - message.received_at):
            return _TOO_LONG
        message.visible_at = now + seconds
        return None


def choose(
    visible: list[StoredMessage],
    count: int,
    rng: random.Random,
    *,
    unordered: bool,
    sampling: bool,
    least: int,
) -> list[StoredMessage]:
    """What one receive gives of what is visible: up to `count`; with sampling `least` or more."""
    if unordered:
        rng.shuffle(visible)
    chosen = visible[:count]
    if sampling and chosen:
        del chosen[rng.randint(min(least, len(chosen)), len(chosen)) :]
    return chosen
