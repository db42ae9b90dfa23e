"""Which messages of a dead-letter queue are meant: by the names and times of their events."""

from consumer.messages import ReceivedMessage
from consumer.operations.decoding import Decoding
from consumer.operations.replay.choice import Choice


def takes_message(choice: Choice, message: ReceivedMessage, decoding: Decoding) -> bool:
    """True if one of its events is chosen. What is not an event has only the time of sending."""
    if choice.is_everything:
        return True
    events, _ = decoding.read(message)
    if events:
        return any(map(choice.takes, events))
    sent = message.sent_at
    return not choice.names and (
        sent is not None
        and (choice.since is None or sent >= choice.since)
        and (choice.until is None or sent < choice.until)
    )
