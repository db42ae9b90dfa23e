"""ARNs of queues. Pure."""

import re
from typing import Final

from consumer.config.urls import queue_name_of_url, region_of_url, split_url

#: What the regions begin with of each partition but the usual one.
_PARTITIONS: Final = {
    "cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc", "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b", "eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f",
}  # fmt: skip


def queue_arn(region: str, account: str, name: str) -> str:
    """The ARN of a queue."""
    return f"arn:{partition_of(region)}:sqs:{region}:{account}:{name}"


def partition_of(region: str) -> str:
    """The part of AWS that a region belongs to, with which ARNs begin."""
    named = (partition for start, partition in _PARTITIONS.items() if region.startswith(start))
    return next(named, "aws")


def arn_of_url(url: str, *, region: str) -> str | None:
    """The ARN of the queue with this URL; None if the URL does not name an account.

    `region` is for a host that does not name it, such as an emulator's.
    """
    parts = split_url(url)
    account = re.fullmatch(r"/(?:queue/)?(\d{12})/[^/]+/?", parts.path) if parts else None
    name = queue_name_of_url(url)
    return queue_arn(region_of_url(url) or region, account[1], name) if account and name else None
