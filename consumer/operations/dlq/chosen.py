"""Which messages of a dead-letter queue are meant: by the names and times of their events."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from consumer.messages import Event, ReceivedMessage
from consumer.operations.facts import Decoding


@dataclass(frozen=True)
class Chosen:
    """Names or patterns, and a period; without any of them, all messages."""

    patterns: tuple[str, ...] = ()
    since: datetime | None = None
    #: Not included.
    until: datetime | None = None

    @property
    def is_all(self) -> bool:
        """True if nothing is left out."""
        return self == Chosen()

    def has_time(self, time: datetime | None) -> bool:
        """True if it is in the period. A time that is not known is in none."""
        if self.since is None and self.until is None:
            return True
        return (
            time is not None
            and (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
        )

    def has_event(self, event: Event) -> bool:
        """True if name and time fit."""
        named = not self.patterns or any(fnmatchcase(event.name, p) for p in self.patterns)
        return named and self.has_time(event.time)

    def has_message(self, message: ReceivedMessage, decoding: Decoding) -> bool:
        """True if one of its events fits. What is not an event has only the time of its sending."""
        if self.is_all:
            return True
        events, _ = decoding.read(message)
        if not events:
            return not self.patterns and self.has_time(message.sent_at)
        return any(map(self.has_event, events))
