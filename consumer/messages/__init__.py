"""What flows: the message, its events, what a handler gets with them, and its outcome."""

from consumer.messages.context import Context
from consumer.messages.event import Event, Format, Reader, new_event
from consumer.messages.outcome import ACK, DECLINED, Outcome, Verdict
from consumer.messages.received import ARCHIVED_KEY, ReceivedMessage, new_message

__all__ = [
    "ACK",
    "ARCHIVED_KEY",
    "DECLINED",
    "Context",
    "Event",
    "Format",
    "Outcome",
    "Reader",
    "ReceivedMessage",
    "Verdict",
    "new_event",
    "new_message",
]
