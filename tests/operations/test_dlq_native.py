"""SQS's own redrive: which calls are made, what their answers mean, and when it is not possible."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from consumer.config import QueueSettings, Settings
from consumer.errors import TransportError
from consumer.operations.dlq.find import DeadLetters
from consumer.operations.dlq.native import NativeImpossibleError
from consumer.operations.dlq.redrive import Redrive, Redriven
from consumer.operations.replay.choice import Choice
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.failures import ActionDeniedError
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.moto_queues import Moto, client_of, numbered
from tests.operations.dead_letters import AWS, rig_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.operations.dlq.redrive import Engine

ARN = "arn:aws:sqs:us-east-1:123456789012:canvas-live-events-prod"
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
PLACES = DeadLetters(URL, ARN, f"{URL}-dlq", f"{ARN}-dlq")
SETTINGS = Settings(queue=QueueSettings(url=URL), aws=AWS)
SOURCE = {"SourceArn": PLACES.arn}


@contextmanager
def stubbed() -> Iterator[tuple[AwsCalls, Stubber]]:
    """Calls whose answers are given; each must be asked for."""
    with closing(AwsCalls(SETTINGS.queue, AWS)) as calls, Stubber(calls.client("sqs")) as stub:
        yield calls, stub
        stub.assert_no_pending_responses()


class Run:
    """One redrive, with all that it reports."""

    def __init__(
        self, calls: AwsCalls, *, engine: Engine = "auto", places: DeadLetters = PLACES
    ) -> None:
        self.said: list[str] = []
        self.progress: list[tuple[int, int | None]] = []
        self.clock = ManualClock()
        self.redrive = Redrive(
            calls, places, SETTINGS, engine=engine, clock=self.clock, say=self.said.append,
            progress=lambda *done: self.progress.append(done),
        )  # fmt: skip

    def run(self, *, rate: int | None = None) -> Redriven:
        return self.redrive.run(Choice(), limit=None, rate=rate, dry_run=False)


def task(status: str, moved: int = 0, **more: Any) -> dict[str, Any]:
    """An answer of ListMessageMoveTasks."""
    entry = {"Status": status, "ApproximateNumberOfMessagesMoved": moved, **more}
    return {"Results": [entry]}


def test_a_task_is_started_and_followed() -> None:
    """To its end, with its progress."""
    with stubbed() as (calls, stub):
        stub.add_response("list_message_move_tasks", {"Results": []}, SOURCE)
        stub.add_response(
            "start_message_move_task",
            {"TaskHandle": "handle"},
            {**SOURCE, "MaxNumberOfMessagesPerSecond": 50},
        )
        running = task("RUNNING", 40, ApproximateNumberOfMessagesToMove=100, TaskHandle="handle")
        stub.add_response("list_message_move_tasks", running, SOURCE)
        stub.add_response("list_message_move_tasks", task("COMPLETED", 100), SOURCE)
        run = Run(calls)

        result = run.run(rate=50)

    assert ("native", "COMPLETED", 100) == (result.engine, result.status, result.moved)
    assert [(40, 100), (100, None)] == run.progress
    assert "goes on if this command is stopped" in run.said[0]
    assert [2.0] == run.clock.waits


def test_a_task_that_runs_is_followed() -> None:
    """SQS allows one at a time."""
    with stubbed() as (calls, stub):
        stub.add_response("list_message_move_tasks", task("RUNNING", 1, TaskHandle="h"), SOURCE)
        stub.add_response("list_message_move_tasks", task("CANCELLED", 7), SOURCE)
        run = Run(calls)

        result = run.run()

    assert ("CANCELLED", 7) == (result.status, result.moved)
    assert "already moving messages" in run.said[0]


def test_an_older_task_does_not_count() -> None:
    """It has ended: a new one is started, which SQS may list only a moment later."""
    with stubbed() as (calls, stub):
        old = task("COMPLETED", 9, StartedTimestamp=1)
        stub.add_response("list_message_move_tasks", old, SOURCE)
        stub.add_response("start_message_move_task", {"TaskHandle": "new"}, SOURCE)
        stub.add_response("list_message_move_tasks", old, SOURCE)
        failed = task("FAILED", StartedTimestamp=2, FailureReason="CouldNotDetermineMessageSource")
        stub.add_response("list_message_move_tasks", failed, SOURCE)

        result = Run(calls).run()

    assert ("FAILED", "CouldNotDetermineMessageSource") == (result.status, result.reason)


def test_a_task_that_never_appears_is_an_error() -> None:
    """After a minute."""
    with stubbed() as (calls, stub):
        stub.add_response("list_message_move_tasks", {"Results": []}, SOURCE)
        stub.add_response("start_message_move_task", {"TaskHandle": "new"}, SOURCE)
        for _ in range(30):
            stub.add_response("list_message_move_tasks", {"Results": []}, SOURCE)
        run = Run(calls)

        with pytest.raises(TransportError, match="does not list the task"):
            run.run()

    assert 60 >= sum(run.clock.waits) >= 50


@for_each("running", [True, False])
def test_a_task_is_cancelled(running: bool) -> None:
    """If one runs."""
    with stubbed() as (calls, stub):
        if running:
            found = task("RUNNING", 5, TaskHandle="handle")
            stub.add_response("list_message_move_tasks", found, SOURCE)
            cancelled = {"ApproximateNumberOfMessagesMoved": 6}
            stub.add_response("cancel_message_move_task", cancelled, {"TaskHandle": "handle"})
            stub.add_response("list_message_move_tasks", task("CANCELLING", 6), SOURCE)
        else:
            stub.add_response("list_message_move_tasks", task("COMPLETED", 5), SOURCE)

        result = Run(calls).redrive.cancel()

    assert (("CANCELLING", 6) if running else ("", 0)) == (result.status, result.moved)


REFUSALS = [
    ("list", "AccessDenied", 403, "sqs:ListMessageMoveTasks is not permitted"),
    ("start", "AccessDenied", 403, "sqs:StartMessageMoveTask is not permitted"),
    ("start", "KMS.AccessDeniedException", 400, "KMS key"),
    ("start", "UnsupportedOperation", 400, "SQS answered UnsupportedOperation"),
    ("list", "ResourceNotFoundException", 404, "SQS answered ResourceNotFoundException"),
    ("list", "InvalidAction", 400, "SQS answered InvalidAction"),
    ("list", "501", 501, "SQS answered 501"),
]


@for_each("operation, code, status, reason", REFUSALS)
def test_where_sqs_can_not_do_it(
    operation: str, code: str, status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages are moved from here, and the reason is reported."""
    resent: list[bool] = []
    monkeypatch.setattr(Redrive, "_resend", lambda *_, **__: resent.append(True))
    with stubbed() as (calls, stub):
        if operation == "start":
            stub.add_response("list_message_move_tasks", {"Results": []}, SOURCE)
        method = {"list": "list_message_move_tasks", "start": "start_message_move_task"}[operation]
        stub.add_client_error(method, code, http_status_code=status)
        run = Run(calls)

        run.run()

    assert [True] == resent
    assert "not by SQS itself" in run.said[0]
    assert reason in run.said[0]


@for_each("code", ["RequestThrottled", "InternalError", "503"])
def test_what_may_have_started_a_task_is_an_error(code: str) -> None:
    """Two ways at the same time would double messages."""
    with stubbed() as (calls, stub):
        stub.add_response("list_message_move_tasks", {"Results": []}, SOURCE)
        stub.add_client_error("start_message_move_task", code, http_status_code=503)

        with pytest.raises(TransportError) as raised:
            Run(calls).run()

    assert 75 == raised.value.exit_code


def test_asked_for_explicitly_it_is_not_replaced() -> None:
    """The error names the IAM action."""
    with stubbed() as (calls, stub):
        stub.add_client_error("list_message_move_tasks", "AccessDenied", http_status_code=403)

        with pytest.raises(ActionDeniedError, match="sqs:ListMessageMoveTasks"):
            Run(calls, engine="native").run()
        with pytest.raises(NativeImpossibleError, match="is not the dead-letter queue"):
            Run(calls, engine="native", places=replace(PLACES, arn=None)).run()


def test_an_emulator_with_move_tasks() -> None:
    """All messages are in the queue again. moto has no such tasks."""
    endpoint = os.environ.get("SQS_WITH_MOVE_TASKS")
    if endpoint is None:
        pytest.skip("SQS_WITH_MOVE_TASKS is not set to the URL of an emulator, such as ElasticMQ")
    with closing(client_of(endpoint)) as client, rig_of(Moto(endpoint, client)) as rig:
        rig.lose([numbered(number) for number in range(12)])
        said: list[str] = []
        redrive = Redrive(
            rig.calls, rig.places, rig.settings, engine="native", clock=rig.clock,
            say=said.append, progress=lambda *_: None,
        )  # fmt: skip

        result = redrive.run(Choice(), limit=None, rate=None, dry_run=False)

        assert ("native", "COMPLETED", 12) == (result.engine, result.status, result.moved)
        assert list(range(12)) == rig.queue.numbers()
        assert (0, 0) == rig.dead.counts()


@for_each("engine", ["auto", "resend"])
def test_an_emulator_without_move_tasks(engine: Engine, moto: Moto) -> None:
    """moto: the messages are moved from here."""
    with rig_of(moto) as rig:
        rig.lose([numbered(number) for number in range(12)])
        said: list[str] = []
        redrive = Redrive(
            rig.calls, rig.places, rig.settings, engine=engine, clock=rig.clock,
            say=said.append, progress=lambda *_: None,
        )  # fmt: skip

        result = redrive.run(Choice(), limit=None, rate=None, dry_run=False)

        assert ("resend", "", 12) == (result.engine, result.status, result.moved)
        assert ("not by SQS itself" in said[0]) == (engine == "auto")
        assert list(range(12)) == rig.queue.numbers()
