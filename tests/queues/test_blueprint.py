"""What a queue should be like, and what has to change so that it is."""

from __future__ import annotations

import json
from typing import Any

from consumer.queues.arns import arn_of_url, queue_arn
from consumer.queues.blueprint import ALL_ACTIONS, Blueprint, access_policy, differences
from tests.cases import for_each

ARN = "arn:aws:sqs:us-east-1:123456789012:canvas-live-events-prod"
PLAN = Blueprint(ARN)
WANTED = PLAN.attributes()
(OURS,) = access_policy(ARN)["Statement"]
OTHER = {
    "Effect": "Allow",
    "Principal": {"AWS": "111111111111"},
    "Action": "sqs:*",
    "Resource": ARN,
}


def changed(**attributes: str) -> dict[str, str]:
    """What changes in a queue that is as wanted, except for these attributes."""
    found = differences({**WANTED, **attributes}, WANTED)
    return {difference.attribute: difference.desired for difference in found}


def policy(*statements: dict[str, Any], **more: str) -> str:
    return json.dumps({"Version": "2012-10-17", **more, "Statement": list(statements)})


def test_the_queue() -> None:
    """It keeps everything for as long as SQS can, and takes what Canvas can send."""
    assert {
        "MessageRetentionPeriod": "1209600",
        "MaximumMessageSize": "1048576",
        "ReceiveMessageWaitTimeSeconds": "20",
        "VisibilityTimeout": "60",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}-dlq", "maxReceiveCount": 5}),
        "Policy": json.dumps(access_policy(ARN)),
    } == WANTED
    assert Blueprint(ARN, 90).attributes()["VisibilityTimeout"] == "90"


def test_the_dead_letter_queue() -> None:
    """It keeps what it gets for as long; only this queue may use it, and those that did before."""
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [ARN, "other"]}
    assert PLAN.dead_letter_attributes("other") == {
        "MessageRetentionPeriod": "1209600",
        "MaximumMessageSize": "1048576",
        "SqsManagedSseEnabled": "true",
        "RedriveAllowPolicy": json.dumps(allow),
    }
    assert PLAN.dead_letter_name == "canvas-live-events-prod-dlq"


def test_nothing_differs_in_what_was_made() -> None:
    """And all of it in a queue that has nothing."""
    assert differences(WANTED, WANTED) == []
    dead = PLAN.dead_letter_attributes()
    assert differences(dead, dead) == []
    assert [(name, None, text) for name, text in WANTED.items()] == differences({}, WANTED)


@for_each(
    "attributes, names",
    [
        ({"VisibilityTimeout": "30"}, {"VisibilityTimeout"}),
        ({"VisibilityTimeout": "300"}, set()),
        ({"MessageRetentionPeriod": "345600"}, {"MessageRetentionPeriod"}),
        ({"MaximumMessageSize": "262144"}, {"MaximumMessageSize"}),
        ({"ReceiveMessageWaitTimeSeconds": "0"}, {"ReceiveMessageWaitTimeSeconds"}),
        ({"ReceiveMessageWaitTimeSeconds": "nonsense"}, {"ReceiveMessageWaitTimeSeconds"}),
        ({"SqsManagedSseEnabled": "false"}, {"SqsManagedSseEnabled"}),
        ({"SqsManagedSseEnabled": "false", "KmsMasterKeyId": "alias/events"}, set()),
    ],
)
def test_a_single_value(attributes: dict[str, str], names: set[str]) -> None:
    """Only a worse one is changed: a higher number, or a KMS key, is as good."""
    assert changed(**attributes).keys() == names


@for_each(
    "present, wanted",
    [
        ({"deadLetterTargetArn": f"{ARN}-dlq", "maxReceiveCount": "5"}, None),
        ({"maxReceiveCount": 10, "deadLetterTargetArn": "arn:x:other"}, None),
        (
            {"deadLetterTargetArn": "arn:x:other", "maxReceiveCount": "3"},
            {"deadLetterTargetArn": "arn:x:other", "maxReceiveCount": 5},
        ),
        ({}, {"deadLetterTargetArn": f"{ARN}-dlq", "maxReceiveCount": 5}),
    ],
)
def test_the_redrive_policy(present: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    """Another dead-letter queue stays: it has messages."""
    found = changed(RedrivePolicy=json.dumps(present)).get("RedrivePolicy", "null")
    assert json.loads(found) == wanted


@for_each(
    "present, sources",
    [
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["other", ARN]}, None),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["other"]}, ["other", ARN]),
        ({"redrivePermission": "byQueue"}, [ARN]),
        ({"redrivePermission": "denyAll"}, [ARN]),
        ({"redrivePermission": "allowAll"}, [ARN]),
        ({}, [ARN]),
        ([], [ARN]),
        ("{", [ARN]),
    ],
)
def test_the_redrive_allow_policy(present: Any, sources: list[str] | None) -> None:
    """The queue is added to those that may use the dead-letter queue."""
    text = present if isinstance(present, str) else json.dumps(present)
    wanted = PLAN.dead_letter_attributes()
    found = differences({**wanted, "RedriveAllowPolicy": text}, wanted)
    changes = [json.loads(difference.desired) for difference in found]
    assert [change["sourceQueueArns"] for change in changes] == ([sources] if sources else [])


@for_each(
    "statements",
    [
        [OURS],
        [{**OURS, "Action": "SQS:*", "Principal": "*"}],
        [OTHER, {**OURS, "Principal": {"AWS": ["636161780776"]}}],
        [{**OURS, "Effect": "Deny"}],
        [{**OURS, "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}],
    ],
)
def test_an_access_policy_that_stays(statements: list[dict[str, Any]]) -> None:
    """It allows enough; or it denies it, or may, and adding to it would not help or would widen."""
    assert changed(Policy=policy(*statements)) == {}


def test_an_access_policy_that_is_unreadable_stays() -> None:
    """Nothing of it could be kept."""
    assert changed(Policy="{") == {}


@for_each(
    "statements, expected",
    [
        ([], [OURS]),
        ([OTHER], [OTHER, OURS]),
        ([{**OURS, "Action": "sqs:SendMessage"}], [OURS]),
        ([{**OURS, "Sid": "Old", "Principal": {"AWS": "636161780776"}, "Action": []}], [OURS]),
        (
            [{**OURS, "Principal": {"AWS": "111111111111"}}],
            [{**OURS, "Principal": {"AWS": "111111111111"}}, {**OURS, "Sid": None}],
        ),
    ],
)
def test_an_access_policy_that_is_completed(
    statements: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    """Other statements stay, in their order; one that says less than ours is replaced by it."""
    text = changed(Policy=policy(*statements, Id="mine"))["Policy"]
    without_none = [{k: v for k, v in each.items() if v is not None} for each in expected]
    assert json.loads(text) == {"Version": "2012-10-17", "Id": "mine", "Statement": without_none}


def test_all_actions_replace_the_few() -> None:
    """As Instructure's own guide has it; the reverse changes nothing."""
    wanted = Blueprint(ARN, sender_actions=ALL_ACTIONS).attributes()
    (found,) = differences(WANTED, wanted)
    assert found.desired == wanted["Policy"]
    assert differences(wanted, WANTED) == []


@for_each(
    "region, partition",
    [
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_partition_follows_from_the_region(region: str, partition: str) -> None:
    """In the ARN, and in that of Instructure's account."""
    arn = queue_arn(region, "123456789012", "queue")
    assert arn == f"arn:{partition}:sqs:{region}:123456789012:queue"
    principal = access_policy(arn)["Statement"][0]["Principal"]
    assert principal == {"AWS": f"arn:{partition}:iam::636161780776:root"}


@for_each(
    "url, arn",
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/a", "eu-west-1:123456789012:a"),
        ("http://127.0.0.1:5000/123456789012/a", "us-east-1:123456789012:a"),
        ("http://127.0.0.1:9324/queue/a", None),
        ("nonsense", None),
    ],
)
def test_the_arn_of_a_url(url: str, arn: str | None) -> None:
    """The URL names the account, and AWS's the region."""
    assert arn_of_url(url, region="us-east-1") == (arn and f"arn:aws:sqs:{arn}")
