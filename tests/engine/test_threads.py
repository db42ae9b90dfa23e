"""The threads of an engine: too few of them, and one that dies."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from consumer import log_events
from consumer.clock import SystemClock
from consumer.engine.status import STUCK_SECONDS
from consumer.engine.threads import FEWEST_THREADS
from consumer.errors import AccessDeniedError, StuckError, ThreadsError
from consumer.testing import InMemoryQueue
from tests.engine.drains import drained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

#: The heartbeat and the housekeeper.
OTHERS = 2
#: One for each of the workers and the receives, which may all be busy, and one to settle.
WANTED = 8 + 12 + 1
#: No step of a test with threads takes longer than this, or it fails.
BOUND = 60.0


@pytest.fixture(name="limit_threads")
def _limit_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """After so many threads the system allows no more, as with `TasksMax=`."""

    def limit(count: int, error: type[Exception] = RuntimeError, *, really: bool = True) -> None:
        started: list[threading.Thread] = []
        start = threading.Thread.start

        def start_or_not(thread: threading.Thread) -> None:
            if len(started) == count:
                raise error("can't start new thread")
            started.append(thread)
            if really:
                start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_or_not)

    return limit


@pytest.fixture(name="make_engine")
def _make_engine(make_rig: MakeRig) -> Iterator[MakeRig]:
    """Makes rigs with real threads, on the machine's own clock; at the end all threads end."""
    engines: list[Rig] = []

    def make(registry: Registry, **engine: Any) -> Rig:
        clock = SystemClock()
        settings = {"settle_linger_seconds": 0.01, "drain_timeout_seconds": BOUND, **engine}
        rig = make_rig(
            registry,
            clock=clock,
            queue=InMemoryQueue(clock),
            engine=settings,
            wait_time_seconds=1,
        )
        engines.append(rig)
        return rig

    yield make
    for rig in engines:
        if not rig.worker.threads.ended.is_set():
            rig.worker.drain(lambda _seconds_left: True)
        for thread in rig.worker.threads.all:
            thread.join(BOUND)
            assert not thread.is_alive(), thread.name


def wait(condition: Callable[[], object]) -> None:
    """Wait until it holds; fails after a bound."""
    clock, never = SystemClock(), threading.Event()
    deadline = clock.monotonic() + BOUND
    while not condition():
        assert clock.monotonic() < deadline, "did not happen in time"
        clock.wait(never, 0.002)


def thread_lines(logs: list[Any]) -> list[Any]:
    """The log lines about missing threads, without the hints."""
    lines = [line for line in logs if line["event"] == log_events.THREADS_MISSING]
    return [{key: value for key, value in line.items() if key != "hint"} for line in lines]


def test_all_threads_are_daemon_threads_with_names(
    make_rig: MakeRig, registry: Registry, limit_threads: Callable[..., None], logs: list[Any]
) -> None:
    """A stuck handler can't hold up the exit; a dump of the stacks is readable."""
    limit_threads(1000, really=False)
    rig = make_rig(registry)

    rig.worker.start()

    threads = rig.worker.threads.all
    assert [thread.name for thread in threads] == [
        "heartbeat", "housekeeper", *[f"pool-{number}" for number in range(WANTED)],
    ]  # fmt: skip
    assert all(thread.daemon for thread in threads)
    assert thread_lines(logs) == []
    assert rig.parts.pool.workers == 8


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@pytest.mark.parametrize("pool", [FEWEST_THREADS, 5])
def test_messages_are_handled_with_fewer_threads(
    make_engine: MakeRig,
    registry: Registry,
    limit_threads: Callable[..., None],
    logs: list[Any],
    *,
    pool: int,
    error: type[Exception],
) -> None:
    """Fewer at once; a warning says how many are missing, and why that may be."""
    handled: list[Event] = []
    registry.add(handled.append, "*", name="one")
    rig = make_engine(registry)
    sent = rig.send(count=100)
    limit_threads(OTHERS + pool, error)

    rig.worker.start()
    wait(lambda: len(rig.queue.deleted()) == len(sent))

    assert len(handled) == len(sent)
    assert rig.status.failure is None
    assert rig.status.problems == ()
    assert thread_lines(logs) == [
        {
            "event": log_events.THREADS_MISSING,
            "log_level": "warning",
            "started": OTHERS + pool,
            "missing": WANTED - pool,
        }
    ]


def test_it_starts_with_one_thread_missing(
    make_rig: MakeRig, registry: Registry, limit_threads: Callable[..., None], logs: list[Any]
) -> None:
    """One missing thread is worth a warning, too."""
    limit_threads(OTHERS + WANTED - 1, really=False)
    rig = make_rig(registry)

    rig.worker.start()

    assert [line["missing"] for line in thread_lines(logs)] == [1]
    assert rig.status.failure is None


def test_slow_handlers_leave_one_of_few_threads_to_receive_and_settle(
    make_rig: MakeRig, registry: Registry, limit_threads: Callable[..., None]
) -> None:
    """Otherwise two slow handlers look like a process that hangs, and systemd kills it."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_rig(registry)
    rig.send(count=20)
    rig.receive()
    limit_threads(OTHERS + 3, really=False)

    rig.worker.start()

    pool = rig.parts.pool
    assert [pool.take_role() for _ in range(3)] == ["work", "work", "receive"]


def test_the_only_worker_that_is_stuck_ends_the_process(
    make_rig: MakeRig, registry: Registry, limit_threads: Callable[..., None]
) -> None:
    """However many were configured: all threads that there are never return."""
    failures: list[BaseException | None] = []

    def hang(_event: Event) -> None:
        for seconds in (10, STUCK_SECONDS):
            rig.clock.advance(seconds)
            rig.parts.invoker.runs.find_stuck()
            failures.append(rig.status.failure)

    registry.add(hang, "*", timeout_seconds=10)
    rig = make_rig(registry)
    rig.bring()
    limit_threads(OTHERS + FEWEST_THREADS, really=False)

    rig.worker.start()
    rig.work()

    assert failures[0] is None
    assert isinstance(failures[1], StuckError)


@pytest.mark.parametrize("started", [0, 1, OTHERS, OTHERS + FEWEST_THREADS - 1])
def test_too_few_threads_end_the_process_and_all_is_given_back(
    make_engine: MakeRig,
    registry: Registry,
    limit_threads: Callable[..., None],
    logs: list[Any],
    started: int,
) -> None:
    """With 75: later the system may allow more. Every message is visible again, or done."""
    registry.add(lambda _event: None, "*", name="one")
    rig = make_engine(registry, drain_timeout_seconds=0.5)
    sent = rig.send(count=30)
    limit_threads(started)

    rig.worker.start()
    status = rig.status
    counts = drained(rig.worker, lambda _seconds_left: False)

    assert isinstance(status.failure, ThreadsError)
    assert (status.finished, status.failure.exit_code) == ("failure", 75)
    assert len(rig.worker.threads.all) == started
    assert thread_lines(logs) == []
    assert len(rig.parts.in_flight) == 0
    assert counts.handled == counts.deleted == len(rig.queue.deleted())
    assert sorted([*rig.queue.deleted(), *rig.queue.visible()]) == sorted(sent)


def test_it_does_not_run_without_a_heartbeat(
    make_rig: MakeRig, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the system allows threads again a moment later: nothing would be renewed."""
    tried: list[str] = []

    def refuse_the_first(thread: threading.Thread) -> None:
        tried.append(thread.name)
        if len(tried) == 1:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse_the_first)
    rig = make_rig(registry)

    rig.worker.start()

    assert tried == ["heartbeat"]
    assert isinstance(rig.status.failure, ThreadsError)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), SystemExit(3), KeyboardInterrupt(), MemoryError()]
)
def test_a_loop_that_dies_is_a_failure_and_is_logged(
    make_rig: MakeRig, registry: Registry, logs: list[Any], error: BaseException
) -> None:
    """The engine can't go on without it; no exception leaves the guard."""

    def die() -> None:
        raise error

    rig = make_rig(registry)

    rig.worker.threads.guard("pool-3", die)

    assert rig.status.failure is error
    (line,) = logs
    assert (line["event"], line["log_level"]) == (log_events.LOOP_DIED, "critical")
    assert (line["loop"], line["error_type"]) == ("pool-3", type(error).__name__)
    assert line["exc_info"] is error


def test_a_loop_that_ends_with_a_refusal_is_not_a_bug(
    make_rig: MakeRig, registry: Registry, logs: list[Any]
) -> None:
    """Whatever ends the process reports the refusal itself."""
    error = AccessDeniedError("no", code="AccessDenied")

    def refuse() -> None:
        raise error

    rig = make_rig(registry)

    rig.worker.threads.guard("pool-0", refuse)

    assert rig.status.failure is error
    assert logs == []


def test_the_first_loop_that_dies_is_the_reason(make_rig: MakeRig, registry: Registry) -> None:
    """Others may follow because of it."""
    rig = make_rig(registry)
    for error in (ZeroDivisionError(), IndexError()):

        def die(error: Exception = error) -> None:
            raise error

        rig.worker.threads.guard("pool-0", die)

    assert isinstance(rig.status.failure, ZeroDivisionError)


def test_a_loop_that_returns_is_not_a_failure(make_rig: MakeRig, registry: Registry) -> None:
    """The pool was closed."""
    rig = make_rig(registry)
    rig.parts.pool.close()

    rig.worker.threads.guard("pool-0", rig.parts.pool.run)

    assert rig.status.failure is None
