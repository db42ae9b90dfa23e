"""Sends messages to a queue of Amazon SQS, by botocore. The daemon never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.clock import SystemClock
from consumer.queues.rules import address_of
from consumer.queues.sqs.calls import BotocoreCalls
from consumer.queues.sqs.client import make_client
from consumer.queues.sqs.queue import SqsTransport, by_position
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.config import AwsSettings, QueueSettings
    from consumer.queues.sending import Outgoing
    from consumer.queues.transport import EntryFailure


def connect_sender(queue: QueueSettings, aws: AwsSettings) -> SqsSender:
    """To the configured queue. Asks nothing of AWS yet: the first batch does.

    Raises: `ConfigurationError`, `AccessDeniedError` (there is no such profile).
    """
    address = address_of(queue, aws)
    _, client = make_client(queue, aws, address)
    region, clock = client.meta.region_name, SystemClock()
    return SqsSender(SqsTransport(BotocoreCalls(client), address, region=region, clock=clock))


class SqsSender:
    """Implements `Sender`. Any thread may call any method."""

    def __init__(self, queue: SqsTransport) -> None:
        self._queue = queue
        self.name, self.region = queue.name, queue.region

    def __repr__(self) -> str:
        """Name and region: a URL has the account in it."""
        return f"SqsSender({self.name!r}, {self.region!r})"

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        """Send, as `Sender.send` has it; what SQS is silent about counts as failed."""
        if not 1 <= len(batch) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} messages, not {len(batch)}")
        entries = [_entry(position, message) for position, message in enumerate(batch)]
        answer = self._queue.call("SendMessageBatch", {"Entries": entries})
        return by_position("SendMessageBatch", answer, len(entries))

    def close(self) -> None:
        """Give back connections."""
        self._queue.close()


def _entry(position: int, message: Outgoing) -> dict[str, Any]:
    return {
        "Id": str(position),
        "MessageBody": message.body,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    }
