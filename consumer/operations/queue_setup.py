"""Creates the queue for Live Events and its dead-letter queue, or improves those that exist."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from consumer.clock import NEVER, Clock
from consumer.config import AwsSettings, QueueSettings
from consumer.config.urls import queue_name_of_url
from consumer.errors import ConfigurationError, QueueMissingError, TransportError
from consumer.operations.queue_kept import kept, warnings
from consumer.queues.arns import queue_arn
from consumer.queues.blueprint import (
    DEAD_LETTER_SUFFIX,
    DEFAULT_VISIBILITY_SECONDS,
    KEEPS_ALL,
    SENDER_ACTIONS,
    Blueprint,
    Difference,
    differences,
    parsed,
)
from consumer.queues.rules import address_of
from consumer.queues.sqs.admin import AwsCalls
from consumer.sqs_limits import MAX_QUEUE_NAME_LENGTH

#: A new queue is not known everywhere at once: for a moment, SQS answers one of these, or that
#: there is no such queue.
_NOT_YET: Final = frozenset({"InvalidAttributeValue", "InvalidParameterValue"})
_NOT_YET_SECONDS: Final = 15
_PAUSE_SECONDS: Final = 1.0

_ALLOW: Final = "RedriveAllowPolicy"


@dataclass(frozen=True, slots=True)
class QueueResult:
    """What was done to one queue; after a dry run, what would be done."""

    name: str
    #: "" if it does not exist: after a dry run.
    url: str
    action: Literal["created", "changed", "unchanged"]
    changes: tuple[Difference, ...]
    #: What is there already, differs from a new queue, and stays: sentences.
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetUp:
    """The queue, with its ARN, and its dead-letter queue."""

    arn: str
    queue: QueueResult
    dead_letter_queue: QueueResult
    #: Why Canvas may not be able to send.
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    url: str
    attributes: Mapping[str, str]


def queue_to_set_up(name: str, queue: QueueSettings, aws: AwsSettings) -> QueueSettings:
    """The settings with this queue instead of theirs. Raises: `ConfigurationError` for its name."""
    queue = queue.model_copy(update={"url": None, "name": name})
    try:
        address_of(queue, aws)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).removeprefix("queue.name: ")) from None
    longest = MAX_QUEUE_NAME_LENGTH - len(DEAD_LETTER_SUFFIX)
    if len(name) > longest:
        raise ConfigurationError(
            f"{name!r} is too long: use at most {longest} characters, because its dead-letter "
            f"queue has the same name and {DEAD_LETTER_SUFFIX!r}"
        )
    return queue


def visibility_seconds(queue: QueueSettings) -> int:
    """The configured visibility timeout, or one that is long enough for the other settings.

    A handler may run for longer: the heartbeat extends it.
    """
    if queue.visibility_timeout_seconds is not None:
        return queue.visibility_timeout_seconds
    least = max(queue.effective_read_timeout_seconds, queue.heartbeat_minimum_seconds)
    return max(DEFAULT_VISIBILITY_SECONDS, math.ceil(least))


class QueueSetup:
    """Sets up the queue that `calls` is for. Used once, in one thread."""

    def __init__(self, calls: AwsCalls, *, clock: Clock, dry_run: bool = False) -> None:
        self._calls = calls
        self._clock = clock
        self._dry_run = dry_run
        self._has_created = False

    def run(
        self, visibility_timeout_seconds: int, sender_actions: tuple[str, ...] = SENDER_ACTIONS
    ) -> SetUp:
        """Create what is missing, change what is not good enough, keep the rest.

        The dead-letter queue comes first, because the queue refers to it. If the queue has another
        dead-letter queue, that one is used.

        Raises: `TransportError`. What was done until then stays; the next run continues.
        """
        name = self._calls.name
        queue = self._find(name)
        dead_name = _dead_letter_name(queue) or name + DEAD_LETTER_SUFFIX
        dead = self._find(dead_name)
        made = self._ensure(dead_name, dead, KEEPS_ALL)
        arn = self._arn(queue, made.url)
        plan = Blueprint(arn, visibility_timeout_seconds, sender_actions)
        result = self._ensure(name, queue, plan.attributes())
        dead = dead or _Found(made.url, {})
        others = self._other_sources(dead, arn)
        allow = plan.dead_letter_attributes(*others)[_ALLOW]
        allowed = self._ensure(dead_name, dead, {_ALLOW: allow})
        if made.action == "unchanged":
            made = replace(made, action=allowed.action)
        made = replace(made, changes=made.changes + allowed.changes)
        found = queue.attributes if queue else {}
        return SetUp(arn, result, made, tuple(warnings(found, arn=arn)))

    def _find(self, name: str) -> _Found | None:
        try:
            url = self._calls.url_of(name)
            return _Found(url, self._calls.attributes(url))
        except QueueMissingError:
            return None

    def _ensure(self, name: str, found: _Found | None, desired: Mapping[str, str]) -> QueueResult:
        """Create the queue, or change those of its attributes that are not good enough."""
        if found is None:
            url = self._create(name, desired)
            changes = tuple(Difference(key, None, value) for key, value in desired.items())
            return QueueResult(name, url, "created", changes, ())
        changes = tuple(differences(found.attributes, desired))
        stays = tuple(kept(found.attributes, desired, {change.attribute for change in changes}))
        if not changes:
            return QueueResult(name, found.url, "unchanged", (), stays)
        if not self._dry_run:
            attributes = {change.attribute: change.desired for change in changes}
            self._ask("SetQueueAttributes", QueueUrl=found.url, Attributes=attributes)
        return QueueResult(name, found.url, "changed", changes, stays)

    def _create(self, name: str, attributes: Mapping[str, str]) -> str:
        if self._dry_run:
            return ""
        answer = self._ask("CreateQueue", QueueName=name, Attributes=dict(attributes))
        self._has_created = True
        return str(answer["QueueUrl"])

    def _arn(self, queue: _Found | None, dead_url: str) -> str:
        """The queue's ARN, also before it exists."""
        if queue is not None:
            return queue.attributes["QueueArn"]
        if dead_url:
            asked = self._ask("GetQueueAttributes", QueueUrl=dead_url, AttributeNames=["QueueArn"])
            return f"{asked['Attributes']['QueueArn'].rpartition(':')[0]}:{self._calls.name}"
        account = self._calls.ask("GetCallerIdentity", service="sts")["Account"]
        return queue_arn(self._calls.region, account, self._calls.name)

    def _other_sources(self, dead: _Found, arn: str) -> list[str]:
        """The ARNs of other queues that use the dead-letter queue, unless it lists its queues."""
        if not dead.attributes or "byQueue" in dead.attributes.get(_ALLOW, ""):
            return []
        found = self._ask("ListDeadLetterSourceQueues", QueueUrl=dead.url)["queueUrls"]
        here = arn.rpartition(":")[0]
        arns = (f"{here}:{queue_name_of_url(url)}" for url in found)
        return [each for each in arns if each != arn]

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """A call that may be about a queue that is not known everywhere yet."""
        deadline = self._clock.monotonic() + _NOT_YET_SECONDS
        while True:
            try:
                return self._calls.ask(operation, **arguments)
            except TransportError as error:
                is_early = isinstance(error, QueueMissingError) or error.code in _NOT_YET
                is_late = self._clock.monotonic() >= deadline
                if not (self._has_created and is_early) or is_late:
                    raise
            self._clock.wait(NEVER, _PAUSE_SECONDS)


def _dead_letter_name(queue: _Found | None) -> str:
    policy = parsed(queue.attributes.get("RedrivePolicy")) if queue else {}
    return str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]
