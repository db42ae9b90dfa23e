"""Starts the threads, which call the parts' methods in loops. Nothing else does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.errors import ThreadsError, TransportError, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.clock import Clock
    from consumer.engine.catalog_watch import CatalogWatch
    from consumer.engine.flow import Flow
    from consumer.engine.heartbeat import Heartbeat
    from consumer.engine.invoke import Invoker
    from consumer.engine.pool import Pool
    from consumer.ledger.duplicates import Duplicates
    from consumer.ledger.ledger import Ledger

_log = structlog.get_logger(__name__)

#: How often the housekeeper ticks: several times within the half second after which what a handler
#: did must be in the ledger's file.
TICK_SECONDS = 0.2
#: How often while this process holds no message, so that nothing can be due soon.
IDLE_TICK_SECONDS = 1.0
#: One to receive and one to handle.
FEWEST_THREADS = 2


@dataclass(kw_only=True)
class Housekeeper:
    """Does what is due by time. It makes no call to the queue: it wakes a thread of the pool."""

    flow: Flow
    invoker: Invoker
    ledger: Ledger
    duplicates: Duplicates | None
    watch: CatalogWatch
    pool: Pool
    clock: Clock
    #: `Clock.monotonic()` of the last sign of life, for the watchdog.
    progress: float = field(init=False)

    def __post_init__(self) -> None:
        self.progress = self.clock.monotonic()

    def tick(self) -> None:
        """Batches that have lingered, probes, stuck handlers, notes for the ledger's file."""
        self.progress = self.clock.monotonic()
        self.flow.tick()
        self.invoker.find_stuck()
        self.pool.nudge()
        self.ledger.flush()
        if self.duplicates is not None:
            self.duplicates.flush()
        self.watch.update_stats()


class Threads:
    """The threads of one engine: daemon threads, so that a stuck handler can't hold up the exit.

    Args:
        size: how many threads the pool gets.
        occupied: set while this process holds a message.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        housekeeper: Housekeeper,
        pool: Pool,
        *,
        clock: Clock,
        size: int,
        occupied: threading.Event,
    ) -> None:
        self._heartbeat = heartbeat
        self._housekeeper = housekeeper
        self._pool = pool
        self._clock = clock
        self._size = size
        self._occupied = occupied
        self.all: list[threading.Thread] = []
        #: Set when everything is settled: the heartbeat and the housekeeper end last.
        self.ended = threading.Event()
        #: What ended the engine from within: an error that waiting does not fix, or a bug.
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Start as many as the system allows; sets `failure` if those are too few."""
        wanted = [("heartbeat", self._beat), ("housekeeper", self._keep_house)]
        wanted += [(f"pool-{number}", self._pool.run) for number in range(self._size)]
        for name, loop in wanted:
            thread = threading.Thread(target=self.guard, args=(name, loop), name=name, daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):  # "can't start new thread"
                break
            self.all.append(thread)
        missing = len(wanted) - len(self.all)
        if missing > self._size - FEWEST_THREADS:
            self.failure = ThreadsError("the system lets this process start too few threads")
        elif missing:
            self._pool.use_only(self._size - missing)
            _log.warning(
                log_events.THREADS_MISSING,
                started=len(self.all),
                missing=missing,
                hint="memory or TasksMax= does not allow more: fewer messages are handled at once",
            )

    def guard(self, name: str, loop: Callable[[], None]) -> None:
        """Run a loop. If it dies, the process stops: the engine can't go on without it."""
        try:
            loop()
        except BaseException as error:
            self.failure = self.failure or error
            if not isinstance(error, TransportError):
                _log.critical(log_events.LOOP_DIED, loop=name, **describe(error), exc_info=error)

    def _beat(self) -> None:
        while not self.ended.is_set():
            self._heartbeat.tick()
            self._clock.wait(self.ended, self._heartbeat.interval_seconds)

    def _keep_house(self) -> None:
        while not self.ended.is_set():
            self._housekeeper.tick()
            if not self._occupied.is_set():
                self._clock.wait(self._occupied, IDLE_TICK_SECONDS)
            if self._occupied.is_set():
                self._clock.wait(self.ended, TICK_SECONDS)

    def end(self) -> None:
        """Everything is settled: let the heartbeat and the housekeeper end."""
        self.ended.set()
        self._occupied.set()  # the housekeeper may wait for it
