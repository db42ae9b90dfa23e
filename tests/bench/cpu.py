"""How much CPU time a process has used."""

from __future__ import annotations

import time


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far, to the nanosecond.

    The kernel's own count, unlike /proc/PID/stat, which has ticks of 10 ms. Threads that ended
    count. Raises OSError if there is no such process.
    """
    # Linux makes the id of a process's CPU clock from its pid: clock_getcpuclockid(3).
    return time.clock_gettime((~pid << 3) | 2)
