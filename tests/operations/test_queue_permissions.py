"""Which permissions a configuration needs: no more, no less."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.config import Settings
from consumer.errors import ConfigurationError
from consumer.operations.queue_permissions import likely_arn, permissions_of
from tests.cases import for_each

AWS = "https://sqs.eu-west-1.amazonaws.com/111122223333"
ARN = "arn:aws:sqs:eu-west-1:111122223333:canvas-live-events-prod"
BY_URL = {"queue": {"url": f"{AWS}/canvas-live-events-prod"}}
BY_NAME = {"queue": {"name": "canvas-live-events-prod"}}
ROLE = "arn:aws:iam::444455556666:role/consumer"
CONSUME = ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"]


def permissions(
    settings: dict[str, Any], account: str | None = None, dead_letter_queue: str | None = None,
    redrive: bool = False, kms_keys: tuple[str, ...] = (),
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    """Sid -> (actions without "sqs:", resource), and the notes."""
    found, notes = permissions_of(
        Settings.model_validate(settings),
        account=account,
        dead_letter_queue=dead_letter_queue,
        redrive=redrive,
        kms_keys=kms_keys,
    )
    document = found.document()
    assert document["Version"] == "2012-10-17"
    statements = {}
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        actions = [action.removeprefix("sqs:") for action in statement["Action"]]
        statements[statement["Sid"]] = (actions, statement["Resource"])
    return statements, notes


def test_the_least() -> None:
    """A queue by its URL: nothing has to be looked up or replaced."""
    found, notes = permissions(BY_URL)

    assert found == {
        "Consume": (CONSUME, ARN),
        "DeadLetters": (["GetQueueAttributes"], f"{ARN}-dlq"),
    }
    assert notes == []


def test_a_queue_by_its_name() -> None:
    """Its URL is asked for; region and account are those that are known, or placeholders."""
    arn = "arn:aws:sqs:us-west-2:444455556666:canvas-live-events-prod"
    region = {**BY_NAME, "aws": {"region": "us-west-2"}}
    lookup = [*CONSUME, "GetQueueUrl"]

    assert permissions(region, account="444455556666")[0]["Consume"] == (lookup, arn)
    assert permissions({**BY_NAME, "aws": {"region": "us-west-2", "role_arn": ROLE}})[0][
        "Consume"
    ] == (lookup, arn)
    found, notes = permissions(BY_NAME)
    assert found["Consume"][1] == "arn:aws:sqs:us-east-1:123456789012:canvas-live-events-prod"
    assert notes == [
        "the region is not known: replace us-east-1, or use --region",
        "your account is not known: replace 123456789012, or use --account",
    ]


def test_the_quarantine() -> None:
    """Messages are sent to its queue, which may be in another region; to a directory, none."""
    other = "https://sqs.eu-north-1.amazonaws.com/111122223333/canvas-poison"
    found, _ = permissions({**BY_URL, "quarantine": {"queue_url": other}})
    assert found["Quarantine"] == (
        ["SendMessage"],
        "arn:aws:sqs:eu-north-1:111122223333:canvas-poison",
    )

    found, _ = permissions({**BY_URL, "quarantine": {"directory": "/srv/quarantine"}})
    assert "Quarantine" not in found


def test_dead_letters_that_are_moved_or_replayed() -> None:
    """Messages are received and deleted there, and sent to the queue; it may have another name."""
    found, _ = permissions(BY_URL, redrive=True, dead_letter_queue="canvas-dead")

    assert found["Consume"] == ([*CONSUME, "SendMessage"], ARN)
    actions, resource = found["DeadLetters"]
    assert resource == "arn:aws:sqs:eu-west-1:111122223333:canvas-dead"
    moves = {"StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"}
    assert set(actions) == {*CONSUME, *moves}


@for_each(
    "more, redrive, actions",
    [
        ({}, False, ["kms:Decrypt"]),
        ({}, True, ["kms:Decrypt", "kms:GenerateDataKey"]),
        ({"quarantine": {"queue_url": f"{AWS}/q"}}, False, ["kms:Decrypt", "kms:GenerateDataKey"]),
    ],
)
def test_a_kms_key(more: dict[str, Any], redrive: bool, actions: list[str]) -> None:
    """It decrypts what is received; a new data key is only needed to send."""
    keys = ("arn:aws:kms:eu-west-1:111122223333:key/a", "arn:aws:kms:eu-west-1:111122223333:key/b")
    found, _ = permissions({**BY_URL, **more}, redrive=redrive, kms_keys=keys)
    assert found["Key"] == (actions, list(keys))


def test_an_assumed_role() -> None:
    """Two identities need a part of the policy each, which is noted."""
    found, notes = permissions({**BY_URL, "aws": {"role_arn": ROLE}})
    assert found["AssumeRole"] == (["sts:AssumeRole"], ROLE)
    assert notes == [
        "attach the policy to the role; the identity that assumes it needs only AssumeRole"
    ]


def test_an_unusable_queue() -> None:
    """Is an error, as in the daemon."""
    with pytest.raises(ConfigurationError, match="does not begin with"):
        permissions({"queue": {"name": "grades"}})


def test_an_arn_that_is_known_in_part() -> None:
    """Each part that is not known is named."""
    arn, notes = likely_arn("a", region="cn-north-1", account=None)
    assert arn == "arn:aws-cn:sqs:cn-north-1:123456789012:a"
    assert notes == ["your account is not known: replace 123456789012, or use --account"]


def test_what_handlers_need() -> None:
    """Each has its own statement: on its bucket and prefix, its queue, its bus, and its key."""
    key = "arn:aws:kms:eu-west-1:111122223333:key/a"
    bus = "arn:aws:events:us-east-2:444455556666:event-bus/lms"
    handlers = [
        {"name": "archive", "type": "archive"},
        {
            "name": "a",
            "type": "s3",
            "options": {"bucket": "lake", "prefix": "/raw/", "kms_key": key},
        },
        {"name": "b", "type": "s3", "options": {"bucket": "lake", "region": "cn-north-1"}},
        {"name": "c", "type": "sqs", "options": {"queue_url": f"{AWS}/courses"}},
        {"name": "d", "type": "sqs", "options": {"queue_url": "http://127.0.0.1:5000/q/courses"}},
        {"name": "e", "type": "eventbridge", "options": {}},
        {"name": "f", "type": "eventbridge", "options": {"bus": "lms", "region": "eu-north-1"}},
        {"name": "g", "type": "eventbridge", "options": {"bus": bus}},
    ]
    found, _ = permissions({**BY_URL, "handlers": handlers}, kms_keys=(key,))

    look = ["events:PutEvents", "events:DescribeEventBus"]
    assert {name: found[name] for name in found if name.startswith("Handler")} == {
        "Handler2": (["s3:PutObject"], "arn:aws:s3:::lake/raw/*"),
        "Handler2Key": (["kms:GenerateDataKey"], key),
        "Handler3": (["s3:PutObject"], "arn:aws-cn:s3:::lake/*"),
        "Handler4": (["SendMessage"], "arn:aws:sqs:eu-west-1:111122223333:courses"),
        "Handler5": (["SendMessage"], "arn:aws:sqs:eu-west-1:111122223333:courses"),
        "Handler6": (
            ["events:PutEvents"],
            "arn:aws:events:eu-west-1:111122223333:event-bus/default",
        ),
        "Handler7": (look, "arn:aws:events:eu-north-1:111122223333:event-bus/lms"),
        "Handler8": (look, bus),
    }
    assert found["Key"] == (["kms:Decrypt", "kms:GenerateDataKey"], [key])
