"""A queue of Amazon SQS, by boto3."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from consumer.errors import ConfigurationError, TransportError
from consumer.messages import ReceivedMessage
from consumer.queues.rules import QueueAddress, address_of, signing_region
from consumer.queues.sqs import http
from consumer.queues.sqs.credentials import session_for
from consumer.queues.sqs.failures import entry_failure, failure_of
from consumer.queues.sqs.parsing import AnswerParserFactory
from consumer.queues.sqs.preflight import (
    ATTRIBUTE_NAMES,
    QueueCheck,
    attributes_of,
    check_queue,
)
from consumer.queues.transport import EntryFailure, QueueAttributes
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.clock import Clock
    from consumer.config import AwsSettings, QueueSettings

__all__ = ["QueueCheck", "SqsTransport", "check_queue", "connect"]

_USER_AGENT = "canvas-live-events-consumer"
_IDS = tuple(str(position) for position in range(MAX_BATCH))
# Also has a newer name, which older boto3 and emulators do not know; SQS takes this one for good.
_RECEIVE = {
    "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
    "MessageAttributeNames": ["All"],
}
_NOT_ANSWERED = EntryFailure("NotInResponse")
#: What reading an answer raises that is of another shape than SQS's: a proxy's, an emulator's.
_ODD = (AttributeError, KeyError, TypeError)


def connect(
    queue: QueueSettings, aws: AwsSettings, *, max_connections: int, clock: Clock
) -> SqsTransport:
    """The configured queue. Asks nothing of AWS yet: the first call does.

    Called from one thread; its result is for all.

    Args:
        max_connections: as many calls may be under way at the same time.

    Raises: `ConfigurationError`, `AccessDeniedError` (there is no such profile).
    """
    address = address_of(queue, aws)
    session = session_for(aws, region=address.region, timeout_seconds=queue.connect_timeout_seconds)
    region = signing_region(address, session.get_config_variable("region"))
    session.register_component("response_parser_factory", AnswerParserFactory())
    read_timeout = queue.effective_read_timeout_seconds
    try:
        client = boto3.Session(botocore_session=session).client(
            "sqs",
            region_name=region,
            endpoint_url=address.endpoint_url,
            config=Config(
                # Both cost a tenth of a call, and only ever say what is constant or checked here.
                parameter_validation=False,
                user_agent=_USER_AGENT,
                connect_timeout=queue.connect_timeout_seconds,
                read_timeout=read_timeout,
                tcp_keepalive=True,
                max_pool_connections=max_connections,
                # The engine tries again, and knows when not to.
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"no SQS client can be made for region {region!r} and endpoint "
            f"{address.endpoint_url!r} ({type(error).__name__})"
        ) from None
    http.install(
        client,
        connect_timeout_seconds=queue.connect_timeout_seconds,
        read_timeout_seconds=read_timeout,
        ca_bundle=session.get_config_variable("ca_bundle"),
    )
    return SqsTransport(client, address, clock=clock)


class SqsTransport:
    """Implements `Transport` with one client for all threads. Every call is one request.

    The first call of a queue that was configured by name asks for its URL before.
    """

    def __init__(self, client: Any, address: QueueAddress, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._url = address.url
        self._url_lock = threading.Lock()
        self.name = address.name
        self.region: str = client.meta.region_name

    def __repr__(self) -> str:
        """Name and region: a URL has the account in it."""
        return f"SqsTransport({self.name!r}, {self.region!r})"

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """Long-poll, as `Transport.receive` has it."""
        arguments: dict[str, Any] = {
            **_RECEIVE, "MaxNumberOfMessages": max_messages, "WaitTimeSeconds": wait_seconds,
        }  # fmt: skip
        if visibility_timeout_seconds is not None:
            arguments["VisibilityTimeout"] = visibility_timeout_seconds
        answer = self._call("ReceiveMessage", self._client.receive_message, arguments)
        now = self._clock.monotonic()
        try:
            return [_received(message, now) for message in answer.get("Messages") or ()]
        except _ODD as error:
            raise _not_understood("ReceiveMessage", error) from None

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """Delete, as `Transport.delete` has it."""
        entries = [
            {"Id": position, "ReceiptHandle": handle}
            for position, handle in zip(_ids(receipt_handles), receipt_handles, strict=True)
        ]
        arguments = {"Entries": entries}
        answer = self._call("DeleteMessageBatch", self._client.delete_message_batch, arguments)
        return _by_position("DeleteMessageBatch", answer, len(entries))

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """Change visibility, as `Transport.change_visibility` has it."""
        entries = [
            {"Id": position, "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for position, (handle, seconds) in zip(_ids(changes), changes, strict=True)
        ]
        answer = self._call(
            "ChangeMessageVisibilityBatch",
            self._client.change_message_visibility_batch,
            {"Entries": entries},
        )
        return _by_position("ChangeMessageVisibilityBatch", answer, len(entries))

    def attributes(self) -> QueueAttributes:
        """Ask the queue for its attributes."""
        arguments = {"AttributeNames": list(ATTRIBUTE_NAMES)}
        answer = self._call("GetQueueAttributes", self._client.get_queue_attributes, arguments)
        return attributes_of(answer.get("Attributes", {}))

    def close(self) -> None:
        """Give back connections. Does not abort an open long poll (nothing does)."""
        self._client.close()

    def _call(
        self, operation: str, function: Callable[..., Any], arguments: dict[str, Any]
    ) -> dict[str, Any]:
        url = self._url or self._resolve()
        try:
            # Nothing but the call: whatever comes out of it is the transport's failure, and a
            # mistake of ours in reading the answer is not taken for one.
            answer: dict[str, Any] = function(QueueUrl=url, **arguments)
        except Exception as error:
            raise self._failure(error, operation) from None  # its text may name users and accounts
        return answer

    def _resolve(self) -> str:
        with self._url_lock:
            if self._url is None:
                try:
                    answer = self._client.get_queue_url(QueueName=self.name)
                except Exception as error:
                    raise self._failure(error, "GetQueueUrl") from None
                self._url = str(answer["QueueUrl"])
            return self._url

    def _failure(self, error: Exception, operation: str) -> TransportError:
        return failure_of(error, operation=operation, queue=self.name, region=self.region)


def _not_understood(operation: str, error: Exception) -> TransportError:
    return TransportError(
        f"{operation}: what came is JSON, but not SQS's answer ({type(error).__name__})",
        code="AnswerNotUnderstood",
    )


def _ids(entries: Sequence[object]) -> tuple[str, ...]:
    if not 1 <= len(entries) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} entries, not {len(entries)}")
    return _IDS[: len(entries)]


def _received(message: dict[str, Any], now: float) -> ReceivedMessage:
    attributes = message.get("Attributes") or {}
    named = message.get("MessageAttributes")
    try:
        receive_count = max(1, int(attributes.get("ApproximateReceiveCount", 1)))
    except (TypeError, ValueError):
        receive_count = 1
    texts = (message.get(key) or "" for key in ("MessageId", "ReceiptHandle", "Body"))
    message_id, handle, body = texts
    if not type(message_id) is type(handle) is type(body) is str:
        raise TypeError
    return ReceivedMessage(
        message_id,
        handle,
        body,
        receive_count,
        now,
        attributes,
        {n: v["StringValue"] for n, v in named.items() if "StringValue" in v} if named else {},
    )


def _by_position(operation: str, answer: dict[str, Any], count: int) -> list[EntryFailure | None]:
    """What became of each entry; one that SQS is silent about counts as failed."""
    successful = answer.get("Successful") or ()
    try:
        answers: dict[str, EntryFailure | None] = {entry["Id"]: None for entry in successful}
        for entry in answer.get("Failed") or ():
            answers[entry["Id"]] = entry_failure(entry)
    except _ODD as error:
        raise _not_understood(operation, error) from None
    return [answers.get(position, _NOT_ANSWERED) for position in _IDS[:count]]
