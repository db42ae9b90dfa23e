"""`consume check`: the page, waiting for an event, and checks that fail themselves."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.directories import user_name
from consumer.operations.check import queue as queue_checks
from consumer.operations.check.results import GREEN, Result, guarded
from consumer.testing import ManualClock
from tests.operations.checked import KEY
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.operations.checked import Checker
    from tests.operations.conftest import Queue


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr("consumer.clock.SystemClock", lambda: clock)
    return clock


def test_the_page_has_a_row_for_each_and_then_what_to_do(queue: Queue, check: Checker) -> None:
    """The same remedy once, with the names of all rows that it is for; at last the counts."""
    queue.set(Policy="", MessageRetentionPeriod="3600")

    result = CliRunner().invoke(main, ["check", *check.options], env={**check.env, **KEY})

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    start = lines.index("What to do")
    (row,) = [line for line in lines[:start] if " who may send " in line]
    assert row.split()[0] == "red"
    command = f"consume queue create {queue.blueprint.name} --region us-east-1"
    assert lines[start + 1 : start + 3] == [
        "  who may send (red), retention (red):",
        f"    {command} --endpoint-url {queue.moto.endpoint}",
    ]
    assert lines[-1].endswith("0 yellow, 2 red")


def test_the_example_in_the_readme_is_what_is_printed(
    queue: Queue, check: Checker, tmp_path: Path
) -> None:
    """Line by line, for a queue without its policy, with SQS's own retention and dead letters."""
    readme = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"<!-- test: check example -->\n```text\n(.*?)```", readme, re.DOTALL)
    queue.set(Policy="", MessageRetentionPeriod="345600")
    for _ in range(2):
        queue.sqs.send_message(QueueUrl=queue.dead_url, MessageBody="{}")

    result = CliRunner().invoke(main, ["check", *check.options], env={**check.env, **KEY})

    printed = result.stdout
    for here, there in {
        queue.url: "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod",
        f" --endpoint-url {queue.moto.endpoint}": "",
        queue.blueprint.name: "canvas-live-events-prod",
        f"{tmp_path}/canvas-live-events: {user_name(os.geteuid())}": (
            "/home/canvas/canvas-live-events: canvas"
        ),
    }.items():
        printed = printed.replace(here, there)
    printed = re.sub(r"[\d.]+ .B are free", "40.5 GB are free", printed)
    assert printed == example


def test_an_event_that_comes_is_noticed_and_not_received(
    queue: Queue, check: Checker, clock: ManualClock
) -> None:
    """After half a minute of looking every second."""
    clock.call_later(30, lambda: queue.sqs.send_message(QueueUrl=queue.url, MessageBody="{}"))

    done = check("--wait", "120")

    assert done.named("event")[0]["level"] == "green"
    assert 30 <= sum(clock.waits) <= 32
    answer = queue.sqs.receive_message(QueueUrl=queue.url, AttributeNames=["All"])
    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_no_event_is_red_with_what_to_do_in_canvas(
    queue: Queue, check: Checker, clock: ManualClock
) -> None:
    """A message that leaves the queue is none that came."""
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="{}")
    clock.call_later(5, lambda: queue.sqs.purge_queue(QueueUrl=queue.url))

    row = check("--wait", "20").red("event")

    assert 20 <= sum(clock.waits) <= 21
    assert "within 20 s" in row["finding"]
    assert "Data Services" in row["remedy"]
    assert queue.url in row["remedy"]


def test_an_event_that_a_daemon_takes_is_known_by_cloudwatch(
    queue: Queue, check: Checker, clock: ManualClock
) -> None:
    """It was never seen in the queue."""
    data = {
        "MetricName": "NumberOfMessagesSent", "Value": 3, "Timestamp": clock.now(),
        "Dimensions": [{"Name": "QueueName", "Value": queue.blueprint.name}],
    }  # fmt: skip
    cloudwatch = queue.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[data])
    cloudwatch.close()

    (row,) = check("--wait", "60").named("event")

    assert row["level"] == "green"
    assert row["finding"] == "CloudWatch counted 3 messages that were sent"


def test_a_check_that_fails_hides_no_other(check: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row is yellow, with the type of the error and nothing of its text."""
    monkeypatch.setattr(queue_checks, "_span", lambda _: 1 / 0)

    done = check()

    (row,) = done.named("retention")
    assert row["level"] == "yellow"
    assert row["finding"] == "could not be checked (ZeroDivisionError)"
    assert done.level("other settings") == "green"
    assert done.code == 0


def test_what_a_check_found_before_it_failed_is_kept() -> None:
    """Then comes the row about the failure."""

    def failing() -> Iterator[Result]:
        yield Result("one", GREEN, "found")
        raise KeyError("secret")

    assert [(row.name, row.finding) for row in guarded("check", failing)] == [
        ("one", "found"),
        ("check", "could not be checked (KeyError)"),
    ]
