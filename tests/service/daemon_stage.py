"""A daemon on a manual clock, with an engine and a systemd that are scripts."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from consumer.engine.status import Status
from consumer.service.daemon import Daemon
from consumer.service.engine import Engine
from consumer.service.signals import StopSignals
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class FakeWorker:
    """An engine without threads; the test sets its state."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.current = Status(
            ready=False, in_flight=0, open_receives=1, receive_error_code="", failing_handlers=(),
            problems=(), outages=(), counts={}, events={}, lag_seconds=0.0, finished="",
            failure=None,
        )  # fmt: skip
        self.started = False
        #: What a drain finds: how long it takes, the counts, and what it returns.
        self.drain_seconds = 0.0
        self.drain_counts: dict[str, int] = {}
        self.put_back: dict[str, int] = {}
        self.cut_short_after: float | None = None

    def become(self, **facts: Any) -> None:
        """From now on its status says so."""
        self.current = replace(self.current, **facts)

    def count(self, **amounts: int) -> None:
        """Add to its counters."""
        self.become(counts=dict(Counter(self.current.counts) + Counter(amounts)))

    def start(self) -> None:
        self.started = True

    def status(self) -> Status:
        return self.current

    def drain(self, while_waiting: Callable[[float], bool]) -> dict[str, int]:
        began = self.clock.monotonic()
        while (passed := self.clock.monotonic() - began) < self.drain_seconds:
            if while_waiting(60.0 - passed):
                self.cut_short_after = passed
                break
            self.clock.advance(0.5)
        self.count(**self.drain_counts)
        return self.put_back


class Heard:
    """systemd's end of the notifier."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.said: list[tuple[str, object]] = []
        self.fed: list[float] = []
        self.active = True
        self.full = False
        self.watchdog_interval_seconds: float | None = None

    def _say(self, what: str, value: object) -> bool:
        if not self.full:
            self.said.append((what, value))
        return not self.full

    def ready(self, status: str = "") -> bool:
        return self._say("ready", status)

    def reloading(self, status: str, now: float) -> bool:
        return self._say("reloading", (status, now))

    def status(self, text: str) -> bool:
        return self._say("status", text)

    def stopping(self, status: str = "") -> bool:
        return self._say("stopping", status)

    def extend_timeout(self, seconds: float) -> bool:
        return self._say("extend", seconds)

    def watchdog(self) -> bool:
        self.fed.append(self.clock.monotonic())
        return self._say("watchdog", None)

    def words(self) -> list[str]:
        """What was said, without the values."""
        return [what for what, _ in self.said]


class ManualSignals(StopSignals):
    """Waits by the manual clock."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.woken = threading.Event()

    def note(self, number: int, frame: FrameType | None = None) -> None:
        super().note(number, frame)
        self.woken.set()

    def wait(self, seconds: float) -> None:
        self.clock.wait(self.woken, seconds)
        self.woken.clear()


class Stage:
    """A daemon in a scripted environment. Events are scheduled with `at`."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.worker = FakeWorker(self.clock)
        self.heard = Heard(self.clock)
        self.signals = ManualSignals(self.clock)
        self.flushed: list[float] = []

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Call `action` after so many seconds."""
        self.clock.call_later(seconds, action)

    def stop_at(self, seconds: float) -> None:
        """A signal."""
        self.at(seconds, lambda: self.signals.note(signal.SIGTERM))

    def run(self, **options: Any) -> int:
        """The life of the daemon; returns its exit code."""
        daemon = Daemon(
            Engine(self.worker),  # type: ignore[arg-type]
            notifier=self.heard,  # type: ignore[arg-type]
            signals=self.signals,
            clock=self.clock,
            flush_repeats=lambda: self.flushed.append(self.clock.monotonic()),
            **options,
        )
        return daemon.run()


def named(logs: list[Any], event: str) -> list[Any]:
    """The log lines of one event."""
    return [line for line in logs if line["event"] == event]
