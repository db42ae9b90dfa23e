"""`consume check`: credentials, region, network, clock."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from consumer.testing import ManualClock
from tests.cases import for_each
from tests.iam import ACCOUNT, enforced, make_user
from tests.operations.checked import Checker
from tests.queues.servers import CLOSE, http, serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.operations.conftest import Queue

NONE = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def test_no_credentials_are_red_until_there_are_some(check: Checker, tmp_path: Path) -> None:
    """As the remedy says, in files; their content is nowhere in the output."""
    files = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    done = check(**NONE, **files)
    assert done.rows[-1] == done.red("credentials")
    assert "aws.access_key_id_file" in done.rows[-1]["remedy"]

    for name, value in (("key", "AKIASECRET"), ("secret", "hunter2")):
        (tmp_path / name).write_text(value)
    given = {
        "CONSUMER_AWS__ACCESS_KEY_ID_FILE": str(tmp_path / "key"),
        "CONSUMER_AWS__SECRET_ACCESS_KEY_FILE": str(tmp_path / "secret"),
        "CONSUMER_AWS__REGION": "us-east-1",
    }
    done = check(**NONE, **files, **given)

    assert done.named("credentials")[0]["finding"] == "from the configuration"
    assert done.level("queue") == "green"
    assert not any(secret in str(done.rows) for secret in ("AKIASECRET", "hunter2"))


def test_credentials_that_end_soon_are_red(check: Checker) -> None:
    """If nothing renews them: within an hour; later than that it is a warning."""
    temporary = {"AWS_SESSION_TOKEN": "token"}
    levels = []
    for minutes in (30, 300):
        end = datetime.now(UTC) + timedelta(minutes=minutes)
        done = check(**temporary, AWS_CREDENTIAL_EXPIRATION=end.isoformat())
        levels.append(done.level("credentials"))
    (row,) = done.named("credentials")
    assert "nothing renews them" in row["finding"]
    assert row["remedy"].startswith("use credentials that last or are renewed")

    assert levels == ["red", "yellow"]
    assert check(**temporary).level("credentials") == "yellow"
    assert check().level("credentials") == "green"


def test_a_key_that_aws_does_not_know_is_red(
    check: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is mistyped or deleted: STS and SQS answer so; with another key all is green."""
    with enforced(monkeypatch):
        done = check(AWS_ACCESS_KEY_ID="AKIAUNKNOWN")

    assert "does not know the access key" in done.red("identity")["finding"]
    assert "aws.access_key_id_file" in done.red("queue")["remedy"]
    assert "AKIAUNKNOWN" not in str(done.rows)
    assert check().level("identity") == "green"


def test_a_missing_region_is_red(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its remedy is a setting; with it, the queue is looked for."""
    nowhere = {"AWS_CONFIG_FILE": "/nonexistent"}
    check = Checker(monkeypatch, ("--queue-name", queue.blueprint.name), nowhere)

    row = check().red("region")

    assert row["remedy"] == "set aws.region to the queue's region"
    endpoint = {"CONSUMER_AWS__ENDPOINT_URL": queue.moto.endpoint}
    assert check("--region", "us-east-1", **endpoint).code == 0


def test_files_of_aws_that_cant_be_read_are_red(check: Checker, tmp_path: Path) -> None:
    """Until they are corrected."""
    file = tmp_path / "aws"
    file.write_text("not a configuration")
    assert check(AWS_CONFIG_FILE=str(file)).red("AWS configuration")

    file.write_text("[default]\nregion = us-east-1\n")
    assert check(AWS_CONFIG_FILE=str(file)).code == 0


def test_an_endpoint_that_is_not_reached_is_red(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity and the clock are not known then: yellow, as the help says."""
    check = Checker(monkeypatch, ("--queue-name", queue.blueprint.name, "--region", "us-east-1"))
    closed = {"CONSUMER_AWS__ENDPOINT_URL": "http://127.0.0.1:9"}

    done = check(**closed)

    assert "the connection was refused" in done.red("queue")["finding"]
    assert "firewall" in done.rows[-1]["remedy"]
    assert done.named("identity")[0]["finding"].startswith("not known: ")
    assert (done.level("identity"), done.level("clock")) == ("yellow", "yellow")
    assert check(CONSUMER_AWS__ENDPOINT_URL=queue.moto.endpoint).level("queue") == "green"


def test_a_clock_that_is_wrong_is_red(check: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the time in SQS's answers: from five minutes on, AWS refuses signatures."""
    levels = []
    for seconds in (-320.0, 100.0, 20.0):
        clock = ManualClock(datetime.now(UTC) + timedelta(seconds=seconds))
        with monkeypatch.context() as patch:
            patch.setattr("consumer.clock.SystemClock", lambda clock=clock: clock)
            done = check()
        levels.append(done.level("clock"))
        if levels == ["red"]:
            row = done.red("clock")
            assert row["finding"].endswith(" s behind AWS's")
            assert row["remedy"] == "sudo timedatectl set-ntp true"

    assert levels == ["red", "yellow", "green"]


def test_the_root_user_is_a_warning(check: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may do everything; the identity is shown without names and keys."""
    from moto.sts import models

    (row,) = check().named("identity")
    assert row["finding"] == f"an IAM user of account {ACCOUNT}"

    arn = f"arn:aws:iam::{ACCOUNT}:root"
    monkeypatch.setattr(
        models.STSBackend, "get_caller_identity", lambda *_: (ACCOUNT, arn, ACCOUNT)
    )
    (row,) = check().named("identity")
    assert (row["level"], row["finding"]) == (
        "yellow", f"the root user of account {ACCOUNT}, who may do everything",
    )  # fmt: skip


def test_a_role_that_may_not_be_assumed_is_red(
    queue: Queue, check: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the user may, and the role trusts it."""
    name = f"{queue.blueprint.name[:50]}-role"
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    env = {
        **make_user(queue.moto, name), "CONSUMER_AWS__ROLE_ARN": arn,
        "AWS_ENDPOINT_URL_STS": queue.moto.endpoint, "CONSUMER_AWS__REGION": "us-east-1",
    }  # fmt: skip
    iam = queue.client("iam")
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = {**allow, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"}}
    version = {"Version": "2012-10-17"}
    trusted = json.dumps({**version, "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)

    with enforced(monkeypatch):
        done = check(**env)
    assert arn in done.red("credentials")["remedy"]
    assert done.level("identity") == "red"
    iam.put_user_policy(
        UserName=name, PolicyName="assume",
        PolicyDocument=json.dumps({**version, "Statement": [{**allow, "Resource": arn}]}),
    )  # fmt: skip
    iam.close()
    with enforced(monkeypatch):
        done = check(**env)

    (row,) = done.named("credentials")
    assert (row["level"], row["finding"]) == (
        "green", "from an assumed role, temporary, renewed in time",
    )  # fmt: skip


@for_each(
    "code, name, remedy",
    [
        ("ExpiredTokenException", "queue", "correct what the row names"),
        ("InvalidClientTokenId", "queue", "set aws.access_key_id_file"),
        ("InternalFailure", "queue", "correct what the row names; if it names nothing, try again"),
        ("AccessDeniedException", "sqs:ReceiveMessage", "allow these credentials: {"),
    ],
)
def test_the_remedy_is_about_what_sqs_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, name: str, remedy: str
) -> None:
    """Not about the network: SQS was reached. Whose credentials they are is not known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    answer = http({"__type": code}, 400, Date=format_datetime(datetime.now(UTC), usegmt=True))

    with serving(lambda _: [answer, CLOSE]) as server:
        done = Checker(monkeypatch, ("--queue-url", server.url(), "--region", "us-east-1"))()

    assert done.red(name)["remedy"].startswith(remedy), code
    assert done.level("clock") == "green"
