"""Lets a candidate empty a queue, and measures its process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.destinations import ENTRIES, destination
from tests.bench.rig import BenchError, StubAddress, environment, running_stub

if TYPE_CHECKING:
    from collections.abc import Mapping
    from resource import struct_rusage

    from tests.bench.candidates import Candidate
    from tests.bench.certificate import Certificate

_LEAST_MESSAGES_PER_SECOND = 150


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
    #: Of the stub, on the basis of `steady_cpu_us`. Where it comes near to a second divided by
    #: `messages_per_second`, the stub is what is slow.
    stub_cpu_us: float
    calls: Mapping[str, int]


def drain(
    candidate: Candidate,
    *,
    messages: int,
    latency_ms: float = 0.0,
    certificate: Certificate | None = None,
) -> Measure:
    """Let one candidate empty a queue. Raises BenchError."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stub = stack.enter_context(
            running_stub(messages=messages, latency_ms=latency_ms, certificate=certificate)
        )
        landing = None
        if candidate.name in ENTRIES:
            landing = stack.enter_context(destination(candidate.name, directory))
        configuration = landing.configuration if landing else None
        command = candidate.command(stub, messages, configuration)
        usage = _run_to_the_end(candidate, stub, command, directory, messages)
        stats = stub.get("/stats")
        _check(stats, messages)
        if landing and landing.landed and (landed := landing.landed()) != messages:
            raise BenchError(f"{candidate.title}: {landed} events landed instead of {messages}")
    return _measure(stats, usage, messages)


def _run_to_the_end(
    candidate: Candidate, stub: StubAddress, command: list[str], directory: Path, messages: int
) -> struct_rusage:
    log = directory / "consumer.log"
    extra = {"STATE_DIRECTORY": str(directory), **candidate.environment(stub)}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(extra),
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
    if stats["cpu_at_first_receive"] is None or stats["peak_rss_mb"] is None:
        raise BenchError("the consumer began before it was watched, or ended too soon: try again")
    if stats["redelivered"]:
        raise BenchError(f"{stats['redelivered']} messages were delivered again")


def _measure(stats: Mapping[str, Any], usage: struct_rusage, messages: int) -> Measure:
    return Measure(
        steady_cpu_us=(stats["cpu_at_last_delete"] - stats["cpu_at_first_receive"])
        / messages * 1e6,
        whole_cpu_us=(usage.ru_utime + usage.ru_stime) / messages * 1e6,
        messages_per_second=messages / (stats["last_delete"] - stats["first_receive"]),
        calls_per_message=sum(stats["calls"].values()) / messages,
        peak_rss_mb=stats["peak_rss_mb"],
        stub_cpu_us=(stats["stub_cpu_at_last_delete"] - stats["stub_cpu_at_first_receive"])
        / messages * 1e6,
        calls=stats["calls"],
    )  # fmt: skip
