"""`consume check`, the queue: each fault is red, and what is printed makes it green again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from moto.sqs import models

from tests.cases import for_each
from tests.operations.checked import Checker

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.moto_queues import Moto
    from tests.operations.conftest import Queue

INSTRUCTURE = "arn:aws:iam::636161780776:root"


def test_a_queue_as_it_should_be_is_green(check: Checker) -> None:
    """Every row; then the exit code is 0, also with --deny-warnings."""
    done = check("--deny-warnings")

    assert [row for row in done.rows if row["level"] != "green"] == []
    assert done.code == 0


REPAIRED: dict[str, tuple[str, Callable[[Queue], object]]] = {
    "Canvas may not send": ("who may send", lambda queue: queue.set(Policy="")),
    "messages are kept for an hour": (
        "retention", lambda queue: queue.set(MessageRetentionPeriod="3600"),
    ),
    "there is no redrive policy": ("redrive policy", lambda queue: queue.set(RedrivePolicy="")),
    "one delivery": ("redrive policy", lambda queue: queue.redrive(maxReceiveCount="1")),
    "no dead-letter queue": (
        "dead-letter queue", lambda queue: queue.sqs.delete_queue(QueueUrl=queue.dead_url),
    ),
    "dead letters are deleted at once": (
        "dead-letter queue", lambda queue: queue.set(dead=True, MessageRetentionPeriod="60"),
    ),
    "the dead-letter queue is for others": (
        "dead-letter queue",
        lambda queue: queue.set(
            dead=True, RedriveAllowPolicy='{"redrivePermission": "denyAll"}'
        ),
    ),
    "a key of AWS's": ("encryption", lambda queue: queue.set(KmsMasterKeyId="alias/aws/sqs")),
    "a key that Instructure may not use": ("encryption", lambda queue: queue.use_key()),
    "a key that does not exist": (
        "encryption",
        lambda queue: queue.set(KmsMasterKeyId="1234abcd-12ab-34cd-56ef-1234567890ab"),
    ),
    "a key that will be deleted": (
        "encryption",
        lambda queue: queue.kms.schedule_key_deletion(KeyId=queue.use_key(Policy=key_policy())),
    ),
    "a key that is disabled": (
        "encryption", lambda queue: queue.kms.disable_key(KeyId=queue.use_key(Policy=key_policy())),
    ),
}  # fmt: skip


def key_policy() -> str:
    """Of a key that Instructure may use."""
    actions = ["kms:GenerateDataKey", "kms:Decrypt"]
    allowed = {
        "Effect": "Allow", "Principal": {"AWS": INSTRUCTURE}, "Action": actions, "Resource": "*",
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


@for_each("fault", REPAIRED)
def test_what_is_printed_repairs_it(queue: Queue, check: Checker, fault: str) -> None:
    """The command is run as it is printed, by one who may do everything."""
    name, spoil = REPAIRED[fault]
    spoil(queue)

    remedy = check().red(name)["remedy"]
    check.execute(remedy)
    again = check()

    try:
        assert again.level(name) == "green", again.named(name)
    finally:
        queue.restore()


RISKS: dict[str, tuple[str, Callable[[Queue], object]]] = {
    "two days": (
        "retention", lambda queue: queue.set(MessageRetentionPeriod="172800"),
    ),
    "three deliveries": ("redrive policy", lambda queue: queue.redrive(maxReceiveCount="3")),
    "ten seconds": ("visibility timeout", lambda queue: queue.set(VisibilityTimeout="10")),
    "half a day": ("visibility timeout", lambda queue: queue.set(VisibilityTimeout="43200")),
    "small messages": (
        "other settings", lambda queue: queue.set(MaximumMessageSize="262144"),
    ),
}  # fmt: skip


@for_each("risk", RISKS)
def test_a_risk_is_yellow_and_can_be_removed(queue: Queue, check: Checker, risk: str) -> None:
    """It is no failure, except with --deny-warnings."""
    name, spoil = RISKS[risk]
    spoil(queue)

    done = check()
    assert [(r["name"], r["level"]) for r in done.rows if r["level"] != "green"] == [
        (name, "yellow")
    ]
    assert done.code == 0
    assert check("--deny-warnings").code == 1
    check.execute(done.named(name)[0]["remedy"])

    try:
        assert check().level(name) == "green"
    finally:
        queue.restore()


def test_a_statement_that_denies_must_be_removed_by_hand(queue: Queue, check: Checker) -> None:
    """It may be there for a reason; the row names it."""
    policy = json.loads(queue.blueprint.attributes()["Policy"])
    policy["Statement"].append(
        {"Sid": "Nothing", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    )
    queue.set(Policy=json.dumps(policy))

    row = check().red("who may send")

    assert "statement 'Nothing' denies it" in row["finding"]
    assert row["remedy"].startswith("remove that statement from the queue's access policy")
    queue.set(Policy=queue.blueprint.attributes()["Policy"])
    assert check().level("who may send") == "green"


@for_each(
    "name, policy",
    [
        ("everyone", {"Effect": "Allow", "Principal": "*"}),
        (
            "a condition",
            {
                "Effect": "Allow", "Principal": {"AWS": INSTRUCTURE},
                "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
            },
        ),
    ],
)  # fmt: skip
def test_a_policy_that_is_doubtful_is_yellow(
    queue: Queue, check: Checker, name: str, policy: dict[str, Any]
) -> None:
    """Everyone may send; or it depends on a condition that is not understood."""
    whole = {"Action": "sqs:SendMessage", "Resource": queue.blueprint.arn, **policy}
    queue.set(Policy=json.dumps({"Version": "2012-10-17", "Statement": [whole]}))

    (row,) = check().named("who may send")

    assert (row["level"], bool(row["remedy"])) == ("yellow", True), name


def test_a_queue_that_is_missing_is_made(
    moto: Moto, queue: Queue, check: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing about it can be checked; the command makes it, and all is green."""
    name = f"{queue.blueprint.name}-new"
    check = Checker(monkeypatch, ("--queue-url", queue.url + "-new"), check.env)

    done = check()
    remedy = done.red("queue")["remedy"]
    check.execute(remedy)

    assert done.rows[-1]["name"] == "queue"
    assert remedy == (
        f"consume queue create {name} --region us-east-1 --endpoint-url {moto.endpoint}"
    )
    assert check("--deny-warnings").code == 0
    for url in (f"{queue.url}-new", f"{queue.url}-new-dlq"):
        queue.sqs.delete_queue(QueueUrl=url)


def test_the_backlog_and_dead_letters_are_counted(queue: Queue, check: Checker) -> None:
    """Dead letters are yellow: someone must look at them. Nothing is received."""
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="{}")
    queue.sqs.send_message(QueueUrl=queue.dead_url, MessageBody="{}")

    done = check()

    assert [row["finding"] for row in done.named("backlog")] == ["1 messages wait, 0 are in flight"]
    (row,) = done.named("dead-letter queue")
    assert row["level"] == "yellow"
    assert row["remedy"].startswith(f"consume dlq list --queue-url {queue.url} ")
    (row,) = done.named("sqs:ReceiveMessage")
    assert (row["level"], row["finding"][:9]) == ("green", "not tried")
    answer = queue.sqs.receive_message(QueueUrl=queue.url, AttributeNames=["All"])
    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_too_many_in_flight_is_red(
    queue: Queue, check: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS then delivers nothing and reports no error; below it, a warning."""
    levels = []
    for held in (120_000, 100_000, 99_999):
        with monkeypatch.context() as patch:
            patch.setattr(models.Queue, "approximate_number_of_messages_not_visible", held)
            done = check()
            levels.append(done.level("backlog"))
            assert held < 120_000 or "without deleting" in done.red("backlog")["remedy"]

    assert levels == ["red", "yellow", "green"]


def test_messages_that_will_soon_be_lost_are_red(queue: Queue, check: Checker) -> None:
    """By CloudWatch's age of the oldest message: older than half of what the queue keeps."""
    cloudwatch = queue.client("cloudwatch")
    levels = []
    for minutes, age in ((6, 8 * 86_400), (4, 7_200), (2, 60)):
        cloudwatch.put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": queue.blueprint.name}],
                    "Value": age,
                    "Timestamp": datetime.now(UTC) - timedelta(minutes=minutes),
                }
            ],
        )
        done = check()
        levels.append(done.level("oldest message"))
    cloudwatch.close()

    assert levels == ["red", "yellow", "green"]


def test_a_key_policy_with_conditions_is_doubtful(queue: Queue, check: Checker) -> None:
    """The row has the statement that is needed."""
    policy = json.loads(key_policy())
    policy["Statement"][0]["Condition"] = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    queue.use_key(Policy=json.dumps(policy))

    (row,) = check().named("encryption")

    assert row["level"] == "yellow"
    assert '"Action": ["kms:GenerateDataKey", "kms:Decrypt"]' in row["remedy"]


def test_a_key_policy_that_denies_is_red(queue: Queue, check: Checker) -> None:
    """Until that statement is removed, by hand."""
    policy = json.loads(key_policy())
    denied = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    key = queue.use_key(Policy=json.dumps({**policy, "Statement": [*policy["Statement"], denied]}))
    assert check().red("encryption")["remedy"].startswith("remove that statement")

    queue.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert check().level("encryption") == "green"


def test_canvas_does_not_deliver_to_another_name(
    queue: Queue, check: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a queue is for a test: who may send does not matter then."""
    url = queue.sqs.create_queue(QueueName="other")["QueueUrl"]
    check = Checker(monkeypatch, ("--queue-url", url), check.env)

    done = check(CONSUMER_QUEUE__ALLOW_ANY_QUEUE_NAME="true")

    assert done.level("queue") == "yellow"
    assert done.named("who may send") == []
    queue.sqs.delete_queue(QueueUrl=url)


def test_the_configured_visibility_timeout_counts(check: Checker) -> None:
    """Its remedy is the setting."""
    (row,) = check(CONSUMER_QUEUE__VISIBILITY_TIMEOUT_SECONDS="43200").named("visibility timeout")

    assert row["level"] == "yellow"
    assert row["remedy"] == "set queue.visibility_timeout_seconds to 60, or leave it out"
