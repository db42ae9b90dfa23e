"""A message of the in-memory queue. Its callers have the time and the lock."""

from dataclasses import dataclass

from consumer.messages import ReceivedMessage
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

STALE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
NOT_IN_FLIGHT = EntryFailure("MessageNotInflight", gone=True)
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

    def deliver(self, handle: str, now: float, timeout: int) -> ReceivedMessage:
        """Hide it for `timeout` seconds, and return it with the new receipt handle."""
        self.receive_count += 1
        self.received_at, self.visible_at, self.handle = now, now + timeout, handle
        count, sent = str(self.receive_count), str(self.sent_ms)
        return ReceivedMessage(
            message_id=self.message_id,
            receipt_handle=handle,
            body=self.body,
            receive_count=self.receive_count,
            received_at=now,
            attributes={"ApproximateReceiveCount": count, "SentTimestamp": sent},
            message_attributes=dict(self.attributes),
        )

    def change(self, seconds: int, now: float) -> EntryFailure | None:
        """Make it visible in `seconds`: at most 12 h after its receive, else nothing changes."""
        if not self.is_in_flight(now):
            return NOT_IN_FLIGHT
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS - (now - self.received_at):
            return _TOO_LONG
        self.visible_at = now + seconds
        return None
