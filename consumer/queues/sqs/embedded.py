"""An SQS server inside this process (moto's), with a queue to try things on. Extra: demo."""

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from pydantic import SecretStr

from consumer.clock import SystemClock
from consumer.config import AwsSettings, QueueSettings
from consumer.errors import ConfigurationError
from consumer.queues.sending import Outgoing, send_all
from consumer.queues.sqs.queue import SqsTransport, connect

#: moto takes any key; these are no secrets.
ACCESS_KEY_ID = "demo"
SECRET_ACCESS_KEY = "demo"  # noqa: S105 - see above
REGION = "us-east-1"


def delete_one_at_a_time() -> None:
    """Make moto delete one message at a time, for good; a further call changes nothing.

    It takes the list of messages, leaves one out and puts the list back. Of two requests that do
    so at the same time, one is undone: its message is there again.
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


@dataclass(frozen=True, slots=True)
class EmbeddedQueue:
    """A queue and its dead-letter queue, in memory. Called from one thread."""

    url: str
    _queue: SqsTransport
    _dead_letters: SqsTransport

    def send(self, messages: Iterable[tuple[str, Mapping[str, str]]]) -> int:
        """Send (body, string message attributes); returns how many."""
        outgoing = (Outgoing(body, attributes) for body, attributes in messages)
        return sum(send_all(outgoing, self._queue, clock=SystemClock()))

    def left(self) -> tuple[int, int]:
        """How many messages the queue and the dead-letter queue hold, visible or not."""
        return _count(self._queue), _count(self._dead_letters)


@contextmanager
def embedded_queue(name: str, *, max_receive_count: int) -> Iterator[EmbeddedQueue]:
    """Run the server on a free port of the loopback interface; afterwards nothing is left of it.

    Raises: `ConfigurationError` if moto is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - only the demo needs it
    except ImportError as error:
        remedy = "the demo needs its extra: pip install 'canvas-live-events-consumer[demo]'"
        raise ConfigurationError(remedy) from error
    delete_one_at_a_time()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url, dead_url = _create(f"http://{host}:{port}", name, max_receive_count)
        with closing(_connected(url)) as queue, closing(_connected(dead_url)) as dead_letters:
            yield EmbeddedQueue(url, queue, dead_letters)
    finally:
        server.stop()


def _create(endpoint: str, name: str, max_receive_count: int) -> tuple[str, str]:
    """The URLs of a new queue and of its dead-letter queue."""
    client = boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(proxies={}),
    )
    dead_url = client.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    dead = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": dead["Attributes"]["QueueArn"],
        "maxReceiveCount": str(max_receive_count),
    }
    attributes = {"RedrivePolicy": json.dumps(redrive)}
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    client.close()
    return url, dead_url


def _connected(url: str) -> SqsTransport:
    aws = AwsSettings(
        region=REGION,
        access_key_id=SecretStr(ACCESS_KEY_ID),
        secret_access_key=SecretStr(SECRET_ACCESS_KEY),
    )
    return connect(QueueSettings(url=url), aws)


def _count(queue: SqsTransport) -> int:
    found = queue.attributes()
    counts = (found.visible_messages, found.in_flight_messages, found.delayed_messages)
    return sum(count or 0 for count in counts)
