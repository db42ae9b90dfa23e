"""Quarantine for poison messages: kept durably with the reason, and deleted only afterwards."""

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from consumer.clock import Clock
from consumer.directories import make_private_directory, replace_file, sync_directory
from consumer.errors import TransportError
from consumer.messages import ReceivedMessage
from consumer.queues.sending import Outgoing, Sender
from consumer.sqs_limits import MAX_MESSAGE_ATTRIBUTES

_SAFE = re.compile(r"[A-Za-z0-9-]{1,100}")


class Quarantine(Protocol):
    """A place for messages that can't be handled. Any thread may call `put`."""

    def put(self, message: ReceivedMessage, reason: str, handler: str = "") -> None:
        """Keep the message durably: once this returns, it may be deleted. Raises any exception.

        Args:
            handler: the name of the one that could not handle it; "" if it is not an event.
        """
        ...

    def close(self) -> None:
        """Release connections, after the last `put`."""
        ...


class DirectoryQuarantine:
    """One file per message, in a folder per day, in the form of the AWS CLI, with the reason.

    `consume decode` reads them, and the body can be sent again. As it holds personal data, only the
    owner may read the files.
    """

    def __init__(self, directory: Path, *, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def put(self, message: ReceivedMessage, reason: str, handler: str = "") -> None:
        """Write the file and sync it; a redelivery writes the same file. Raises `OSError`."""
        now = self._clock.now()
        folder = self._directory / f"{now:%Y-%m-%d}"
        for new in make_private_directory(folder):
            sync_directory(new.parent)
        path = folder / f"{file_name(message.message_id)}.json"
        replace_file(path, json.dumps(kept_message(message, reason, handler, now)).encode() + b"\n")
        # Its name must survive a power failure, too; another thread may have made the folder.
        sync_directory(self._directory)

    def close(self) -> None:
        """Nothing to release."""


class QueueQuarantine:
    """Another queue: the same body and attributes, and the reason as further attributes.

    A message that is sent but can't be deleted is delivered again, and is sent again.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def put(self, message: ReceivedMessage, reason: str, _handler: str = "") -> None:
        """Send it; SQS has it when this returns. Raises `TransportError`, also for a refusal."""
        added = {"QuarantineReason": reason, "QuarantineMessageId": message.message_id}
        # SQS refuses control characters and empty values.
        attributes = {n: json.dumps(value)[1:-1][:500] or "unknown" for n, value in added.items()}
        for name, value in message.message_attributes.items():
            if len(attributes) < MAX_MESSAGE_ATTRIBUTES and value:
                attributes.setdefault(name, value)
        (failure,) = self._sender.send([Outgoing(message.body, attributes)])
        if failure is not None:
            raise TransportError(
                f"the quarantine's queue refused the message: {failure.code}",
                code=failure.code,
            )

    def close(self) -> None:
        """Close connections."""
        self._sender.close()


def as_cli_shows(message: ReceivedMessage) -> dict[str, Any]:
    """The message in the form of the AWS CLI, which `consume decode` and `consume replay` read."""
    return {
        "MessageId": message.message_id,
        "Body": message.body,
        "Attributes": dict(message.attributes),
        "MessageAttributes": {
            name: {"StringValue": value, "DataType": "String"}
            for name, value in message.message_attributes.items()
        },
    }


def kept_message(
    message: ReceivedMessage, reason: str, handler: str, now: datetime
) -> dict[str, Any]:
    """The message, with why it is not handled."""
    return {
        **as_cli_shows(message),
        "Quarantine": {
            "Reason": reason,
            **({"Handler": handler} if handler else {}),
            "At": now.isoformat(timespec="seconds"),
        },
    }


def file_name(message_id: str) -> str:
    """The id if it is like SQS's; otherwise a hash of it, because it could be a path."""
    if _SAFE.fullmatch(message_id):
        return message_id
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()
