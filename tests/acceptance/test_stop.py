"""SIGTERM and SIGINT: running handlers finish, the rest is released, and nothing is lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.moto_queues import numbered
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import Gate
    from tests.acceptance.scripted_queue import Script
    from tests.bench.rig import StubAddress
    from tests.moto_queues import Moto
    from tests.processes import Consume

    Start = Callable[..., Consume]

#: moto gives one message to two receives that come at the same moment.
ONE_POLLER = {"CONSUMER_ENGINE__MAX_POLLERS": "1"}
GATED = ("--handler", "gated_handlers:registry")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_work_loses_nothing(
    moto: Moto, consume: Start, gate: Gate, number: signal.Signals
) -> None:
    """Their messages are deleted, the others are visible at once, and all are counted."""
    queue = moto.queue()
    sent = queue.send_numbered(24)
    run = consume(
        "--queue-url", queue.url, *GATED, CONSUMER_ENGINE__WORKERS="3", **gate.environ, **ONE_POLLER
    )
    running = gate.until_started(3)

    run.signal(number)
    run.until("draining")
    # Released while the handlers still run.
    eventually(lambda: queue.counts() == (21, 3), "all that was not begun is visible again")
    gate.open()

    assert run.end() == 0
    (account,) = run.log("drained")
    assert (3, 3, 0) == tuple(account[key] for key in ("handled", "deleted", "abandoned"))
    (summary,) = run.log("summary")
    assert account["released"] == summary["received"] - 3
    assert gate.handled() == gate.started() == running
    assert sorted(sent - running) == queue.numbers()
    assert run.log("stopped")[0]["exit_code"] == 0


def test_a_second_signal_releases_everything_at_once(
    moto: Moto, consume: Start, gate: Gate
) -> None:
    """A handler that would take minutes is abandoned; its message is visible again."""
    queue = moto.queue()
    sent = queue.send_numbered(6)
    run = consume(
        "--queue-url", queue.url, *GATED, CONSUMER_ENGINE__WORKERS="2", **gate.environ, **ONE_POLLER
    )
    gate.until_started(2)
    run.signal(signal.SIGTERM)
    run.until("draining")
    eventually(lambda: queue.counts() == (4, 2), "the first signal has done its part")

    run.signal(signal.SIGTERM)

    assert run.end(seconds=50) == 0  # without the second one: 60 s
    (account,) = run.log("drained")
    assert (0, 0, 2) == tuple(account[key] for key in ("handled", "deleted", "abandoned"))
    assert gate.handled() == set()
    assert sorted(sent) == queue.numbers()


def test_the_drain_has_a_deadline(moto: Moto, consume: Start, gate: Gate) -> None:
    """After `engine.drain_timeout_seconds` messages in progress are released, without a signal.

    Without the setting, that would be after 60 s.
    """
    queue = moto.queue()
    sent = queue.send_numbered(2)
    run = consume(
        "--queue-url",
        queue.url,
        *GATED,
        CONSUMER_ENGINE__DRAIN_TIMEOUT_SECONDS="1.5",
        **gate.environ,
        **ONE_POLLER,
    )
    gate.until_started(2)

    run.signal(signal.SIGTERM)

    assert run.end(seconds=50) == 0
    assert run.log("drained")[0]["abandoned"] == 2
    assert sorted(sent) == queue.numbers()


def test_a_stop_while_idle_ends_within_the_long_poll(stub: StubAddress, consume: Start) -> None:
    """An open receive is waited for; there is nothing to count."""
    run = consume("--queue-url", stub.queue_url)
    run.until("ready")
    eventually(lambda: stub.get("/stats")["calls"]["ReceiveMessage"] == 2, "the long poll is open")

    run.signal(signal.SIGTERM)

    assert run.end() == 0
    assert stub.get("/stats")["calls"]["ReceiveMessage"] == 2
    assert run.log("draining")[0]["open_receives"] == 1
    (account,) = run.log("drained")
    keys = ("handled", "deleted", "released", "abandoned")
    assert (0, 0, 0, 0) == tuple(account[key] for key in keys)


def test_messages_of_the_last_receive_are_released(
    stub: StubAddress, consume: Start, gate: Gate
) -> None:
    """A message that comes into the open long poll of a stopping process is visible again."""
    run = consume(
        "--queue-url", stub.queue_url, *GATED,
        CONSUMER_QUEUE__WAIT_TIME_SECONDS="20", **gate.environ,
    )  # fmt: skip
    run.until("ready")
    eventually(lambda: stub.get("/stats")["calls"]["ReceiveMessage"] == 2, "the long poll is open")
    run.signal(signal.SIGTERM)
    run.until("draining")

    stub.post("/send", {"body": numbered(1)})

    assert run.end() == 0
    assert run.log("drained")[0]["released"] == 1
    stats = stub.get("/stats")
    assert (1, 0, 0) == (stats["remaining"], stats["in_flight"], stats["deleted"])
    assert gate.started() == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_before_the_queue_answers_is_at_once(
    script: Script, consume: Start, number: signal.Signals
) -> None:
    """Nothing is in flight yet, so the open call is not waited for. The exit code is 0."""
    script.hold("GetQueueAttributes")
    run = consume("--queue-url", script.queue_url)
    eventually(lambda: script.asked["GetQueueAttributes"], "it asks the queue")

    run.signal(number)

    assert run.end() == 0
    assert script.asked["ReceiveMessage"] == 0
    last = run.log()[-1]
    assert ("stopped", "signal", 0) == (last["event"], last["reason"], last["exit_code"])


def test_a_stop_between_the_check_and_ready_drains(script: Script, consume: Start) -> None:
    """It waits for the first receive, and ends with 0."""
    script.hold("ReceiveMessage")
    run = consume("--queue-url", script.queue_url)
    eventually(lambda: script.asked["ReceiveMessage"], "the first receive is open")
    run.signal(signal.SIGTERM)
    run.until("draining")

    script.let_go("ReceiveMessage")

    assert run.end() == 0
    assert run.log("ready") == []
    assert script.asked["ReceiveMessage"] == 1
