"""Ends the process in time, whatever threads a handler has left running."""

import os
import threading
from collections.abc import Callable, Collection

import structlog

from consumer import log_events

_log = structlog.get_logger(__name__)


def end_in_time(
    code: int,
    *,
    before: Collection[threading.Thread],
    seconds: float = 10.0,
    leave: Callable[[int], object] = os._exit,
) -> threading.Thread | None:
    """Make sure that the process ends with this exit code, after `seconds` at the latest.

    Python waits for every non-daemon thread, and for all threads of a ThreadPoolExecutor. One that
    a handler has started and that hangs must not delay the restart.

    Args:
        before: threads to ignore: those that ran before the handlers.

    Returns:
        The thread that watches; None if there is nothing to wait for.
    """
    left = [thread for thread in threading.enumerate() if thread not in before]
    if not left:
        return None

    def watch() -> None:
        threading.Event().wait(seconds)
        if running := sum(thread.is_alive() for thread in left):
            hint = "started by a handler and still running: ended without waiting for them"
            _log.warning(log_events.THREADS_LEFT, threads=running, hint=hint)
            leave(code)

    watcher = threading.Thread(target=watch, name="ending", daemon=True)
    watcher.start()
    return watcher
