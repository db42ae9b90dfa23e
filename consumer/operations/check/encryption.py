"""Encryption: a queue with a KMS key that Instructure may not use gets no events."""

import json
import shlex
from collections.abc import Iterator
from typing import Any, Final

from consumer.errors import TransportError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Site, as_json
from consumer.queues.access import INSTRUCTURE_ACCOUNT, access_of

_NAME: Final = "encryption"
_NEEDED: Final = ("kms:GenerateDataKey", "kms:Decrypt")


def encryption(site: Site) -> Iterator[Result]:
    """Without KMS every sender can send; a key of AWS's own is never open to another account."""
    key = site.attributes.get("KmsMasterKeyId")
    if not key:
        by_sqs = site.attributes.get("SqsManagedSseEnabled") == "true"
        yield Result(_NAME, GREEN, "SSE-SQS" if by_sqs else "none at rest; TLS on the way")
        return
    try:
        found = {} if _is_aws(key) else _ask(site, "DescribeKey", key)["KeyMetadata"]
    except TransportError as error:
        yield _unknown(site, f"KMS key {key}: cannot tell whether Instructure may use it: {error}")
        return
    if _is_aws(key) or found.get("KeyManager") == "AWS":
        finding = f"with {key}, a key that only its own account may use: Canvas can't send"
        off = site.set_attributes(site.url, KmsMasterKeyId="", SqsManagedSseEnabled="true")
        yield Result(_NAME, RED, finding, off)
    elif found.get("KeyState") not in (None, "Enabled"):
        finding = f"KMS key {key} is not usable ({found['KeyState']}): nothing can be sent or read"
        enable = site.command(f"aws kms enable-key --key-id {found['KeyId']}")
        yield Result(_NAME, RED, finding, enable)
    else:
        yield from _of_key(site, key, found["Arn"])


def _of_key(site: Site, key: str, arn: str) -> Iterator[Result]:
    try:
        policy = _ask(site, "GetKeyPolicy", arn, PolicyName="default")["Policy"]
    except TransportError as error:
        yield _unknown(site, f"KMS key {key}: its key policy can't be read: {error}")
        return
    verdicts = {a: access_of(policy, arn=arn, action=a).verdict for a in _NEEDED}
    missing = [action for action, verdict in verdicts.items() if verdict == "not allowed"]
    if missing:
        finding = (
            f"KMS key {key}: Instructure may not use {' and '.join(missing)}: Canvas can't send"
        )
        yield Result(_NAME, RED, finding, _allow(site, arn, policy))
    elif set(verdicts.values()) == {"allowed"}:
        yield Result(_NAME, GREEN, f"KMS key {key}; Instructure may use it")
    else:
        yield _unknown(site, f"KMS key {key}: its key policy denies some of it, or has conditions")


def _unknown(site: Site, finding: str) -> Result:
    account = site.arn.split(":")[1]
    statement = json.dumps(_statement(account))
    return Result(_NAME, YELLOW, finding, f"the key policy must have this statement: {statement}")


def _allow(site: Site, arn: str, policy: str) -> str:
    document = as_json(policy)
    statements = document.get("Statement", [])
    kept = statements if isinstance(statements, list) else [statements]
    whole = {**document, "Statement": [*kept, _statement(arn.split(":")[1])]}
    return site.command(
        f"aws kms put-key-policy --key-id {arn.rpartition('/')[2]} --policy-name default "
        f"--policy {shlex.quote(json.dumps(whole))}"
    )


def _statement(partition: str) -> dict[str, Any]:
    return {
        "Sid": "CanvasSends",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{INSTRUCTURE_ACCOUNT}:root"},
        "Action": list(_NEEDED),
        "Resource": "*",
    }


def _is_aws(key: str) -> bool:
    return key.rpartition("alias/")[2].startswith("aws/") and "alias/" in key


def _ask(site: Site, operation: str, key: str, **more: str) -> dict[str, Any]:
    return site.calls.ask(operation, service="kms", KeyId=key, **more)
