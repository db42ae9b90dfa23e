"""The permissions that handlers need which send events to AWS, from their options. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from consumer.config import HandlerSettings
from consumer.config.urls import queue_name_of_url
from consumer.queues.arns import arn_of_url, partition_of, queue_arn
from consumer.queues.permissions import Statement

#: Returns what is allowed, each with its resource.
_Needs = Callable[[Mapping[str, Any], str, str], Iterator[tuple[list[str], str]]]


def handler_permissions(handlers: Iterable[HandlerSettings], *, queue: str) -> Iterator[Statement]:
    """A statement for each resource of each handler. `config check` checks the options.

    Args:
        queue: the ARN of the queue that the events come from: its region and account are used
            where a handler names none.
    """
    region, account = queue.split(":")[3:5]
    for number, handler in enumerate(handlers, 1):
        needs, options = _NEEDS.get(handler.type), handler.options
        if needs is None:
            continue
        where = str(options.get("region") or region)
        for part, (actions, resource) in enumerate(needs(options, where, account)):
            yield f"Handler{number}{'Key' * part}", actions, resource


def _s3(options: Mapping[str, Any], region: str, _: str) -> Iterator[tuple[list[str], str]]:
    folder = f"{options.get('bucket')}/{str(options.get('prefix') or '').strip('/')}".rstrip("/")
    yield ["s3:PutObject"], f"arn:{partition_of(region)}:s3:::{folder}/*"
    if key := options.get("kms_key"):
        yield ["kms:GenerateDataKey"], str(key)


def _sqs(options: Mapping[str, Any], region: str, account: str) -> Iterator[tuple[list[str], str]]:
    url = str(options.get("queue_url"))
    name = queue_name_of_url(url)
    arn = arn_of_url(url, region=region) or queue_arn(region, account, name or "*")
    yield ["sqs:SendMessage"], arn


def _events(
    options: Mapping[str, Any], region: str, account: str
) -> Iterator[tuple[list[str], str]]:
    bus = str(options.get("bus") or "default")
    actions = ["events:PutEvents"] + ["events:DescribeEventBus"] * (bus != "default")
    arn = f"arn:{partition_of(region)}:events:{region}:{account}:event-bus/{bus}"
    yield actions, bus if bus.startswith("arn:") else arn


_NEEDS: Final[Mapping[str, _Needs]] = {"eventbridge": _events, "s3": _s3, "sqs": _sqs}
