"""A process of the user's program: fed, read, and ended, without waiting longer than wanted."""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterable
from typing import Final, Self

from consumer.handlers.command.program import Program

#: What a process gets to end by itself after SIGTERM, or after the end of its input.
GRACE_SECONDS: Final = 3.0
#: How often to look whether it still runs.
_LOOK_SECONDS: Final = 0.1
_CHUNK: Final = 65_536
#: In place of the exit code of a process that another part of this one has waited for.
_UNKNOWN: Final = 256


class Child:
    """One thread at a time uses it; any may `signal` it.

    Args:
        answers: its standard output is read; else it goes where its standard error goes.
    """

    def __init__(self, program: Program, *, answers: bool) -> None:
        # Its end of the input is kept open: so what the process has left unread can be seen, and
        # writing to one that has ended raises no signal.
        self._process, self._stdin, self._input = program.start(answers=answers)
        self._output = None if self._process.stdout is None else self._process.stdout.fileno()
        self._looking = threading.Lock()
        self._code: int | None = None
        self._input_open = self._open = True
        #: It has worked at least once.
        self.has_answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def code(self) -> int | None:
        """Its exit code, a signal as a negative number; None while it runs."""
        with self._looking:
            if self._code is None:
                try:
                    found, status = os.waitpid(self._process.pid, os.WNOHANG)
                    self._code = os.waitstatus_to_exitcode(status) if found else None
                except ChildProcessError:  # SIGCHLD is ignored, or a handler waits for any process
                    self._code = _UNKNOWN  # Popen would say 0: events that failed would be lost
                self._process.returncode = self._code
            return self._code

    def exchange(self, data: memoryview, seconds: float) -> tuple[int, bytes | None]:
        """Wait a moment until it takes some of the data, or says something.

        Returns how many bytes it took; and what it said, b"" at the end of its output, None if it
        said nothing.
        """
        poll = select.poll()
        if data:
            poll.register(self._input, select.POLLOUT)
        if self._output is not None:
            poll.register(self._output, select.POLLIN)
        ready = {found for found, _ in poll.poll(1000 * max(min(seconds, _LOOK_SECONDS), 0))}
        taken, said = 0, None
        if self._input in ready:
            with contextlib.suppress(BlockingIOError):
                taken = os.write(self._input, data)
        if self._output in ready:
            said = os.read(self._output, _CHUNK)
        return taken, said

    def end_input(self) -> None:
        """Nothing more comes: the process sees the end of its input."""
        if self._input_open:
            self._input_open = False
            os.close(self._input)

    def wait(self, seconds: float) -> int | None:
        """Its exit code once it has ended, or None."""
        deadline = time.monotonic() + seconds
        pause = 0.001
        while self.code is None and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(2 * pause, 0.05)
        return self.code

    def left_input(self) -> bool:
        """True if it has not read all that it took."""
        poll = select.poll()
        poll.register(self._stdin, select.POLLIN)
        return any(event & select.POLLIN for _, event in poll.poll(0))

    def signal(self, number: signal.Signals) -> None:
        """To it, and to all that it has started in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def end(self) -> None:
        """Terminate it if it still runs, and let go of it. A second call does nothing."""
        if not self._open:
            return
        self._open = False
        terminate([self])
        self.end_input()
        os.close(self._stdin)
        if self._process.stdout is not None:
            self._process.stdout.close()


def wait_for(children: Iterable[Child], seconds: float) -> None:
    """Until all have ended, or the time is over."""
    deadline = time.monotonic() + seconds
    for child in children:
        child.wait(deadline - time.monotonic())


def terminate(children: Iterable[Child], *, seconds: float = GRACE_SECONDS) -> None:
    """End those that still run together, with all that they have started; at last by SIGKILL."""
    running = [child for child in children if child.code is None]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for child in running:
            child.signal(number)
        wait_for(running, seconds)  # after SIGKILL: longer only if a dead disk holds it


def how_it_ended(code: int) -> str:
    """For people: "ended with exit code 3", "was ended by SIGSEGV"."""
    if code == _UNKNOWN:
        return "ended, but its exit code is lost"
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
