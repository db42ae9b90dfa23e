"""Every command that runs handlers gives them AWS: with the daemon's identity, as processes."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from consumer.testing import canvas_body
from tests.moto_queues import number_of
from tests.operations.dead_letters import rig_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.moto_queues import Moto, MotoQueue
    from tests.processes import Consume

    Start = Callable[..., Consume]

pytestmark = pytest.mark.acceptance


@pytest.fixture(name="s3")
def _s3(moto: Moto) -> Iterator[Any]:
    client = boto3.client(
        "s3", endpoint_url=moto.endpoint, region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    yield client
    client.close()


def configuration(folder: Path, **handlers: Any) -> str:
    """A file with handlers, by their types; an emulator on loopback is asked for every service."""
    entries = [{"name": kind, kind: options} for kind, options in handlers.items()]
    (folder / "config.yaml").write_text(json.dumps({"handlers": entries}))
    return "config.yaml"


def objects(s3: Any, bucket: str, folder: Path) -> list[Path]:
    """The objects of a bucket, as files."""
    found = []
    for number, item in enumerate(s3.list_objects_v2(Bucket=bucket).get("Contents", ())):
        path = folder / f"{number}.jsonl.gz"
        path.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
        found.append(path)
    return found


def test_from_a_queue_into_a_bucket_and_from_there_into_a_queue(
    consume: Start, moto: Moto, s3: Any, tmp_path: Path
) -> None:
    """The daemon's object can be replayed as it is, through a handler that calls AWS, too."""
    source, target = moto.queue(), moto.queue()
    sent = source.send_numbered(25)
    s3.create_bucket(Bucket="landed")
    file = configuration(tmp_path, s3={"bucket": "landed", "prefix": "raw"})
    run = consume("--config", file, "--queue-url", source.url, "--drain")
    assert 0 == run.end(), run.stderr()
    assert (0, 0) == source.counts()
    landed = objects(s3, "landed", tmp_path)
    lines = [line for path in landed for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert sent == {number_of(json.dumps(json.loads(line)["payload"])) for line in lines}

    file = configuration(tmp_path, sqs={"queue_url": target.url, "body": "raw"})
    run = consume("replay", *map(str, landed), "--config", file, "--handler", "sqs")
    assert 0 == run.end(), run.stderr()
    assert sorted(sent) == target.numbers()


def test_from_a_dead_letter_queue_into_a_queue(consume: Start, moto: Moto, tmp_path: Path) -> None:
    """`consume dlq replay` runs the configured handlers, this one included."""
    target: MotoQueue = moto.queue()
    with rig_of(moto, max_receive_count=3) as rig:
        rig.dead.send([canvas_body(body={"submission_id": "7"})])
        file = configuration(tmp_path, sqs={"queue_url": target.url, "body": "raw"})
        run = consume("dlq", "replay", "--config", file, "--queue-url", rig.queue.url)
        assert 0 == run.end(), run.stderr()
        assert (0, 0) == rig.dead.counts()
    assert [7] == target.numbers()


def test_the_own_queue_is_refused(consume: Start, moto: Moto, tmp_path: Path) -> None:
    """By `config check`, too, which calls nothing."""
    source = moto.queue()
    file = configuration(tmp_path, sqs={"queue_url": source.url})
    run = consume("--config", file, "--queue-url", source.url)
    assert 78 == run.end()
    assert "another queue than the one that the events come from" in run.stderr()
    path = tmp_path / file
    path.write_text(json.dumps({**json.loads(path.read_text()), "queue": {"url": source.url}}))
    run = consume("config", "check", file)
    assert 78 == run.end()
    assert "another queue than the one that the events come from" in run.stderr()
