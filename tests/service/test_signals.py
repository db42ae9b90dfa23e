"""Signals: counted by the process that they are for, and by no other."""

from __future__ import annotations

import signal
import subprocess
import sys

_FORKS = """
import os, signal
from consumer.service.signals import StopSignals

signals = StopSignals()
with signals.installed():
    there, here = os.pipe()
    child = os.fork()
    if not child:
        os.write(here, b"!")
        signal.pause()
        os._exit(7)
    os.read(there, 1)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
print(os.WIFSIGNALED(status) and os.WTERMSIG(status), signals.count)
"""


def test_a_child_that_a_handler_forks_ends_at_a_signal() -> None:
    """`multiprocessing` ends its processes so, and waits for that: they must not count it."""
    ended = subprocess.run(
        [sys.executable, "-c", _FORKS], capture_output=True, text=True, timeout=120, check=False
    )

    assert ended.stdout.split() == [str(int(signal.SIGTERM)), "0"]
