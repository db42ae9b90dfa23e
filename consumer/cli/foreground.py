"""Runs the engine in this process, with its log on standard error: the daemon, and the webhook."""

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from consumer import log_events
from consumer.cli.output import Printed
from consumer.errors import EXIT_OUTPUT, ConsumerError

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.config import Loaded
    from consumer.service.logs.setup import Logs

_OUTPUT_HINT: Final = (
    "handlers print there; an event whose handler failed because of that stays in the queue, and "
    "the counts show how many were handled"
)


def run_in_foreground(loaded: "Loaded", work: "Callable[[Logs, Clock], int]") -> int:
    """Do the work, which returns an exit code; returns the exit code of the process.

    Ends the process if a thread of a handler, or standard output, keeps it from ending. Raises
    `ConsumerError` if standard error is a terminal; elsewhere it is logged.
    """
    import structlog

    from consumer.clock import SystemClock
    from consumer.service.ending import end_in_time
    from consumer.service.logs.setup import configure_logging, install_exception_hooks

    clock = SystemClock()
    logs = configure_logging(loaded.settings.logging, sys.stderr, environ=os.environ, clock=clock)
    install_exception_hooks()
    log = structlog.get_logger("consumer")
    for warning in loaded.warnings:
        log.warning(log_events.CONFIG_WARNING, reason=warning)
    printed, threads = Printed(), threading.enumerate()
    try:
        code = work(logs, clock)
    except ConsumerError as error:
        if sys.stderr.isatty():
            raise  # reported in plain words
        # Programs that read the log get the reason there.
        code = error.exit_code
        log.critical(log_events.STOPPED, reason="failure", exit_code=code, error=str(error))
    if reason := printed.failure():
        code = code or EXIT_OUTPUT
        log.error(log_events.OUTPUT_FAILED, reason=reason, exit_code=code, hint=_OUTPUT_HINT)
    end_in_time(code, before=threads)
    logs.output.close()
    if printed.is_stuck:
        os._exit(code)  # Python would abort, because a thread holds the lock of standard output
    return code
