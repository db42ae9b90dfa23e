"""The least IAM policy for the daemon and for what operators do with its queues. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

_RECEIVE: Final = (
    "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes",
)  # fmt: skip


#: An id, the actions, and what they are allowed on.
Statement = tuple[str, list[str], str | list[str]]


@dataclass(frozen=True, slots=True)
class Permissions:
    """What must be allowed; `document` is the policy."""

    queue_arn: str
    #: The queue is configured by name.
    by_name: bool = False
    quarantine_arn: str | None = None
    dead_letter_arn: str | None = None
    #: Also to replay and to move messages of the dead-letter queue.
    redrive: bool = False
    #: To send events, as the webhook does: also, or nothing else.
    sending: Literal["no", "also", "only"] = "no"
    kms_key_arns: Sequence[str] = ()
    #: What handlers need that send events to AWS.
    handlers: Sequence[Statement] = ()
    #: The role that the daemon assumes.
    role_arn: str | None = None

    def document(self) -> dict[str, Any]:
        """An identity-based policy, for `aws iam create-policy`."""
        return {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
                for sid, actions, resource in self._statements()
            ],
        }

    def _statements(self) -> Iterator[Statement]:
        sends, only = self.redrive or self.sending != "no", self.sending == "only"
        queue = [] if only else [*_RECEIVE]
        queue += ["GetQueueUrl"] * self.by_name + ["SendMessage"] * sends
        yield "Send" if only else "Consume", _sqs(queue), self.queue_arn
        if self.quarantine_arn:
            yield "Quarantine", _sqs(["SendMessage"]), self.quarantine_arn
        if self.dead_letter_arn:
            yield "DeadLetters", _sqs(self._dead_letter_actions()), self.dead_letter_arn
        if self.kms_key_arns:
            forwards = any("sqs:SendMessage" in actions for _, actions, _ in self.handlers)
            encrypts = sends or self.quarantine_arn or forwards
            actions = ["kms:Decrypt", "kms:GenerateDataKey"] if encrypts else ["kms:Decrypt"]
            yield "Key", actions, list(self.kms_key_arns)
        yield from self.handlers
        if self.role_arn:
            yield "AssumeRole", ["sts:AssumeRole"], self.role_arn

    def _dead_letter_actions(self) -> list[str]:
        if not self.redrive:
            return ["GetQueueAttributes"]
        return [
            *("GetQueueAttributes", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"),
            *("StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"),
        ]


def _sqs(operations: Sequence[str]) -> list[str]:
    return [f"sqs:{operation}" for operation in operations]
