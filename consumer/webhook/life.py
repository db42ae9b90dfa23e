"""The main thread's part: systemd, health, the summary, and the stop."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.errors import EXIT_BUG, EXIT_OK
from consumer.service.signals import StopSignals
from consumer.service.systemd import Notifier
from consumer.webhook.batches import Batches
from consumer.webhook.kept import KeptTally
from consumer.webhook.server import STOP_SECONDS, WebServer
from consumer.webhook.tally import MOST_ERRORS, MOST_LATE, Tally

_log = structlog.get_logger(__name__)

_TICK_SECONDS: Final = 1.0
_STATUS_SECONDS: Final = 5.0
#: An event loop that had no turn for so long does not feed the watchdog.
_LONGEST_SILENCE_SECONDS: Final = 10.0


class Life:
    """Watches the server from its start to its stop."""

    def __init__(
        self,
        server: WebServer,
        batches: Batches,
        tally: Tally,
        *,
        notifier: Notifier,
        signals: StopSignals,
        clock: Clock,
    ) -> None:
        self._server = server
        self._batches = batches
        self._tally = tally
        self._notifier = notifier
        self._signals = signals
        self._clock = clock
        self._last_watchdog = self._last_status = float("-inf")
        self._last_summary = clock.monotonic()
        self._summarised: Counter[str] = Counter()

    def run(
        self,
        summary_seconds: float,
        kept: KeptTally,
        flush_repeats: Callable[[], None],
        on_tick: Callable[[], None],
    ) -> None:
        """Report that all is ready; return when a signal came, or the server has died."""
        _log.info(log_events.READY)
        self._notifier.ready("receiving posts")
        while not self._signals.count and self._server.is_alive:
            now = self._clock.monotonic()
            self._feed_watchdog(now)
            if now - self._last_status >= _STATUS_SECONDS:
                self._last_status = now
                self._notifier.status(self._status_line())
            if now - self._last_summary >= summary_seconds:
                self._last_summary = now
                self._log_summary()
                flush_repeats()
            self._signals.log_stacks_if_asked()
            kept.look()
            on_tick()
            self._signals.wait(_TICK_SECONDS)

    def stop(self) -> int:
        """Take no more posts, and answer those under way; returns the exit code."""
        died = not self._server.is_alive
        self._notifier.stopping("answering what is under way")
        self._server.stop()
        until = self._clock.monotonic() + STOP_SECONDS
        while self._server.is_alive and self._clock.monotonic() < until:
            if self._signals.count > 1:
                self._server.stop_now()
            self._signals.wait(0.1)
        self._log_summary()
        code = EXIT_BUG if died else EXIT_OK
        reason = self._signals.reason or ("loop_died" if died else "failure")
        if reason != "failure":  # it is reported by what raised it
            _log.info(log_events.STOPPED, reason=reason, exit_code=code)
        return code

    def _feed_watchdog(self, now: float) -> None:
        interval = self._notifier.watchdog_interval_seconds
        is_alive = self._server.silent_seconds < _LONGEST_SILENCE_SECONDS
        if interval and is_alive and now - self._last_watchdog >= interval / 2:
            self._last_watchdog = now
            self._notifier.watchdog()

    def _status_line(self) -> str:
        state = "messages can't be sent" if self._batches.is_failing else "receiving posts"
        bad = self._tally.bad_of_day()
        return (
            f"{state}: {self._batches.stored} stored, {self._batches.waiting} waiting, "
            f"{self._server.connections} connections; in 24 hours {bad['error']} errors "
            f"and {bad['late']} late answers"
        )

    def _log_summary(self) -> None:
        totals = Counter(self._tally.totals)
        new, self._summarised = totals - self._summarised, totals
        bad = self._tally.bad_of_day()
        # Beyond its limits Canvas deactivates the data stream.
        log = _log.warning if self._tally.is_near_a_limit else _log.info
        log(
            log_events.WEBHOOK_SUMMARY,
            answers=dict(sorted(new.items())), stored=self._batches.stored,
            waiting=self._batches.waiting, connections=self._server.connections,
            errors_24h=bad["error"], errors_limit=MOST_ERRORS,
            late_24h=bad["late"], late_limit=MOST_LATE,
        )  # fmt: skip
