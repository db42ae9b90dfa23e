"""The SQS handler: forwards events to another queue."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from consumer.config import QueueSettings
from consumer.config.urls import is_aws, is_same_queue, queue_name_of_url, region_of_url, split_url
from consumer.handlers.aws.entries import CONTENTS, NOT_ANSWERED, Entries, Entry
from consumer.handlers.aws.options import client_maker
from consumer.handlers.aws.service import Service
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.records import utc_text
from consumer.handlers.registering.registry import Registry
from consumer.messages import Event
from consumer.printable import printable

_EXAMPLE: Final = "https://sqs.us-east-1.amazonaws.com/123456789012/course-events"
#: Botocore finds these hosts by the region.
_USUAL_HOST: Final = re.compile(r"sqs\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
#: The largest value of an attribute that is made from an event.
_MAX_ATTRIBUTE: Final = 256


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; AWS is called with the first event.

    Options: queue_url, body ("record" or "raw"), scrub_secrets (true), region, endpoint_url.
    Raises ConfigurationError, also if the queue is the one that the events come from.
    """
    read = Options(name, options)
    url = _queue_url(read, environment.queue)
    parts = split_url(url)
    usual = parts is None or _USUAL_HOST.fullmatch(parts.netloc)
    make = client_maker(
        read, environment, "sqs", region=region_of_url(url),
        endpoint_url=None if parts is None or usual else f"{parts.scheme}://{parts.netloc}",
    )  # fmt: skip
    queue = _Queue(Service(make, prefix="sqs", target=f"queue {queue_name_of_url(url)!r}"), url)
    entries = Entries(
        queue.service, operation="SendMessageBatch", make=queue.entry, send=queue.send,
        content=read.choice("body", "record", of=CONTENTS),
        scrub_secrets=read.flag("scrub_secrets", default=True), clock=environment.clock,
    )  # fmt: skip
    read.end()
    return entries.registered(name, queue.check)


def _queue_url(read: Options, source: QueueSettings) -> str:
    url = read.url("queue_url")
    name = queue_name_of_url(url or "")
    if url is None or name is None:
        raise read.wrong("queue_url", f"the URL of a queue, such as {_EXAMPLE}")
    if url.startswith("http://") and is_aws(url):
        raise read.wrong("queue_url", "an https URL, because it is AWS's")
    if is_same_queue(url, source.url) if source.url else name == source.name:
        raise read.wrong(
            "queue_url", "another queue than the one that the events come from: they would come "
            "again and again",
        )  # fmt: skip
    return url


class _Queue:
    """What SQS is asked, and what its answers say. Any thread may call any method."""

    def __init__(self, service: Service, url: str) -> None:
        self.service = service
        self._url = url
        self._is_fifo = (queue_name_of_url(url) or "").endswith(".fifo")

    def entry(self, event: Event, text: str) -> Entry:
        """An event as a message, with its name, time and key as attributes."""
        # XML does not have these two, so SQS refuses them.
        body = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
        attributes = {"event_key": event.key, "event_name": printable(event.name)[:_MAX_ATTRIBUTE]}
        if event.time is not None:
            attributes["event_time"] = utc_text(event.time)
        arguments: dict[str, Any] = {
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        }
        if self._is_fifo:
            course = event.subject.course_id
            arguments["MessageGroupId"] = (
                "none" if course is None else str(course.global_id or course.local_id)
            )
            arguments["MessageDeduplicationId"] = sha256(event.key.encode()).hexdigest()
        texts = [body]
        for name, value in attributes.items():
            texts += (name, "String", value)
        return Entry(event, arguments, sum(len(part.encode()) for part in texts))

    def send(self, messages: Sequence[dict[str, Any]]) -> list[object]:
        """See `Send`."""
        entries = [{"Id": str(number), **message} for number, message in enumerate(messages)]
        answer = self.service.call("SendMessageBatch", QueueUrl=self._url, Entries=entries)
        codes: dict[object, object] = {sent["Id"]: None for sent in answer.get("Successful") or ()}
        for failed in answer.get("Failed") or ():
            codes[failed["Id"]] = failed.get("Code") or "Unknown"
        return [codes.get(entry["Id"], NOT_ANSWERED) for entry in entries]

    def check(self) -> str:
        """See `Handler.check_destination`."""
        return self.service.check(
            "GetQueueAttributes", needs="sqs:GetQueueAttributes",
            QueueUrl=self._url, AttributeNames=["QueueArn"],
        )  # fmt: skip
