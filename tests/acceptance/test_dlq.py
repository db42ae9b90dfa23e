"""`consume dlq` and `consume peek` as processes: replays, and what crashes and Ctrl-C leave."""

from __future__ import annotations

import json
import re
import shlex
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from moto.core.utils import unix_time_millis
from moto.sqs.models import SQSBackend, sqs_backends

from tests.cases import for_each
from tests.moto_queues import number_of, numbered
from tests.operations.dead_letters import rig_of
from tests.processes import BOUND, ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.conftest import Gate
    from tests.moto_queues import Moto
    from tests.operations.dead_letters import Rig
    from tests.processes import Consume

    Start = Callable[..., Consume]

HANDLERS = """
import os
from consumer import Registry, Reject

registry = Registry()

@registry.on("submission_created")
def grade(event):
    number = int(event.body["submission_id"])
    if number == 1:
        raise ValueError(number)
    if number == 2:
        raise Reject("never")
    with open("handled", "a") as file:
        file.write(f"{number}\\n")

@registry.on("grade_change")
def change(event):
    with open("handled", "a") as file:
        file.write("change\\n")
"""
CONFIG = """
unmatched: delete
quarantine: {directory: quarantine}
handlers: [{name: mine, python: {target: "my_handlers:registry"}}]
"""


@pytest.fixture(name="rig")
def _rig(moto: Moto) -> Iterator[Rig]:
    with rig_of(moto, max_receive_count=3) as rig:
        yield rig


def replay(
    consume: Start, rig: Rig, folder: Path, *arguments: str, code: int
) -> tuple[dict[str, Any], list[str]]:
    """Run it to its end; returns its result, and what the handlers have done."""
    (folder / "my_handlers.py").write_text(HANDLERS)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "handled").write_text("")
    place = ("--config", "config.yaml", "--queue-url", rig.queue.url)
    run = consume("dlq", "replay", *place, "--json", *arguments)
    assert code == run.end(), run.stderr()
    assert [] == run.log("queue_warning")  # such as that it has no redrive policy itself
    return json.loads(run.stdout()), sorted((folder / "handled").read_text().split())


def test_a_replay_deletes_only_what_was_handled(consume: Start, rig: Rig, tmp_path: Path) -> None:
    """Whatever `unmatched` and `quarantine` say: the rest is visible at once, untouched."""
    bodies = [numbered(number) for number in range(5)]
    rig.lose([*bodies, numbered(7, "logged_in"), numbered(8, "grade_change"), "{"])

    result, handled = replay(consume, rig, tmp_path, code=1)

    assert ["0", "3", "4", "change"] == handled
    assert (4, 3, 1) == (result["handled"], result["not_handled"], result["left"])
    assert (4, 0) == rig.dead.counts()
    assert sorted([numbered(1), numbered(2), numbered(7, "logged_in"), "{"]) == sorted(
        rig.dead.take_all()
    )
    assert not (tmp_path / "state/quarantine").exists()


def test_a_replay_of_some_events(consume: Start, rig: Rig, tmp_path: Path) -> None:
    """Others stay, also if a handler asks for them."""
    rig.lose([*map(numbered, range(1, 5)), numbered(8, "grade_change")])

    result, handled = replay(consume, rig, tmp_path, "--events", "grade_*", code=0)

    assert ["change"] == handled
    assert (1, 0, 4) == (result["handled"], result["not_handled"], result["left"])
    assert [1, 2, 3, 4] == rig.dead.numbers()


def test_a_replay_since_a_time(consume: Start, rig: Rig, tmp_path: Path) -> None:
    """The samples are older."""
    rig.lose([numbered(3), numbered(8, "grade_change")])

    result, handled = replay(consume, rig, tmp_path, "--since", "1h", code=0)

    assert ([], 2) == (handled, result["left"])
    assert (2, 0) == rig.dead.counts()


def test_a_replay_that_is_stopped_gives_back(consume: Start, rig: Rig, gate: Gate) -> None:
    """Ctrl-C: what runs is finished, the rest is visible at once."""
    rig.lose([numbered(number) for number in range(50)])
    run = consume(
        "dlq", "replay", "--queue-url", rig.queue.url, "--handler", "gated_handlers:registry",
        "--json", CONSUMER_ENGINE__WORKERS="3", **gate.environ,
    )  # fmt: skip
    gate.until_started(3)

    run.signal(signal.SIGINT)
    run.until("draining")
    gate.open()

    assert 1 == run.end(), run.stderr()
    result = json.loads(run.stdout())
    assert 3 == result["handled"] == len(gate.handled())
    assert 50 >= result["handled"] + result["not_handled"]
    assert (47, 0) == rig.dead.counts()


@contextmanager
def gate_before(
    monkeypatch: pytest.MonkeyPatch, operation: str, *, passes: int
) -> Iterator[Callable[[], int]]:
    """Let so many calls of the server pass. Others hang until the context ends, without effect."""
    opened, lock, calls = threading.Event(), threading.Lock(), [0]
    original = getattr(SQSBackend, operation)

    def gated(*arguments: Any, **more: Any) -> Any:
        with lock:
            calls[0] += 1
            number = calls[0]
        if number > passes:
            opened.wait(BOUND)
            return []
        return original(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(SQSBackend, operation, gated)
        try:
            yield lambda: calls[0]
        finally:
            opened.set()


def test_kills_between_send_and_delete_lose_nothing(
    consume: Start, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some messages are doubled, all are there."""
    sent = 60
    rig.lose([numbered(number) for number in range(sent)])
    for kill in range(4):
        # The first delete only asks for the permission, with a handle that is none.
        with gate_before(monkeypatch, "delete_message", passes=1 + 3 * kill) as calls:
            run = consume("dlq", "redrive", "--queue-url", rig.queue.url, "--engine", "resend")
            _until(calls, 2 + 3 * kill)
            run.kill()
        for message in _messages(rig):
            message.visible_at = 0  # as if the time was over for which it was held

    assert 0 == consume("dlq", "redrive", "--queue-url", rig.queue.url).end()

    numbers = [number_of(body) for body in rig.queue.take_all()]
    assert set(range(sent)) == set(numbers)
    assert sent < len(numbers)
    assert (0, 0) == rig.dead.counts()


def _until(calls: Callable[[], int], least: int) -> None:
    eventually(lambda: calls() >= least, f"there are {least} calls")


def _messages(rig: Rig) -> list[Any]:
    return list(sqs_backends["123456789012"]["us-east-1"].queues[rig.dead.name]._messages)


@for_each(
    "arguments",
    [("peek", "--dlq", "--count", "200"), ("dlq", "list"), ("dlq", "redrive", "--dry-run")],
)
def test_ctrl_c_gives_back(arguments: tuple[str, ...], moto: Moto, consume: Start) -> None:
    """At once, and the exit code is 130."""
    with rig_of(moto) as rig, pytest.MonkeyPatch.context() as monkeypatch:
        rig.lose([numbered(number) for number in range(50)])

        with gate_before(monkeypatch, "receive_message", passes=3) as calls:
            run = consume(*arguments, "--queue-url", rig.queue.url)
            _until(calls, 4)
            run.signal(signal.SIGINT)
            code = run.end()

        assert 130 == code, run.stderr()
        assert (50, 0) == rig.dead.counts()


def test_a_kill_gives_back_within_half_a_minute(
    consume: Start, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the visibility timeout that a peek asks for."""
    rig.lose([numbered(number) for number in range(30)])

    with gate_before(monkeypatch, "receive_message", passes=2) as calls:
        run = consume("peek", "--dlq", "--count", "30", "--queue-url", rig.queue.url)
        _until(calls, 3)
        run.kill()

    assert max(m.visible_at for m in _messages(rig)) <= unix_time_millis() + 30_000
    assert 10 <= rig.dead.counts()[1]


def test_results_and_log_do_not_mix(consume: Start, rig: Rig) -> None:
    """What is logged, such as how SQS is called, goes to standard error."""
    rig.queue.send([numbered(1)])
    place = ("--queue-url", rig.queue.url)

    run = consume("peek", *place, "--json", CONSUMER_QUEUE__TRANSPORT="botocore")

    assert 0 == run.end(), run.stderr()
    assert 1 == len(json.loads(run.stdout())["messages"])


@for_each("topic", ["peek", "dlq"])
def test_the_commands_of_the_readme(topic: str, moto: Moto, consume: Start, tmp_path: Path) -> None:
    """They run as they stand, one after the other; in the end all is in the queue again."""
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(rf"<!-- test: {topic} -->\n```sh\n(.*?)```", readme, re.DOTALL)
    with rig_of(moto, max_receive_count=5) as rig:
        (tmp_path / "config.yaml").write_text(f"queue: {{url: '{rig.queue.url}'}}\n")
        bodies = [numbered(1), numbered(2)]
        (rig.lose if topic == "dlq" else rig.queue.send)(bodies)

        for command in block.splitlines():
            program, *arguments = shlex.split(command)
            run = consume(*arguments)
            assert ".venv/bin/consume" == program
            assert 0 == run.end(), run.stderr()

        assert (2, 0) == rig.queue.counts()
        assert (0, 0) == rig.dead.counts()
