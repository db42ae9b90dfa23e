"""The daemon on an empty queue: what it asks of SQS, and how soon it handles what comes."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.events.samples import realistic_messages
from tests.bench.rig import BenchError, StubAddress, daemon_command, environment, running_stub

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The variable by which `handlers.arrivals` knows its file.
_ARRIVALS_FILE = "BENCH_ARRIVALS_FILE"
_START_SECONDS = 30.0
_ARRIVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Idle:
    """What was seen of an idle daemon."""

    requests_per_minute: float
    #: From before a message is sent until its handler runs, in the order sent.
    latencies_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """The middle one of the latencies."""
        return statistics.median(self.latencies_ms)

    @property
    def worst_ms(self) -> float:
        """The longest of the latencies."""
        return max(self.latencies_ms)


def measure_idle(*, seconds: float, sends: int, pause_seconds: float = 1.0) -> Idle:
    """Let the daemon idle, then send messages one by one. Raises BenchError."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        running_stub() as stub,
    ):
        arrivals = Path(directory, "arrivals")
        arrivals.touch()
        with _running_daemon(stub, Path(directory), arrivals):
            _await_long_poll(stub)
            rate = _requests_per_minute(stub, seconds)
            latencies: list[float] = []
            for sample in realistic_messages(
                sends, ("canvas", "caliper"), seed=2, start=datetime.now(UTC)
            ):
                time.sleep(pause_seconds)
                sent_ns = time.monotonic_ns()
                stub.post("/send", {"body": sample.body, "attributes": sample.attributes})
                arrived_ns = _arrival(arrivals, len(latencies))
                latencies.append((arrived_ns - sent_ns) / 1e6)
    return Idle(rate, tuple(latencies))


@contextlib.contextmanager
def _running_daemon(stub: StubAddress, directory: Path, arrivals: Path) -> Iterator[None]:
    extra = {"STATE_DIRECTORY": str(directory), _ARRIVALS_FILE: str(arrivals)}
    log = directory / "consumer.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            daemon_command(stub, "tests.bench.handlers:arrivals"),
            cwd=directory,
            env=environment(extra),
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield
        except BenchError as error:
            raise BenchError(f"{error}\n{log.read_text()[-2000:]}") from error
        finally:
            # Nothing is measured any more, and an open long poll is not worth waiting for.
            process.kill()


def _await_long_poll(stub: StubAddress) -> None:
    """Wait until the first, short receive is over and a long one has begun."""
    limit = time.monotonic() + _START_SECONDS
    while stub.get("/stats")["calls"].get("ReceiveMessage", 0) < 2:
        if time.monotonic() > limit:
            raise BenchError("the daemon does not poll")
        time.sleep(0.1)


def _requests_per_minute(stub: StubAddress, seconds: float) -> float:
    """Count requests between the first and the last of them, so that no edge is cut."""
    begin = time.monotonic() - 1.0  # the long poll that has just begun counts
    time.sleep(seconds)
    told: list[float] = stub.get("/stats")["call_times"]
    times = [moment for moment in told if moment >= begin]
    if len(times) < 2:
        raise BenchError(f"only {len(times)} requests in {seconds:g} s: idle for longer")
    return (len(times) - 1) / (times[-1] - times[0]) * 60


def _arrival(arrivals: Path, number: int) -> int:
    """The moment at which the handler ran for the `number`-th time."""
    limit = time.monotonic() + _ARRIVAL_SECONDS
    while time.monotonic() < limit:
        lines = arrivals.read_text(encoding="utf-8").splitlines()
        if len(lines) > number:
            return int(lines[number].split()[0])
        time.sleep(0.05)
    raise BenchError(f"message {number + 1} did not arrive within {_ARRIVAL_SECONDS:g} s")
