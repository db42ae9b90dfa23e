"""Puts the parts together, starts the threads that call their verbs in loops, and drains them."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.engine.admission import Admission
from consumer.engine.catalog_watch import CatalogWatch
from consumer.engine.crew import Crew
from consumer.engine.drain import Account, Drain, close_handlers
from consumer.engine.duplicates import Duplicates
from consumer.engine.health import StuckWatch, find_problems
from consumer.engine.heartbeat import Heartbeat
from consumer.engine.inflight import InFlight, capacity_for
from consumer.engine.invoke import Invoker
from consumer.engine.ledger import Ledger
from consumer.engine.pipeline import Pipeline
from consumer.engine.poller import Poller
from consumer.engine.settler import Settler
from consumer.engine.stall import StallDetector
from consumer.engine.stats import Stats
from consumer.errors import StuckError, TransportError, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.clock import Clock
    from consumer.config import EngineSettings, QueueSettings
    from consumer.engine.quarantine import Quarantine
    from consumer.handlers.registering.registry import Registry
    from consumer.queues.transport import Transport

_log = structlog.get_logger(__name__)


class Worker:
    """The engine of one process. `start`, `tick`, `stop` and `drain` are called by one thread.

    Args:
        visibility_timeout_seconds: sent with each receive and each renewal.
        read_timeout_seconds: how long one call to the queue may take, for the health check.
        max_messages: receive at most this many, then stop; None without a limit.
        drain_when_empty: stop once the queue has stayed empty for a whole long poll.
        ledger: the durable one; None for one in memory. Its owner closes it.
        quarantine: for poison messages; None leaves them to the queue's redrive policy.
    """

    def __init__(
        self,
        transport: Transport,
        registry: Registry,
        *,
        queue: QueueSettings,
        engine: EngineSettings,
        clock: Clock,
        visibility_timeout_seconds: int,
        read_timeout_seconds: float = 30.0,
        max_messages: int | None = None,
        drain_when_empty: bool = False,
        rng: Random | None = None,
        ledger: Ledger | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        self.clock = clock
        self._registry = registry
        self._queue = queue
        self._engine = engine
        self._call_seconds = read_timeout_seconds + queue.connect_timeout_seconds
        self._drain_when_empty = drain_when_empty
        self._ended = threading.Event()
        self.threads: list[threading.Thread] = []
        #: What ended the engine from within: an error that waiting does not mend, or a bug.
        self.failure: BaseException | None = None
        self.stats = Stats()
        self._watch = CatalogWatch(self.stats)
        self.ledger = Ledger() if ledger is None else ledger
        self._duplicates = self._make_duplicates()
        self.in_flight = InFlight(
            max_messages=capacity_for(engine, registry), max_bytes=engine.max_in_flight_bytes
        )
        rng = rng or Random()
        self.poller = Poller(
            transport,
            self.in_flight,
            self.stats,
            clock=clock,
            rng=rng,
            wait_time_seconds=queue.wait_time_seconds,
            visibility_timeout_seconds=visibility_timeout_seconds,
            max_messages=max_messages,
            fatal_grace_seconds=engine.fatal_grace_seconds,
            of_use=self._of_use,
        )
        self.heartbeat = Heartbeat(
            transport,
            self.in_flight,
            self.stats,
            clock=clock,
            visibility_timeout_seconds=visibility_timeout_seconds,
        )
        self.settler = self._make_settler(transport, rng)
        self.stall = StallDetector(transport, self.stats, clock=clock)
        self.invoker = Invoker(
            self.stats,
            clock=clock,
            stopping=self._is_stopping,
            default_timeout_seconds=engine.handler_timeout_seconds,
        )
        self._stuck_watch = StuckWatch(self.invoker, workers=engine.workers, clock=clock)
        self.pipeline = self._make_pipeline(quarantine)
        self.crew = self._make_crew()

    def _make_duplicates(self) -> Duplicates | None:
        engine = self._engine
        if engine.deduplicate == "off":
            return None
        return Duplicates(
            window_seconds=engine.deduplicate_window_seconds,
            clock=self.clock,
            journal=self.ledger.journal,
        )

    def _make_settler(self, transport: Transport, rng: Random) -> Settler:
        engine = self._engine
        return Settler(
            transport,
            self.in_flight,
            self.ledger,
            self.stats,
            clock=self.clock,
            rng=rng,
            linger_seconds=engine.settle_linger_seconds,
            backoff=engine.retry,
            fatal_grace_seconds=engine.fatal_grace_seconds,
            ask_help=lambda threads: self.crew.ask_help(self.settler.send_full, threads),
        )

    def _make_pipeline(self, quarantine: Quarantine | None) -> Pipeline:
        return Pipeline(
            self._registry,
            self.settler,
            self.ledger,
            self.stats,
            clock=self.clock,
            invoker=self.invoker,
            admission=Admission(
                self._registry.handlers,
                clock=self.clock,
                enqueue=lambda item: self.crew.put([item]),
                breaker_failures=self._engine.breaker_failures,
                room=self.in_flight.capacity // 2,
            ),
            message_format=self._queue.format,
            watch=self._watch,
            quarantine=quarantine,
            duplicates=self._duplicates,
        )

    def _make_crew(self) -> Crew:
        return Crew(
            poll_once=self.poller.poll_once,
            may_poll=self._may_poll,
            process=self.pipeline.process,
            idle=lambda: len(self.in_flight) == 0,
            handler_seconds=lambda: self.invoker.handler_seconds,
            clock=self.clock,
            workers=self._engine.workers,
            max_pollers=self._engine.max_pollers,
        )

    def _of_use(self) -> int | None:
        return self.pipeline.admission.may_receive()

    def _may_poll(self) -> bool:
        # While a handler fails all the time, one receive for one message at a time is enough.
        one_is_enough = self._of_use() is not None
        return not (one_is_enough and self.crew.polling) and self.poller.may_poll()

    def _is_stopping(self) -> bool:
        return self.crew.stopping.is_set()

    def start(self) -> None:
        """Start all threads: daemon threads, so that a stuck handler can't hold up the exit."""
        self._spawn("heartbeat", self._beat)
        self._spawn("settler", self._keep_house)
        for number in range(self.crew.size):
            self._spawn(f"crew-{number}", self.crew.loop)

    def _spawn(self, name: str, loop: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guard, args=(name, loop), name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _guard(self, name: str, loop: Callable[[], None]) -> None:
        """A loop that dies stops the process: nothing may go on as if it were still there."""
        try:
            loop()
        except BaseException as error:
            self.failure = self.failure or error
            if not isinstance(error, TransportError):
                _log.critical(log_events.LOOP_DIED, loop=name, **describe(error), exc_info=error)

    def _beat(self) -> None:
        while not self._ended.is_set():
            self.heartbeat.tick()
            self.clock.wait(self._ended, self.heartbeat.interval_seconds)

    def _keep_house(self) -> None:
        while not self._ended.is_set():
            self.housekeep()
            self.clock.wait(self._ended, min(0.25, self._engine.settle_linger_seconds / 2 or 0.25))

    def housekeep(self) -> None:
        """What is due by time and not by events: lingering batches and settles, stuck handlers."""
        # A batch that waits while there is no room for another message can't grow any more.
        full = not self.poller.may_poll() and not self.crew.queued() and not self.crew.working
        self.crew.put(self.pipeline.due_batches(everything=full))
        self.crew.put(self.pipeline.admission.probes())
        self.settler.flush()
        self.ledger.flush()
        if self._duplicates is not None:
            self._duplicates.flush()
        self._watch.update_stats()
        self.invoker.find_stuck()
        if self.stall.is_due():
            self.crew.ask_help(self.stall.look, 1)
        self.crew.nudge()

    def finished(self) -> str:
        """Why the engine has nothing more to do, or "" while it has."""
        failure = self.failure or self.settler.fatal or self._stuck_watch.error()
        if failure is not None:
            self.failure = failure
            return "failure"
        # Asked before the look at what is held: what a receive brings is held before it counts.
        exhausted = self.poller.exhausted
        empty = self._drain_when_empty and self.crew.empty_polls > 0
        if len(self.in_flight):
            return ""
        if exhausted:
            return "max_messages reached"
        return "queue empty" if empty else ""

    def stop(self) -> None:
        """Make no more receives. An open long poll is let return: aborting it hides messages."""
        self.crew.stopping.set()
        self.crew.nudge()

    def drain(self, while_waiting: Callable[[float], bool]) -> Account:
        """Finish what runs, flush, give the rest back; returns the account.

        Args:
            while_waiting: called several times a second with the seconds that are left; returns
                True to stop waiting at once (a second signal).
        """
        self.stop()
        drain = Drain(
            crew=self.crew,
            pipeline=self.pipeline,
            settler=self.settler,
            in_flight=self.in_flight,
            stats=self.stats,
            clock=self.clock,
            ended=self._ended,
        )
        drain.wait(self._engine.drain_timeout_seconds, while_waiting, broken=self._broken)
        account = drain.close()
        if not account.abandoned:
            close_handlers(self._registry.handlers)
        return account

    def _broken(self) -> bool:
        """True if a loop has died or nothing can be settled: then waiting is of no use.

        A receive that is refused for good is no reason to give up on what runs.
        """
        ends_well = (TransportError, StuckError)
        died = self.failure is not None and not isinstance(self.failure, ends_well)
        return died or self.settler.fatal is not None

    def failing_handlers(self) -> list[str]:
        """The names of handlers whose circuit breaker is open. No problem of health: of theirs."""
        return self.pipeline.admission.failing()

    def problems(self) -> list[str]:
        """What keeps the watchdog from being fed; empty while there is progress everywhere."""
        return find_problems(
            self,
            workers=self._engine.workers,
            wait_seconds=self._queue.wait_time_seconds,
            call_seconds=self._call_seconds,
        )
