"""What the daemon must be allowed to do, tried with calls that change nothing.

SQS decides whether a batch is allowed before it looks at its entries. So a batch whose only entry
can't succeed (a receipt handle that no message has, a delay that is too long) shows the permission.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from consumer.errors import QueueMissingError, TransportError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Site
from consumer.queues.rules import quarantine_queue
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.failures import ActionDeniedError
from consumer.sqs_limits import MAX_BATCH

_NO_HANDLE: Final = {"Id": "0", "ReceiptHandle": "consume-check"}
_TOO_LATE: Final = {"Id": "0", "MessageBody": "consume check", "DelaySeconds": 901}
_NOTHING_TO_TRY: Final = "not tried: a receive would count as a delivery of a message"


def receiving(site: Site) -> Iterator[Result]:
    """The messages stay as they are: more than ten can't be asked for.

    An answer about the number does not show that it is allowed. A receive from an empty queue does.
    """
    if site.only_sends:
        return
    name, none = "sqs:ReceiveMessage", {"VisibilityTimeout": 0, "WaitTimeSeconds": 0}
    try:
        _ask(site, "ReceiveMessage", MaxNumberOfMessages=MAX_BATCH + 1, **none)
    except ActionDeniedError as error:
        yield Result(name, RED, str(error), site.allow())
        return
    except TransportError as error:
        if error.fatal:
            raise
    if site.parsed.visible_messages != 0:
        yield Result(name, GREEN, _NOTHING_TO_TRY)
        return
    yield from _tried(site, name, "ReceiveMessage", **none)


def settling(site: Site) -> Iterator[Result]:
    """Deletes and changes of visibility, for a message that does not exist."""
    if site.only_sends:
        return
    yield from _tried(site, "sqs:DeleteMessage", "DeleteMessageBatch", Entries=[_NO_HANDLE])
    change = {**_NO_HANDLE, "VisibilityTimeout": 0}
    operation = "ChangeMessageVisibilityBatch"
    yield from _tried(site, "sqs:ChangeMessageVisibility", operation, Entries=[change])


def quarantine(site: Site) -> Iterator[Result]:
    """The quarantine's queue, if there is one: it is there, and may be sent to."""
    url = site.settings.quarantine.queue_url
    if url is None:
        return
    name = "quarantine queue"
    queue, aws = quarantine_queue(url, site.settings.aws)
    with closing(AwsCalls(queue, aws)) as calls:
        try:
            calls.ask("SendMessageBatch", QueueUrl=url, Entries=[_TOO_LATE])
        except QueueMissingError as error:
            command = f"aws sqs create-queue --queue-name {calls.name}"
            yield Result(name, RED, str(error), site.command(command))
        except ActionDeniedError as error:
            yield Result(name, RED, str(error), site.allow())
        else:
            yield Result(name, GREEN, f"{calls.name}; sqs:SendMessage is permitted")


def sending(site: Site) -> Iterator[Result]:
    """For the webhook, if there is one."""
    if site.only_sends or site.settings.has_webhook:
        yield from _tried(site, "sqs:SendMessage", "SendMessageBatch", Entries=[_TOO_LATE])


def attributes_denied(site: Site, error: ActionDeniedError) -> Iterator[Result]:
    """The daemon works without its attributes; the checks of them don't."""
    finding = f"the queue's settings can't be checked: {error}"
    yield Result(error.action, YELLOW, finding, site.allow())


def _tried(site: Site, name: str, operation: str, **arguments: Any) -> Iterator[Result]:
    try:
        _ask(site, operation, **arguments)
    except ActionDeniedError as error:
        yield Result(name, RED, str(error), site.allow())
    else:
        yield Result(name, GREEN, "permitted")


def _ask(site: Site, operation: str, **arguments: Any) -> None:
    site.calls.ask(operation, QueueUrl=site.url, **arguments)
