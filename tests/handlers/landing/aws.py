"""What AWS has, in moto's server: a bucket, two queues, an event bus."""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from consumer.config import AwsSettings, QueueSettings
from consumer.queues.sqs import AwsClients
from tests.handlers.landing.destination import Destination, Feature, Landed
from tests.handlers.landing.events import large

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from consumer.messages import Event

_SECRET = "hunter2-of-aws"
_KEYS = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": _SECRET}
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_CLIENTS = AwsClients(QueueSettings(), AwsSettings.model_validate({**_KEYS, "region": _REGION}))
_numbers = itertools.count(1)


@functools.cache
def add_one_at_a_time() -> None:
    """Make moto add one message at a time, for good: it looks for a duplicate before it adds."""
    from moto.sqs import models

    queues: Any = models.Queue
    add = queues.add_message
    lock = threading.Lock()

    def add_message(queue: Any, message: Any) -> None:
        with lock:
            add(queue, message)

    queues.add_message = add_message


class MotoServer:
    """Keeps what it holds while it is stopped."""

    def __init__(self) -> None:
        self._port = 0
        self.start()

    def start(self) -> None:
        """Listen, from the second time on at the same port."""
        from moto.server import ThreadedMotoServer  # most tests of this folder do not need it

        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"


class Aws(Destination):
    """In one server for all."""

    secrets = (_SECRET,)
    #: Only every other entry of a call reaches the server, which moto does not do.
    takes_some: ClassVar[bool] = False

    @classmethod
    @contextmanager
    def serving(cls, folder: Path) -> Iterator[MotoServer]:
        import logging

        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs each request
        add_one_at_a_time()
        server = MotoServer()
        yield server
        server.stop()

    def set_up(self) -> None:
        self.name = f"landing-{next(_numbers)}"
        self.is_up = True

    def tear_down(self) -> None:
        Aws.takes_some = False
        if not self.is_up:
            self.come_back()

    def environ(self) -> Mapping[str, str]:
        return {f"AWS_{name.upper()}": value for name, value in _KEYS.items()} | {
            "AWS_REGION": _REGION
        }

    @staticmethod
    def aws_client(service: str, **where: Any) -> Any:
        client = _CLIENTS.client(service, **where)
        for operation in ("sqs.SendMessageBatch", "events.PutEvents"):
            client.meta.events.register(f"before-parameter-build.{operation}", _leave_out)
            client.meta.events.register(f"after-call.{operation}", _refuse_left_out)
        return client

    def go_down(self) -> None:
        self.server.stop()
        self.is_up = False

    def come_back(self) -> None:
        self.server.start()
        self.is_up = True

    def ask(self, service: str, operation: str, **arguments: Any) -> Any:
        """Call the server as an operator does."""
        client = self.aws_client(service, endpoint_url=self.server.url)
        try:
            return getattr(client, operation)(**arguments)
        finally:
            client.close()


def _leave_out(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if Aws.takes_some:
        context["asked"] = params["Entries"]
        params["Entries"] = params["Entries"][::2]


def _refuse_left_out(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    left_out = context.get("asked", ())[1::2]
    if "Entries" in parsed:  # of EventBridge, in the order of the request
        taken, failed = parsed["Entries"], [{"ErrorCode": "InternalFailure"}] * len(left_out)
        pairs = itertools.zip_longest(taken, failed)
        parsed["Entries"] = [entry for pair in pairs for entry in pair if entry]
    elif left_out:
        parsed["Failed"] = [{"Id": entry["Id"], "Code": "InternalError"} for entry in left_out]


class S3(Aws):
    """A bucket of its own."""

    kind = "s3"
    features = frozenset({Feature.MEBIBYTE, Feature.BATCH_ONCE})

    def set_up(self) -> None:
        super().set_up()
        self.ask("s3", "create_bucket", Bucket=self.name)

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "linger_seconds": 1}  # the suite does not wait for a minute

    def options(self) -> dict[str, Any]:
        return {"bucket": self.name, "prefix": "canvas/raw", "endpoint_url": self.server.url}

    def landed(self) -> list[Landed]:
        client = self.aws_client("s3", endpoint_url=self.server.url)
        found = []
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            for item in page.get("Contents", ()):
                answer = client.get_object(Bucket=self.name, Key=item["Key"])
                found += gzip.decompress(answer["Body"].read()).splitlines()
        client.close()
        return landed_of(found)


class Sqs(Aws):
    """A standard queue; what lands is looked up in moto itself."""

    kind = "sqs"
    features: ClassVar[frozenset[Feature]] = frozenset()
    ending = ""
    attributes: ClassVar[dict[str, str]] = {}

    def set_up(self) -> None:
        super().set_up()
        self.url = self.make_queue()

    def make_queue(self) -> str:
        """A queue with the destination's name; its URL."""
        answer = self.ask(
            "sqs", "create_queue", QueueName=self.name + self.ending, Attributes=self.attributes
        )
        return str(answer["QueueUrl"])

    def options(self) -> dict[str, Any]:
        return {"queue_url": self.url, "region": _REGION}

    def bodies(self) -> list[str]:
        """What was sent to the queue."""
        from moto.sqs.models import sqs_backends

        queue = sqs_backends[_ACCOUNT][_REGION].queues[self.name + self.ending]
        return [message.body for message in queue._messages]

    def landed(self) -> list[Landed]:
        return landed_of(self.bodies())

    def take_some(self) -> bool:
        Aws.takes_some = True
        return True

    def bad_event(self) -> Event:
        return large(1_200_000)


class Fifo(Sqs):
    """SQS recognises an event that comes again within five minutes."""

    variant = "fifo"
    features = frozenset({Feature.ONCE})
    ending = ".fifo"
    attributes: ClassVar[dict[str, str]] = {"FifoQueue": "true"}


class EventBridge(Sqs):
    """A bus with a rule that sends all events to a queue, where they are looked up."""

    kind = "eventbridge"

    def set_up(self) -> None:
        super().set_up()
        self.ask("events", "create_event_bus", Name=self.name)
        source = json.dumps({"source": ["canvas.live-events"]})
        self.ask("events", "put_rule", Name=self.name, EventBusName=self.name, EventPattern=source)
        arn = f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:{self.name}"
        self.ask(
            "events", "put_targets", Rule=self.name, EventBusName=self.name,
            Targets=[{"Id": "all", "Arn": arn}],
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        return {"bus": self.name, "region": _REGION, "endpoint_url": self.server.url}

    def landed(self) -> list[Landed]:
        details = [json.loads(body)["detail"] for body in self.bodies()]
        return [Landed(detail["event_key"], detail["payload"]) for detail in details]


def landed_of(lines: Iterable[str | bytes]) -> list[Landed]:
    """The events of records."""
    records = [json.loads(line) for line in lines]
    return [Landed(record["event_key"], record["payload"]) for record in records]
