"""The process: runs a worker until it is told to stop or has nothing left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.errors import EXIT_BUG, EXIT_OK, ConsumerError, describe
from consumer.service.report import status_line, summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.clock import Clock
    from consumer.engine.worker import Worker
    from consumer.service.signals import StopSignals
    from consumer.service.systemd import Notifier

_log = structlog.get_logger(__name__)

#: How often the main thread looks around: a signal waits this long at most.
TICK_SECONDS = 0.2
#: How often `systemctl status` gets a new line.
STATUS_SECONDS = 5.0


class Daemon:
    """The main thread's part: signals, systemd, health, the summary. Everything runs in one thread.

    Args:
        signals: installed by the caller, for as long as this runs.
        flush_repeats: called with each summary: tells the counts of log lines held back.
        on_tick: called at each look around; the demo draws its progress with it.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        notifier: Notifier,
        signals: StopSignals,
        clock: Clock,
        summary_interval_seconds: float = 60.0,
        flush_repeats: Callable[[], None] = lambda: None,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._worker = worker
        self._notifier = notifier
        self._signals = signals
        self._clock = clock
        self._summary_seconds = summary_interval_seconds
        self._flush_repeats = flush_repeats
        self._on_tick = on_tick
        self._ready = self._told_ready = False
        self._unhealthy: list[str] = []
        now = clock.monotonic()
        self._last_summary = now
        self._last_status = self._last_watchdog = float("-inf")
        self._rate_base = (now, 0)
        self._last_counts: dict[str, int] = {}

    def run(self) -> int:
        """Run to the end; returns the exit code."""
        worker = self._worker
        worker.start()
        while True:
            self._look_around()
            reason = "signal" if self._signals.count else worker.finished()
            if reason:
                break
            self._clock.wait(worker.crew.stopping, TICK_SECONDS)
        self._drain(reason)
        return self._end(reason)

    def _look_around(self) -> None:
        now = self._clock.monotonic()
        worker = self._worker
        if worker.poller.succeeded and not self._ready:
            self._ready = True
            _log.info(log_events.READY)
        if self._ready and self._notifier.active and not self._told_ready:
            # Said again until systemd has it: its queue may be full while the machine boots.
            self._told_ready = self._notifier.ready("receiving")
        self._feed_watchdog(now)
        if now - self._last_status >= STATUS_SECONDS:
            handled = worker.stats["handled"]
            rate = (handled - self._rate_base[1]) / max(now - self._rate_base[0], 0.001)
            self._rate_base = (now, handled)
            self._last_status = now
            self._notifier.status(status_line(worker, rate=rate, problems=self._unhealthy))
        if now - self._last_summary >= self._summary_seconds:
            self._last_summary = now
            self._tell_summary()
        self._on_tick()

    def _feed_watchdog(self, now: float) -> None:
        """Feed it from progress, and from nothing else."""
        problems = self._worker.problems()
        if problems != self._unhealthy:
            if problems:
                _log.error(log_events.UNHEALTHY, problems=problems)
            else:
                _log.info(log_events.HEALTHY)
            self._unhealthy = problems
        interval = self._notifier.watchdog_interval_seconds
        if interval is None or problems:
            return
        if now - self._last_watchdog >= interval / 2:
            self._last_watchdog = now
            self._notifier.watchdog()

    def _tell_summary(self) -> None:
        counts = self._worker.stats.snapshot()
        _log.info(log_events.SUMMARY, **summary(self._worker, since=self._last_counts))
        self._last_counts = counts
        self._flush_repeats()

    def _drain(self, reason: str) -> None:
        worker = self._worker
        self._notifier.stopping("draining")
        _log.info(
            log_events.DRAINING,
            reason=reason,
            in_flight=len(worker.in_flight),
            open_receives=worker.crew.polling,
            hint="open receives are let return (up to a long poll); a second signal ends at once",
        )

        def while_waiting(seconds_left: float) -> bool:
            now = self._clock.monotonic()
            self._feed_watchdog(now)
            if now - self._last_status >= 1.0:
                self._last_status = now
                self._notifier.extend_timeout(max(seconds_left, 0.0) + 15.0)
                self._notifier.status(
                    f"draining: {len(worker.in_flight)} in flight, {seconds_left:.0f} s left"
                )
            self._on_tick()
            return self._signals.count > 1

        account = worker.drain(while_waiting)
        _log.info(
            log_events.DRAINED,
            handled=account.handled,
            deleted=account.deleted,
            released=account.released,
            abandoned=account.abandoned,
        )
        self._tell_summary()

    def _end(self, reason: str) -> int:
        # A drain that could not delete what was handled is no good end, whoever asked for it.
        failure = self._worker.failure or self._worker.settler.fatal
        if failure is None:
            _log.info(log_events.STOPPED, reason=reason, exit_code=EXIT_OK)
            return EXIT_OK
        code = failure.exit_code if isinstance(failure, ConsumerError) else EXIT_BUG
        facts = {"error": str(failure)} if isinstance(failure, ConsumerError) else describe(failure)
        _log.critical(log_events.STOPPED, reason=reason, exit_code=code, **facts)
        return code
