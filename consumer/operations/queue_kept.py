"""What a queue has that a new one would not have, and that stays as it is: for people. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from consumer.queues.access import INSTRUCTURE_ACCOUNT, access_of
from consumer.queues.blueprint import other_statements, parsed


def kept(actual: Mapping[str, str], desired: Mapping[str, str], changed: set[str]) -> Iterator[str]:
    """A sentence for each thing; `changed` are the attributes that do not stay."""
    for name, wanted in desired.items():
        present = actual.get(name, "")
        if wanted.isdecimal() and name not in changed and present != wanted:
            yield f"{name} stays {present}: {wanted} is enough"
    if "RedrivePolicy" in desired and (redrive := parsed(actual.get("RedrivePolicy"))):
        yield from _kept_redrive(redrive, parsed(desired["RedrivePolicy"]))
    if "SqsManagedSseEnabled" in desired and (key := actual.get("KmsMasterKeyId")):
        yield f"the KMS key stays {key}"
    if "Policy" in desired:
        for statement in _others(actual.get("Policy"), desired["Policy"]):
            yield f"the policy's {statement} stays"


def _kept_redrive(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    target = str(present.get("deadLetterTargetArn", ""))
    if target and target != wanted["deadLetterTargetArn"]:
        yield f"the dead-letter queue stays {target.rpartition(':')[2]}"
    count, enough = str(present.get("maxReceiveCount", "")), wanted["maxReceiveCount"]
    if count.isdecimal() and int(count) > enough:
        yield f"maxReceiveCount stays {count}: {enough} is enough"


def _others(actual: str | None, wanted: str) -> list[str]:
    try:
        found = other_statements(actual, wanted)
    except ValueError:
        return []
    sids = [each.get("Sid") for each in found]
    return [f"statement {sid!r}" if sid else "statement without a Sid" for sid in sids]


def warnings(actual: Mapping[str, str], *, arn: str) -> Iterator[str]:
    """Why Canvas may not be able to send to a queue that has these attributes."""
    access = access_of(actual.get("Policy"), arn=arn)
    if access.verdict in ("denied", "cannot tell"):
        can = "can't send" if access.verdict == "denied" else "may not be able to send"
        yield f"Canvas {can}: {access.reason} in the queue's policy, which stays as it is"
    key = actual.get("KmsMasterKeyId", "")
    if key.endswith("alias/aws/sqs"):
        yield (
            "Canvas can't send: other accounts can't use the key alias/aws/sqs; use SSE-SQS, or a "
            "customer managed key"
        )
    elif key:
        yield (
            f"Canvas can send only if the policy of the KMS key allows account "
            f"{INSTRUCTURE_ACCOUNT} kms:GenerateDataKey and kms:Decrypt"
        )
