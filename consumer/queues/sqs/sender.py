"""Sends messages to a queue of Amazon SQS, by boto3. The daemon never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from consumer.errors import ConfigurationError, TransportError
from consumer.queues.rules import QueueAddress, address_of, signing_region
from consumer.queues.sqs.credentials import session_for
from consumer.queues.sqs.failures import entry_failure, failure_of
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.config import AwsSettings, QueueSettings
    from consumer.queues.sending import Outgoing

_NOT_ANSWERED = EntryFailure("NotInResponse")


def connect_sender(queue: QueueSettings, aws: AwsSettings) -> SqsSender:
    """To the configured queue. Asks nothing of AWS yet: the first batch does.

    Raises: `ConfigurationError`, `AccessDeniedError` (there is no such profile).
    """
    address = address_of(queue, aws)
    session = session_for(aws, region=address.region, timeout_seconds=queue.connect_timeout_seconds)
    region = signing_region(address, session.get_config_variable("region"))
    try:
        client = boto3.Session(botocore_session=session).client(
            "sqs",
            region_name=region,
            endpoint_url=address.endpoint_url,
            config=Config(
                connect_timeout=queue.connect_timeout_seconds,
                read_timeout=queue.effective_read_timeout_seconds,
                # `send_all` tries again, and knows when not to.
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"no SQS client can be made for region {region!r} and endpoint "
            f"{address.endpoint_url!r} ({type(error).__name__})"
        ) from None
    return SqsSender(client, address)


class SqsSender:
    """Implements `Sender` with one client. Any thread may call any method."""

    def __init__(self, client: Any, address: QueueAddress) -> None:
        self._client = client
        self._url = address.url
        self.name = address.name
        self.region: str = client.meta.region_name

    def __repr__(self) -> str:
        """Name and region: a URL has the account in it."""
        return f"SqsSender({self.name!r}, {self.region!r})"

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        """Send, as `Sender.send` has it; what SQS is silent about counts as failed."""
        if not 1 <= len(batch) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} messages, not {len(batch)}")
        entries = [_entry(position, message) for position, message in enumerate(batch)]
        answer = self._call(
            "SendMessageBatch",
            self._client.send_message_batch,
            {"QueueUrl": self._url or self._resolve(), "Entries": entries},
        )
        try:
            answers: dict[str, EntryFailure | None] = {
                entry["Id"]: None for entry in answer.get("Successful") or ()
            }
            for entry in answer.get("Failed") or ():
                answers[entry["Id"]] = entry_failure(entry)
        except (AttributeError, KeyError, TypeError) as error:  # a proxy's, an emulator's
            raise TransportError(
                f"SendMessageBatch: what came is not SQS's answer ({type(error).__name__})",
                code="AnswerNotUnderstood",
            ) from None
        return [answers.get(entry["Id"], _NOT_ANSWERED) for entry in entries]

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    def _resolve(self) -> str:
        arguments = {"QueueName": self.name}
        answer = self._call("GetQueueUrl", self._client.get_queue_url, arguments)
        self._url = str(answer["QueueUrl"])
        return self._url

    def _call(
        self, operation: str, function: Callable[..., Any], arguments: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = function(**arguments)
        except Exception as error:
            raise failure_of(
                error, operation=operation, queue=self.name, region=self.region
            ) from None  # its text may name users and accounts
        return answer


def _entry(position: int, message: Outgoing) -> dict[str, Any]:
    return {
        "Id": str(position),
        "MessageBody": message.body,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    }
