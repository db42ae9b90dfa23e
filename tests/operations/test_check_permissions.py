"""`consume check`, permissions: tried without effect; the printed policy allows what is missing."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.operations.check import machine
from tests.iam import ACCOUNT, enforced, make_user
from tests.operations.checked import Checked, Checker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.moto_queues import Moto
    from tests.operations.conftest import Queue


class User:
    """A user with a policy, and what the check finds with its key."""

    def __init__(self, moto: Moto, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = queue.blueprint.name
        self.check = Checker(
            monkeypatch,
            ("--queue-url", queue.url),
            {**make_user(moto, self.name), "AWS_ENDPOINT": moto.endpoint,
             "AWS_DEFAULT_REGION": "us-east-1"},
        )  # fmt: skip
        self._iam, self._arn = queue.client("iam"), queue.blueprint.arn

    def allow(self, *actions: str, resource: str = "") -> None:
        resource = resource or self._arn
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_user_policy(UserName=self.name, PolicyName="before", PolicyDocument=document)

    def run(self, *options: str) -> Checked:
        """The check with what is allowed."""
        with enforced(self.check.monkeypatch):
            return self.check(*options)

    def execute(self, remedy: str) -> None:
        self.check.execute(remedy)

    def close(self) -> None:
        self._iam.close()


@pytest.fixture(name="user")
def _user(moto: Moto, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> User:
    return User(moto, queue, monkeypatch)


CONSUME = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes")


def test_each_permission_is_tried_and_the_printed_policy_allows_all(user: User) -> None:
    """One that is missing is red by its own name; one command allows all of them."""
    for missing in CONSUME[:3]:
        user.allow(*(f"sqs:{action}" for action in CONSUME if action != missing))
        done = user.run()
        reds = {row["name"] for row in done.rows if row["level"] == "red"}
        assert reds == {f"sqs:{missing}"}, missing
    remedy = done.red(f"sqs:{missing}")["remedy"]

    user.execute(remedy)
    done = user.run()

    assert remedy.startswith(f"aws iam put-user-policy --user-name {user.name} ")
    assert done.code == 0
    assert {done.level(f"sqs:{action}") for action in CONSUME[:3]} == {"green"}


def test_without_the_queues_attributes_the_rest_is_checked(user: User) -> None:
    """The daemon works without that permission: yellow, and one row instead of many."""
    user.allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
    done = user.run()

    (row,) = done.named("sqs:GetQueueAttributes")
    assert (done.code, row["level"]) == (0, "yellow")
    assert done.named("retention") == []
    assert done.level("sqs:DeleteMessage") == "green"

    user.execute(row["remedy"])
    assert user.run().level("retention") == "green"


def test_what_is_only_nice_to_know_needs_no_permission(user: User) -> None:
    """CloudWatch, and the settings of the dead-letter queue: the row says what is not known."""
    user.allow(*(f"sqs:{action}" for action in CONSUME))

    done = user.run("--deny-warnings")

    assert done.code == 0
    findings = {row["name"]: row["finding"] for row in done.rows}
    assert "allow cloudwatch:GetMetricStatistics" in findings["oldest message"]
    assert "settings and depth are not known" in findings["dead-letter queue"]


def test_a_queue_by_name_needs_one_more(user: User, queue: Queue, moto: Moto) -> None:
    """sqs:GetQueueUrl; without it nothing else can be tried."""
    user.allow(*(f"sqs:{action}" for action in CONSUME))
    named = Checker(
        user.check.monkeypatch,
        ("--queue-name", queue.blueprint.name, "--endpoint-url", moto.endpoint),
        user.check.env,
    )
    with enforced(user.check.monkeypatch):
        done = named()
    remedy = done.red("sqs:GetQueueUrl")["remedy"]

    user.execute(remedy)
    with enforced(user.check.monkeypatch):
        again = named()

    assert done.rows[-1]["name"] == "sqs:GetQueueUrl"
    assert again.code == 0


def test_the_quarantines_queue_must_be_there_and_accept(user: User, queue: Queue) -> None:
    """Two faults, one after the other; nothing is ever sent."""
    user.allow(*(f"sqs:{action}" for action in CONSUME))
    url, name = f"{queue.url}-bad", "quarantine queue"
    env = {"CONSUMER_QUARANTINE__QUEUE_URL": url}
    check = Checker(user.check.monkeypatch, user.check.options, {**user.check.env, **env})

    missing = Checker(check.monkeypatch, check.options, {**env, "AWS_DEFAULT_REGION": "us-east-1"})
    user.execute(missing().red(name)["remedy"])
    with enforced(check.monkeypatch):
        denied = check()
    user.execute(denied.red(name)["remedy"])
    with enforced(check.monkeypatch):
        done = check()

    assert done.level(name) == "green"
    counted = queue.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "0"
    queue.sqs.delete_queue(QueueUrl=url)


def test_a_role_gets_the_policy_of_a_role(queue: Queue, user: User) -> None:
    """The name of its session is not in the command."""
    sts, role = queue.client("sts"), f"{user.name[:50]}-role"
    iam = queue.client("iam")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    key = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    env = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": key["SessionToken"],
    }  # fmt: skip
    for client in (sts, iam):
        client.close()
    check = Checker(user.check.monkeypatch, user.check.options, {**user.check.env, **env})
    with enforced(check.monkeypatch):
        done = check()
    remedy = done.red("sqs:ReceiveMessage")["remedy"]
    user.execute(remedy)
    with enforced(check.monkeypatch):
        again = check()

    assert shlex.split(remedy)[2:5] == ["put-role-policy", "--role-name", role]
    assert done.named("identity")[0]["finding"] == f"a role of account {ACCOUNT}"
    assert again.level("sqs:ReceiveMessage") == "green"
    assert again.level("credentials") == "yellow"  # temporary, and nothing renews them


def test_a_key_that_cant_be_asked_about_is_yellow(queue: Queue, user: User) -> None:
    """Neither what it is, nor who may use it; the row has the statement that is needed."""
    user.allow(*(f"sqs:{action}" for action in CONSUME))
    queue.use_key()
    (row,) = user.run().named("encryption")
    assert row["level"] == "yellow"
    assert "allow kms:DescribeKey" in row["finding"]

    user.allow(*(f"sqs:{action}" for action in CONSUME), "kms:DescribeKey", resource="*")
    (row,) = user.run().named("encryption")
    assert row["level"] == "yellow"
    assert "allow kms:GetKeyPolicy" in row["finding"]
    assert "arn:aws:iam::636161780776:root" in row["remedy"]


def test_the_webhook_must_be_allowed_to_send(user: User) -> None:
    """Tried only if there is one; the printed policy then allows that, too."""
    user.allow(*(f"sqs:{action}" for action in CONSUME))
    assert user.run().named("sqs:SendMessage") == []
    user.check = replace(
        user.check, env={**user.check.env, "CONSUMER_WEBHOOK__LISTEN": "127.0.0.1:1"}
    )

    user.execute(user.run().red("sqs:SendMessage")["remedy"])

    done = user.run()
    assert {done.level(f"sqs:{action}") for action in (*CONSUME[:3], "SendMessage")} == {"green"}


def test_the_webhooks_own_identity_only_sends(user: User, queue: Queue, tmp_path: Path) -> None:
    """With the file of its unit: nothing else is asked for, and the printed policy allows it."""
    user.check.monkeypatch.setattr(machine, "CONFIGURATION", tmp_path)
    file = tmp_path / "webhook.yaml"
    file.write_text(json.dumps({"queue": {"url": queue.url}, "aws": {"region": "us-east-1"}}))
    user.check = replace(user.check, options=("--config", str(file)))

    user.execute(user.run().red("sqs:SendMessage")["remedy"])

    done = user.run()
    names = {row["name"] for row in done.rows}
    assert names >= {"webhook", "sqs:SendMessage", "directories"}
    assert not names & {"sqs:ReceiveMessage", "sqs:DeleteMessage", "handlers", "systemd unit"}
    assert done.level("sqs:SendMessage") == "green"
