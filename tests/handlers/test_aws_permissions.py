"""The permissions that `consume queue iam` prints for handlers are enough, and none is too much."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from consumer.config import AwsSettings, HandlerSettings
from consumer.handlers.loading.loader import build_registry
from consumer.operations.handler_permissions import handler_permissions
from consumer.queues.sqs import AwsClients
from consumer.testing import run_batch
from tests.cases import for_each
from tests.handlers.aws_handlers import SOURCE, close, events
from tests.iam import ACCOUNT, enforced, make_user
from tests.moto_queues import running_moto

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.moto_queues import Moto

OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"bucket": "lake", "prefix": "raw"},
    "sqs": {"queue_url": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/courses"},
    "eventbridge": {"bus": "lms"},
}


@pytest.fixture(name="moto", scope="module")
def _moto() -> Iterator[Moto]:
    with running_moto() as moto:
        ask(moto, "s3", "create_bucket", Bucket="lake")
        ask(moto, "sqs", "create_queue", QueueName="courses")
        ask(moto, "events", "create_event_bus", Name="lms")
        yield moto


def ask(moto: Moto, service: str, operation: str, **arguments: Any) -> None:
    """Call the server as an operator does."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client(service, endpoint_url=moto.endpoint, region_name="us-east-1", **keys)
    with closing(client):
        getattr(client, operation)(**arguments)


def landed_with(moto: Moto, kind: str, user: str, statements: list[Any]) -> tuple[str, str]:
    """The verdict and the reason of an event, with the credentials of a new user."""
    found = {name.lower(): value for name, value in make_user(moto, user).items()}
    keys = {name.removeprefix("aws_"): value for name, value in found.items()}
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    if statements:
        ask(moto, "iam", "put_user_policy", UserName=user, PolicyName="p", PolicyDocument=document)
    aws = AwsSettings.model_validate({**keys, "region": "us-east-1"})
    options = {**OPTIONS[kind], "endpoint_url": moto.endpoint}
    registry = build_registry(
        [HandlerSettings(name="h", type=kind, options=options)],
        state_directory=Path("state"), aws_client=AwsClients(SOURCE, aws).client, queue=SOURCE,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, enforced(patch):
        (ran,) = run_batch(registry, events(1))
    close(registry)
    return ran.verdict, ran.reason


@for_each("kind", list(OPTIONS))
def test_what_is_printed_is_enough_and_least(moto: Moto, kind: str) -> None:
    """With all of it, events land; without any one action they do not, and the reason says it."""
    entry = HandlerSettings(name="h", type=kind, options=OPTIONS[kind])
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:canvas-live-events"
    ((_, actions, resource),) = handler_permissions([entry], queue=queue)
    for missing in (None, *actions):
        left = [action for action in actions if action != missing]
        statements = [{"Effect": "Allow", "Action": left, "Resource": resource}] if left else []
        user = f"{kind}-{missing}".replace(":", "-")
        verdict, reason = landed_with(moto, kind, user, statements)
        if missing is None:
            assert ("ack", "") == (verdict, reason)
        else:
            assert "retry" == verdict
            assert f": allow {missing} on it; `consume queue iam" in reason
