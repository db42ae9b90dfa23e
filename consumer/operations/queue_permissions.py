"""Which permissions the configured daemon needs, and ARNs of queues that AWS was not asked for."""

import re
from collections.abc import Sequence
from typing import Final

from consumer.config import Settings
from consumer.operations.handler_permissions import handler_permissions
from consumer.queues.arns import arn_of_url, queue_arn
from consumer.queues.blueprint import DEAD_LETTER_SUFFIX
from consumer.queues.permissions import Permissions
from consumer.queues.rules import address_of

#: Stand for what is not known, as in the README.
_ACCOUNT: Final = "123456789012"
_REGION: Final = "us-east-1"


def likely_arn(name: str, *, region: str | None, account: str | None) -> tuple[str, list[str]]:
    """The ARN of a queue, and a sentence for each part of it that has to be replaced."""
    notes = []
    if region is None:
        notes.append(f"the region is not known: replace {_REGION}, or use --region")
    if account is None:
        notes.append(f"your account is not known: replace {_ACCOUNT}, or use --account")
    return queue_arn(region or _REGION, account or _ACCOUNT, name), notes


def permissions_of(
    settings: Settings, *, account: str | None, dead_letter_queue: str | None, redrive: bool,
    kms_keys: Sequence[str],
) -> tuple[Permissions, list[str]]:  # fmt: skip
    """What the daemon needs with these settings, and what people have to know about it.

    Raises: `ConfigurationError` if the queue can't be used.
    """
    address, role = address_of(settings.queue, settings.aws), settings.aws.role_arn
    region, notes = address.region, list[str]()
    quarantine = settings.quarantine.queue_url
    arn = arn_of_url(address.url, region=region or _REGION) if address.url else None
    if arn is None:
        found = re.match(r"arn:[a-z-]+:iam::(\d{12}):", role or "")
        account = account or (found[1] if found else None)
        arn, notes = likely_arn(address.name, region=region, account=account)
    if role:
        notes.append(
            "attach the policy to the role; the identity that assumes it needs only AssumeRole"
        )
    permissions = Permissions(
        arn,
        by_name=settings.queue.url is None,
        quarantine_arn=arn_of_url(quarantine, region=region or _REGION) if quarantine else None,
        dead_letter_arn=f"{arn.rpartition(':')[0]}:{dead_letter_queue}"
        if dead_letter_queue
        else arn + DEAD_LETTER_SUFFIX,
        redrive=redrive,
        kms_key_arns=kms_keys,
        handlers=tuple(handler_permissions(settings.handlers, queue=arn)),
        role_arn=role,
    )
    return permissions, notes
