"""Keeps what is known of the running daemon, for metrics, health checks and the status."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import consumer
from consumer.clock import Clock
from consumer.engine.figures import Figures
from consumer.engine.status import Status
from consumer.queues.requests import RequestCounts
from consumer.service.depth import Depths
from consumer.service.monitoring.facts import Facts, Minute, State

#: Rates are those of the last minute, measured between samples.
SAMPLE_SECONDS: Final = 5.0
_SAMPLES: Final = 13
MINUTE_SECONDS: Final = 60.0
_MINUTES: Final = 60
#: The main thread looks around each second; it hangs if it has not for so long.
SILENT_SECONDS: Final = 30.0

#: The rates and series, and the counters that each adds up.
_SERIES: Final[Mapping[str, tuple[str, ...]]] = {
    "received": ("received",),
    "handled": ("handled",),
    "failed": ("failed", "rejected", "quarantined"),
}


class Monitor:
    """A companion of the daemon. Any thread may call `facts`."""

    def __init__(
        self,
        figures: Callable[[], Figures],
        *,
        clock: Clock,
        region: str,
        depths: Depths,
        requests: RequestCounts,
        credentials_expire_at: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._figures = figures
        self._clock = clock
        self._region = region
        self._depths = depths
        self._requests = requests
        self._credentials_expire_at = credentials_expire_at
        self._began = clock.monotonic()
        self._lock = threading.Lock()
        now, nothing = clock.monotonic(), dict.fromkeys(_SERIES, 0)
        self._samples = deque([(now, nothing)], maxlen=_SAMPLES)
        self._minute = (now, nothing)
        self._minutes: deque[Minute] = deque(maxlen=_MINUTES)
        self._status: Status | None = None
        self._looked_at = now

    def look(self, status: Status) -> None:
        """Take a sample, if it is time for one."""
        now, totals = self._clock.monotonic(), _totals(status.counts)
        with self._lock:
            self._status, self._looked_at = status, now
            if now - self._samples[-1][0] >= SAMPLE_SECONDS:
                self._samples.append((now, totals))
            since, before = self._minute
            if now - since >= MINUTE_SECONDS:
                new = {name: totals[name] - before[name] for name in _SERIES}
                minute = Minute(self._clock.now(), lag_seconds=status.lag_seconds, **new)
                self._minutes.append(minute)
                self._minute = (now, totals)

    def close(self, exit_code: int) -> None:
        """Nothing is to be done."""

    def facts(self) -> Facts:
        """What is known now."""
        figures, now = self._figures(), self._clock.monotonic()
        with self._lock:
            status, silent = self._status, now - self._looked_at
            since, before = self._samples[0]
            minutes = tuple(self._minutes)
        totals = _totals(figures.counts)
        elapsed = max(now - since, 1.0)
        problems = () if status is None else status.problems + status.outages
        if silent > SILENT_SECONDS:
            problems = (*problems, "main thread without progress")
        state = _state(status, figures, problems)
        wall = self._clock.now()  # may have been set since the start
        return Facts(
            now=wall,
            version=consumer.__version__,
            started_at=wall - timedelta(seconds=now - self._began),
            state=state,
            problems=problems,
            ready=state in ("receiving", "waiting"),
            receive_error_code="" if status is None else status.receive_error_code,
            lag_seconds=0.0 if status is None else status.lag_seconds,
            figures=figures,
            queue=self._depths.queue,
            region=self._region,
            dead_letters=self._depths.dead_letters,
            requests=self._requests.snapshot(),
            credentials_expire_at=self._credentials_expire_at(),
            rates={name: (totals[name] - before[name]) / elapsed for name in _SERIES},
            minutes=minutes,
        )


def _totals(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: sum(counts.get(part, 0) for part in parts) for name, parts in _SERIES.items()}


def _state(status: Status | None, figures: Figures, problems: tuple[str, ...]) -> State:
    if figures.draining:
        return "draining"
    if problems:
        return "unhealthy"
    if status is None or not status.ready:
        return "starting"
    if status.paused:
        return "paused"
    handlers = {handler.name for handler in figures.handlers if not handler.unmatched}
    return "waiting" if handlers and handlers <= set(status.failing_handlers) else "receiving"
