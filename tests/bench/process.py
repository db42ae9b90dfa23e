"""What a process has used, and what a drain used from its begin to its end."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far, to the nanosecond.

    The kernel's own count, unlike /proc/PID/stat, which has ticks of 10 ms. Threads that ended
    count. Raises OSError if there is no such process.
    """
    # Linux makes the id of a process's CPU clock from its pid: clock_getcpuclockid(3).
    return time.clock_gettime((~pid << 3) | 2)


def peak_rss_mb(pid: int) -> float:
    """The most memory that a process had so far, in MiB. Raises OSError if there is none.

    Unlike `ru_maxrss` it does not begin with what the parent had when it started the process.
    """
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


@dataclass(slots=True)
class Marks:
    """When the drain began and ended: seconds of CLOCK_MONOTONIC, and what a process had used."""

    pid: int | None = None
    first_receive: float | None = None
    last_delete: float | None = None
    cpu_at_first_receive: float | None = None
    cpu_at_last_delete: float | None = None
    #: Until the last delete.
    peak_rss_mb: float | None = None
    stub_cpu_at_first_receive: float | None = None
    stub_cpu_at_last_delete: float | None = None

    def begin(self, now: float) -> None:
        """The first message was received."""
        self.first_receive = now
        self.stub_cpu_at_first_receive = time.process_time()
        if self.pid is not None:
            with contextlib.suppress(OSError):
                self.cpu_at_first_receive = cpu_seconds(self.pid)

    def end(self, now: float) -> None:
        """The last message was deleted, for now."""
        self.last_delete = now
        self.stub_cpu_at_last_delete = time.process_time()
        if self.pid is not None:
            with contextlib.suppress(OSError):
                self.cpu_at_last_delete = cpu_seconds(self.pid)
                self.peak_rss_mb = peak_rss_mb(self.pid)
