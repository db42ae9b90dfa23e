"""What a queue for Live Events should be like, as SQS's attributes and policies. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from consumer.queues.access import (
    INSTRUCTURE_ACCOUNT,
    Statement,
    access_of,
    as_list,
    is_account,
    is_action,
    statements_of,
)
from consumer.sqs_limits import MAX_MESSAGE_BYTES, MAX_RETENTION_SECONDS, MAX_WAIT_SECONDS

#: What Instructure's account may do with the queue.
SENDER_ACTIONS: Final = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
#: What Instructure's own guide asks for.
ALL_ACTIONS: Final = ("sqs:*",)
MAX_RECEIVE_COUNT: Final = 5
DEFAULT_VISIBILITY_SECONDS: Final = 60
DEAD_LETTER_SUFFIX: Final = "-dlq"

_SID: Final = "CanvasSends"
_SSE: Final = "SqsManagedSseEnabled"
_KMS: Final = "KmsMasterKeyId"
_ALLOW: Final = "RedriveAllowPolicy"
#: Of both queues. Canvas sends up to 1,000,000 bytes: older queues accept a quarter of that.
KEEPS_ALL: Final = {
    "MessageRetentionPeriod": str(MAX_RETENTION_SECONDS),
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    _SSE: "true",
}


class Difference(NamedTuple):
    """An attribute to change; `desired` keeps what an operator added to `actual`."""

    attribute: str
    #: None: not set.
    actual: str | None
    desired: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The queue with this ARN, and its dead-letter queue."""

    arn: str
    visibility_timeout_seconds: int = DEFAULT_VISIBILITY_SECONDS
    sender_actions: tuple[str, ...] = SENDER_ACTIONS

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.arn.rpartition(":")[2]

    @property
    def dead_letter_name(self) -> str:
        """The name of the dead-letter queue."""
        return self.name + DEAD_LETTER_SUFFIX

    @property
    def dead_letter_arn(self) -> str:
        """The ARN of the dead-letter queue. SQS wants it in the same account and region."""
        return f"{self.arn.rpartition(':')[0]}:{self.dead_letter_name}"

    def attributes(self) -> dict[str, str]:
        """The queue's attributes."""
        return {
            **KEEPS_ALL,
            "ReceiveMessageWaitTimeSeconds": str(MAX_WAIT_SECONDS),
            "VisibilityTimeout": str(self.visibility_timeout_seconds),
            "RedrivePolicy": json.dumps(redrive_policy(self.dead_letter_arn)),
            "Policy": json.dumps(access_policy(self.arn, self.sender_actions)),
        }

    def dead_letter_attributes(self, *other_sources: str) -> dict[str, str]:
        """The dead-letter queue's attributes; it may have other source queues, with these ARNs."""
        return {**KEEPS_ALL, _ALLOW: json.dumps(redrive_allow_policy(self.arn, *other_sources))}


def access_policy(arn: str, actions: tuple[str, ...] = SENDER_ACTIONS) -> dict[str, Any]:
    """The queue's policy: Instructure's account may send, and look at the queue."""
    partition = arn.partition(":sqs:")[0]  # "arn:aws"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": _SID,
                "Effect": "Allow",
                "Principal": {"AWS": f"{partition}:iam::{INSTRUCTURE_ACCOUNT}:root"},
                "Action": list(actions),
                "Resource": arn,
            }
        ],
    }


def redrive_policy(dead_letter_arn: str) -> dict[str, Any]:
    """Where a message goes that was received so often without being deleted."""
    return {"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": MAX_RECEIVE_COUNT}


def redrive_allow_policy(*arns: str) -> dict[str, Any]:
    """Which queues may use the dead-letter queue."""
    return {"redrivePermission": "byQueue", "sourceQueueArns": list(arns)}


def differences(actual: Mapping[str, str], desired: Mapping[str, str]) -> list[Difference]:
    """What must change so that a queue with the `actual` attributes is as good as `desired`.

    A higher number is as good, also of maxReceiveCount; so is a KMS key. JSON is compared by its
    meaning. What an operator added stays: other statements, another dead-letter queue.
    """
    found = []
    for name, wanted in desired.items():
        present = actual.get(name)
        value = _JSON[name](actual, wanted) if name in _JSON else _at_least(present, wanted)
        if name == _SSE and actual.get(_KMS):
            continue
        if value is not None:
            found.append(Difference(name, present, value))
    return found


def _at_least(present: str | None, wanted: str) -> str | None:
    if wanted.isdecimal() and present and present.isdecimal():
        return None if int(present) >= int(wanted) else wanted
    return None if present == wanted else wanted


def _redrive(actual: Mapping[str, str], wanted: str) -> str | None:
    present, policy = parsed(actual.get("RedrivePolicy")), json.loads(wanted)
    if not present.get("deadLetterTargetArn"):
        return wanted
    count = str(present.get("maxReceiveCount", ""))
    if count.isdecimal() and int(count) >= policy["maxReceiveCount"]:
        return None
    return json.dumps({**policy, **present, "maxReceiveCount": policy["maxReceiveCount"]})


def _redrive_allow(actual: Mapping[str, str], wanted: str) -> str | None:
    present, policy = parsed(actual.get(_ALLOW)), json.loads(wanted)
    if present.get("redrivePermission") != "byQueue":
        return wanted
    sources = as_list(present.get("sourceQueueArns", []))
    missing = [arn for arn in policy["sourceQueueArns"] if arn not in sources]
    return json.dumps({**present, "sourceQueueArns": sources + missing}) if missing else None


def _access(actual: Mapping[str, str], wanted: str) -> str | None:
    """The policy with what is missing; None also if a statement denies it, or may."""
    present, (statement,) = actual.get("Policy"), statements_of(wanted)
    arn, actions = statement["Resource"], statement["Action"]
    verdicts = {access_of(present, arn=arn, action=action).verdict for action in actions}
    if verdicts == {"allowed"} or verdicts & {"denied", "cannot tell"}:
        return None
    others = other_statements(present, wanted)
    if any(each.get("Sid") == _SID for each in others):
        statement = {name: value for name, value in statement.items() if name != "Sid"}
    return json.dumps({**json.loads(wanted), **parsed(present), "Statement": [*others, statement]})


def other_statements(actual: str | None, wanted: str) -> list[Statement]:
    """The statements of a policy that say something else than `wanted` does.

    Raises: `ValueError` if the text is not a policy.
    """
    (statement,) = statements_of(wanted)
    return [each for each in statements_of(actual) if not _is_part(each, statement)]


def _is_part(statement: Statement, whole: Statement) -> bool:
    """True if it allows Instructure what `whole` allows, too, and nothing else."""
    alike = {**whole, "Principal": statement.get("Principal"), "Action": statement.get("Action")}
    principal = statement.get("Principal")
    named = as_list(principal.get("AWS")) if isinstance(principal, dict) else []
    actions = map(str, as_list(statement.get("Action")))
    return (
        {**statement, "Sid": _SID} == alike
        and len(principal or ()) == 1
        and all(is_account(str(name), INSTRUCTURE_ACCOUNT) for name in named)
        and all(any(is_action(action, other) for other in whole["Action"]) for action in actions)
    )


def parsed(text: str | None) -> dict[str, Any]:
    """An attribute that is a JSON object; an empty one if it is not set or not readable."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_JSON: Final = {"RedrivePolicy": _redrive, _ALLOW: _redrive_allow, "Policy": _access}
