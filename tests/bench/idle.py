"""The daemon on an empty queue: what it costs, and how soon it handles what comes."""

from __future__ import annotations

import contextlib
import math
import random
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.events.samples import realistic_messages
from tests.bench.process import cpu_seconds
from tests.bench.rig import BenchError, StubAddress, daemon_command, environment, running_stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.bench.candidates import Candidate

#: The variable by which `handlers.arrivals` knows its file.
_ARRIVALS_FILE = "BENCH_ARRIVALS_FILE"
_DAEMON = "daemon, handler per event"
#: A long poll, and time for a slow start beside.
_PATIENCE_SECONDS = 50.0
_LOOK_SECONDS = 0.25
#: Between one send and the next, at random: long enough for the delete and the next long poll.
_PAUSE_SECONDS = (0.05, 0.25)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a consumer costs while it waits."""

    title: str
    requests_per_minute: float
    #: User and system time of all threads.
    cpu_ms_per_minute: float


@dataclass(frozen=True, slots=True)
class Idle:
    """What was seen of an idle daemon, and of others for comparison."""

    daemon: Cost
    others: tuple[Cost, ...]
    #: From when a message is in the queue until its handler runs, in the order sent.
    latencies_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """The middle one of the latencies."""
        return statistics.median(self.latencies_ms)

    @property
    def p99_ms(self) -> float:
        """Ninety-nine of a hundred latencies are not longer."""
        return sorted(self.latencies_ms)[math.ceil(0.99 * len(self.latencies_ms)) - 1]


@dataclass(frozen=True, slots=True)
class _Running:
    """A consumer with its own queue."""

    title: str
    stub: StubAddress
    pid: int


def measure_idle(*, seconds: float, sends: int, others: Sequence[Candidate] = ()) -> Idle:
    """Let the daemon idle for whole long polls, then send it messages one by one.

    The others idle at the same time, and are gone when the sending begins. Raises BenchError.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_stub() as stub:
        directory = Path(folder)
        arrivals = directory / "arrivals"
        arrivals.touch()
        extra = {"STATE_DIRECTORY": folder, _ARRIVALS_FILE: str(arrivals)}
        command = daemon_command(stub, "--handler", "tests.bench.handlers:arrivals")
        with _running(_DAEMON, command, stub, directory, extra) as daemon:
            with contextlib.ExitStack() as stack:
                all_of_them = [daemon, *(stack.enter_context(_started(c)) for c in others)]
                with ThreadPoolExecutor(len(all_of_them)) as threads:
                    costs = list(threads.map(lambda one: _cost(one, seconds), all_of_them))
            latencies = _latencies(stub, sends, arrivals)
    return Idle(costs[0], tuple(costs[1:]), latencies)


@contextlib.contextmanager
def _started(candidate: Candidate) -> Iterator[_Running]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_stub() as stub:
        command = candidate.command(stub, 1)
        extra = {"STATE_DIRECTORY": folder, **candidate.environment(stub)}
        with _running(candidate.title, command, stub, Path(folder), extra) as running:
            yield running


@contextlib.contextmanager
def _running(
    title: str, command: Sequence[str], stub: StubAddress, directory: Path, extra: dict[str, str]
) -> Iterator[_Running]:
    log = directory / "consumer.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command, cwd=directory, env=environment(extra), stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield _Running(title, stub, process.pid)
        except BenchError as error:
            raise BenchError(f"{error}\n{log.read_text()[-2000:]}") from error
        finally:
            # Nothing is measured any more, and an open long poll is not worth waiting for.
            process.kill()


def _cost(running: _Running, seconds: float) -> Cost:
    """From one request to another, at least about `seconds` later, so that no long poll is cut."""

    def long_poll_began(stats: dict[str, Any]) -> bool:
        # The daemon's first receive is a short one.
        return int(stats["calls"].get("ReceiveMessage", 0)) >= 2

    def enough(stats: dict[str, Any]) -> bool:
        return bool(stats["call_times"][-1] >= begin + seconds - 1)

    first = _await(running.stub, long_poll_began, f"{running.title} does not poll")
    cpu_before = cpu_seconds(running.pid)
    begin = first["call_times"][-1]
    time.sleep(seconds - 1)
    last = _await(running.stub, enough, f"{running.title} polls no more")
    cpu = cpu_seconds(running.pid) - cpu_before
    minutes = (last["call_times"][-1] - begin) / 60
    calls = sum(last["calls"].values()) - sum(first["calls"].values())
    return Cost(running.title, calls / minutes, 1000 * cpu / minutes)


def _latencies(stub: StubAddress, sends: int, arrivals: Path) -> tuple[float, ...]:
    """Send, and look only afterwards when each came, so that looking disturbs none."""
    pauses = random.Random(2)
    sent_ns: dict[str, int] = {}
    samples = realistic_messages(sends, ("canvas", "caliper"), seed=2, start=datetime.now(UTC))
    for sample in samples:
        time.sleep(pauses.uniform(*_PAUSE_SECONDS))
        sent = stub.post("/send", {"body": sample.body, "attributes": sample.attributes})
        sent_ns[sent["MessageId"]] = sent["sent_ns"]
    _await(stub, lambda stats: bool(stats["deleted"] == sends), "not all that was sent is handled")
    came_ns: dict[str, int] = {}
    for line in arrivals.read_text(encoding="utf-8").splitlines():
        moment, message_id = line.split()
        came_ns.setdefault(message_id, int(moment))
    return tuple((came_ns[message_id] - moment) / 1e6 for message_id, moment in sent_ns.items())


def _await(
    stub: StubAddress, condition: Callable[[dict[str, Any]], bool], problem: str
) -> dict[str, Any]:
    """What the stub says as soon as the condition is met."""
    limit = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < limit:
        stats: dict[str, Any] = stub.get("/stats")
        if condition(stats):
            return stats
        time.sleep(_LOOK_SECONDS)
    raise BenchError(problem)
