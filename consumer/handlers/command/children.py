"""The processes of one handler: reused if they wait for input, and ended with the daemon."""

import atexit
import contextlib
import signal
from collections.abc import Iterator
from typing import Final

from consumer.handlers.command.child import GRACE_SECONDS, Child, terminate, wait_for
from consumer.handlers.command.program import Program

#: What one gets after SIGTERM in a close, in which it has been asked to end before.
_LAST_SECONDS: Final = 1.0


class Children:
    """Any thread may call any method.

    A drain that is over leaves calls that still run alone, and calls no `close`: what they have
    started is ended when Python exits, before which the drain has waited for them.
    """

    def __init__(self, program: Program, *, answers: bool) -> None:
        self._program = program
        self._answers = answers
        self._running: set[Child] = set()
        self._idle: list[Child] = []
        self._at_exit = False

    @contextlib.contextmanager
    def one(self) -> Iterator[Child]:
        """A process that waits for input, or a new one. After an exception it is ended."""
        child = self._taken() or self._started()
        kept = False
        try:
            yield child
            kept = self._answers
        finally:
            self._running.discard(child)
            if kept:
                self._idle.append(child)  # from now on it may be another thread's
            else:
                child.end()

    def close(self) -> None:
        """End all, within about four seconds. May be called again; a later call starts new ones."""
        busy = tuple(self._running)  # the threads that use them let go of them
        idle = list(iter(self._taken, None))
        for child in busy:
            if child.code is None:
                child.signal(signal.SIGTERM)
        for child in idle:
            child.end_input()
        wait_for([*busy, *idle], GRACE_SECONDS)
        terminate([*busy, *idle], seconds=_LAST_SECONDS)
        for child in idle:
            self._running.discard(child)
            child.end()
        if self._at_exit:  # not before: Python may exit while this thread waits
            self._at_exit = False
            atexit.unregister(self.close)

    def _started(self) -> Child:
        if not self._at_exit:
            self._at_exit = True
            atexit.register(self.close)
        child = Child(self._program, answers=self._answers)
        self._running.add(child)
        return child

    def _taken(self) -> Child | None:
        """One that has ended meanwhile is no use any more."""
        while True:
            try:
                child = self._idle.pop()
            except IndexError:  # another thread was quicker
                return None
            self._running.add(child)
            if child.code is None:
                return child
            self._running.discard(child)
            child.end()
