"""Finds the dead-letter queue of a queue, in its redrive policy."""

import json
from dataclasses import dataclass

from consumer.config import QueueSettings
from consumer.config.urls import is_same_queue, queue_name_of_url
from consumer.errors import ConfigurationError, QueueMissingError
from consumer.queues.sqs.admin import AwsCalls


@dataclass(frozen=True)
class DeadLetters:
    """A queue, and its dead-letter queue."""

    queue_url: str
    queue_arn: str
    url: str
    #: None: the queue's redrive policy names another one, or none.
    arn: str | None

    @property
    def name(self) -> str:
        """The name of the dead-letter queue."""
        return queue_name_of_url(self.url) or ""

    @property
    def queue_name(self) -> str:
        """The name of the queue."""
        return queue_name_of_url(self.queue_url) or ""

    def settings(self, queue: QueueSettings) -> QueueSettings:
        """How the dead-letter queue is reached, if the queue is reached as `queue` says."""
        return dead_letter_settings(queue, self.url)


def dead_letter_settings(queue: QueueSettings, url: str) -> QueueSettings:
    """The settings of a queue, for its dead-letter queue: it may have any name."""
    changes = {"url": url, "name": None, "allow_any_queue_name": True}
    return queue.model_copy(update=changes)


def find_dead_letters(
    calls: AwsCalls, *, url: str | None = None, name: str | None = None
) -> DeadLetters:
    """The dead-letter queue of the queue of `calls`; or the one with this URL or name.

    Raises: `QueueMissingError` if the queue does not exist, or has no dead-letter queue;
        `ActionDeniedError` if its attributes may not be asked for; another `TransportError`;
        `ConfigurationError` if the queue itself was named.
    """
    queue_url = calls.queue_url()
    attributes = calls.attributes(queue_url)
    arn: str | None = _target(attributes.get("RedrivePolicy"))
    # It is always in the account and region of its queue.
    beside = queue_url.rstrip("/").rpartition("/")[0]
    target = f"{beside}/{arn.rpartition(':')[2]}" if arn else None
    if name is not None:
        url = f"{beside}/{name}"
    found = url or target
    if found is None:
        raise QueueMissingError(
            f"the queue {calls.name!r} has no dead-letter queue, because it has no redrive policy; "
            "name one with --dlq-url or --dlq-name",
            code="NoRedrivePolicy",
        )
    if is_same_queue(found, queue_url):
        raise ConfigurationError(f"{calls.name!r} is the queue itself, not its dead-letter queue")
    if target is None or not is_same_queue(found, target):
        arn = None
    return DeadLetters(queue_url, attributes.get("QueueArn", ""), found, arn)


def _target(policy: str | None) -> str:
    try:
        target = json.loads(policy or "{}")["deadLetterTargetArn"]
    except (KeyError, TypeError, ValueError):
        return ""
    return target if isinstance(target, str) else ""
