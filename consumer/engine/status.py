"""What the engine says of itself: one value for status line, summary, health check and tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.engine.receive import RECEIVE_BACKOFF
from consumer.errors import StuckError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.engine.parts import Parts

#: A loop that shows no sign of life for this long beyond what its calls may take is stuck.
MARGIN_SECONDS = 15.0
#: For so long threads or messages must be past their time, to be taken as stuck for good.
STUCK_SECONDS = 60.0
#: When every receive has failed for so long, that is no moment's outage.
FAILING_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Status:
    """The engine at one moment."""

    #: True once a receive has succeeded.
    ready: bool
    in_flight: int
    open_receives: int
    #: Of the receives since the last one that succeeded; "" if that was the last one.
    receive_error_code: str
    #: Names of handlers whose circuit breaker is open. No problem of health: of theirs.
    failing_handlers: tuple[str, ...]
    #: What keeps the watchdog from being fed; empty while there is progress everywhere.
    problems: tuple[str, ...]
    #: What is unhealthy, but would not be better in a new process.
    outages: tuple[str, ...]
    #: All counters that are not zero, since the start; see `CounterName`.
    counts: Mapping[str, int]
    #: Events handled, by name, most frequent first.
    events: Mapping[str, int]
    #: Seconds that the newest messages had waited in the queue when they were received.
    lag_seconds: float
    #: Why the engine has nothing more to do, or "" while it has.
    finished: str
    #: What ended it from within: an error that waiting does not cure, or a bug.
    failure: BaseException | None
    #: Events that no handler asked for, by name, most frequent first.
    unmatched_events: Mapping[str, int] = field(default_factory=dict)


class Watch:
    """Looks at the parts and says how they are. One thread calls it.

    Health is progress only: a receive that returned (empty and failed ones count), a housekeeper
    and a heartbeat that ticked, settles that get through, a message that is not stuck.

    Args:
        wait_seconds: how long a receive waits for messages.
        call_seconds: how long one call to the queue may take until it fails.
    """

    def __init__(self, parts: Parts, *, wait_seconds: float, call_seconds: float) -> None:
        self._parts = parts
        self._wait = wait_seconds
        self._calls = call_seconds + MARGIN_SECONDS
        self._stuck_since: float | None = None

    def status(self) -> Status:
        """The engine as it is now."""
        parts = self._parts
        # Asked first: what is received or settled meanwhile is in the numbers that follow.
        finished, failure = self._finished()
        return Status(
            ready=parts.receiver.succeeded,
            in_flight=len(parts.in_flight),
            open_receives=parts.receiver.open(),
            receive_error_code=parts.receiver.last_error_code,
            failing_handlers=tuple(parts.admission.failing()),
            problems=tuple(self._problems()),
            outages=self._outages(),
            counts=parts.stats.snapshot(),
            events=parts.stats.events(),
            unmatched_events=parts.stats.unmatched_events(),
            lag_seconds=parts.stats.lag_seconds,
            finished=finished,
            failure=failure,
        )

    def _finished(self) -> tuple[str, BaseException | None]:
        parts = self._parts
        failure = parts.threads.failure or parts.attempts.fatal or self._stuck_for_good()
        if failure is not None:
            parts.threads.failure = failure
            return "failure", failure
        # Asked before the look at what is held: what a receive brings is held before it counts.
        exhausted, emptied = parts.receiver.exhausted, parts.receiver.emptied
        in_flight = len(parts.in_flight)
        if exhausted and not in_flight:
            return "max_messages reached", None
        if emptied and in_flight <= parts.admission.held():
            return "queue empty", None
        return "", None

    def _stuck_seconds(self) -> float:
        """How long too many threads, or all messages, have been past their time."""
        parts = self._parts
        now = parts.clock.monotonic()
        too_many = parts.invoker.stuck_runs() * 2 > parts.pool.workers
        if not too_many and not parts.in_flight.all_stuck(now):
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        return 0.0 if self._stuck_since is None else now - self._stuck_since

    def _stuck_for_good(self) -> StuckError | None:
        """What ends the process, once that has lasted for a minute.

        Python can't end a thread, so only a new process has all of them again: what is not stuck is
        drained, and the process ends for systemd to start it again.
        """
        if self._stuck_seconds() < STUCK_SECONDS:
            return None
        return StuckError("most handlers, or all messages held, are stuck past their timeout")

    def _outages(self) -> tuple[str, ...]:
        since = self._parts.receiver.failing_since
        if since is None or self._parts.clock.monotonic() - since < FAILING_SECONDS:
            return ()
        return (f"every receive has failed for {FAILING_SECONDS:g} s",)

    def _problems(self) -> list[str]:
        parts, receiver = self._parts, self._parts.receiver
        now = parts.clock.monotonic()
        found: list[str] = []
        if now - parts.housekeeper.progress > self._calls:
            found.append("housekeeper without progress")
        if now - parts.heartbeat.progress > self._calls:
            found.append("heartbeat without progress")
        if now - max(parts.settler.due(), parts.attempts.progress) > self._calls:
            found.append("settles without progress")
        if self._stuck_seconds() > STUCK_SECONDS + MARGIN_SECONDS:
            found.append("every message in flight is stuck")
        if now - receiver.oldest_open(now) > self._wait + self._calls:
            found.append("receive without end")
        idle_since = max(receiver.last_return, receiver.last_blocked)
        unpolled = now - idle_since > RECEIVE_BACKOFF.max_seconds + self._calls
        if unpolled and not parts.stopping.is_set() and not receiver.open():
            found.append("no thread receives")
        return found
