"""Starts the threads, which call the parts' methods in loops. Nothing else does."""

import threading
from collections.abc import Callable

import structlog

from consumer import log_events
from consumer.engine.parts import Parts
from consumer.errors import ThreadsError, TransportError, describe

_log = structlog.get_logger(__name__)

#: How often the housekeeper ticks: several times within the half second after which what a handler
#: did must be in the ledger's file.
TICK_SECONDS = 0.2
#: How often while this process holds no message, so that nothing can be due soon.
IDLE_TICK_SECONDS = 2.0
#: One to receive and one to handle.
FEWEST_THREADS = 2


class Threads:
    """The threads of one engine: daemon threads, so that a stuck handler can't hold up the exit."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        #: `Clock.monotonic()` of the housekeeper's last sign of life, for the watchdog.
        self.progress = parts.clock.monotonic()
        self.all: list[threading.Thread] = []
        #: Set when everything is settled: the heartbeat and the housekeeper end last.
        self.ended = threading.Event()
        #: What ended the engine from within: an error that waiting does not fix, or a bug.
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Start as many as the system allows; sets `failure` if those are too few."""
        engine, pool = self._parts.settings.engine, self._parts.pool
        # One for each role in the pool, and one to settle.
        size = engine.workers + engine.max_pollers + 1
        wanted = [("heartbeat", self._beat), ("housekeeper", self._keep_house)]
        wanted += [(f"pool-{number}", pool.run) for number in range(size)]
        for name, loop in wanted:
            thread = threading.Thread(target=self.guard, args=(name, loop), name=name, daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):  # "can't start new thread"
                break
            self.all.append(thread)
        missing = len(wanted) - len(self.all)
        if missing > size - FEWEST_THREADS:
            self.failure = ThreadsError("the system lets this process start too few threads")
        elif missing:
            pool.workers = min(pool.workers, size - missing - 1)  # one stays free to receive
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

    def tick(self) -> None:
        """The housekeeper does what is due by time. It makes no call to the queue."""
        parts = self._parts
        self.progress = parts.clock.monotonic()
        parts.stats.now = parts.clock.now()
        parts.flow.tick()
        parts.invoker.runs.find_stuck()
        parts.pool.nudge()
        parts.ledger.commit(tidy=True)
        if parts.duplicates is not None:
            parts.duplicates.flush()
        parts.catalog_watch.update_stats()

    def _beat(self) -> None:
        heartbeat, clock = self._parts.heartbeat, self._parts.clock
        while not self.ended.is_set():
            heartbeat.tick()
            clock.wait(self.ended, heartbeat.interval_seconds)

    def _keep_house(self) -> None:
        occupied, clock = self._parts.in_flight.occupied, self._parts.clock
        while not self.ended.is_set():
            self.tick()
            if not occupied.is_set():
                clock.wait(occupied, IDLE_TICK_SECONDS)
            if occupied.is_set():
                clock.wait(self.ended, TICK_SECONDS)

    def beside(self, call: Callable[[], None], go_on: Callable[[], bool], seconds: float) -> bool:
        """Call what may hang in a thread of its own; True once it has returned.

        Args:
            go_on: asked every `seconds` meanwhile; False waits no longer.
        """
        thread = threading.Thread(target=self.guard, args=("close", call), daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # "can't start new thread"
            call()
            return True
        thread.join(seconds)
        while thread.is_alive() and go_on():
            thread.join(seconds)
        return not thread.is_alive()

    def end(self) -> None:
        """Everything is settled: let the heartbeat and the housekeeper end."""
        self.ended.set()
        self._parts.in_flight.occupied.set()  # the housekeeper may wait for it
