"""A queue of Amazon SQS: what is asked of it, and what its answers mean."""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.clock import Clock, SystemClock
from consumer.config import AwsSettings, QueueSettings
from consumer.errors import TransportError
from consumer.messages import ReceivedMessage, new_message
from consumer.queues.requests import RequestCounts
from consumer.queues.rules import QueueAddress, address_of
from consumer.queues.sending import Outgoing
from consumer.queues.sqs.calls import BotocoreCalls, WireCalls, calls_of
from consumer.queues.sqs.client import KEY_FILES, expiry_of, make_client
from consumer.queues.sqs.failures import entry_failure, failure_of
from consumer.queues.sqs.key_files import FileCredentials
from consumer.queues.sqs.preflight import ATTRIBUTE_NAMES, attributes_of
from consumer.queues.transport import EntryFailure, QueueAttributes
from consumer.sqs_limits import MAX_BATCH

_log = structlog.get_logger(__name__)

# AttributeNames also has a newer name, which older boto3 and emulators do not know.
_RECEIVE: Final = {
    "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
    "MessageAttributeNames": ["All"],
}
_NOT_ANSWERED: Final = EntryFailure("NotInResponse")
#: What reading an answer raises that has another shape than SQS's: a proxy's, an emulator's.
_ODD: Final = (AttributeError, KeyError, TypeError)


def connect(
    queue: QueueSettings,
    aws: AwsSettings,
    *,
    max_connections: int = 10,
    clock: Clock | None = None,
    requests: RequestCounts | None = None,
) -> "SqsTransport":
    """The configured queue. Sends no request to SQS yet: the first call does.

    At most `max_connections` calls may be open at the same time. Each request is counted in
    `requests`.

    Raises: `ConfigurationError`, `AccessDeniedError` (there is no such profile), and, while there
    are no credentials, `CredentialsError`: then connect again later.
    """
    clock = clock or SystemClock()
    address = address_of(queue, aws)
    session, client = make_client(queue, aws, address, max_connections=max_connections, clock=clock)
    calls = calls_of(session, client, queue, clock)
    return SqsTransport(
        calls, address,
        region=client.meta.region_name, clock=clock, requests=requests,
        keys=session.get_component(KEY_FILES),
    )  # fmt: skip


class SqsTransport:
    """Implements `Transport` and `Sender`. Every call is one request.

    But a call that is refused is made again if there is another key by now. For a queue that is
    configured by name, the first call also asks for its URL.
    """

    def __init__(
        self,
        calls: BotocoreCalls | WireCalls,
        address: QueueAddress,
        *,
        region: str,
        clock: Clock,
        requests: RequestCounts | None = None,
        keys: FileCredentials | None = None,
    ) -> None:
        self._calls = calls
        self.requests = requests or RequestCounts()
        self._keys = keys
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
        """See `Transport.receive`."""
        arguments: dict[str, Any] = {
            **_RECEIVE, "MaxNumberOfMessages": max_messages, "WaitTimeSeconds": wait_seconds,
        }  # fmt: skip
        if visibility_timeout_seconds is not None:
            arguments["VisibilityTimeout"] = visibility_timeout_seconds
        answer = self._call("ReceiveMessage", arguments)
        messages = answer.get("Messages") or []
        if not isinstance(messages, list):
            raise _not_understood("ReceiveMessage", TypeError())
        now = self._clock.monotonic()
        received = [message_of(message, now) for message in messages]
        if odd := received.count(
            None
        ):  # must not stop the others; SQS will deliver it again, or redrive it
            _log.warning(log_events.MESSAGE_NOT_UNDERSTOOD, messages=odd)
        return [message for message in received if message is not None]

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """See `Transport.delete`."""
        entries = [{"ReceiptHandle": handle} for handle in receipt_handles]
        return self._batch("DeleteMessageBatch", entries)

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """See `Transport.change_visibility`."""
        entries = [
            {"ReceiptHandle": handle, "VisibilityTimeout": seconds} for handle, seconds in changes
        ]
        return self._batch("ChangeMessageVisibilityBatch", entries)

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        """See `Sender.send`."""
        entries = [
            {
                "MessageBody": message.body,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in message.attributes.items()
                },
            }
            for message in batch
        ]
        return self._batch("SendMessageBatch", entries)

    def attributes(self) -> QueueAttributes:
        """See `Transport.attributes`."""
        answer = self._call("GetQueueAttributes", {"AttributeNames": list(ATTRIBUTE_NAMES)})
        try:
            return attributes_of(answer.get("Attributes") or {})
        except _ODD as error:
            raise _not_understood("GetQueueAttributes", error) from None

    def close(self) -> None:
        """See `Transport.close`."""
        self._calls.close()

    def beside(self, name: str) -> "SqsTransport":
        """Another queue of this account and region, over the same connections: not to be closed.

        For one whose URL is known: at the latest after the first call.
        """
        url = None if self._url is None else f"{self._url.rpartition('/')[0]}/{name}"
        address = QueueAddress(name, url, self.region, None)
        return SqsTransport(
            self._calls, address, region=self.region, clock=self._clock, requests=self.requests
        )

    def credentials_expire_at(self) -> datetime | None:
        """When the credentials that sign expire; None if they do not, or it is not known."""
        return expiry_of(self._calls.client)

    def _batch(
        self, operation: str, entries: Sequence[dict[str, Any]]
    ) -> list[EntryFailure | None]:
        """What became of each entry; one that the answer does not mention counts as failed."""
        if not 1 <= len(entries) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} entries, not {len(entries)}")
        for position, entry in enumerate(entries):
            entry["Id"] = str(position)
        answer = self._call(operation, {"Entries": entries})
        try:
            successful = answer.get("Successful") or ()
            answers: dict[str, EntryFailure | None] = {entry["Id"]: None for entry in successful}
            for entry in answer.get("Failed") or ():
                answers[entry["Id"]] = entry_failure(entry)
        except _ODD as error:
            raise _not_understood(operation, error) from None
        return [answers.get(entry["Id"], _NOT_ANSWERED) for entry in entries]

    def _call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._ask(operation, {"QueueUrl": self._url or self._resolve(), **arguments})

    def _resolve(self) -> str:
        with self._url_lock:
            if self._url is None:
                url = self._ask("GetQueueUrl", {"QueueName": self.name}).get("QueueUrl")
                if not isinstance(url, str):
                    raise _not_understood("GetQueueUrl", TypeError())
                self._url = url
            return self._url

    def _ask(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        used = self._keys and self._keys.get_frozen_credentials()
        try:
            return self._ask_once(operation, arguments)
        except TransportError as error:
            if not (self._keys and self._keys.are_new_after(error, used)):
                raise
        return self._ask_once(operation, arguments)

    def _ask_once(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = "ok"
        try:
            # Only the call: a mistake of ours in reading its answer is no failure of the transport.
            return self._calls.ask(operation, arguments)
        except Exception as error:
            failure = failure_of(error, operation=operation, queue=self.name, region=self.region)
            result = failure.code
            raise failure from None  # its text may name users and accounts
        finally:
            self.requests.add(operation, result)


def _not_understood(operation: str, error: Exception) -> TransportError:
    return TransportError(
        f"{operation}: the response is JSON, but not SQS's answer ({type(error).__name__})",
        code="AnswerNotUnderstood",
    )


def message_of(message: Any, now: float) -> ReceivedMessage | None:
    """The message, or None if it is not one. Odd attributes are left out."""
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
