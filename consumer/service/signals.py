"""Signals, as the main thread sees them."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class StopSignals:
    """Counts SIGTERM and SIGINT: the first asks for a drain, the second to stop at once.

    The handler only adds to a number: it runs between any two instructions of the main thread, and
    whatever takes a lock there (an Event, a log line) can lock up with the code it interrupted.
    """

    def __init__(self) -> None:
        self.count = 0
        self._interrupts = False
        self._process = os.getpid()

    def note(self, number: int = 0, _frame: FrameType | None = None) -> None:
        """The signal handler."""
        if os.getpid() != self._process:
            # A child that somebody's handler has forked: nobody drains there, it shall just end.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self.count += 1
        if self._interrupts:
            self._interrupts = False  # once: a second one must not hit what deals with the first
            raise KeyboardInterrupt

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Have a signal raise KeyboardInterrupt meanwhile: nothing is held yet, nothing to drain.

        Main thread only, within `installed`.
        """
        self._interrupts = True
        try:
            yield
        finally:
            self._interrupts = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch the signals meanwhile, then restore what they did before. Main thread only."""
        before = {n: signal.signal(n, self.note) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
