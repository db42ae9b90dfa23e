"""Every signal: none kills the daemon while messages are in flight, and each has a meaning."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.cases import for_each
from tests.moto_queues import numbered
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.acceptance.conftest import Gate
    from tests.acceptance.scripted_queue import Script
    from tests.bench.rig import StubAddress
    from tests.processes import Consume

    Start = Callable[..., Consume]

GATED = ("--handler", "gated_handlers:registry")
#: These end it at once (KILL, ABRT, crashes), or are handled by the system.
_OF_THE_SYSTEM = {
    "SIGKILL", "SIGSTOP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP",
    "SIGCHLD", "SIGCLD", "SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH",
}  # fmt: skip
DRAINING = {"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGPWR"}
_OTHERS = [s for s in signal.Signals if s.name not in _OF_THE_SYSTEM | DRAINING]


def test_other_signals_do_nothing(stub: StubAddress, consume: Start, gate: Gate) -> None:
    """The work goes on, and is finished when the stop comes."""
    run = consume("--queue-url", stub.queue_url, *GATED, **gate.environ)
    run.until("ready")
    stub.post("/send", {"body": numbered(1)})
    gate.until_started(1)

    for number in _OTHERS:
        run.signal(number)
    run.until("thread_stack")  # of USR1: by then the others have come, too
    gate.open()
    eventually(lambda: stub.get("/stats")["deleted"] == 1, "it is handled and deleted")
    run.signal(signal.SIGTERM)

    assert run.end() == 0
    assert gate.handled() == {1}


@for_each("name", sorted(DRAINING))
def test_every_signal_for_a_stop_drains(name: str, stub: StubAddress, consume: Start) -> None:
    """A closed terminal (HUP), a quit key (QUIT), a limit (XCPU), a UPS (PWR): as with TERM."""
    run = consume("--queue-url", stub.queue_url)
    run.until("ready")

    run.signal(signal.Signals[name])

    assert run.end() == 0
    assert run.log("drained")
    assert run.log("stopped")[0]["reason"] == "signal"


def test_usr1_logs_where_every_thread_is(stub: StubAddress, consume: Start, gate: Gate) -> None:
    """A log line for each thread, with functions and line numbers, without values."""
    run = consume("--queue-url", stub.queue_url, *GATED, **gate.environ)
    run.until("ready")
    stub.post("/send", {"body": numbered(1)})
    gate.until_started(1)

    run.signal(signal.SIGUSR1)
    run.until("thread_stack")
    run.signal(signal.SIGTERM)
    run.until("draining")
    run.signal(signal.SIGUSR1)
    eventually(lambda: len(_threads(run, "MainThread")) == 2, "it can be asked while it drains")
    gate.open()

    assert run.end() == 0
    stacks = [" ".join(line["frames"]) for line in run.log("thread_stack")]
    assert any("gated_handlers.py:" in stack for stack in stacks)
    assert {"MainThread", "heartbeat", "housekeeper", "pool-0"} <= {
        line["thread"] for line in run.log("thread_stack")
    }
    assert not any("/" in stack for stack in stacks)


def test_usr1_works_before_the_queue_answers(script: Script, consume: Start) -> None:
    """A start that hangs can be looked at."""
    script.hold("GetQueueAttributes")
    run = consume("--queue-url", script.queue_url)
    eventually(lambda: script.asked["GetQueueAttributes"], "it asks the queue")

    run.signal(signal.SIGUSR1)

    eventually(lambda: _threads(run, "start"), "the thread that starts is shown")
    run.signal(signal.SIGHUP)
    assert run.end() == 0


def _threads(run: Consume, name: str) -> list[object]:
    return [line for line in run.log("thread_stack") if line["thread"] == name]
