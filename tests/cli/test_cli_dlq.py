"""`consume peek` and `consume dlq`: results and exit codes, against moto's server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.queues.sqs import SqsTransport
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.failures import ActionDeniedError
from consumer.queues.transport import EntryFailure
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.moto_queues import numbered
from tests.operations.dead_letters import Rig, rig_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.moto_queues import Moto

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SECRET = "SECRET0123456789"


@pytest.fixture(name="rig")
def _rig(moto: Moto) -> Iterator[Rig]:
    with rig_of(moto, max_receive_count=3) as rig:
        yield rig


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env={**KEYS, **environ})


def data_of(result: Result) -> Any:
    return json.loads(result.stdout)


def fill(rig: Rig) -> None:
    """Ten messages in the dead-letter queue: three of them are no events."""
    bodies = [f'{{"url": "https://x.edu/?access_token={SECRET}"}}', "{", '{"a": 1, ']
    rig.lose([*map(numbered, range(7)), *bodies], event_name="submission_created")


def test_peek_shows_messages_and_gives_them_back(rig: Rig) -> None:
    """As a table, or as JSON; bodies only if they are asked for."""
    rig.queue.send([numbered(1), f'{{"url": "https://x.edu/?access_token={SECRET}"}}'])

    page = run("peek", "--queue-url", rig.queue.url)

    assert 0 == page.exit_code, page.output
    assert "submission_created" in page.stdout
    assert "(not an event)" in page.stdout
    assert "submission_id" not in page.stdout
    assert (2, 0) == rig.queue.counts()
    # Now both were received once, and another look would leave fewer than two deliveries.
    data = run("peek", "--queue-url", rig.queue.url, "--json", "--body")
    assert 1 == data.exit_code
    assert "received 2 times of 3" in data_of(data)["stopped"]
    (message,) = data_of(data)["messages"]
    assert {"message_id", "age_seconds", "receive_count", "size_bytes", "body"} < message.keys()
    assert SECRET not in data.output
    assert (2, 0) == rig.queue.counts()


def test_peek_at_the_dead_letter_queue(rig: Rig) -> None:
    """Which has no limit."""
    fill(rig)

    for _ in range(5):
        result = run("peek", "--queue-url", rig.queue.url, "--dlq", "--json", "--count", "10")
        assert 0 == result.exit_code, result.output

    data = data_of(result)
    assert (rig.dead.name, 10) == (data["queue"], len(data["messages"]))
    assert (10, 0) == rig.dead.counts()


def test_an_empty_queue(rig: Rig) -> None:
    """Says so, and that is no fault."""
    result = run("peek", "--queue-url", rig.queue.url)

    assert 0 == result.exit_code
    assert f"no message of {rig.queue.name} is visible now" in result.stderr
    assert "" == result.stdout


@for_each("named", ["policy", "url", "name"])
def test_list_counts_by_reason(named: str, rig: Rig) -> None:
    """Of the dead-letter queue in the redrive policy, or of the one that is named."""
    if rig.dead.counts() == (0, 0):
        fill(rig)
    place = {
        "policy": ("--queue-url", rig.queue.url),
        "url": ("--dlq-url", rig.dead.url),
        "name": ("--dlq-name", rig.dead.name, "--endpoint-url", rig.dead.endpoint),
    }[named]

    result = run("dlq", "list", *place, "--json")

    assert 0 == result.exit_code, result.output
    data = data_of(result)
    assert (rig.dead.name, 10) == (data["dead_letter_queue"], data["messages"])
    assert [7, 2, 1] == [group["count"] for group in data["groups"]]
    assert "submission_created" in run("dlq", "list", *place).stdout
    assert (10, 0) == rig.dead.counts()


def test_list_says_that_there_may_be_more(rig: Rig) -> None:
    """At the limit."""
    fill(rig)

    result = run("dlq", "list", "--queue-url", rig.queue.url, "--limit", "4")

    assert "4 messages were read, and there may be more" in result.stderr
    assert (10, 0) == rig.dead.counts()


def test_show_one(rig: Rig) -> None:
    """Why it is no event, and its body without secrets."""
    fill(rig)
    listed = data_of(run("dlq", "list", "--queue-url", rig.queue.url, "--json"))
    (wanted,) = next(g["examples"] for g in listed["groups"] if g["count"] == 1)

    result = run("dlq", "show", wanted, "--queue-url", rig.queue.url, "--body")

    assert 0 == result.exit_code, result.output
    assert "neither a Canvas event" in result.stdout
    assert "https://x.edu/?access_token=[scrubbed]" in result.stdout
    missing = run("dlq", "show", "no-such-id", "--queue-url", rig.queue.url)
    assert 1 == missing.exit_code
    assert "has the id no-such-id" in missing.stderr
    assert (10, 0) == rig.dead.counts()


def test_an_export_can_be_decoded_and_replayed(rig: Rig, tmp_path: Path) -> None:
    """By `consume decode` and `consume replay`."""
    fill(rig)
    file = tmp_path / "letters.jsonl"

    result = run("dlq", "export", str(file), "--queue-url", rig.queue.url)

    assert 0 == result.exit_code, result.output
    assert f"10 messages of {rig.dead.name} were written" in result.stdout
    decoded = run("decode", "--json", str(file))
    assert 7 == len(decoded.stdout.splitlines())
    replayed = run("replay", str(file), "--handler", "log", "--dry-run")
    assert (1, True) == (replayed.exit_code, "submission_created" in replayed.stdout)
    again = run("dlq", "export", str(file), "--queue-url", rig.queue.url)
    assert 74 == again.exit_code
    assert "File exists" in again.stderr


def test_redrive_moves_what_is_chosen(rig: Rig) -> None:
    """First a dry run; then some; then all."""
    fill(rig)
    place = ("--queue-url", rig.queue.url)

    dry = run("dlq", "redrive", *place, "--dry-run", "--json")
    assert (True, 10) == (data_of(dry)["dry_run"], data_of(dry)["moved"])
    assert (10, 0) == rig.dead.counts()
    some = run("dlq", "redrive", *place, "--events", "submission_*", "--limit", "3")
    assert 0 == some.exit_code, some.output
    assert f"moved from {rig.dead.name} to {rig.queue.name}: 3" in some.stdout
    none = run("dlq", "redrive", *place, "--events", "logged_in")
    assert (0, True) == (none.exit_code, "stay (not chosen): 7" in none.stdout)
    every = run("dlq", "redrive", *place, "--json")
    assert 0 == every.exit_code, every.output
    assert ("resend", 7, {}) == tuple(data_of(every)[key] for key in ("engine", "moved", "left"))
    assert "not by SQS itself, because ListMessageMoveTasks" in every.stderr
    assert (10, 0) == rig.queue.counts()
    assert (0, 0) == rig.dead.counts()


def test_faults_of_redrive(rig: Rig) -> None:
    """Wrong usage is 2; no such tasks there is 75 or 69; a wrong time is 78."""
    place = ("--queue-url", rig.queue.url)

    some = run("dlq", "redrive", *place, "--engine", "native", "--limit", "3")
    assert (2, True) == (some.exit_code, "SQS itself moves all messages" in some.stderr)
    cancelled = run("dlq", "redrive", *place, "--cancel")
    assert (69, True) == (cancelled.exit_code, "ListMessageMoveTasks" in cancelled.stderr)
    assert 78 == run("dlq", "redrive", *place, "--since", "tomorrow").exit_code


@for_each(
    "arguments",
    [("list",), ("show", "id"), ("export", "file"), ("redrive",), ("replay", "--handler", "log")],
)
def test_a_queue_without_a_dead_letter_queue(arguments: tuple[str, ...], rig: Rig) -> None:
    """Exit code 69, in plain words."""
    result = run("dlq", *arguments, "--queue-url", rig.dead.url)

    assert 69 == result.exit_code
    assert "has no dead-letter queue, because it has no redrive policy" in result.stderr


def test_a_dead_letter_queue_that_was_deleted(rig: Rig) -> None:
    """Exit code 69, and its name."""
    rig.dead.client.delete_queue(QueueUrl=rig.dead.url)

    result = run("dlq", "list", "--queue-url", rig.queue.url)

    assert 69 == result.exit_code
    assert f"there is no queue '{rig.dead.name}'" in result.stderr


@for_each("arguments", [("peek", "--dlq"), ("dlq", "list"), ("dlq", "redrive")])
def test_a_permission_that_is_missing(
    arguments: tuple[str, ...], rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 77, and the action."""

    def refuse(*_: object) -> None:
        text = "not permitted: allow sqs:GetQueueAttributes"
        raise ActionDeniedError(text, code="AccessDenied", action="sqs:GetQueueAttributes")

    with monkeypatch.context() as patched:
        patched.setattr(AwsCalls, "attributes", refuse)
        result = run(*arguments, "--queue-url", rig.queue.url)

    assert 77 == result.exit_code
    assert "allow sqs:GetQueueAttributes" in result.stderr


def test_a_low_max_receive_count_is_refused(moto: Moto) -> None:
    """Exit code 1, and nothing is received."""
    with rig_of(moto, max_receive_count=2) as rig:
        rig.queue.send([numbered(1)])

        result = run("peek", "--queue-url", rig.queue.url)

    assert 1 == result.exit_code
    assert "maxReceiveCount is 2" in result.stderr
    assert "" == result.stdout


def test_what_can_not_be_given_back_is_reported(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how long it stays hidden; the exit code is 1."""
    fill(rig)

    def refuse(_: object, changes: list[Any]) -> list[EntryFailure]:
        return [EntryFailure("Throttled")] * len(changes)

    monkeypatch.setattr("consumer.operations.holding.NEVER.wait", lambda _: None)
    monkeypatch.setattr(SqsTransport, "change_visibility", refuse)
    peeked = run("peek", "--queue-url", rig.queue.url, "--dlq", "--count", "3")
    listed = run("dlq", "list", "--queue-url", rig.queue.url)

    assert (1, 1) == (peeked.exit_code, listed.exit_code)
    assert "3 (Throttled); they are visible again after 30 seconds" in peeked.stderr
    assert "7 (Throttled); they are visible again after 300 seconds" in listed.stderr


@for_each(
    "statuses, code, said",
    [
        (["RUNNING", "COMPLETED"], 0, "SQS's task: COMPLETED"),
        (["CANCELLED"], 1, "SQS's task: CANCELLED"),
        (["FAILED"], 75, "SQS's task: FAILED (CouldNotDetermineMessageSource)"),
    ],
)
def test_a_task_of_sqs(
    statuses: list[str], code: int, said: str, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its progress, its end, and the exit code for it."""
    clock, original = ManualClock(), AwsCalls.ask
    failure = {"FailureReason": "CouldNotDetermineMessageSource"}
    tasks = [
        {"Status": s, "ApproximateNumberOfMessagesMoved": 1200} | (failure if s == "FAILED" else {})
        for s in statuses
    ]
    lists = iter([[], *([task] for task in tasks)])

    def ask(calls: AwsCalls, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation == "ListMessageMoveTasks":
            clock.advance(2)
            return {"Results": next(lists)}
        if operation == "StartMessageMoveTask":
            return {"TaskHandle": "handle"}
        return original(calls, operation, **arguments)

    with monkeypatch.context() as patched:
        patched.setattr("consumer.clock.SystemClock", lambda: clock)
        patched.setattr(AwsCalls, "ask", ask)
        result = run("dlq", "redrive", "--queue-url", rig.queue.url)

    assert (code, True) == (result.exit_code, said in result.stdout), result.output
    assert "1,200 moved" in result.stderr
    assert "it goes on if this command is stopped" in result.stderr


_DEAD = ("--dlq-name", "canvas-live-events-dlq")
_AWS = "https://sqs.us-east-1.amazonaws.com"
_URL = ("--queue-url", f"{_AWS}/123456789012/canvas-live-events")


@for_each(
    "arguments, text",
    [
        (("dlq", "list", *_DEAD, "--dlq-url", "https://x.example/1/x"), "give only one of"),
        (("dlq", "replay", *_DEAD, "--dlq-url", "https://x.example/1/x"), "give only one of"),
        (("dlq", "redrive", *_DEAD, "--dlq-url", "https://x.example/1/x"), "give only one of"),
        (("dlq", "list", "--dlq-url", "foo"), "'foo' is not the URL of a queue"),
        (("dlq", "redrive", "--dlq-url", "foo"), "'foo' is not the URL of a queue"),
        (("dlq", "list", "--dlq-name", "a b"), "'a b' is not a queue name"),
        (("queue", "iam", "--dlq-name", "a b"), "'a b' is not a queue name"),
        (("queue", "iam", "--kms-key", "alias/x"), "'alias/x' is not the ARN of a key"),
        (("check", "--wait", "nan"), "'nan' is not a number"),
        (("sample", "grade_change", "--malformed", "nan"), "'nan' is not a number"),
    ],
)
def test_wrong_options_are_refused_in_plain_words(arguments: tuple[str, ...], text: str) -> None:
    """The same option in the same words by each command; and NaN is in no range."""
    result = run(*arguments, *_URL)

    assert 2 == result.exit_code, result.output
    assert text in result.stderr


@for_each(
    "url, region, text",
    [
        (f"{_AWS}/1/x", "us-east-1", "--dlq-url 'https://sqs.us-east-1.amazonaws.com/1/x' must"),
        (f"{_AWS}/123456789012/x.fifo", "us-east-1", "--dlq-url: 'x.fifo' is a FIFO queue"),
        (f"{_AWS}/123456789012/x", "eu-west-1", "says us-east-1 (command line --dlq-url)"),
    ],
)
def test_a_fault_of_the_configuration_names_the_option(url: str, region: str, text: str) -> None:
    """Not the key of the queue, whose place the dead-letter queue takes."""
    result = run("dlq", "list", "--dlq-url", url, "--region", region)

    assert 78 == result.exit_code, result.output
    assert text in result.stderr
    assert "queue.url" not in result.stderr
    assert "--queue-url" not in result.stderr


def test_a_long_name_does_not_make_all_rows_long(rig: Rig) -> None:
    """Only its own."""
    rig.lose([numbered(1), numbered(2, "x" * 3000)])

    rows = run("dlq", "list", "--queue-url", rig.queue.url).stdout.splitlines()

    assert [True, False, False] == sorted((len(row) > 400 for row in rows), reverse=True)
