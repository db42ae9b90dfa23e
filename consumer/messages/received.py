"""The message, as a receive returns it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from consumer.messages.frozen import made_quickly

#: Among the attributes of a message that is read from the archive: the key of its event when it
#: was received. Secrets were removed from the payload since, so its own key may differ.
ARCHIVED_KEY: Final = "ArchivedEventKey"


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedMessage:
    """One delivery of one SQS message; a redelivery has another receipt handle.

    `body` and `receipt_handle` never appear in a repr.
    """

    message_id: str
    receipt_handle: str = field(repr=False)
    body: str = field(repr=False)
    #: SQS's ApproximateReceiveCount, from 1.
    receive_count: int = 1
    #: `Clock.monotonic()` when the receive call returned.
    received_at: float = 0.0
    #: System attributes as SQS names them (SentTimestamp, ApproximateReceiveCount, ...).
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: String message attributes; Canvas sends event_name and event_time in either format.
    message_attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def sent_at(self) -> datetime | None:
        """When SQS accepted the message (SentTimestamp, in ms); None if that is not known."""
        try:
            return datetime.fromtimestamp(int(self.attributes["SentTimestamp"]) / 1000, UTC)
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            return None


new_message = made_quickly(ReceivedMessage)
