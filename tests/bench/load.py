"""Drains a large backlog with the real daemon and looks whether anything of it grows.

    python -m tests.bench.load --messages 500000

The archive is written and the ledger kept, as with a new installation. Memory, threads and open
files are sampled from /proc. What came before a tenth was drained is warm-up. Memory still warms up
in the first third of the rest, so its growth is that from the second third to the last.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bars import load_bars, load_misses
from tests.bench.process import cpu_seconds
from tests.bench.rig import (
    BenchError,
    StubAddress,
    daemon_command,
    environment,
    lines_in,
    running_stub,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_WARM_UP = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """The process at one moment."""

    deleted: int
    rss_mb: float
    threads: int
    sockets: int
    files: int


@dataclass(frozen=True, slots=True)
class Load:
    """What a run showed."""

    messages: int
    seconds: float
    cpu_us: float
    archived: int
    samples: list[Sample]

    @property
    def steady(self) -> list[Sample]:
        """After the warm-up, and before the end begins."""
        return [s for s in self.samples if _WARM_UP <= s.deleted / self.messages < 1]

    @property
    def growth(self) -> float:
        """Of memory: from the median of the second third to that of the last, as a share."""
        rss = [sample.rss_mb for sample in self.steady]
        third = max(1, len(rss) // 3)
        return statistics.median(rss[-third:]) / statistics.median(rss[-2 * third : -third]) - 1

    @property
    def most_rss_mb(self) -> float:
        """The most memory of a sample after the warm-up."""
        return max(sample.rss_mb for sample in self.steady)

    def range_of(self, name: str) -> tuple[int, int]:
        """The fewest and the most threads, sockets or files of the samples after the warm-up."""
        counts = [getattr(sample, name) for sample in self.steady]
        return min(counts), max(counts)

    def lines(self) -> Iterator[str]:
        """For people."""
        steady = self.steady
        rss = [sample.rss_mb for sample in steady]
        yield f"messages    {self.messages:,} in {self.seconds:.0f} s, {self.archived:,} archived"
        yield f"throughput  {self.messages / self.seconds:,.0f} messages/s"
        yield f"CPU         {self.cpu_us:.0f} us/message"
        yield f"RSS         {min(rss):.1f} to {max(rss):.1f} MB, growth {100 * self.growth:+.1f} %"
        for name in ("threads", "sockets", "files"):
            fewest, most = self.range_of(name)
            yield f"{name:<10}  {fewest} to {most}"


def measure_load(messages: int, *, every_seconds: float = 1.0) -> Load:
    """Drain `messages` messages. Raises `BenchError` if the daemon fails."""
    with (
        running_stub(messages=messages, visibility_seconds=120) as stub,
        tempfile.TemporaryDirectory() as folder,
    ):
        command = daemon_command(stub, "--handler", f"archive:{folder}/archive")
        # A stop waits for the open long poll: with the usual 20 s that is most of a short run.
        env = environment(
            {"CONSUMER_STATE_DIRECTORY": folder, "CONSUMER_QUEUE__WAIT_TIME_SECONDS": "1"}
        )
        with (Path(folder) / "log").open("w+b") as log:
            process = subprocess.Popen(command, env=env, stderr=log, cwd=folder)
            try:
                began = time.monotonic()
                samples = list(_watch(process, stub, messages, every_seconds))
                seconds = time.monotonic() - began
                cpu = cpu_seconds(process.pid)
                process.send_signal(signal.SIGTERM)
                if process.wait(120) != 0:
                    raise BenchError("the daemon did not end well")
            finally:
                with contextlib.suppress(OSError):
                    process.kill()
                process.wait()
        archived = lines_in(Path(folder))
    return Load(messages, seconds, cpu / messages * 1e6, archived, samples)


def _watch(
    process: subprocess.Popen[bytes], stub: StubAddress, messages: int, every_seconds: float
) -> Iterator[Sample]:
    while process.poll() is None:
        deleted = stub.get("/stats")["deleted"]
        yield _sample(process.pid, deleted)
        if deleted >= messages:
            return
        time.sleep(every_seconds)
    raise BenchError("the daemon ended by itself")


def _sample(pid: int, deleted: int) -> Sample:
    proc = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    opened = [_target(fd) for fd in (proc / "fd").iterdir()]
    sockets = sum(target.startswith("socket:") for target in opened)
    return Sample(
        deleted,
        int(status["VmRSS"].split()[0]) / 1024,
        int(status["Threads"]),
        sockets,
        len(opened) - sockets,
    )


def _target(fd: Path) -> str:
    """What a file descriptor is of; "" if it was closed after it was listed."""
    try:
        return str(fd.readlink())
    except FileNotFoundError:
        return ""


def main() -> int:
    """Measure and print; exit code 1 if memory grew, or there was too much of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=500_000)
    load = measure_load(parser.parse_args().messages)
    for line in load.lines():
        print(line)
    misses = load_misses(growth=load.growth, rss_mb=load.most_rss_mb)
    print(f"bars        {load_bars()}: {', '.join(misses) or 'met'}")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
