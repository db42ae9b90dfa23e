"""Ends the engine in good order: what runs is finished, the rest given back, and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.engine.forks import ForkGuard
from consumer.errors import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from consumer.engine.parts import Parts
    from consumer.handlers.registering.registry import Handler

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.05
#: After the deadline: how long the last deletes and releases may take. A network that is gone must
#: not hold up the exit; what is not settled then comes again when its visibility timeout ends.
LAST_CALLS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of everything, when the process has drained."""

    handled: int
    deleted: int
    released: int
    #: Handlers were still working on them when the time was up. Given back as well.
    abandoned: int
    #: With `until_empty`: what stays in the queue because it failed, by reason.
    put_back: Mapping[str, int] = field(default_factory=dict)
    #: Events that no handler asked for: archived, or deleted, as configured.
    unmatched: int = 0


class Drain:
    """The parts, while they come to rest. One thread calls `wait`, then `close`.

    It makes no call to the queue itself: the pool's threads do, and so it can't be held up by one.

    Args:
        while_waiting: called several times a second with the seconds that are left; returns True to
            stop waiting at once (a second signal).
    """

    def __init__(self, parts: Parts, while_waiting: Callable[[float], bool]) -> None:
        self._parts = parts
        self._while_waiting = while_waiting

    def wait(self, seconds: float, *, broken: Callable[[], bool]) -> None:
        """Until nothing is in flight, or for `seconds` at most, or until waiting is futile."""
        parts = self._parts
        parts.settler.stop_lingering()
        deadline = parts.clock.monotonic() + seconds
        while True:
            # What no handler has begun on is given back, and so is what an open long poll brings.
            parts.settler.release(parts.receiver.take_back())
            parts.flow.give_up_waiting()
            parts.pool.nudge()
            if not len(parts.in_flight) and not parts.pool.busy():
                return
            left = deadline - parts.clock.monotonic()
            if self._while_waiting(left) or left <= 0 or broken():
                parts.attempts.hurry.set()
                return
            parts.clock.wait(parts.threads.ended, LOOK_SECONDS)

    def close(self) -> Counts:
        """Give back all that is left and wait a moment for the last calls; returns the counts."""
        parts = self._parts
        parts.pool.only_settle()
        deadline = parts.clock.monotonic() + LAST_CALLS_SECONDS
        while True:
            self._give_back()
            left = deadline - parts.clock.monotonic()
            if left <= 0 or not (len(parts.in_flight) or parts.settler.pending()):
                break
            parts.pool.nudge()
            self._while_waiting(left)
            parts.clock.wait(parts.threads.ended, LOOK_SECONDS)
        parts.pool.close()
        counts, put_back = parts.stats, parts.receiver.put_back or {}
        return Counts(
            counts["handled"],
            counts["deleted"],
            counts["released"],
            counts["abandoned"],
            Counter(put_back.values()),
            counts["unmatched"],
        )

    def _give_back(self) -> None:
        """What was not begun or waits, and what handlers still work on: visible again at once."""
        parts = self._parts
        parts.settler.release([*parts.receiver.take_back(), *parts.flow.give_up()])
        parts.settler.release(parts.in_flight.snapshot(), counter="abandoned")


def close_handlers(handlers: Iterable[Handler]) -> None:
    """Let handlers give back what they hold. Everything is settled by now: nothing can be lost."""
    forks = ForkGuard()
    for handler in handlers:
        if handler.close is None:
            continue
        try:
            handler.close()
            forks.check()
        except BaseException as error:
            forks.check(error)
            facts = {"handler": handler.name, **describe(error)}
            _log.error(log_events.CLOSE_FAILED, **facts, exc_info=error)
