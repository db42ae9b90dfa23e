"""A queue as it should be, of moto's server, and `consume check` for it; and replays."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.sqs import models

from consumer.queues.blueprint import Blueprint
from tests.iam import ACCOUNT
from tests.operations.checked import Checker
from tests.operations.replays import Replays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.moto_queues import Moto


class Queue:
    """A queue as it should be, with its dead-letter queue."""

    def __init__(self, moto: Moto, name: str) -> None:
        self.moto = moto
        self.sqs, self.kms = self.client("sqs"), self.client("kms")
        self.blueprint = Blueprint(f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
        self.dead_url = self._make(
            self.blueprint.dead_letter_name, self.blueprint.dead_letter_attributes()
        )
        self.url = self._make(name, self.blueprint.attributes())

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.moto.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def _make(self, name: str, wanted: dict[str, str]) -> str:
        return str(self.sqs.create_queue(QueueName=name, Attributes=wanted)["QueueUrl"])

    def set(self, *, dead: bool = False, **changed: str) -> None:
        url = self.dead_url if dead else self.url
        if not dead:  # moto forgets a policy that is not given again
            changed = {"Policy": self.blueprint.attributes()["Policy"], **changed}
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)

    def redrive(self, **changed: str) -> None:
        policy = json.loads(self.blueprint.attributes()["RedrivePolicy"])
        self.set(RedrivePolicy=json.dumps({**policy, **changed}))

    def restore(self) -> None:
        """Make it again as it was."""
        self.sqs.create_queue(QueueName=self.blueprint.dead_letter_name)
        for url, wanted in (
            (self.dead_url, self.blueprint.dead_letter_attributes()),
            (self.url, {"KmsMasterKeyId": "", **self.blueprint.attributes()}),
        ):
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes=wanted)

    def use_key(self, **options: Any) -> str:
        """Encrypt it with a new key; returns the key's id."""
        key = self.kms.create_key(**options)["KeyMetadata"]
        self.set(KmsMasterKeyId=key["Arn"])
        return str(key["KeyId"])


@pytest.fixture(name="queue")
def _queue(moto: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Queue]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # moto keeps this attribute, and does not return it.
    monkeypatch.setattr(
        models.Queue, "BASE_ATTRIBUTES", [*models.Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    )
    monkeypatch.setattr(models.Queue, "redrive_allow_policy", None, raising=False)
    name = f"canvas-live-events-{tmp_path.name.replace('_', '-')[:50]}"
    queue = Queue(moto, name)
    yield queue
    for url in (queue.url, queue.dead_url):
        queue.sqs.delete_queue(QueueUrl=url)
    for client in (queue.sqs, queue.kms):
        client.close()


@pytest.fixture(name="check")
def _check(moto: Moto, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Checker:
    env = {"AWS_ENDPOINT": moto.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    return Checker(monkeypatch, ("--queue-url", queue.url), env)


@pytest.fixture(name="replay")
def _replay() -> Replays:
    return Replays()
