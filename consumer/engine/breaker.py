"""The circuit breaker of one handler: an outage behind it must not use up the messages' deliveries.

While it is open, nothing is handed to the handler but a probe now and then. Events that failed or
arrive are held in flight, which keeps their receive counts low. What there is no room for waits
for its retry in the queue.
"""

import threading
from collections import Counter, deque
from typing import Literal

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.call import Call
from consumer.handlers.registering.registry import Handler
from consumer.messages import Outcome
from consumer.retry import RetryPolicy

_log = structlog.get_logger(__name__)

BreakerState = Literal["closed", "open", "probing"]

#: The pauses between probes, in seconds.
PROBE_BACKOFF = RetryPolicy(base_seconds=1.0, max_seconds=30.0)
#: How long to wait for a new message as the probe, before a call that failed is tried once more.
NEW_PROBE_SECONDS = 25.0
#: A probe that has not come back by then counts as failed: its thread may hang for good.
LOST_PROBE_SECONDS = 300.0


class Breaker:
    """Closed while the handler succeeds now and then. Any thread may call any method; none blocks.

    It opens after `threshold` failures in a row, or after two if the second is of a message that
    was received before: in a quiet queue a few messages would use up their deliveries otherwise.
    """

    def __init__(self, handler: Handler, *, threshold: int, clock: Clock) -> None:
        self.handler = handler.name
        #: True if the handler asked for every event.
        self.takes_all = handler.takes_all
        #: Its events are asked long before its calls, which say nothing about what asks.
        self._collects = handler.collects
        self._threshold = threshold
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Call] = deque()
        self._failed: deque[Call] = deque()
        self._held = 0
        #: Failures in a row, by `Call.asked`: of the handler (True), and of what is asked before.
        self._streaks: Counter[bool] = Counter()
        self._probes = 0
        self._probe: Call | None = None
        self._probe_had_failed = False
        self._probe_since = 0.0
        self._due = 0.0
        #: True while nothing but a probe is handed to the handler.
        self.is_open = False
        #: It is open because its predicate or its key failed: until these answer, they are probed.
        self.asking_fails = False

    def __len__(self) -> int:
        """How many events are held."""
        return self._held

    @property
    def state(self) -> BreakerState:
        """Probing: the handler has been given one call, whose result decides."""
        if not self.is_open:
            return "closed"
        return "open" if self._probe is None else "probing"

    def enter(self, call: Call, *, room: int) -> Literal["go", "held", "full"]:
        """Ask to hand a call to the handler: now, later (it is held), or there is no room."""
        with self._lock:
            if not self.is_open or call is self._probe:
                return "go"
            return "held" if self._hold(self._waiting, call, room) else "full"

    def failed(self, call: Call, outcome: Outcome, *, room: int) -> Literal["own", "held", "full"]:
        """Note a failure: it is the event's own, the call is held, or there is no room for it.

        If the handler says that what it needs is down, the first failure opens the breaker. But one
        event of which alone it says so again and again must not keep the others waiting. Which one
        of a batch that is, is found out by probes.
        """
        down = outcome.down_seconds
        if down is not None:
            needed = 2 if call.last_try and not call.is_divisible else 1
        else:
            needed = 2 if _is_redelivered(call) else self._threshold
        with self._lock:
            self._streaks[call.asked] += 1
            failures = self._streaks[call.asked]
            is_probe, was_open = call is self._probe, self.is_open
            if is_probe:
                self._next_probe_in(max(PROBE_BACKOFF.ceiling(self._probes + 1), down or 0.0))
            elif not was_open and failures < needed:
                return "own"
            if not (call.asked and self._collects):
                self.asking_fails = not call.asked
            if not was_open:
                self.is_open = True
                self._probes = 0
                self._probe_had_failed = False
                self._next_probe_in(max(PROBE_BACKOFF.ceiling(1), down or 0.0))
            held = self._hold(self._failed, call, room)
        if not was_open:
            _log.error(
                log_events.BREAKER_OPENED,
                handler=self.handler,
                failures=failures,
                reason=outcome.reason,
                next_probe_seconds=max(PROBE_BACKOFF.ceiling(1), down or 0.0),
                hint="its messages are kept; one is tried now and then until it succeeds",
            )
        elif is_probe:
            self._log_still_open()
        return "held" if held else "full"

    def succeeded(self) -> list[Call]:
        """Note that the handler came to a decision; returns what was held if that closes it."""
        if self._collects:
            self._streaks.pop(True, None)
        elif self._streaks:
            self._streaks.clear()
        if not self.is_open:
            return []
        with self._lock:
            was_open, self.is_open, self.asking_fails = self.is_open, False, False
            self._probe = None
            for call in self._failed:
                # It gets another try; if that fails, too, the failure is its own.
                call.last_try = True
            held = self._take_all()
        if was_open:
            _log.info(log_events.BREAKER_CLOSED, handler=self.handler, probes=self._probes)
        return held

    def answered(self, call: Call) -> None:
        """Note that predicate and key work, which says nothing about the handler itself."""
        self._streaks.pop(False, None)
        if self.is_open:
            self.undecided(call)

    def undecided(self, call: Call) -> None:
        """The probe's handler asked for a later delivery, which says nothing about its health."""
        with self._lock:
            if call is self._probe:
                self._next_probe_in(0.0)

    def take_probe(self) -> Call | None:
        """The call to hand to the handler next, if it is time for a probe."""
        if not self.is_open:
            return None
        with self._lock:
            now = self._clock.monotonic()
            lost = self._probe is not None and now - self._probe_since >= LOST_PROBE_SECONDS
            if lost:
                self._next_probe_in(PROBE_BACKOFF.ceiling(self._probes + 1))
            probe = self._choose_probe(now)
        if lost:
            self._log_still_open()
        return probe

    def _choose_probe(self, now: float) -> Call | None:
        if not self.is_open or self._probe is not None or now < self._due:
            return None
        # An event that failed by its own fault would fail again and again: a new one decides.
        wants_new = self.takes_all and self._probe_had_failed
        if self._waiting:
            line = self._waiting
        elif self._failed and (not wants_new or now >= self._due + NEW_PROBE_SECONDS):
            line = self._failed
        else:
            return None
        self._probe_had_failed = line is self._failed
        self._probe, rest = line.popleft().split()
        if rest is not None:
            line.appendleft(rest)
        self._held -= len(self._probe.entries)
        self._probes += 1
        self._probe_since = now
        return self._probe

    def wants_message(self) -> bool:
        """True if it is time for a probe and only a message from the queue can be one."""
        with self._lock:
            needed = self._probe is None and not self._waiting
            return needed and self._clock.monotonic() >= self._due

    def give_up(self) -> list[Call]:
        """Return all that is held: the process drains."""
        with self._lock:
            return self._take_all()

    def _hold(self, line: deque[Call], call: Call, room: int) -> bool:
        size = len(call.entries)
        if self._held and self._held + size > room:
            return False
        call.last_try = False
        line.append(call)
        self._held += size
        return True

    def _take_all(self) -> list[Call]:
        held = [*self._waiting, *self._failed]
        self._waiting.clear()
        self._failed.clear()
        self._held = 0
        return held

    def _next_probe_in(self, seconds: float) -> None:
        self._probe = None
        self._due = self._clock.monotonic() + seconds

    def _log_still_open(self) -> None:
        seconds = round(max(self._due - self._clock.monotonic(), 0.0), 1)
        facts = {"handler": self.handler, "probes": self._probes, "next_probe_seconds": seconds}
        _log.warning(log_events.BREAKER_STILL_OPEN, **facts)


def _is_redelivered(call: Call) -> bool:
    return call.entries[0][0].received.receive_count > 1
