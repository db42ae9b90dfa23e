"""A thread for what may hang: the main thread hands jobs over and goes on."""

import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from consumer import log_events
from consumer.errors import describe

_log = structlog.get_logger(__name__)


class Background:
    """Runs jobs in one daemon thread, one at a time. While one runs, only the newest one waits.

    The thread starts with the first job. A job that raises is logged.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiting: Callable[[], None] | None = None
        self._busy = self._closed = False

    def do(self, job: Callable[[], None]) -> None:
        """Run it soon, instead of a job that still waits."""
        with self._changed:
            self._waiting = job
            self._changed.notify_all()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                with suppress(RuntimeError, MemoryError):  # else the next job tries again
                    thread.start()
                    self._thread = thread

    def close(self, seconds: float) -> None:
        """Wait for what runs and what waits, for `seconds` at most; then no more jobs are run."""
        with self._changed:
            if self._thread is not None:
                self._changed.wait_for(lambda: not self._busy and self._waiting is None, seconds)
            self._closed, self._waiting = True, None
            self._changed.notify_all()

    def _run(self) -> None:
        while job := self._next():
            try:
                job()
            except Exception as error:
                facts = describe(error)
                _log.error(log_events.COMPANION_FAILED, part=self._name, **facts, exc_info=error)

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting is not None or self._closed)
            if self._closed:
                return None
            job, self._waiting, self._busy = self._waiting, None, True
            return job
