"""The redrive policy and the dead-letter queue: where messages go that can't be handled."""

from collections.abc import Iterator
from typing import Final

from consumer.errors import QueueMissingError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Site
from consumer.queues.access import as_list
from consumer.queues.blueprint import MAX_RECEIVE_COUNT, parsed
from consumer.queues.sqs.failures import ActionDeniedError
from consumer.queues.sqs.preflight import LEAST_RECEIVE_COUNT, attributes_of
from consumer.sqs_limits import MAX_RETENTION_SECONDS

_NAME: Final = "dead-letter queue"


def redrive(site: Site) -> Iterator[Result]:
    """Messages that fail again and again leave the queue, but not too soon."""
    count = site.parsed.max_receive_count
    if not site.dead_letter_arn or count is None:
        finding = "none: a message that can't be handled is delivered again until it is too old"
        is_set = site.settings.quarantine.is_set  # which takes what can never be handled
        yield Result("redrive policy", YELLOW if is_set else RED, finding, site.repair())
        return
    finding = f"to {site.parsed.dead_letter_queue} after {count} deliveries (maxReceiveCount)"
    if count >= MAX_RECEIVE_COUNT:
        yield Result("redrive policy", GREEN, finding)
        return
    level = RED if count < LEAST_RECEIVE_COUNT else YELLOW
    finding = f"{finding}: restarts and short failures use up deliveries, too"
    yield Result("redrive policy", level, finding, site.repair())


def dead_letters(site: Site) -> Iterator[Result]:
    """The dead-letter queue: it is there, accepts and keeps messages; and how many it holds."""
    name = site.dead_letter_arn.rpartition(":")[2]
    if not name:
        return
    url = f"{site.url.rpartition('/')[0]}/{name}"  # SQS wants it in the same account and region
    try:
        found = site.calls.attributes(url)
    except QueueMissingError:
        pairs = f'{{"MessageRetentionPeriod": "{MAX_RETENTION_SECONDS}"}}'
        remedy = f"aws sqs create-queue --queue-name {name} --attributes '{pairs}'"
        finding = f"{name} does not exist; failed messages stay in the queue"
        yield Result(_NAME, RED, finding, site.command(remedy))
        return
    except ActionDeniedError as error:
        yield Result(_NAME, GREEN, f"{name}; its settings and depth are not known: {error}")
        return
    if not _accepts(found.get("RedriveAllowPolicy"), site.arn):
        finding = f"{name} does not accept messages of this queue (RedriveAllowPolicy)"
        remedy = site.set_attributes(url, RedriveAllowPolicy='{"redrivePermission": "allowAll"}')
        yield Result(_NAME, RED, finding, remedy)
    numbers = attributes_of(found)
    kept, here = numbers.retention_seconds, site.parsed.retention_seconds
    if kept is not None and here is not None and kept < here:
        finding = (
            f"{name} keeps messages for a shorter time than the queue; their age counts from when "
            "they were sent, so they are deleted soon after, or at once"
        )
        remedy = site.set_attributes(url, MessageRetentionPeriod=str(MAX_RETENTION_SECONDS))
        yield Result(_NAME, RED, finding, remedy)
    if count := numbers.visible_messages:
        finding = f"{name} holds {count} messages that could not be handled"
        yield Result(_NAME, YELLOW, finding, site.consume("dlq list"))
    else:
        yield Result(_NAME, GREEN, f"{name} is empty")


def _accepts(policy: str | None, arn: str) -> bool:
    """Without a policy, a dead-letter queue accepts every queue of its account."""
    found = parsed(policy)
    permission = found.get("redrivePermission", "allowAll")
    sources = as_list(found.get("sourceQueueArns", []))
    return permission == "allowAll" or (permission == "byQueue" and arn in sources)
