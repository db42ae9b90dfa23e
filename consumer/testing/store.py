"""The messages of the in-memory queue, and what their receipt handles may do.

Knows no clock, no lock and no faults: its caller has the time and the lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from consumer.messages import ReceivedMessage
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

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

    def is_in_flight(self, now: float) -> bool:
        """True if it was received and its visibility timeout is not over."""
        return bool(self.handle) and self.visible_at > now


class MessageStore:
    """All messages of one queue, in the order of sending."""

    def __init__(self) -> None:
        self.messages: dict[str, StoredMessage] = {}
        self.deleted: dict[str, StoredMessage] = {}
        self._by_handle: dict[str, StoredMessage] = {}

    def add(self, message: StoredMessage) -> None:
        """Put it at the end. Raises ValueError if its id was used before."""
        if message.message_id in self.messages or message.message_id in self.deleted:
            raise ValueError("the message id was used before")
        self.messages[message.message_id] = message

    def find(self, message_id: str) -> StoredMessage:
        """The message, deleted or not. Raises KeyError."""
        return self.messages.get(message_id) or self.deleted[message_id]

    def visible(self, now: float) -> list[StoredMessage]:
        """The messages that a receive may return."""
        return [m for m in self.messages.values() if m.visible_at <= now]

    def in_flight(self, now: float) -> list[StoredMessage]:
        """The messages that were received and are neither deleted nor visible again."""
        return [m for m in self.messages.values() if m.is_in_flight(now)]

    def next_visible_at(self, now: float) -> float:
        """When the next message becomes visible; infinite if none will."""
        later = (m.visible_at for m in self.messages.values() if m.visible_at > now)
        return min(later, default=float("inf"))

    def take_exhausted(self, max_receive_count: int, now: float) -> Iterator[StoredMessage]:
        """Remove the messages that were received too often, for the dead-letter queue."""
        for message in self.visible(now):
            if message.receive_count >= max_receive_count:
                yield self.messages.pop(message.message_id)

    def deliver(self, message: StoredMessage, now: float, timeout: int) -> ReceivedMessage:
        """Hide it for `timeout` seconds, and return it with a new receipt handle."""
        message.receive_count += 1
        message.received_at = now
        message.visible_at = now + timeout
        message.handle = f"receipt-handle-{len(self._by_handle) + 1:06d}"
        self._by_handle[message.handle] = message
        return ReceivedMessage(
            message_id=message.message_id,
            receipt_handle=message.handle,
            body=message.body,
            receive_count=message.receive_count,
            received_at=now,
            attributes={
                "ApproximateReceiveCount": str(message.receive_count),
                "SentTimestamp": str(message.sent_ms),
            },
            message_attributes=dict(message.attributes),
        )

    def delete(self, handle: str, *, stale_succeeds: bool) -> EntryFailure | None:
        """Delete by the newest handle. A second delete succeeds, too, as with SQS."""
        message = self._by_handle.get(handle)
        if message is None:
            return _STALE
        if message.handle != handle:
            return None if stale_succeeds else _STALE
        if self.messages.pop(message.message_id, None):
            self.deleted[message.message_id] = message
        return None

    def change(self, handle: str, seconds: int, now: float) -> EntryFailure | None:
        """Make it visible in `seconds`: at most 12 h after its receive, else nothing changes."""
        message = self._by_handle.get(handle)
        if message is None or message.handle != handle:
            return _STALE
        if message.message_id not in self.messages or not message.is_in_flight(now):
            return _NOT_IN_FLIGHT
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS - (now - message.received_at):
            return _TOO_LONG
        message.visible_at = now + seconds
        return None
