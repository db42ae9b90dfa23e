"""Signals: counted, and waited for by the main thread."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import walk_stack
from types import FrameType
from typing import Final

import structlog

from consumer import log_events

_log = structlog.get_logger(__name__)


def _known(*names: str) -> tuple[signal.Signals, ...]:
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


#: Each of these asks for a drain.
STOPPING: Final = _known("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGPWR")
STACKS: Final = signal.SIGUSR1
#: By default each ends the process at once. Python itself ignores SIGPIPE and SIGXFSZ.
IGNORED: Final = (
    *_known("SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGSTKFLT"),
    *range(getattr(signal, "SIGRTMIN", 0), getattr(signal, "SIGRTMAX", -1) + 1),
)


class StopSignals:
    """Counts the signals that ask for a drain: the second asks to stop at once.

    The handler only adds to a number: what takes a lock there (an Event, a log line) can deadlock
    with the code it interrupted.

    Args:
        reloads: SIGHUP asks for a reload, unless the system sends it because the terminal is gone.
    """

    def __init__(self, *, reloads: bool = False) -> None:
        self.count = 0
        #: How often a reload was asked for.
        self.reloads = 0
        self._reloads = reloads
        self._had_terminal = has_terminal()
        self._requested = False
        self._stacks_asked = 0
        self._stacks_logged = 0
        self._process = os.getpid()
        self._woken: socket.socket | None = None
        self._waker: socket.socket | None = None

    @property
    def reason(self) -> str:
        """Why to drain; "" if nothing asked for it."""
        return "signal" if self.count else "request" * self._requested

    def request(self) -> None:
        """Ask for a drain, as one signal does; a signal after it is the first one. Any thread."""
        self._requested = True
        self.wake()

    def wake(self) -> None:
        """End a `wait` in progress. Any thread may call it."""
        waker = self._waker
        if waker is not None:
            with suppress(OSError):  # it is full, or was closed: the wait ends anyway
                waker.send(b"\0")

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """The handler of all signals."""
        if os.getpid() != self._process:
            # A child that a handler has forked has nothing to drain: it ends as by default.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif number == STACKS:
            self._stacks_asked += 1
        elif number == signal.SIGHUP and self._reloads and has_terminal() == self._had_terminal:
            self.reloads += 1
        elif number in STOPPING:
            self.count += 1

    def wait(self, seconds: float) -> None:
        """Wait for a signal, for `seconds` at most. Main thread only, while installed."""
        if self._woken is None:
            raise RuntimeError("signals are waited for only while they are installed")
        self._woken.settimeout(seconds)
        with suppress(TimeoutError, BlockingIOError):
            self._woken.recv(4096)

    def log_stacks_if_asked(self) -> None:
        """After a SIGUSR1, log where each thread is: names of functions and lines, no values."""
        if self._stacks_asked == self._stacks_logged:
            return
        self._stacks_logged = self._stacks_asked
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 - documented
            places = [
                f"{os.path.basename(f.f_code.co_filename)}:{line} in {f.f_code.co_name}"  # noqa: PTH119
                for f, line in walk_stack(frame)
            ]
            thread = names.get(ident, "unknown")
            _log.info(log_events.THREAD_STACK, thread=thread, frames=places)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch the signals meanwhile, then restore what they did before. Main thread only."""
        # Not SIG_IGN for IGNORED: programs that handlers start would inherit it.
        numbers = {*STOPPING, STACKS, *IGNORED}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started by nohup
            numbers.remove(signal.SIGHUP)
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # as started by some programs
            # Exit codes of programs would be lost, to us and to what these start.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        woken, waker = socket.socketpair()
        with woken, waker:
            waker.setblocking(False)
            self._woken, self._waker = woken, waker
            os.register_at_fork(after_in_child=self._do_not_wake_parent)
            # The interpreter writes a byte for each signal, which ends a `wait` in progress.
            descriptor = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
            before = {number: signal.signal(number, self.note) for number in numbers}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(descriptor)
                self._woken = self._waker = None

    def _do_not_wake_parent(self) -> None:
        """In a child that a handler has forked: it shares the socket with its parent."""
        if self._woken is not None:
            signal.set_wakeup_fd(-1)


def has_terminal() -> bool:
    """True if this process has a terminal that could send it signals; False once it is closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
