"""The state of the engine: one value for status line, summary, health check and tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer.engine.parts import Parts
from consumer.engine.receive_failures import RECEIVE_BACKOFF
from consumer.engine.threads import Threads
from consumer.errors import StuckError

#: A loop without a sign of life for this long, beyond what its calls may take, is stuck.
MARGIN_SECONDS = 15.0
#: Threads or messages that are past their time for this long are stuck for good.
STUCK_SECONDS = 60.0
#: Receives that have all failed for this long are an outage.
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
    #: Names of handlers whose circuit breaker is open. The engine itself is healthy.
    failing_handlers: tuple[str, ...]
    #: Why the watchdog is not fed; empty while there is progress everywhere.
    problems: tuple[str, ...]
    #: What is unhealthy, although a restart would not help.
    outages: tuple[str, ...]
    #: All counters that are not zero, since the start; see `CounterName`.
    counts: Mapping[str, int]
    #: Events handled, by name, most frequent first.
    events: Mapping[str, int]
    #: Seconds that the newest messages had waited in the queue when they were received.
    lag_seconds: float
    #: Why the engine has nothing more to do, or "" while it has.
    finished: str
    #: What ended it from within: an error that waiting does not fix, or a bug.
    failure: BaseException | None
    #: Events that no handler asked for, by name, most frequent first.
    unmatched_events: Mapping[str, int] = field(default_factory=dict)
    #: An operator wants nothing to be received.
    paused: bool = False


class Watch:
    """Reads the state of the parts. One thread calls it.

    Health is progress only: a receive that returned (empty and failed ones count), a housekeeper
    and a heartbeat that ticked, settles that get through, a message that is not stuck.
    """

    def __init__(self, parts: Parts, threads: Threads) -> None:
        self._parts = parts
        self._threads = threads
        self._stuck_since: float | None = None

    def status(self) -> Status:
        """The engine as it is now."""
        parts = self._parts
        # First: what is received or settled meanwhile is in the numbers that follow.
        finished, failure = self._finished()
        failing_since = parts.receiver.failures.since
        failing = failing_since is not None and (
            not parts.receiver.paused and parts.clock.monotonic() - failing_since >= FAILING_SECONDS
        )
        return Status(
            ready=parts.receiver.succeeded,
            in_flight=len(parts.in_flight),
            open_receives=len(parts.receiver.open),
            receive_error_code=parts.receiver.failures.last_code,
            failing_handlers=tuple(parts.admission.failing()),
            problems=tuple(self._problems()),
            outages=(f"every receive has failed for {FAILING_SECONDS:g} s",) * failing,
            counts=parts.stats.snapshot(),
            events=parts.stats.events(),
            unmatched_events=parts.stats.unmatched_events(),
            lag_seconds=parts.stats.lag_seconds,
            finished=finished,
            failure=failure,
            paused=parts.receiver.paused,
        )

    def _finished(self) -> tuple[str, BaseException | None]:
        parts = self._parts
        failure = self._threads.failure or parts.attempts.fatal
        if failure is None and self._stuck_seconds() >= STUCK_SECONDS:
            # Python can't end a thread, only a new process has all of them again: what is not stuck
            # is drained, and the process ends for systemd to start it again.
            failure = StuckError(
                "most handlers, or all messages held, are stuck past their timeout"
            )
        if failure is not None:
            self._threads.failure = failure
            return "failure", failure
        # Read before what is held: what a receive brings is held before it counts.
        exhausted, emptied = parts.receiver.exhausted, parts.receiver.emptied
        in_flight = len(parts.in_flight)
        if exhausted and not in_flight:
            return "max_messages reached", None
        if emptied and in_flight <= parts.admission.held():
            return "queue empty", None
        return "", None

    def _stuck_seconds(self) -> float:
        """How long too many threads, or all messages, have been past their time."""
        parts, now = self._parts, self._parts.clock.monotonic()
        too_many = parts.invoker.runs.stuck() * 2 > parts.pool.workers
        if not too_many and not parts.in_flight.all_stuck(now):
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        return 0.0 if self._stuck_since is None else now - self._stuck_since

    def _problems(self) -> list[str]:
        parts, receiver, queue = self._parts, self._parts.receiver, self._parts.settings.queue
        # How long one call to the queue may take until it fails, and a margin.
        calls = queue.effective_read_timeout_seconds + queue.connect_timeout_seconds
        calls += MARGIN_SECONDS
        now = parts.clock.monotonic()
        poll = now - min([*receiver.open, now])
        no_receive_since = max(receiver.last_return, receiver.last_blocked)
        settled = max(parts.outbox.due(), parts.attempts.progress)
        may_receive = not (parts.stopping.is_set() or receiver.open or receiver.paused)
        overdue = {
            "housekeeper without progress": now - self._threads.progress > calls,
            "heartbeat without progress": now - parts.heartbeat.progress > calls,
            "settles without progress": now - settled > calls,
            "every message in flight is stuck": (
                self._stuck_seconds() > STUCK_SECONDS + MARGIN_SECONDS
            ),
            "receive without end": poll > queue.wait_time_seconds + calls,
            "no thread receives": (
                may_receive and now - no_receive_since > RECEIVE_BACKOFF.max_seconds + calls
            ),
        }
        return [problem for problem, is_overdue in overdue.items() if is_overdue]
