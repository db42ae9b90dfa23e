"""Ends the engine in good order: what runs is finished, the rest given back, and the account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.errors import describe

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from consumer.clock import Clock
    from consumer.engine.crew import Crew
    from consumer.engine.inflight import InFlight
    from consumer.engine.pipeline import Pipeline
    from consumer.engine.settler import Settler
    from consumer.engine.stats import Stats
    from consumer.handlers.registering.registry import Handler

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Account:
    """What became of everything, when the process has drained."""

    handled: int
    deleted: int
    released: int
    #: Handlers were still at it when the time was up. Given back as well: others may start anew.
    abandoned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """The parts, while they come to rest. One thread calls `wait`, then `close`.

    The heartbeat beats on until `ended` is set, last of all: what is waited for stays ours.
    """

    crew: Crew
    pipeline: Pipeline
    settler: Settler
    in_flight: InFlight
    stats: Stats
    clock: Clock
    ended: threading.Event

    def wait(
        self, seconds: float, while_waiting: Callable[[float], bool], *, broken: Callable[[], bool]
    ) -> None:
        """Until nothing is in flight, or for `seconds` at most, or until there is no use in it."""
        deadline = self.clock.monotonic() + seconds
        while True:
            # What was not started is given back, and so is what an open long poll still brings.
            self.settler.release(self.crew.take_back())
            self.pipeline.admission.give_up_kept()
            if not self.crew.working:
                self.crew.put(self.pipeline.due_batches(everything=True))
            if not self.crew.busy() and not len(self.in_flight):
                return
            left = deadline - self.clock.monotonic()
            if while_waiting(left) or left <= 0 or broken():
                self.settler.hurry.set()
                return
            self.clock.wait(self.ended, _LOOK_SECONDS)

    def close(self) -> Account:
        """Flush deletes, give the rest back, flush again; the heartbeat ends last."""
        self.crew.close()
        self.settler.release([*self.crew.take_back(), *self.pipeline.abandon_waiting()])
        self.settler.flush(everything=True)
        running = self.in_flight.snapshot()
        self.pipeline.note_unfinished(running)
        self.settler.release(running, counter="abandoned")
        self.settler.flush(everything=True)
        self.ended.set()
        counts = self.stats
        return Account(
            counts["handled"], counts["deleted"], counts["released"], counts["abandoned"]
        )


def close_handlers(handlers: Iterable[Handler]) -> None:
    """Let handlers give back what they hold. Everything is settled by now: nothing can be lost."""
    for handler in handlers:
        if handler.close is None:
            continue
        try:
            handler.close()
        except BaseException as error:
            facts = {"handler": handler.name, **describe(error)}
            _log.error(log_events.CLOSE_FAILED, **facts, exc_info=error)
