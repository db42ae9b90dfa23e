"""What could not be handled: counted by handler and reason, with its place; and kept in a file."""

import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from consumer.clock import Clock
from consumer.errors import ConfigurationError, DecodeError
from consumer.messages import ReceivedMessage
from consumer.operations.replay.source import Found
from consumer.queues.quarantine import kept_message

#: So many are remembered with their place; all are counted.
MOST: Final = 10_000
#: Reasons come from handlers, and may all differ.
MOST_REASONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One message, or a part of a file, that was not handled."""

    file: str
    line: int
    reason: str
    #: "" for what is not an event, like the three after it.
    handler: str = ""
    event_name: str = ""
    event_key: str = ""
    message_id: str = ""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


#: The names and keys of the events in a message. Raises `DecodeError`.
Names = Callable[[ReceivedMessage], list[tuple[str, str]]]


class Failures:
    """A `Quarantine` for what was rejected, or failed too often. Any thread may call `put`.

    Args:
        found: where a message comes from, by its receipt handle.
        file: gets each message and the reason as a JSON line; None: none is kept.
    """

    def __init__(
        self, names: Names, found: Callable[[str], Found | None], *, file: Path | None, clock: Clock
    ) -> None:
        self._names = names
        self._found = found
        self._clock = clock
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._file = None if file is None else self._opened.enter_context(_append_to(file))
        #: How many, by handler and reason; the handler of what is not an event is "".
        self.counts: Counter[tuple[str, str]] = Counter()
        #: How many messages could not be handled; and how many are not events.
        self.failed = self.not_events = 0
        #: The first of them.
        self.first: list[Failure] = []

    def put(self, message: ReceivedMessage, reason: str, handler: str = "") -> None:
        """Keep a message, in the file once this returns. Raises `OSError`."""
        try:
            names = self._names(message)
        except DecodeError:
            names = []
        found = self._found(message.receipt_handle)
        name, key = ", ".join(name for name, _ in names), ", ".join(key for _, key in names)
        file, line = (found.file, found.begin.line) if found else ("", 0)
        failure = Failure(file, line, reason, handler, name, key, message.message_id)
        with self._lock:
            if self._file is not None:
                kept = kept_message(message, reason, handler, self._clock.now())
                kept["Replay"] = {"File": file, "Line": line, "EventName": name, "EventKey": key}
                self._file.write(json.dumps(kept) + "\n")
                self._file.flush()
            self._note(failure)

    def add(self, failure: Failure) -> None:
        """Note what could not even be read."""
        with self._lock:
            self._note(failure)

    def sync(self) -> None:
        """The file is on the disk when this returns: the position may pass what is in it."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def _note(self, failure: Failure) -> None:
        key = failure.handler, failure.reason
        if key not in self.counts and len(self.counts) >= MOST_REASONS:
            key = failure.handler, "(other reasons)"
        self.counts[key] += 1
        self.failed += bool(failure.handler)
        self.not_events += not failure.handler
        if len(self.first) < MOST:
            self.first.append(failure)


def _append_to(path: Path) -> IO[str]:
    """A private file: it has the events themselves."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise ConfigurationError(f"{path}: can't be written: {reason}") from None
    return os.fdopen(descriptor, "w", encoding="ascii")


def as_data(failure: Failure) -> dict[str, Any]:
    """For JSON."""
    return {
        "file": failure.file,
        "line": failure.line,
        "handler": failure.handler or None,
        "reason": failure.reason,
        "event_name": failure.event_name or None,
        "event_key": failure.event_key or None,
        "message_id": failure.message_id or None,
    }
