"""The queue and its dead-letter queue as a CloudFormation template. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final, Self

import yaml

from consumer.queues.blueprint import Blueprint

#: The stack's own partition, region and account.
_PREFIX: Final = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
_KEEP: Final = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
_COMMENT: Final = """\
# aws cloudformation deploy --stack-name {name} --template-file FILE
# The queues stay, with their messages, when the stack is deleted.
"""


class _Tagged(str):
    """A text with a tag of CloudFormation's YAML."""

    __slots__ = ("tag",)
    tag: str

    def __new__(cls, tag: str, text: str) -> Self:
        made = super().__new__(cls, text)
        made.tag = tag
        return made


class _Dumper(yaml.SafeDumper):
    """Knows these tags. The class is ours, since `add_representer` changes it."""


_Dumper.add_representer(_Tagged, lambda dumper, text: dumper.represent_scalar(text.tag, str(text)))


def cloudformation(
    name: str, visibility_timeout_seconds: int, sender_actions: tuple[str, ...]
) -> str:
    """The template, as YAML."""
    plan = Blueprint(_PREFIX + name, visibility_timeout_seconds, sender_actions)
    attributes = plan.attributes()
    policy = json.loads(attributes.pop("Policy"))
    known = {plan.arn: "Queue.Arn", plan.dead_letter_arn: "DeadLetterQueue.Arn"}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The queue for Canvas Live Events, and its dead-letter queue",
        "Resources": {
            # By its name: the queue refers to this one.
            "DeadLetterQueue": _queue(plan.dead_letter_name, plan.dead_letter_attributes(), {}),
            "Queue": _queue(name, attributes, known),
            "QueuePolicy": {
                "Type": "AWS::SQS::QueuePolicy",
                **_KEEP,
                "Properties": {
                    "Queues": [_Tagged("!Ref", "Queue")],
                    "PolicyDocument": _with_tags(policy, known),
                },
            },
        },
        "Outputs": {
            "QueueUrl": {"Value": _Tagged("!Ref", "Queue")},
            "QueueArn": {"Value": _Tagged("!GetAtt", "Queue.Arn")},
        },
    }
    return _COMMENT.format(name=name) + yaml.dump(template, Dumper=_Dumper, sort_keys=False)


def _queue(name: str, attributes: Mapping[str, str], known: Mapping[str, str]) -> dict[str, Any]:
    values = {key: _with_tags(json.loads(text), known) for key, text in attributes.items()}
    return {"Type": "AWS::SQS::Queue", **_KEEP, "Properties": {"QueueName": name, **values}}


def _with_tags(value: Any, known: Mapping[str, str]) -> Any:
    """The value with !GetAtt for known ARNs, and !Sub for other texts with parameters."""
    match value:
        case dict():
            return {key: _with_tags(item, known) for key, item in value.items()}
        case list():
            return [_with_tags(item, known) for item in value]
        case str() if value in known:
            return _Tagged("!GetAtt", known[value])
        case str() if "${" in value:
            return _Tagged("!Sub", value)
    return value
