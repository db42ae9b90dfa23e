"""Receives that fail: how long to wait after each, and whether waiting can help."""

import random
import threading

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.errors import TransportError
from consumer.retry import RetryPolicy

_log = structlog.get_logger(__name__)

RECEIVE_BACKOFF = RetryPolicy(base_seconds=1.0, max_seconds=60.0)


class ReceiveFailures:
    """Those since the last receive that succeeded. Any thread may call any method; none blocks.

    Args:
        grace_seconds: for so long a process that worked before waits out a fatal error: a policy
            that is being edited denies for moments.
    """

    def __init__(self, *, clock: Clock, rng: random.Random, grace_seconds: float) -> None:
        self._clock = clock
        self._rng = rng
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._count = 0
        self._refused_since: float | None = None
        self._failed_at = float("-inf")
        self.last_code = ""
        #: `Clock.monotonic()` since when every receive has failed; None: the last one did not.
        self.since: float | None = None

    def forget_times(self) -> None:
        """None is made for a while: what was seen before says nothing about the queue after it."""
        with self._lock:
            self._refused_since = self.since = None

    def end(self) -> None:
        """A receive has succeeded."""
        if not self._count:
            return
        with self._lock:
            failures, self._count = self._count, 0
            self._refused_since = self.since = None
        self.last_code = ""
        _log.info(log_events.RECEIVE_RECOVERED, failures=failures)

    def note(self, error: TransportError, began: float, *, worked: bool) -> float:
        """Count and log a failure; returns how long to pause. Raises what is fatal for good.

        Args:
            began: when the receive did.
            worked: False if none has ever succeeded: then there is nothing to wait for.
        """
        now = self._clock.monotonic()
        with self._lock:
            # Receives that were open together fail together: they count as one failure.
            if began >= self._failed_at or not self._count:
                self._count += 1
            self._failed_at = now
            if not error.fatal:
                self._refused_since = None
            elif self._refused_since is None:
                self._refused_since = now
            refused_since = self._refused_since
            if self.since is None:
                self.since = began
            self.last_code = error.code
            pause = RECEIVE_BACKOFF.equal_jitter(self._count, self._rng)
        if refused_since is not None and (now - refused_since >= self._grace or not worked):
            raise error
        facts = {"code": error.code, "reason": str(error), "failures": self._count}
        _log.warning(log_events.RECEIVE_FAILED, **facts, next_attempt_seconds=round(pause, 1))
        return pause
