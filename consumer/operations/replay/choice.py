"""Which events are replayed: by name, time and key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from consumer.errors import ConfigurationError
from consumer.events.timestamps import parse_time
from consumer.messages import ARCHIVED_KEY, Event, ReceivedMessage
from consumer.operations.payloads import ARCHIVED_AT

_AGO: Final = re.compile(r"(\d{1,9})\s*([smhdw])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Choice:
    """What an event must be like to be replayed; without any condition, all are."""

    names: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """True without a condition."""
        return not (self.names or self.keys or self.since or self.until)

    def takes_archived(self, message: ReceivedMessage) -> bool | None:
        """The answer for a message from the archive, without decoding it; None for others."""
        attributes, named = message.attributes, message.message_attributes
        key, name = attributes.get(ARCHIVED_KEY), named.get("event_name")
        if key is None or name is None:
            return None
        time = parse_time(named.get("event_time"))
        return self._takes(name, time or parse_time(attributes.get(ARCHIVED_AT)), lambda: key)

    def takes(self, event: Event) -> bool:
        """The answer for an event."""
        return self._takes(event.name, event.time, lambda: event.key)

    def _takes(self, name: str, time: datetime | None, key: Any) -> bool:
        if self.names and not any(fnmatchcase(name, pattern) for pattern in self.names):
            return False
        if self.since and (time is None or time < self.since):
            return False
        if self.until and (time is None or time >= self.until):
            return False
        return not self.keys or key() in self.keys

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "events": list(self.names),
            "keys": sorted(self.keys),
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
        }


def names_in(texts: Sequence[str]) -> tuple[str, ...]:
    """The patterns of `--events`, separated by commas."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def moment(option: str, text: str | None, now: datetime) -> datetime | None:
    """A time of the command line: ISO 8601 (in UTC unless it says otherwise), or "2h" before now.

    Raises `ConfigurationError`.
    """
    if text is None:
        return None
    text = text.strip()
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f'{option} "{text}" is not a time: write 2024-05-01, 2024-05-01T10:00 (UTC), '
            "2024-05-01T10:00-06:00, or 30m, 2h, 1d for so long ago"
        ) from None
