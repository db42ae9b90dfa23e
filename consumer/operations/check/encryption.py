"""Encryption: a queue with a KMS key that Instructure may not use gets no events."""

import json
import shlex
from collections.abc import Iterator
from typing import Any, Final

from consumer.errors import TransportError
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Site
from consumer.queues.access import INSTRUCTURE_ACCOUNT, access_of
from consumer.queues.blueprint import parsed

_NAME: Final = "encryption"
_NEEDED: Final = ("kms:GenerateDataKey", "kms:Decrypt")


def encryption(site: Site) -> Iterator[Result]:
    """Without KMS every sender can send; a key of AWS's own is never open to another account."""
    key = site.attributes.get("KmsMasterKeyId")
    if not key:
        by_sqs = site.attributes.get("SqsManagedSseEnabled") == "true"
        yield Result(_NAME, GREEN, "SSE-SQS" if by_sqs else "none at rest; TLS on the way")
        return
    off = site.set_attributes(site.url, KmsMasterKeyId="", SqsManagedSseEnabled="true")
    try:
        found = {"KeyManager": "AWS"} if _is_aws(key) else _key(site, key)
    except TransportError as error:
        if error.code == "NotFoundException":
            finding = f"KMS key {key} does not exist: nothing can be sent or read"
            yield Result(_NAME, RED, finding, off)
        else:
            yield _unknown(site, f"KMS key {key}: cannot tell who may use it: {error}")
        return
    state = found.get("KeyState", "Enabled")
    if found["KeyManager"] == "AWS":
        finding = f"with {key}, a key that only its own account may use: Canvas can't send"
        yield Result(_NAME, RED, finding, off)
    elif state != "Enabled":
        finding = f"KMS key {key} can't be used ({state}): nothing can be sent or read"
        steps = ["cancel-key-deletion"] if state == "PendingDeletion" else []
        commands = (f"aws kms {step} --key-id {found['KeyId']}" for step in (*steps, "enable-key"))
        yield Result(_NAME, RED, finding, " && ".join(map(site.command, commands)))
    else:
        yield from _of_key(site, key, found["Arn"])


def _of_key(site: Site, key: str, arn: str) -> Iterator[Result]:
    try:
        found = site.calls.ask("GetKeyPolicy", service="kms", KeyId=arn, PolicyName="default")
    except TransportError as error:
        yield _unknown(site, f"KMS key {key}: its key policy can't be read: {error}")
        return
    policy = str(found["Policy"])
    verdicts = {access_of(policy, arn=arn, action=action).verdict for action in _NEEDED}
    if "denied" in verdicts:
        remedy = "remove that statement from the key policy, or except Instructure in it"
        yield Result(_NAME, RED, f"KMS key {key}: a statement denies it to Instructure", remedy)
    elif "not allowed" in verdicts:
        finding = f"KMS key {key}: Instructure may not use it, so Canvas can't send"
        yield Result(_NAME, RED, finding, _allow(site, arn, policy))
    elif verdicts == {"allowed"}:
        yield Result(_NAME, GREEN, f"KMS key {key}; Instructure may use it")
    else:
        yield _unknown(site, f"KMS key {key}: it depends on a condition of its key policy")


def _unknown(site: Site, finding: str) -> Result:
    statement = json.dumps(_statement(site.arn.split(":")[1]))
    return Result(_NAME, YELLOW, finding, f"the key policy must have this statement: {statement}")


def _allow(site: Site, arn: str, policy: str) -> str:
    document = parsed(policy)
    statements = document.get("Statement", [])
    kept = statements if isinstance(statements, list) else [statements]
    whole = {**document, "Statement": [*kept, _statement(arn.split(":")[1])]}
    return site.command(
        f"aws kms put-key-policy --key-id {arn.rpartition('/')[2]} --policy-name default "
        f"--policy {shlex.quote(json.dumps(whole))}"
    )


def _statement(partition: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{INSTRUCTURE_ACCOUNT}:root"},
        "Action": list(_NEEDED),
        "Resource": "*",
    }


def _is_aws(key: str) -> bool:
    return key.rpartition("alias/")[2].startswith("aws/") and "alias/" in key


def _key(site: Site, key: str) -> dict[str, Any]:
    answer: dict[str, Any] = site.calls.ask("DescribeKey", service="kms", KeyId=key)
    return dict(answer["KeyMetadata"])
