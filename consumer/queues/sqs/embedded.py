"""An SQS server inside this process (moto's), with a queue to try things on. Extra: demo."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from consumer.errors import ConfigurationError
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

#: moto takes any key; these are no secrets.
ACCESS_KEY_ID = "demo"
SECRET_ACCESS_KEY = "demo"  # noqa: S105 - see above
REGION = "us-east-1"


def delete_one_at_a_time() -> None:
    """Let moto delete one message after the other, for good; several calls are one.

    It takes the list of messages, leaves one out and puts the list back. Of two requests that do
    so at the same time one is undone: the messages were deleted, and are there again.
    """
    from moto.sqs import models  # noqa: PLC0415 - only the demo needs it

    queues: Any = models.Queue
    delete = queues.delete_message
    if getattr(delete, "one_at_a_time", False):
        return
    lock = threading.Lock()

    def delete_message(queue: Any, receipt_handle: str) -> None:
        with lock:
            delete(queue, receipt_handle)

    delete_message.one_at_a_time = True  # type: ignore[attr-defined]
    queues.delete_message = delete_message


class EmbeddedQueue:
    """A queue and its dead-letter queue on a free port of the loopback interface.

    A context manager: the server runs while it is entered, and nothing of it remains. Everything
    is kept in memory. Called from one thread.
    """

    def __init__(self, name: str, *, max_receive_count: int) -> None:
        self._name = name
        self._max_receive_count = max_receive_count
        self._server: Any = None
        self._client: Any = None
        self.url = ""
        self.dead_letter_url = ""

    def __enter__(self) -> Self:
        """Start the server and create both queues."""
        try:
            from moto.server import ThreadedMotoServer  # noqa: PLC0415 - only the demo needs it
        except ImportError as error:
            remedy = "the demo needs its extra: pip install 'canvas-live-events-consumer[demo]'"
            raise ConfigurationError(remedy) from error
        delete_one_at_a_time()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells each request
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self._client = boto3.client(
            "sqs",
            endpoint_url=f"http://{host}:{port}",
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(proxies={}),
        )
        self.dead_letter_url = self._create(f"{self._name}-dlq", {})
        redrive = {
            "deadLetterTargetArn": self._attributes(self.dead_letter_url)["QueueArn"],
            "maxReceiveCount": str(self._max_receive_count),
        }
        self.url = self._create(self._name, {"RedrivePolicy": json.dumps(redrive)})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        if self._client is not None:
            self._client.close()
        if self._server is not None:
            self._server.stop()

    def _create(self, name: str, attributes: Mapping[str, str]) -> str:
        url: str = self._client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def _attributes(self, url: str) -> dict[str, str]:
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    def send(self, messages: Iterable[tuple[str, Mapping[str, str]]]) -> int:
        """Send (body, string message attributes); returns how many."""
        entries = [
            {
                "Id": str(number),
                "MessageBody": body,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            }
            for number, (body, attributes) in enumerate(messages)
        ]
        for start in range(0, len(entries), MAX_BATCH):
            self._client.send_message_batch(
                QueueUrl=self.url, Entries=entries[start : start + MAX_BATCH]
            )
        return len(entries)

    def left(self) -> tuple[int, int]:
        """How many messages the queue and the dead-letter queue hold, visible or not."""
        return self._count(self.url), self._count(self.dead_letter_url)

    def _count(self, url: str) -> int:
        attributes = self._attributes(url)
        names = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        )
        return sum(int(attributes.get(name, 0)) for name in names)
