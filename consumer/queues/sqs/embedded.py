"""An SQS server inside this process (moto's), with a queue to try things on. Extra: demo."""

import functools
import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import boto3

from consumer.clock import SystemClock
from consumer.errors import ConfigurationError
from consumer.queues.rules import QueueAddress
from consumer.queues.sending import Outgoing, send_all
from consumer.queues.sqs.calls import BotocoreCalls
from consumer.queues.sqs.queue import SqsTransport

#: moto takes any key; these are no secrets.
ACCESS_KEY_ID = "demo"
SECRET_ACCESS_KEY = "demo"  # noqa: S105 - see above
REGION = "us-east-1"


@functools.cache
def delete_one_at_a_time() -> None:
    """Make moto delete one message at a time, for good.

    It takes the list of messages, leaves one out and puts the list back. Of two requests that do
    so at the same time, one is undone: its message is there again.
    """
    from moto.sqs import models  # noqa: PLC0415 - only the demo needs it

    queues: Any = models.Queue
    delete = queues.delete_message
    lock = threading.Lock()

    def delete_message(queue: Any, receipt_handle: str) -> None:
        with lock:
            delete(queue, receipt_handle)

    queues.delete_message = delete_message


class EmbeddedQueue:
    """A queue and its dead-letter queue, in memory. Called from one thread."""

    def __init__(self, client: Any, name: str, max_receive_count: int) -> None:
        dead_url = client.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        dead = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": dead["Attributes"]["QueueArn"],
            "maxReceiveCount": str(max_receive_count),
        }
        attributes = {"RedrivePolicy": json.dumps(redrive)}
        self.url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        calls, clock = BotocoreCalls(client), SystemClock()
        self._queue, self._dead_letters = (
            SqsTransport(calls, QueueAddress(name, url, None, None), region=REGION, clock=clock)
            for url in (self.url, dead_url)
        )

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
        client = boto3.client(
            "sqs",
            endpoint_url=f"http://{host}:{port}",
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )
        with closing(client):
            yield EmbeddedQueue(client, name, max_receive_count)
    finally:
        server.stop()


def _count(queue: SqsTransport) -> int:
    found = queue.attributes()
    counts = (found.visible_messages, found.in_flight_messages, found.delayed_messages)
    return sum(count or 0 for count in counts)
