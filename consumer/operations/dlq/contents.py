"""What is in a dead-letter queue: by reason, event and receive count; single messages; a copy."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from consumer.clock import Clock
from consumer.directories import sync_directory
from consumer.errors import EXIT_OUTPUT, AccessDeniedError, ConfigurationError, ConsumerError
from consumer.messages import ReceivedMessage
from consumer.operations.decoding import Decoding
from consumer.operations.facts import MessageFacts, facts_of
from consumer.operations.holding import Holder
from consumer.queues.quarantine import as_cli_shows
from consumer.queues.transport import Transport

#: After a crash, messages are visible again that many seconds after their receive.
HOLD_SECONDS: Final = 300
#: All that can be known of a message that is an event: the queue does not say why it is here.
DECODES: Final = "can be decoded, so a handler rejected it or failed each time"
_EXAMPLES: Final = 3
#: Where a text is not JSON: it differs from message to message.
_POSITION: Final = re.compile(r" at line \d+, column \d+")


class ExportError(ConsumerError):
    """The file can't be written."""

    exit_code = EXIT_OUTPUT


@dataclass
class Group:
    """Messages with the same reason and event."""

    reason: str
    event_name: str | None
    count: int = 0
    receive_counts: list[int] = field(default_factory=list)
    oldest_seconds: float = 0.0
    newest_seconds: float = float("inf")
    examples: list[str] = field(default_factory=list)

    def add(self, facts: MessageFacts) -> None:
        """Count a message."""
        self.count += 1
        counts = (*self.receive_counts, facts.receive_count)
        self.receive_counts = sorted({min(counts), max(counts)})
        age = facts.age_seconds or 0.0
        self.oldest_seconds = max(self.oldest_seconds, age)
        self.newest_seconds = min(self.newest_seconds, age)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(facts.message_id)


def hold(transport: Transport, clock: Clock) -> Holder:
    """Reads the dead-letter queue, each message once.

    Raises: `ConfigurationError` if it has a redrive policy: reading could move its messages away.
    """
    with suppress(AccessDeniedError):  # reading does without this permission
        if transport.attributes().max_receive_count is not None:
            raise ConfigurationError(
                "the queue that is named as the dead-letter queue has a redrive policy itself, and "
                'reading all of it would use up deliveries; "consume peek" shows messages of it'
            )
    return Holder(transport, seconds=HOLD_SECONDS, clock=clock)


def grouped(
    messages: Iterable[ReceivedMessage], decoding: Decoding, *, now: datetime
) -> list[Group]:
    """The messages by reason and event, the largest group first."""
    groups: dict[tuple[str, str | None], Group] = {}
    for message in messages:
        facts = facts_of(message, decoding, now=now)
        # Canvas names the event in an attribute, too.
        name = facts.name if facts.events else message.message_attributes.get("event_name")
        reason = DECODES
        if facts.undecodable:
            reason = f"not an event: {_POSITION.sub('', facts.undecodable)}"
        groups.setdefault((reason, name), Group(reason, name)).add(facts)
    return sorted(groups.values(), key=lambda group: -group.count)


def export(messages: Iterable[ReceivedMessage], path: Path) -> int:
    """Write complete messages as JSON lines, on the disk when this returns; returns how many.

    Only the owner may read the file. `consume decode` and `consume replay` read it. If it can't be
    completed, it is removed. Raises: `ExportError`, also if there is such a file.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            return _write(messages, descriptor, path.parent)
        except BaseException:
            path.unlink()
            raise
    except OSError as error:
        raise ExportError(f"{path} can't be written: {error.strerror}") from None


def _write(messages: Iterable[ReceivedMessage], descriptor: int, directory: Path) -> int:
    count = 0
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        for message in messages:
            file.write(json.dumps(as_cli_shows(message)) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    sync_directory(directory)
    return count


def found(messages: Iterable[ReceivedMessage], message_id: str) -> Iterator[ReceivedMessage]:
    """The message with this id, if it is among them; what follows is not read."""
    for message in messages:
        if message.message_id == message_id:
            yield message
            return
