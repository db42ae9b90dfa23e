"""A queue of Amazon SQS behind the port."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumer import log_events
from consumer.errors import TransportError
from consumer.messages import new_message
from consumer.queues.rules import QueueAddress, address_of
from consumer.queues.sqs.calls import Calls, calls_of
from consumer.queues.sqs.client import make_client
from consumer.queues.sqs.failures import entry_failure, failure_of
from consumer.queues.sqs.preflight import ATTRIBUTE_NAMES, attributes_of
from consumer.queues.transport import EntryFailure, QueueAttributes
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.clock import Clock
    from consumer.config import AwsSettings, QueueSettings
    from consumer.messages import ReceivedMessage

_log = structlog.get_logger(__name__)

_IDS: Final = tuple(str(position) for position in range(MAX_BATCH))
# Also has a newer name, which older boto3 and emulators do not know; SQS takes this one for good.
_RECEIVE: Final = {
    "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
    "MessageAttributeNames": ["All"],
}
_NOT_ANSWERED: Final = EntryFailure("NotInResponse")
#: What reading an answer raises that is of another shape than SQS's: a proxy's, an emulator's.
_ODD: Final = (AttributeError, KeyError, TypeError)


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
    session, client = make_client(queue, aws, address, max_connections=max_connections)
    calls = calls_of(session, client, queue, clock)
    return SqsTransport(calls, address, region=client.meta.region_name, clock=clock)


class SqsTransport:
    """Implements `Transport`. Every call is one request.

    The first call of a queue that was configured by name asks for its URL before.
    """

    def __init__(self, calls: Calls, address: QueueAddress, *, region: str, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._url = address.url
        self._url_lock = threading.Lock()
        self.name = address.name
        self.region = region

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
        answer = self.call("ReceiveMessage", arguments)
        messages = answer.get("Messages") or []
        if not isinstance(messages, list):
            raise _not_understood("ReceiveMessage", TypeError())
        now = self._clock.monotonic()
        received = [_received(message, now) for message in messages]
        odd = received.count(None)
        if odd:  # must not stop the others; SQS will deliver it again, or redrive it
            _log.warning(log_events.MESSAGE_NOT_UNDERSTOOD, messages=odd)
        return [message for message in received if message is not None]

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """Delete, as `Transport.delete` has it."""
        entries = [
            {"Id": position, "ReceiptHandle": handle}
            for position, handle in zip(_ids(receipt_handles), receipt_handles, strict=True)
        ]
        answer = self.call("DeleteMessageBatch", {"Entries": entries})
        return by_position("DeleteMessageBatch", answer, len(entries))

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """Change visibility, as `Transport.change_visibility` has it."""
        entries = [
            {"Id": position, "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for position, (handle, seconds) in zip(_ids(changes), changes, strict=True)
        ]
        answer = self.call("ChangeMessageVisibilityBatch", {"Entries": entries})
        return by_position("ChangeMessageVisibilityBatch", answer, len(entries))

    def attributes(self) -> QueueAttributes:
        """Ask the queue for its attributes."""
        answer = self.call("GetQueueAttributes", {"AttributeNames": list(ATTRIBUTE_NAMES)})
        try:
            return attributes_of(answer.get("Attributes") or {})
        except _ODD as error:
            raise _not_understood("GetQueueAttributes", error) from None

    def close(self) -> None:
        """Give back connections. Does not abort an open long poll (nothing does)."""
        self._calls.close()

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One call about this queue. Raises as `Transport` has it."""
        return self._ask(operation, {"QueueUrl": self._url or self._resolve(), **arguments})

    def _resolve(self) -> str:
        with self._url_lock:
            if self._url is None:
                answer = self._ask("GetQueueUrl", {"QueueName": self.name})
                url = answer.get("QueueUrl")
                if not isinstance(url, str):
                    raise _not_understood("GetQueueUrl", TypeError())
                self._url = url
            return self._url

    def _ask(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            # Nothing but the call: whatever comes out of it is the transport's failure, and a
            # mistake of ours in reading the answer is not taken for one.
            return self._calls.ask(operation, arguments)
        except Exception as error:
            raise failure_of(
                error, operation=operation, queue=self.name, region=self.region
            ) from None  # its text may name users and accounts


def _not_understood(operation: str, error: Exception) -> TransportError:
    return TransportError(
        f"{operation}: what came is JSON, but not SQS's answer ({type(error).__name__})",
        code="AnswerNotUnderstood",
    )


def _ids(entries: Sequence[object]) -> tuple[str, ...]:
    if not 1 <= len(entries) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} entries, not {len(entries)}")
    return _IDS[: len(entries)]


def _received(message: Any, now: float) -> ReceivedMessage | None:
    """The message; None of what is none. Odd attributes are left out."""
    try:
        message_id, handle = message["MessageId"], message["ReceiptHandle"]
        body = message.get("Body") or ""
    except _ODD:
        return None
    if not type(message_id) is type(handle) is type(body) is str:
        return None
    attributes = message.get("Attributes")
    if type(attributes) is not dict:
        attributes = {}
    try:
        receive_count = max(1, int(attributes.get("ApproximateReceiveCount", 1)))
    except (OverflowError, TypeError, ValueError):
        receive_count = 1
    texts: dict[str, str] = {}
    named = message.get("MessageAttributes")
    if type(named) is dict:
        for name, value in named.items():
            if type(value) is dict and type(text := value.get("StringValue")) is str:
                texts[name] = text
    return new_message(message_id, handle, body, receive_count, now, attributes, texts)


def by_position(operation: str, answer: dict[str, Any], count: int) -> list[EntryFailure | None]:
    """What became of each entry; one that SQS is silent about counts as failed."""
    try:
        successful = answer.get("Successful") or ()
        answers: dict[str, EntryFailure | None] = {entry["Id"]: None for entry in successful}
        for entry in answer.get("Failed") or ():
            answers[entry["Id"]] = entry_failure(entry)
    except _ODD as error:
        raise _not_understood(operation, error) from None
    return [answers.get(position, _NOT_ANSWERED) for position in _IDS[:count]]
