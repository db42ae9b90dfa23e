"""The circuit breaker of one handler: an outage behind it must not use up the messages' deliveries.

While it is open nothing is handed to the handler. What failed and what came for it meanwhile is
kept in flight, so that its receive count stays as it is; now and then one of them is the probe.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import structlog

from consumer import log_events
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.clock import Clock

_log = structlog.get_logger(__name__)

#: The pauses between probes, in seconds.
PROBE_BACKOFF = RetryPolicy(base_seconds=1.0, max_seconds=30.0)
#: How long a probe that was received is waited for, before one that failed is tried once more.
NEW_PROBE_SECONDS = 25.0
#: After so long a probe that has not come back counts as failed: its thread may hang for good.
LOST_PROBE_SECONDS = 300.0
#: What can't be kept comes again after this long: at most two deliveries in an hour of outage.
PUT_OFF_SECONDS = 3600.0

T = TypeVar("T")


class Breaker(Generic[T]):
    """Closed while the handler succeeds now and then. Any thread may call any method.

    It opens after `threshold` failures in a row; or after two, if the second is that of a message
    that came again: in a quiet queue a few messages would else use up their deliveries.

    Args:
        takes_all: no message can do without this handler, so there is no use in receiving.
        room: how many messages it may keep, together with the others; one it always may, to have a
            probe.
        others: how many messages other breakers keep.
        size: how many messages an item holds.
        split: cuts one message off an item: (that one, the rest or None).
    """

    def __init__(
        self,
        handler: str,
        *,
        threshold: int,
        takes_all: bool,
        room: int,
        others: Callable[[], int] = lambda: 0,
        clock: Clock,
        size: Callable[[T], int],
        split: Callable[[T], tuple[T, T | None]],
    ) -> None:
        self._handler = handler
        self._threshold = threshold
        self._takes_all = takes_all
        self._room = room
        self._others = others
        self._clock = clock
        self._size = size
        self._split = split
        self._lock = threading.Lock()
        self._waiting: deque[T] = deque()
        self._failed: deque[T] = deque()
        self._kept = 0
        self._streak = 0
        self._probes = 0
        self._probe: T | None = None
        self._probe_had_failed = False
        self._probe_since = 0.0
        self._due = 0.0
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """True while nothing but a probe is handed to the handler."""
        return self._is_open

    def enter(self, item: T) -> Literal["go", "kept", "full"]:
        """Ask to hand an item to the handler: now, later (it is kept), or there is no room."""
        if not self.is_open:
            return "go"
        with self._lock:
            if not self._is_open or item is self._probe:
                return "go"
            return "kept" if self._keep(self._waiting, item) else "full"

    def failed(self, item: T, *, came_again: bool, may_wait: bool) -> bool:
        """Note that the handler failed; True if the item is kept, False if it is to be settled."""
        with self._lock:
            self._streak += 1
            if item is self._probe:
                self._reopen()
            elif not self._is_open and not self._is_too_much(came_again=came_again):
                return False
            if not self._is_open:
                self._open()
            return may_wait and self._keep(self._failed, item)

    def succeeded(self) -> Sequence[T]:
        """Note that the handler came to a decision; returns what was kept if that closes it."""
        self._streak = 0
        if not self.is_open:
            return ()
        with self._lock:
            if not self._is_open:
                return ()
            self._is_open = False
            self._probe = None
            kept = self._take_all()
        _log.info(log_events.BREAKER_CLOSED, handler=self._handler, probes=self._probes)
        return kept

    def undecided(self, item: T) -> None:
        """The probe ended without telling (the handler asked for a later delivery): the next."""
        with self._lock:
            if item is self._probe:
                self._probe = None
                self._due = self._clock.monotonic()

    def take_probe(self) -> T | None:
        """The item whose turn it is to be handed to the handler, if it is time for one."""
        if not self.is_open:
            return None
        with self._lock:
            now = self._clock.monotonic()
            if self._is_open and self._probe is not None:
                self._miss_probe(now)
            if not self._is_open or self._probe is not None or now < self._due:
                return None
            if self._waiting:
                line, self._probe_had_failed = self._waiting, False
            elif self._failed and (not self._wants_new() or now >= self._due + NEW_PROBE_SECONDS):
                line, self._probe_had_failed = self._failed, True
            else:
                return None
            self._probe, rest = self._split(line.popleft())
            if rest is not None:
                line.appendleft(rest)
            self._kept -= self._size(self._probe)
            self._probes += 1
            self._probe_since = now
            return self._probe

    def may_receive(self) -> int | None:
        """How many messages are of use: None for any number, 1 for a probe, 0 while it is open."""
        if not self.is_open or not self._takes_all:
            return None
        with self._lock:
            if not self._is_open:
                return None
            wanted = self._probe is None and not self._waiting
            return 1 if wanted and self._clock.monotonic() >= self._due else 0

    def abandon(self) -> list[T]:
        """Give up on what is kept: the process drains."""
        with self._lock:
            return self._take_all()

    def __len__(self) -> int:
        """How many messages are kept."""
        return self._kept

    def _is_too_much(self, *, came_again: bool) -> bool:
        return self._streak >= (2 if came_again else self._threshold)

    def _miss_probe(self, now: float) -> None:
        if now - self._probe_since >= LOST_PROBE_SECONDS:
            self._reopen()

    def _wants_new(self) -> bool:
        # One that failed by its own fault would fail for ever: a new one decides.
        return self._takes_all and self._probe_had_failed

    def _keep(self, line: deque[T], item: T) -> bool:
        size = self._size(item)
        if self._kept and self._kept + self._others() + size > self._room:
            return False
        line.append(item)
        self._kept += size
        return True

    def _take_all(self) -> list[T]:
        kept = [*self._waiting, *self._failed]
        self._waiting.clear()
        self._failed.clear()
        self._kept = 0
        return kept

    def _open(self) -> None:
        self._is_open = True
        self._probes = 0
        self._probe_had_failed = False
        self._due = self._clock.monotonic() + PROBE_BACKOFF.ceiling(1)
        _log.error(
            log_events.BREAKER_OPENED,
            handler=self._handler,
            failures=self._streak,
            next_probe_seconds=PROBE_BACKOFF.ceiling(1),
            hint="nothing is handed to it until one message has gone through; messages are kept",
        )

    def _reopen(self) -> None:
        pause = PROBE_BACKOFF.ceiling(self._probes + 1)
        self._probe = None
        self._due = self._clock.monotonic() + pause
        _log.warning(
            log_events.BREAKER_STILL_OPEN,
            handler=self._handler,
            probes=self._probes,
            next_probe_seconds=pause,
        )
