"""README.md, from nothing to a queue: its commands run as they stand, against moto's server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from consumer.cli.config import REPOSITORY
from tests.processes import BOUND, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.moto_queues import Moto

README = (REPOSITORY / "README.md").read_text()
QUEUE = "canvas-live-events-prod"
ARN = f"arn:aws:sqs:us-east-1:123456789012:{QUEUE}"

pytestmark = pytest.mark.acceptance


def blocks(mark: str) -> list[str]:
    """The blocks of the README below this mark, in order."""
    return re.findall(rf"<!-- test: {mark} -->\n```sh\n(.*?)```", README, re.DOTALL)


def run(script: str, folder: Path, **extra: str) -> str:
    """Run it as if it were pasted into a shell; returns what it printed."""
    environ = environment(folder, extra)
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    aws = tools / "aws"
    aws.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.aws_cli "$@"\n')
    aws.chmod(0o755)
    environ["PATH"] = f"{tools}:{environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", script], cwd=folder, env=environ, capture_output=True, text=True,
        check=False, timeout=BOUND,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def clients(moto: Moto) -> tuple[Any, Any]:
    """SQS and IAM, as the account's owner sees them."""
    sqs, iam = (
        boto3.client(
            service, endpoint_url=moto.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        for service in ("sqs", "iam")
    )  # fmt: skip
    return sqs, iam


def test_the_commands_for_aws_make_what_the_text_promises(moto: Moto, tmp_path: Path) -> None:
    """Two standard queues, a redrive policy, one who may send, and a user who may consume."""
    queues, permissions = blocks("aws")

    printed = run(queues, tmp_path, AWS_ENDPOINT=moto.endpoint)
    run(permissions, tmp_path, AWS_ENDPOINT=moto.endpoint, AWS_DEFAULT_REGION="us-east-1")

    sqs, iam = clients(moto)
    url = json.loads(printed.splitlines()[-1])["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == ARN
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"{ARN}-dead-letters",
        "maxReceiveCount": attributes_count(attributes),
    }
    assert int(attributes_count(attributes)) >= 5
    (allowed,) = json.loads(attributes["Policy"])["Statement"]
    assert allowed["Principal"] == {"AWS": "arn:aws:iam::636161780776:root"}
    assert (allowed["Action"], allowed["Resource"]) == ("sqs:SendMessage", ARN)
    dead = sqs.get_queue_url(QueueName=f"{QUEUE}-dead-letters")["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    # A message keeps its age when it moves: there it must be kept for longer.
    assert int(kept["MessageRetentionPeriod"]) > int(attributes["MessageRetentionPeriod"])

    (attached,) = iam.list_attached_user_policies(UserName="canvas-live-events-consumer")[
        "AttachedPolicies"
    ]
    document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")
    (statement,) = document["PolicyVersion"]["Document"]["Statement"]
    assert statement["Resource"] == ARN
    assert statement["Action"] == consumer_actions()


def attributes_count(attributes: dict[str, str]) -> Any:
    """How often a message is delivered before it moves."""
    return json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]


def consumer_actions() -> list[str]:
    """What the guide to systemd names, too."""
    guide = (REPOSITORY / "systemd/README.md").read_text()
    (policy,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    actions: list[str] = json.loads(policy)["Statement"][0]["Action"]
    return actions


def test_the_files_that_come_with_it_are_written(tmp_path: Path) -> None:
    """And the configuration among them can be used."""
    (script,) = blocks("files")

    run(script, tmp_path)
    checked = run("consume config check config.yaml", tmp_path)

    assert checked.startswith("config.yaml: ok\n")
    assert len(list(tmp_path.glob("canvas-live-events-consumer*.service"))) == 2
    assert json.loads((tmp_path / "config.schema.json").read_text())["properties"]["queue"]
    assert (tmp_path / "systemd-guide.md").read_text().startswith("# Running under systemd")


def test_completion_is_there(tmp_path: Path) -> None:
    """The lines for the shell's configuration are scripts that complete."""
    (script,) = blocks("completion")
    for line in script.splitlines():
        (command,) = re.findall(r'eval "\$\((.*)\)"', line)
        assert "_consume_completion" in run(command, tmp_path)
    run(script.splitlines()[0], tmp_path)  # bash takes it
