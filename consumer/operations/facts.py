"""What can be shown of a message in a queue: its events, age and size, or why it has no event."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consumer.events.privacy import scrub_json, scrub_text
from consumer.messages import ReceivedMessage
from consumer.operations.decoding import Decoding


@dataclass(frozen=True)
class EventFacts:
    """One event of a message."""

    event_name: str
    event_time: datetime | None
    event_key: str
    format: str


@dataclass(frozen=True)
class MessageFacts:
    """One message. Only `body` has contents of it."""

    message_id: str
    sent_at: datetime | None
    age_seconds: float | None
    #: How often SQS has delivered it, this time included.
    receive_count: int
    size_bytes: int
    events: tuple[EventFacts, ...]
    #: Why it has no events; "" if it has.
    undecodable: str
    #: With the secrets in its URLs removed; None unless asked for.
    body: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name of its event, and how many others there are."""
        others = f" (+{len(self.events) - 1})" if len(self.events) > 1 else ""
        return f"{self.events[0].event_name}{others}" if self.events else "(not an event)"

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "sent_at": _text(self.sent_at),
            "events": [{**vars(e), "event_time": _text(e.event_time)} for e in self.events],
            "undecodable": self.undecodable or None,
        }


def facts_of(
    message: ReceivedMessage, decoding: Decoding, *, now: datetime, with_body: bool = False
) -> MessageFacts:
    """Decode a message, as the daemon does. Never raises."""
    events, reason = decoding.read(message)
    sent = message.sent_at
    return MessageFacts(
        message_id=message.message_id,
        sent_at=sent,
        age_seconds=None if sent is None else max(0.0, (now - sent).total_seconds()),
        receive_count=message.receive_count,
        size_bytes=len(message.body.encode("utf-8", "surrogatepass")),
        events=tuple(EventFacts(e.name, e.time, e.key, e.format) for e in events),
        undecodable=reason,
        body=scrubbed(message.body) if with_body else None,
    )


def scrubbed(body: str) -> str:
    """The text with the secrets in its URLs removed, whatever it is."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return scrub_text(body)
    return scrub_json(body)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
