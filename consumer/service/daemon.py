"""The process: runs a worker until a signal comes or it has nothing left to do."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.status import Status
from consumer.errors import EXIT_BUG, EXIT_OK, ConsumerError, describe
from consumer.service.engine import Engine
from consumer.service.reload import Reloads
from consumer.service.signals import StopSignals
from consumer.service.systemd import Notifier

_log = structlog.get_logger(__name__)

#: How often the main thread checks on the engine; a signal is noticed at once.
TICK_SECONDS: Final = 0.2
#: While a receive is open and no message is in flight.
IDLE_TICK_SECONDS: Final = 1.0
#: How often `systemctl status` gets a new line.
STATUS_SECONDS: Final = 5.0
#: Asked of systemd beyond the drain's own deadline: for the last calls, and the exit itself.
EXTEND_SECONDS: Final = 20.0

_PUT_BACK_HINT: Final = (
    "they stay in the queue, to be delivered again or moved to its dead-letter queue"
)
#: In each summary, also if they are 0.
_ALWAYS: Final = ("received", "handled", "failed", "deleted")
#: At the end of a drain, also if they are 0.
_DRAINED: Final = ("handled", "deleted", "released", "abandoned")
_MOST_NAMES: Final = 20


class Daemon:
    """The main thread's part: signals, systemd, health, the summary. Everything runs in one thread.

    Args:
        signals: installed by the caller, for as long as this runs.
        flush_repeats: called with each summary: logs the counts of repeated log lines.
        on_tick: called at each look around; the demo draws its progress with it.
        reloads: None: the configuration is only read at the start.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        notifier: Notifier,
        signals: StopSignals,
        clock: Clock,
        summary_interval_seconds: float = 60.0,
        flush_repeats: Callable[[], None] = lambda: None,
        on_tick: Callable[[Status], None] = lambda _status: None,
        reloads: Reloads | None = None,
    ) -> None:
        self._engine = engine
        self._reloads = reloads
        self._notifier = notifier
        self._signals = signals
        self._clock = clock
        self._summary_seconds = summary_interval_seconds
        self._flush_repeats = flush_repeats
        self._on_tick = on_tick
        self._ready = self._systemd_is_ready = False
        self._unhealthy: tuple[str, ...] = ()
        now = clock.monotonic()
        self._last_summary = now
        self._last_status = self._last_watchdog = float("-inf")
        self._rate_base = (now, 0)
        self._summarised: Status | None = None

    def run(self) -> int:
        """Run to the end; returns the exit code."""
        self._engine.worker.start()
        while True:
            status = self._look_around()
            reason = self._signals.reason or status.finished
            if reason:
                break
            if self._reloads and self._ready and self._reloads.look(self._while_reloading):
                self._after_reload()
                continue
            waits = status.open_receives or status.paused
            idle = status.ready and waits and not status.in_flight
            idle = idle and not (self._reloads and self._reloads.under_way)
            self._signals.wait(IDLE_TICK_SECONDS if idle else TICK_SECONDS)
        self._drain(reason, status)
        return self._end(reason)

    def _look(self) -> tuple[float, Status]:
        """What each look does, also in a drain; returns the time and the worker's status."""
        now, status = self._clock.monotonic(), self._engine.status()
        self._engine.tidy()
        self._signals.log_stacks_if_asked()
        self._feed_watchdog(now, status)
        self._on_tick(status)
        return now, status

    def _look_around(self) -> Status:
        now, status = self._look()
        if status.ready and not self._ready:
            self._ready = True
            _log.info(log_events.READY)
        if self._ready and not self._systemd_is_ready and self._notifier.active:
            # Repeated until systemd has it: its queue may be full while the machine boots.
            self._systemd_is_ready = self._notifier.ready("receiving")
        if now - self._last_status >= STATUS_SECONDS:
            handled = status.counts.get("handled", 0)
            rate = (handled - self._rate_base[1]) / max(now - self._rate_base[0], 0.001)
            self._rate_base = (now, handled)
            self._last_status = now
            self._notifier.status(_status_line(status, rate=rate))
        if now - self._last_summary >= self._summary_seconds:
            self._last_summary = now
            self._log_summary(status)
        return status

    def _feed_watchdog(self, now: float, status: Status) -> None:
        """Feed it from progress, and from nothing else; log what is unhealthy."""
        unhealthy = status.problems + status.outages
        if unhealthy and unhealthy != self._unhealthy:
            code = status.receive_error_code
            _log.error(log_events.UNHEALTHY, problems=list(unhealthy), code=code)
        elif self._unhealthy and not unhealthy:
            _log.info(log_events.HEALTHY)
        self._unhealthy = unhealthy
        interval = self._notifier.watchdog_interval_seconds
        if interval and not status.problems and now - self._last_watchdog >= interval / 2:
            self._last_watchdog = now
            self._notifier.watchdog()

    def _log_summary(self, status: Status) -> None:
        _log.info(log_events.SUMMARY, **_summary(status, self._summarised))
        self._summarised = status
        self._flush_repeats()

    def _drain(self, reason: str, status: Status) -> None:
        self._notifier.stopping("draining")
        waiting = "waiting up to a long poll for open receives; " if status.open_receives else ""
        _log.info(
            log_events.DRAINING,
            reason=reason, in_flight=status.in_flight, open_receives=status.open_receives,
            hint=waiting + "a second signal stops at once",
        )  # fmt: skip
        reasons = dict(self._engine.worker.drain(self._while_draining))
        status = self._engine.status()
        facts: dict[str, object] = {name: status.counts.get(name, 0) for name in _DRAINED}
        if "unmatched" in status.counts:
            facts["unmatched"] = status.counts["unmatched"]
        if reasons:
            facts |= {"put_off": sum(reasons.values()), "reasons": reasons, "hint": _PUT_BACK_HINT}
        _log.info(log_events.DRAINED, **facts)
        self._log_summary(status)
        self._on_tick(status)

    def _while_draining(self, seconds_left: float) -> bool:
        now, status = self._look()
        if now - self._last_status >= 1.0:
            self._last_status = now
            left = max(seconds_left, 0.0)
            self._notifier.extend_timeout(left + EXTEND_SECONDS)
            self._notifier.status(f"draining: {status.in_flight} in flight, {left:.0f} s left")
        return self._signals.count > 1

    def _while_reloading(self, _seconds_left: float) -> bool:
        now, status = self._look()
        if now - self._last_status >= 1.0:
            self._last_status = now
            self._notifier.status(f"reloading: {status.in_flight} in flight")
        return bool(self._signals.reason)

    def _after_reload(self) -> None:
        # So that systemd is notified again; it shows the new state from now on.
        self._systemd_is_ready = False
        self._last_status = float("-inf")
        engine = self._engine.worker.parts.settings.engine
        self._summary_seconds = engine.summary_interval_seconds

    def _end(self, reason: str) -> int:
        # A drain that could not delete what was handled is a failure, whatever started it.
        failure = self._engine.status().failure
        if failure is None:
            _log.info(log_events.STOPPED, reason=reason, exit_code=EXIT_OK)
            return EXIT_OK
        code = failure.exit_code if isinstance(failure, ConsumerError) else EXIT_BUG
        facts = {"error": str(failure)} if isinstance(failure, ConsumerError) else describe(failure)
        _log.critical(log_events.STOPPED, reason=reason, exit_code=code, **facts)
        return code


def _status_line(status: Status, *, rate: float) -> str:
    """One line for `systemctl status`."""
    counts = status.counts
    code, unhealthy = status.receive_error_code, status.problems + status.outages
    if unhealthy:
        state = f"unhealthy ({', '.join(unhealthy)})" + (f", the last with {code}" if code else "")
    elif status.paused:
        state = "paused"
    elif status.failing_handlers:
        state = f"waiting for {', '.join(status.failing_handlers)} to work again"
    elif code:
        state = f"receiving fails ({code}), retrying"
    else:
        state = "receiving" if status.ready else "waiting for the first receive"
    parts = [
        f"{rate:.1f} messages/s",
        f"{status.in_flight} in flight",
        f"{counts.get('handled', 0)} handled",
        *([f"{counts['unmatched']} unmatched"] if counts.get("unmatched") else []),
        f"{counts.get('failed', 0) + counts.get('rejected', 0)} failed",
        *([f"lag {status.lag_seconds:.0f} s"] if status.lag_seconds >= 1 else []),
    ]
    return f"{state}: {', '.join(parts)}"


def _summary(status: Status, last: Status | None) -> dict[str, Any]:
    """What happened since the last summary, and the situation now."""
    new = Counter(status.counts)
    unmatched = Counter(status.unmatched_events)
    if last is not None:
        new -= Counter(last.counts)
        unmatched -= Counter(last.unmatched_events)
    return {
        **{name: new.pop(name, 0) for name in _ALWAYS},
        "in_flight": status.in_flight,
        "lag_seconds": round(status.lag_seconds, 1),
        **dict(sorted(new.items())),
        **({"unmatched_events": dict(unmatched.most_common(_MOST_NAMES))} if unmatched else {}),
    }
