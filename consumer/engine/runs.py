"""The calls of what users wrote that run now, and which of them are past their time."""

import threading
from threading import get_ident

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.call import Call
from consumer.engine.stats import Stats

_log = structlog.get_logger(__name__)


class Run:
    """A call that has a timeout and has not returned."""

    __slots__ = ("deadline", "handler", "messages", "stuck")

    def __init__(self, call: Call, deadline: float) -> None:
        self.handler = call.handler.name
        self.messages = [message for message, _ in call.entries]
        self.deadline = deadline
        self.stuck = False


class Runs:
    """Worker threads call `begin` and `end`, the housekeeper `find_stuck`; any thread the rest.

    Args:
        default_timeout_seconds: for handlers without a timeout; None lets them run.
    """

    def __init__(
        self, stats: Stats, *, clock: Clock, default_timeout_seconds: float | None
    ) -> None:
        self._stats = stats
        self._monotonic = clock.monotonic
        self._default_timeout = default_timeout_seconds
        self._lock = threading.Lock()
        self._limited: set[Run] = set()
        #: By thread: the call that it makes now, and `Clock.monotonic()` at which it began.
        self.running: dict[int, tuple[Call, float]] = {}

    def begin(self, call: Call) -> Run | None:
        """This thread enters what a user wrote for this call; `end` must follow."""
        began = self._monotonic()
        self.running[get_ident()] = (call, began)
        timeout = call.handler.timeout_seconds or self._default_timeout
        if timeout is None:
            return None
        run = Run(call, began + timeout)
        with self._lock:
            self._limited.add(run)
        return run

    def end(self, run: Run | None) -> None:
        """It has returned."""
        self.running.pop(get_ident(), None)
        if run is None:
            return
        with self._lock:
            self._limited.discard(run)
        if run.stuck:
            for message in run.messages:
                message.stuck = False
            messages = len(run.messages)
            _log.warning(log_events.HANDLER_UNSTUCK, handler=run.handler, messages=messages)

    def find_stuck(self) -> None:
        """Find the calls that ran past their timeout, and log each once.

        Their messages are no longer renewed, so that another consumer gets its chance. If such a
        call returns later, its result counts.
        """
        now = self._monotonic()
        with self._lock:
            past = [run for run in self._limited if now >= run.deadline]
            late = [run for run in past if not run.stuck]
            for run in past:
                run.stuck = True
                for message in run.messages:  # every time: another call may have reset it
                    message.stuck = True
        for run in late:
            self._stats.add("handlers_stuck")
            _log.error(
                log_events.HANDLER_STUCK,
                handler=run.handler,
                messages=len(run.messages),
                hint="it ran past its timeout and has not returned; its thread stays occupied",
            )

    def stuck(self) -> int:
        """How many calls, and so threads, are past their timeout at this moment."""
        with self._lock:
            return sum(run.stuck for run in self._limited)
