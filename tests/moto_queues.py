"""Queues of moto's server, to be consumed by processes. moto is slow: keep them small."""

from __future__ import annotations

import functools
import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer
from moto.sqs import models

from consumer.queues.sqs.embedded import delete_one_at_a_time
from consumer.testing import canvas_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NAMES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def numbered(number: int, name: str = "submission_created") -> str:
    """The text of an event with a number."""
    return canvas_body(name, body={"submission_id": str(number)})


def number_of(text: str) -> int:
    """The number of such an event."""
    return int(json.loads(text)["body"]["submission_id"])


@dataclass(frozen=True)
class MotoQueue:
    """A queue, seen as Canvas and as an operator see it."""

    client: Any
    name: str
    url: str
    endpoint: str

    def send(self, bodies: Sequence[str], *, event_name: str = "") -> None:
        """Send messages, ten at a time."""
        attribute = {"event_name": {"DataType": "String", "StringValue": event_name}}
        extra: dict[str, Any] = {"MessageAttributes": attribute} if event_name else {}
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(position), "MessageBody": body, **extra}
                for position, body in enumerate(bodies[start : start + 10])
            ]
            self.client.send_message_batch(QueueUrl=self.url, Entries=entries)

    def send_numbered(self, count: int) -> set[int]:
        """Send that many events; returns their numbers."""
        self.send([numbered(number) for number in range(count)])
        return set(range(count))

    def counts(self) -> tuple[int, int]:
        """How many messages are visible, and how many are not (in flight or delayed)."""
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        visible, *others = (int(answer["Attributes"].get(name, 0)) for name in _NAMES)
        return visible, sum(others)

    def take_all(self) -> list[str]:
        """Receive every message that is visible now; returns the bodies."""
        bodies: list[str] = []
        while True:
            answer = self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=300
            )
            messages = answer.get("Messages") or []
            bodies += [message["Body"] for message in messages]
            if not messages:
                return bodies

    def numbers(self) -> list[int]:
        """The numbers of all events that are visible now, in order. They are received by that."""
        return sorted(map(number_of, self.take_all()))


class Moto:
    """The server: makes queues, each with a new name."""

    def __init__(self, endpoint: str, client: Any) -> None:
        self.endpoint = endpoint
        self._client = client
        self._made = 0

    def queue(
        self, *, visibility_seconds: int = 30, redrive: Mapping[str, Any] | None = None
    ) -> MotoQueue:
        """A new queue; `redrive` is its redrive policy."""
        self._made += 1
        return self._queue(f"canvas-live-events-{self._made}", visibility_seconds, redrive)

    def with_dead_letters(self, *, max_receive_count: int) -> tuple[MotoQueue, MotoQueue]:
        """A new queue, and its dead-letter queue."""
        dead = self.queue()
        answer = self._client.get_queue_attributes(QueueUrl=dead.url, AttributeNames=["QueueArn"])
        policy = {
            "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
            "maxReceiveCount": str(max_receive_count),
        }
        return self.queue(redrive=policy), dead

    def _queue(self, name: str, visibility: int, redrive: Mapping[str, Any] | None) -> MotoQueue:
        attributes = {"VisibilityTimeout": str(visibility)}
        if redrive is not None:
            attributes["RedrivePolicy"] = json.dumps(redrive)
        url = self._client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return MotoQueue(self._client, name, url, self.endpoint)


@functools.cache
def keep_policies() -> None:
    """Make moto keep both policies for good, as SQS does.

    It forgets the access policy when another attribute changes, and answers no RedriveAllowPolicy.
    """
    queues: Any = models.Queue
    queues.BASE_ATTRIBUTES = [*queues.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    queues.redrive_allow_policy = queues.policy = None
    change = queues._set_attributes

    def set_attributes(queue: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        change(queue, {"Policy": queue.policy, **attributes}, now)

    queues._set_attributes = set_attributes


def client_of(endpoint: str) -> Any:
    """A client for an emulator."""
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}),
    )


@contextmanager
def running_moto() -> Iterator[Moto]:
    """A server on a free port of the loopback interface, as long as the context lasts."""
    delete_one_at_a_time()
    keep_policies()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = client_of(endpoint)
    try:
        yield Moto(endpoint, client)
    finally:
        client.close()
        server.stop()
