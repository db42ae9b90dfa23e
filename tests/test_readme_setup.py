"""README.md, from nothing to a queue: its commands run as they stand, against moto's server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from consumer.cli.config import REPOSITORY
from consumer.queues.access import access_of
from consumer.queues.blueprint import Blueprint
from tests.processes import BOUND, environment

if TYPE_CHECKING:
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
    tools = folder / ".venv/bin"
    tools.mkdir(parents=True, exist_ok=True)
    aws, consume = tools / "aws", tools / "consume"
    aws.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.aws_cli "$@"\n')
    aws.chmod(0o755)
    if not consume.exists():
        consume.symlink_to(Path(sys.executable).with_name("consume"))
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
    create, permissions = blocks("aws")

    printed = run(create, tmp_path, CONSUMER_AWS__ENDPOINT_URL=moto.endpoint)
    run(permissions, tmp_path, AWS_ENDPOINT=moto.endpoint, AWS_DEFAULT_REGION="us-east-1")

    sqs, iam = clients(moto)
    (url,) = re.findall(r"^  URL +(\S+)$", printed, re.MULTILINE)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert Blueprint(ARN).attributes().items() <= attributes.items()
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 5
    assert access_of(attributes["Policy"], arn=ARN, account="636161780776").verdict == "allowed"
    dead = sqs.get_queue_url(QueueName=f"{QUEUE}-dlq")["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    assert int(kept["MessageRetentionPeriod"]) == 14 * 86_400

    (attached,) = iam.list_attached_user_policies(UserName="canvas-live-events-consumer")[
        "AttachedPolicies"
    ]
    document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")
    assert document["PolicyVersion"]["Document"] == policy_of_the_guide()
    sqs.close()
    iam.close()


def policy_of_the_guide() -> Any:
    """What the guide to systemd shows."""
    guide = (REPOSITORY / "systemd/README.md").read_text()
    (policy,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    return json.loads(policy)


def test_the_policy_of_the_guide_is_for_its_configuration(tmp_path: Path) -> None:
    """Exactly what `consume queue iam` prints for the file that the guide writes."""
    guide = (REPOSITORY / "systemd/README.md").read_text()
    (config,) = re.findall(r"config.yaml <<'YAML'\n(.*?)YAML\n", guide, re.DOTALL)
    (tmp_path / "config.yaml").write_text(config)

    printed = run("consume queue iam --config config.yaml", tmp_path, AWS_ACCESS_KEY_ID="")

    assert json.loads(printed) == policy_of_the_guide()
    assert textwrap.indent(printed, "  ") in guide


def test_the_files_that_come_with_it_are_written(tmp_path: Path) -> None:
    """And the configuration among them can be used."""
    (script,) = blocks("files")

    run(script, tmp_path)
    checked = run("consume config check config.yaml", tmp_path)

    assert checked.startswith("config.yaml: ok\n")
    assert len(list(tmp_path.glob("canvas-live-events-consumer*.service"))) == 2
    assert json.loads((tmp_path / "config.schema.json").read_text())["properties"]["queue"]
    assert (tmp_path / "systemd-guide.md").read_text().startswith("# Running under systemd")


def test_an_entry_can_be_tried_without_a_queue(tmp_path: Path) -> None:
    """Samples land where the configuration says."""
    (script,) = blocks("try a handler")
    (tmp_path / "config.yaml").write_text("handlers: [{name: archive, archive: {directory: here}}]")

    printed = run(script, tmp_path)

    assert re.search(r"^handled +6$", printed, re.MULTILINE)
    assert (
        len(
            [*(tmp_path / "state/here").rglob("*.jsonl")] or [*(tmp_path / "here").rglob("*.jsonl")]
        )
        == 1
    )


def test_completion_is_there(tmp_path: Path) -> None:
    """The lines for the shell's configuration are scripts that complete."""
    (script,) = blocks("completion")
    for line in script.splitlines():
        (command,) = re.findall(r'eval "\$\((.*)\)"', line)
        assert "_consume_completion" in run(command, tmp_path)
    run(script.splitlines()[0], tmp_path)  # bash takes it
