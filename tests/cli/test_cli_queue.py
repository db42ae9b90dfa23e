"""`consume queue`: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.queues.access import access_of
from consumer.queues.permissions import Permissions
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.moto_queues import Moto

AWS = "https://sqs.us-east-1.amazonaws.com/123456789012"
NAME = "canvas-live-events-prod"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key that emulators take, and nothing else of AWS's."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CONSUMER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["queue", *arguments])


@pytest.fixture(name="name")
def _name(moto: Moto) -> str:
    """A queue that does not exist yet."""
    return moto.queue().name + "-cli"


def test_a_queue_is_created(moto: Moto, name: str) -> None:
    """Both queues with all attributes, what to enter in Canvas, and the next commands."""
    result = run("create", name, "--endpoint-url", moto.endpoint)

    url, arn = f"{moto.endpoint}/123456789012/{name}", f"arn:aws:sqs:us-east-1:123456789012:{name}"
    assert result.stderr == ""
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{name}-dlq: created",
        "  MessageRetentionPeriod  1209600",
        "  MaximumMessageSize      1048576",
        "  SqsManagedSseEnabled    true",
        (
            '  RedriveAllowPolicy      {"redrivePermission": "byQueue", '
            f'"sourceQueueArns": ["{arn}"]}}'
        ),
        f"{name}: created",
        "  MessageRetentionPeriod         1209600",
        "  MaximumMessageSize             1048576",
        "  SqsManagedSseEnabled           true",
        "  ReceiveMessageWaitTimeSeconds  20",
        "  VisibilityTimeout              60",
        (
            f'  RedrivePolicy                  {{"deadLetterTargetArn": "{arn}-dlq", '
            '"maxReceiveCount": 5}'
        ),
        (
            '  Policy                         {"Version": "2012-10-17", "Statement": [{"Sid": '
            '"CanvasSends", "Effect": "Allow", "Principal": {"AWS": '
            '"arn:aws:iam::636161780776:root"}, "Action": ["sqs:SendMessage", "sqs:GetQueueUrl", '
            f'"sqs:GetQueueAttributes"], "Resource": "{arn}"}}]}}'
        ),
        "",
        "In Canvas, as an administrator: Admin > your account > Data Services > + Add",
        "  Subscription Name  any, such as: live events to SQS",
        "  Delivery Method    SQS",
        f"  URL                {url}",
        "  Authentication     None: the queue's policy allows it",
        "  Message Type       Canvas",
        "  events             the ones you need, or all",
        "",
        "Next",
        f"  consume queue iam --queue-url {url} > consumer-policy.json",
        (
            "  aws iam create-policy --policy-name canvas-live-events-consumer --policy-document "
            "file://consumer-policy.json"
        ),
        f"  consume check --queue-url {url} --endpoint-url {moto.endpoint}",
        f"  consume --queue-url {url} --endpoint-url {moto.endpoint}",
    ]


def test_a_second_run_shows_each_change(moto: Moto, name: str, tmp_path: Path) -> None:
    """From what to what; and what stays. The configuration decides about the timeout."""
    config = tmp_path / "my config.yaml"
    config.write_text("queue: {visibility_timeout_seconds: 90}\n")
    run("create", name, "--endpoint-url", moto.endpoint)

    arguments = ("create", name, "--endpoint-url", moto.endpoint, "-c", str(config))
    planned, done, again = run(*arguments, "--dry-run"), run(*arguments), run(*arguments)

    assert planned.stdout.splitlines() == [
        f"{name}-dlq: unchanged",
        f"{name}: would be changed",
        "  VisibilityTimeout  60 -> 90",
        "",
        "Nothing was changed: this was a dry run.",
    ]
    assert f"{name}: changed\n  VisibilityTimeout  60 -> 90\n" in done.stdout
    assert f"{name}-dlq: unchanged\n{name}: unchanged\n" in again.stdout
    kept = run("create", name, "--endpoint-url", moto.endpoint)
    assert f"{name}: unchanged\n  VisibilityTimeout stays 90: 60 is enough\n" in kept.stdout
    assert f"  set queue.url in {config} to the URL above\n" in done.stdout
    assert f"  consume queue iam --config '{config}' > consumer-policy.json\n" in done.stdout


def test_a_configuration_that_names_the_queue_is_not_changed(
    moto: Moto, name: str, tmp_path: Path
) -> None:
    """Then the next commands are complete."""
    config = tmp_path / "config.yaml"
    config.write_text(f"queue: {{name: {name}}}\naws: {{endpoint_url: '{moto.endpoint}'}}\n")

    result = run("create", name, "-c", str(config))

    assert result.exit_code == 0
    assert "set queue.url" not in result.stdout
    assert result.stdout.endswith(f"  consume --config {config}\n")


def test_the_result_as_json(moto: Moto, name: str) -> None:
    """For programs: each change with both values."""
    arguments = ("create", name, "--endpoint-url", moto.endpoint, "--json")
    planned = json.loads(run(*arguments, "--dry-run").stdout)
    done = json.loads(run(*arguments).stdout)

    assert planned["dry_run"]
    assert planned["queue"]["url"] is None
    assert not done["dry_run"]
    assert done["arn"] == f"arn:aws:sqs:us-east-1:123456789012:{name}"
    assert done["queue"]["url"] == f"{moto.endpoint}/123456789012/{name}"
    change = {"attribute": "VisibilityTimeout", "actual": None, "desired": "60"}
    assert change in done["queue"]["changes"]
    assert done["dead_letter_queue"]["action"] == "created"
    assert done["warnings"] == done["queue"]["kept"] == []


def test_a_queue_that_canvas_cannot_use_is_warned_of(moto: Moto, name: str) -> None:
    """On standard error, so that the JSON stays JSON."""
    import boto3

    sqs = boto3.client("sqs", endpoint_url=moto.endpoint, region_name="us-east-1")
    sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    sqs.close()

    result = run("create", name, "--endpoint-url", moto.endpoint, "--json")

    assert result.stderr.startswith("consume: warning: Canvas can't send: other accounts can't")
    assert len(json.loads(result.stdout)["warnings"]) == 1


@for_each(
    "arguments, code, text",
    [
        (("grades",), 78, "'grades' does not begin with 'canvas-live-events'"),
        (("canvas-live-events.fifo",), 78, "is a FIFO queue, which Canvas does not deliver to"),
        ((NAME,), 78, "the region is not known"),
        ((NAME, "--account", "1234", "--print", "policy"), 2, "'1234' is not 12 digits"),
        ((NAME, "--account", "123456789012"), 2, "--account is an option of --print policy"),
        ((NAME, "--print", "terraform"), 2, "is not one of"),
        ((NAME, "-c", "missing.yaml"), 78, "missing.yaml"),
        ((NAME, "--region", "us-east-1", "--profile", "none"), 77, "profile"),
        ((NAME, "--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:1"), 75, "127.0.0.1"),
    ],
)
def test_what_is_wrong(arguments: tuple[str, ...], code: int, text: str) -> None:
    """A sentence, and the exit code that the help documents."""
    result = run("create", *arguments)
    assert result.exit_code == code
    assert text in result.stderr
    assert result.stdout == ""


def test_the_template_needs_no_aws() -> None:
    """Neither a region nor credentials; the options decide what is in it."""
    text = run("create", NAME, "--print", "cloudformation", "--all-actions").stdout
    assert "- sqs:*\n" in text
    assert f"QueueName: {NAME}-dlq\n" in text
    assert text.endswith("Queue.Arn'\n")


def test_the_policy_is_what_lets_canvas_send() -> None:
    """With the account that is given, or with one that has to be replaced, which is said."""
    arguments = ("create", NAME, "--print", "policy")
    known = run(*arguments, "--region", "eu-west-1", "--account", "111122223333")
    arn = f"arn:aws:sqs:eu-west-1:111122223333:{NAME}"
    assert access_of(known.stdout, arn=arn).verdict == "allowed"
    assert known.stderr == ""

    unknown = run(*arguments)
    assert json.loads(unknown.stdout)["Statement"][0]["Resource"].endswith(f":123456789012:{NAME}")
    assert unknown.stderr.splitlines() == [
        "consume: note: the region is not known: replace us-east-1, or use --region",
        "consume: note: your account is not known: replace 123456789012, or use --account",
    ]


def test_the_permissions_of_a_configuration(tmp_path: Path) -> None:
    """A policy for `aws iam create-policy`, and nothing else, on standard output."""
    config = tmp_path / "config.yaml"
    config.write_text(
        f"queue: {{url: '{AWS}/{NAME}'}}\nquarantine: {{queue_url: '{AWS}/poison'}}\n"
    )
    arn = f"arn:aws:sqs:us-east-1:123456789012:{NAME}"
    key = "arn:aws:kms:us-east-1:123456789012:key/mine"

    result = run("iam", "-c", str(config), "--redrive", "--kms-key", key)

    assert result.stderr == ""
    assert (
        json.loads(result.stdout)
        == Permissions(
            arn,
            quarantine_arn="arn:aws:sqs:us-east-1:123456789012:poison",
            dead_letter_arn=f"{arn}-dlq",
            redrive=True,
            kms_key_arns=(key,),
        ).document()
    )


@for_each(
    "arguments, code, text",
    [
        ((), 78, "no queue is given"),
        (("--queue-name", "grades"), 78, "does not begin with"),
        (("--queue-url", f"{AWS}/{NAME}", "--account", "x"), 2, "'x' is not 12 digits"),
    ],
)
def test_permissions_for_no_queue(arguments: tuple[str, ...], code: int, text: str) -> None:
    """There are none."""
    result = run("iam", *arguments)
    assert result.exit_code == code
    assert text in result.stderr
    assert result.stdout == ""
