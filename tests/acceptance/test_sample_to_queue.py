"""`consume sample --queue-url`: real processes, and moto's server."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.processes import environment, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.moto_queues import Moto
    from tests.processes import Consume

pytestmark = pytest.mark.acceptance


def sample(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "consumer", "sample", *arguments],
        cwd=folder, env=environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_messages_come_with_the_attributes_of_canvas(moto: Moto, tmp_path: Path) -> None:
    """Those that Canvas sets, as texts; the command says how many were sent."""
    queue = moto.queue()

    done = sample(
        tmp_path, "submission_created", "logged_in", "--count", "12", "--queue-url", queue.url,
        "--format", "caliper",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert f"12 messages were sent to {queue.name}" in done.stderr
    assert queue.counts() == (12, 0)
    answer = queue.client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    for message in answer["Messages"]:
        attributes = message["MessageAttributes"]
        assert {"event_name", "event_time"} == attributes.keys()
        assert {"String"} == {attribute["DataType"] for attribute in attributes.values()}
        assert attributes["event_name"]["StringValue"] in {"submission_created", "logged_in"}
        assert attributes["event_time"]["StringValue"] == json.loads(message["Body"])["sendTime"]


def test_what_is_logged_is_not_mixed_with_results(moto: Moto, tmp_path: Path) -> None:
    """Standard output stays empty, also if something is logged about how SQS is called."""
    (tmp_path / "config.yaml").write_text("queue: {transport: botocore}\n")

    done = sample(tmp_path, "logged_in", "--queue-url", moto.queue().url, "--config", "config.yaml")

    assert 0 == done.returncode, done.stderr
    assert "" == done.stdout


def test_a_queue_that_is_not_there(moto: Moto, tmp_path: Path) -> None:
    """Exit code 69, in plain words, and that nothing was sent."""
    url = moto.queue().url + "-not"

    done = sample(tmp_path, "logged_in", "--queue-url", url)

    assert done.returncode == 69
    assert "0 messages were sent" in done.stderr
    assert "there is no queue" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_queue_of_another_name_may_be_allowed(moto: Moto, tmp_path: Path) -> None:
    """With the configuration the name is accepted; here the queue does not exist."""
    url = moto.queue().url.replace("canvas-live-events", "grades")

    (tmp_path / "config.yaml").write_text("queue: {allow_any_queue_name: true}\n")

    done = sample(tmp_path, "logged_in", "--queue-url", url, "--config", "config.yaml")

    assert done.returncode == 69
    assert "allow_any_queue_name" not in done.stderr


def test_ctrl_c_at_a_slow_rate(moto: Moto, consume: Callable[..., Consume]) -> None:
    """Ends at once with 130, and says how many were sent; no traceback."""
    queue = moto.queue()
    run = consume(
        "sample", "--mix", "realistic", "--count", "900", "--rate", "4/s", "--queue-url", queue.url
    )
    eventually(lambda: queue.counts()[0] >= 2, "some were sent")

    run.signal(signal.SIGINT)

    assert run.end() == 130
    announced, counted = run.stderr().splitlines()
    assert announced == f"consume: note: sending 900 messages to {queue.name} takes 225 s"
    found = re.fullmatch(
        rf"consume: note: (\d+) messages? (was|were) sent to {queue.name}", counted
    )
    assert found is not None
    # The request that was open may have arrived.
    assert queue.counts()[0] - 1 <= int(found[1]) <= queue.counts()[0]
    assert run.stdout() == ""
