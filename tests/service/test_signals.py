"""Signals: counted by the process that they are for, and by no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from consumer.service.signals import StopSignals
from tests.cases import for_each

_FORKS = """
import os, signal, sys, time
from consumer.service.signals import StopSignals

signals = StopSignals()
with signals.installed():
    there, here = os.pipe()
    child = os.fork()
    if not child:
        os.write(here, b"!")
        while True:
            time.sleep(0.05)  # a signal just before pause() would be missed
        os._exit(7)
    os.read(there, 1)
    os.kill(child, int(sys.argv[1]))
    _, status = os.waitpid(child, 0)
    began = time.monotonic()
    signals.wait(0.05)
    woken = time.monotonic() - began < 0.05
print(os.WIFSIGNALED(status) and os.WTERMSIG(status), signals.count, woken)
"""


@for_each("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM])
def test_a_child_that_a_handler_forks_ends_at_a_signal(number: signal.Signals) -> None:
    """`multiprocessing` ends its processes so. The parent neither counts it nor wakes up."""
    ended = subprocess.run(
        [sys.executable, "-c", _FORKS, str(int(number))],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert ended.stdout.split() == [str(int(number)), "0", "False"]


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


def test_exit_codes_of_programs_are_known() -> None:
    """Also if who has started us ignored SIGCHLD, which would lose them."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with StopSignals().installed():
            assert subprocess.run([sys.executable, "-c", "exit(3)"], check=False).returncode == 3
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_hangup_asks_for_a_reload_where_there_can_be_one() -> None:
    """It ends a wait, and is no signal to stop, nor a second one."""
    signals = StopSignals(reloads=True)
    with signals.installed():
        os.kill(os.getpid(), signal.SIGHUP)
        signals.wait(60)
        assert (1, 0) == (signals.reloads, signals.count)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
    assert (2, 1) == (signals.reloads, signals.count)


def test_a_signal_ends_a_wait() -> None:
    """Whichever thread gets it, before the wait or in it; the next wait is a whole one again."""
    signals = StopSignals()
    with signals.installed():
        for starts in (_signal_self, threading.Thread(target=_signal_self).start):
            starts()
            signals.wait(60)
            assert _waits_out(signals)
    assert signals.count == 2


def test_a_request_ends_a_wait_and_is_no_signal() -> None:
    """Any thread may make it; a signal after it is the first one, and so does not cut short."""
    signals = StopSignals()
    signals.request()
    with signals.installed():
        threading.Thread(target=signals.request).start()
        signals.wait(60)
        assert (signals.reason, signals.count) == ("request", 0)
        _signal_self()
        assert (signals.reason, signals.count) == ("signal", 1)
    signals.wake()


def test_signals_beyond_what_the_socket_holds_are_counted() -> None:
    """Each of them, and without a warning."""
    signals = StopSignals()
    with signals.installed():
        for _ in range(2_000):
            _signal_self()
        signals.wait(60)
    assert signals.count == 2_000


def test_what_was_woken_before_is_woken_again_afterwards() -> None:
    """As the handlers, the descriptor that Python writes signals to is restored."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        signal.set_wakeup_fd(write)
        with StopSignals().installed():
            pass
        assert write == signal.set_wakeup_fd(-1)
    finally:
        signal.set_wakeup_fd(-1)
        os.close(read)
        os.close(write)


def _signal_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _waits_out(signals: StopSignals) -> bool:
    began = time.monotonic()
    signals.wait(0.05)
    return time.monotonic() - began >= 0.05
