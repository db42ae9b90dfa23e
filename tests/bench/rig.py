"""Starts the stub and a consumer, each a process of its own, and takes the consumer's measure."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from resource import struct_rusage

ROOT = Path(__file__).resolve().parents[2]
#: Variables of the caller that would change what is measured.
_FOREIGN = ("AWS_", "CONSUMER_", "NOTIFY_", "WATCHDOG_", "STATE_DIRECTORY", "CREDENTIALS_")
_LEAST_MESSAGES_PER_SECOND = 150


class BenchError(Exception):
    """A run did not do what it must: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What draining the queue once cost. CPU is user and system time of all threads."""

    #: From the first receive to the last delete, as seen by the stub.
    steady_cpu_us: float
    #: From the start of the process to its end: imports and shutdown, too.
    whole_cpu_us: float
    messages_per_second: float
    calls_per_message: float
    peak_rss_mb: float
    calls: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StubAddress:
    """Where a running stub is reached."""

    url: str
    queue_url: str

    def get(self, path: str) -> Any:
        """Ask a control endpoint."""
        return self._request("GET", path, None)

    def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Tell a control endpoint."""
        return self._request("POST", path, json.dumps(data))

    def _request(self, method: str, path: str, body: str | None) -> Any:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        if response.status != http.HTTPStatus.OK:
            raise BenchError(f"{method} {path}: {answer}")
        return answer


@contextlib.contextmanager
def running_stub(
    *, messages: int = 0, latency_ms: float = 0.0, visibility_seconds: int = 30
) -> Iterator[StubAddress]:
    """Run a stub that holds `messages`, as long as the context lasts."""
    command = [
        sys.executable, "-m", "tests.bench.stub", "--messages", str(messages),
        "--latency-ms", str(latency_ms), "--visibility-seconds", str(visibility_seconds),
    ]  # fmt: skip
    stdout, env = subprocess.PIPE, environment({})
    with subprocess.Popen(command, stdout=stdout, env=env, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise BenchError("the stub did not start")
            yield StubAddress(**json.loads(line))
        finally:
            process.terminate()


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: credentials that the stub does not look at, and this tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(ROOT),
        **extra,
    }


def daemon_command(stub: StubAddress, handler: str, *options: str) -> list[str]:
    """The command that runs the daemon against the stub with one handler, else as it comes."""
    return [
        sys.executable, "-m", "consumer", "--queue-url", stub.queue_url,
        "--endpoint-url", stub.url, "--region", "us-east-1", "--handler", handler, *options,
    ]  # fmt: skip


def bare_command(stub: StubAddress, messages: int) -> list[str]:
    """The command that runs the bare loop against the stub."""
    return [
        sys.executable, "-m", "tests.bench.bare_loop", "--queue-url", stub.queue_url,
        "--endpoint-url", stub.url, "--messages", str(messages),
    ]  # fmt: skip


def drain(candidate: str, *, messages: int, latency_ms: float = 0.0) -> Measure:
    """Let one candidate (a, b, c or d) empty a queue of its own. Raises BenchError."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        running_stub(messages=messages, latency_ms=latency_ms) as stub,
    ):
        archive = Path(directory, "archive")
        handlers = {
            "b": "tests.bench.handlers:nothing_in_batches",
            "c": "tests.bench.handlers:nothing",
            "d": f"archive:{archive}",
        }
        if candidate == "a":
            command = bare_command(stub, messages)
        else:
            limit = ("--max-messages", str(messages))
            command = daemon_command(stub, handlers[candidate], *limit)
        usage = _run_to_the_end(command, stub, Path(directory), messages)
        stats = stub.get("/stats")
        _check(stats, messages)
        if candidate == "d" and _lines(archive) != messages:
            raise BenchError(f"{_lines(archive)} events in the archive instead of {messages}")
    return _measure(stats, usage, messages)


def _run_to_the_end(
    command: Sequence[str], stub: StubAddress, directory: Path, messages: int
) -> struct_rusage:
    log = directory / "consumer.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment({"STATE_DIRECTORY": str(directory)}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    stub.post("/watch", {"pid": process.pid})
    limit = threading.Timer(60 + messages / _LEAST_MESSAGES_PER_SECOND, process.kill)
    limit.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchError(f"exit code {process.returncode}: {log.read_text()[-2000:]}")
    return usage


def _check(stats: Mapping[str, Any], messages: int) -> None:
    if stats["deleted"] != messages or stats["last_delete"] is None:
        raise BenchError(f"{stats['deleted']} of {messages} messages were deleted")
    if stats["redelivered"]:
        raise BenchError(f"{stats['redelivered']} messages were delivered again")


def _lines(directory: Path) -> int:
    # Line by line: the peak of a child's memory begins with what its parent has at the fork.
    count = 0
    for path in directory.rglob("*.jsonl"):
        with path.open("rb") as file:
            count += sum(1 for _ in file)
    return count


def _measure(stats: Mapping[str, Any], usage: struct_rusage, messages: int) -> Measure:
    return Measure(
        steady_cpu_us=(stats["cpu_at_last_delete"] - stats["cpu_at_first_receive"])
        / messages * 1e6,
        whole_cpu_us=(usage.ru_utime + usage.ru_stime) / messages * 1e6,
        messages_per_second=messages / (stats["last_delete"] - stats["first_receive"]),
        calls_per_message=sum(stats["calls"].values()) / messages,
        peak_rss_mb=usage.ru_maxrss / 1024,
        calls=stats["calls"],
    )  # fmt: skip
