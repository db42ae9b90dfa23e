"""The CloudFormation template makes what `consume queue create` makes."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import yaml
from cfnlint.api import lint_all

from consumer.operations.queue_template import cloudformation
from consumer.queues.blueprint import ALL_ACTIONS, SENDER_ACTIONS, Blueprint, access_policy
from tests.moto_queues import Moto

HERE = "arn:aws:sqs:us-east-1:123456789012"


def resources(text: str, **known: str) -> Any:
    """The template's resources, with values instead of tags."""

    class Loader(yaml.SafeLoader):
        pass

    parameters = {"Partition": "aws", "Region": "us-east-1", "AccountId": "123456789012"}

    def substituted(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
        found = str(loader.construct_scalar(node))
        for name, value in parameters.items():
            found = found.replace(f"${{AWS::{name}}}", value)
        return found

    Loader.add_constructor("!Sub", substituted)
    for tag in ("!Ref", "!GetAtt"):
        Loader.add_constructor(tag, lambda _, node: known[str(node.value)])
    return yaml.load(text, Loader)["Resources"]


def faults(text: str) -> list[str]:
    """What cfn-lint reports, without its hints."""
    return [match.rule.id for match in lint_all(text) if not match.rule.id.startswith("I")]


def test_cfn_lint_finds_no_fault() -> None:
    """Neither an error nor a warning; but with a wrong property it does."""
    for actions in (SENDER_ACTIONS, ALL_ACTIONS):
        text = cloudformation("canvas-live-events-prod", 60, actions)
        assert faults(text) == []
        assert faults(text.replace("QueueName", "Name")) != []


def test_it_says_what_the_blueprint_says() -> None:
    """All attributes of both queues, and the policy; the queues survive their stack."""
    plan = Blueprint(f"{HERE}:canvas-live-events-prod", 90)
    known = {"Queue": "the URL", "Queue.Arn": plan.arn, "DeadLetterQueue.Arn": plan.dead_letter_arn}

    found = resources(cloudformation(plan.name, 90, SENDER_ACTIONS), **known)

    wanted = {name: json.loads(text) for name, text in plan.attributes().items()}
    policy = wanted.pop("Policy")
    assert found["Queue"]["Properties"] == {"QueueName": plan.name, **wanted}
    dead = {name: json.loads(text) for name, text in plan.dead_letter_attributes().items()}
    named = {"QueueName": plan.dead_letter_name, **dead}
    assert found["DeadLetterQueue"]["Properties"] == named
    expected = {"Queues": ["the URL"], "PolicyDocument": policy}
    assert found["QueuePolicy"]["Properties"] == expected
    assert policy == access_policy(plan.arn)
    for resource in found.values():
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")
def test_the_stack_has_the_same_queues(moto: Moto) -> None:
    """CloudFormation makes them in the right order, and its outputs are the queue's URL and ARN."""
    name = moto.queue().name + "-stack"
    cloud, sqs = (
        boto3.client(
            service, endpoint_url=moto.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        for service in ("cloudformation", "sqs")
    )  # fmt: skip

    cloud.create_stack(StackName=name, TemplateBody=cloudformation(name, 90, SENDER_ACTIONS))

    (stack,) = cloud.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    plan = Blueprint(f"{HERE}:{name}", 90)
    asked = {"QueueUrl": outputs["QueueUrl"], "AttributeNames": ["All"]}
    found = sqs.get_queue_attributes(**asked)["Attributes"]
    wanted = plan.attributes()
    del wanted["Policy"]  # moto knows no AWS::SQS::QueuePolicy
    assert wanted.items() <= found.items()
    assert outputs["QueueArn"] == plan.arn
    cloud.close()
    sqs.close()
