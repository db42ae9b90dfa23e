"""Signals: counted by the process that they are for, and by no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from consumer.service.signals import StopSignals
from tests.cases import for_each

_FORKS = """
import os, signal, sys
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
    os.kill(child, int(sys.argv[1]))
    _, status = os.waitpid(child, 0)
print(os.WIFSIGNALED(status) and os.WTERMSIG(status), signals.count)
"""


@for_each("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM])
def test_a_child_that_a_handler_forks_ends_at_a_signal(number: signal.Signals) -> None:
    """`multiprocessing` ends its processes with it, and waits: a child must not only count it."""
    ended = subprocess.run(
        [sys.executable, "-c", _FORKS, str(int(number))],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert ended.stdout.split() == [str(int(number)), "0"]


def test_nohup_stays_in_force() -> None:
    """SIGHUP stays ignored: the process is to outlive the terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signals = StopSignals()
        with signals.installed():
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.count == 1
    finally:
        signal.signal(signal.SIGHUP, before)
