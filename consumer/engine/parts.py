"""Builds the parts of one engine and puts them together. They form a tree: none knows one above."""

import threading
from dataclasses import dataclass
from random import Random

from consumer.clock import Clock
from consumer.config import Settings
from consumer.engine.admission import Admission
from consumer.engine.attempts import Attempts
from consumer.engine.batches import Batches
from consumer.engine.breaker import WaitingForRetry
from consumer.engine.catalog_watch import CatalogWatch
from consumer.engine.flow import Flow
from consumer.engine.heartbeat import Heartbeat
from consumer.engine.inflight import InFlight, capacity_for
from consumer.engine.intake import Intake
from consumer.engine.invoke import Invoker
from consumer.engine.outbox import Outbox
from consumer.engine.pool import Pool, PoolOptions
from consumer.engine.receive import ReceiveOptions, Receiver
from consumer.engine.settle import Settler
from consumer.engine.stall import StallDetector
from consumer.engine.stats import Stats
from consumer.handlers.registering.registry import Registry
from consumer.ledger.duplicates import Duplicates, SeenKeys
from consumer.ledger.ledger import Ledger
from consumer.queues.quarantine import Quarantine
from consumer.queues.transport import Transport


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How long and how much one run of the daemon consumes.

    Args:
        visibility_timeout_seconds: sent with each receive and each renewal.
        read_timeout_seconds: how long one call to the queue may take, for the health check.
        max_messages: receive at most this many, then stop; None without a limit.
        until_empty: stop once a whole long poll has brought nothing new.
    """

    visibility_timeout_seconds: int
    read_timeout_seconds: float = 30.0
    max_messages: int | None = None
    until_empty: bool = False


class Parts:
    """Everything that one engine is made of. No thread is started, and the queue is not called.

    Args:
        ledger: the durable one, which its owner closes; None for one in memory.
        quarantine: for poison messages; None leaves them to the queue's redrive policy.
    """

    def __init__(
        self,
        transport: Transport,
        registry: Registry,
        settings: Settings,
        options: RunOptions,
        *,
        clock: Clock,
        rng: Random | None = None,
        ledger: Ledger | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        engine, rng = settings.engine, rng or Random()
        self.registry, self.settings, self.options = registry, settings, options
        self.clock, self._transport, self.stats = clock, transport, Stats()
        #: Set once no more messages are to be received or begun.
        self.stopping = threading.Event()
        self.ledger = Ledger(clock=clock) if ledger is None else ledger
        self.in_flight = InFlight(
            max_messages=capacity_for(engine, registry), max_bytes=engine.max_in_flight_bytes
        )
        self.receiver = self._make_receiver(rng)
        self.attempts = Attempts(clock=clock, fatal_grace_seconds=engine.fatal_grace_seconds)
        self.outbox = Outbox(
            transport, self.in_flight, self.ledger, self.stats, self.attempts,
            clock=clock, linger_seconds=engine.settle_linger_seconds,
        )  # fmt: skip
        self.settler = self._make_settler(rng, quarantine)
        self.admission = Admission(
            registry.handlers,
            clock=clock,
            breaker_failures=engine.breaker_failures,
            room=self.in_flight.capacity // 2,
            waiting=WaitingForRetry(clock=clock, rng=rng),
            put_back=self.receiver.put_back,
        )
        self._make_flow()
        self._make_pool()

    def _make_receiver(self, rng: Random) -> Receiver:
        options = ReceiveOptions(
            wait_seconds=self.settings.queue.wait_time_seconds,
            visibility_seconds=self.options.visibility_timeout_seconds,
            most=self.options.max_messages,
            until_empty=self.options.until_empty,
            fatal_grace_seconds=self.settings.engine.fatal_grace_seconds,
        )
        calls, table, stats = self._transport, self.in_flight, self.stats
        return Receiver(calls, table, stats, options, clock=self.clock, rng=rng)

    def _make_settler(self, rng: Random, quarantine: Quarantine | None) -> Settler:
        return Settler(
            self.outbox,
            self.ledger,
            self.stats,
            rng=rng,
            retry=self.settings.engine.retry,
            quarantine=quarantine,
            put_back=self.receiver.put_back,
        )

    def _make_flow(self) -> None:
        engine, queue, database = self.settings.engine, self.settings.queue, self.ledger.database
        self.duplicates: Duplicates | None = None
        if engine.deduplicate == "window":
            self.duplicates = Duplicates(
                window_seconds=engine.deduplicate_window_seconds,
                clock=self.clock,
                seen=SeenKeys(database, clock=self.clock) if database is not None else None,
            )
        self.catalog_watch = CatalogWatch(self.stats)
        self.invoker = Invoker(
            self.stats,
            clock=self.clock,
            stopping=self.stopping,
            default_timeout_seconds=engine.handler_timeout_seconds,
        )
        intake = Intake(
            self.stats,
            message_format=queue.format,
            watch=self.catalog_watch,
            duplicates=self.duplicates,
            unwrap=queue.unwrap,
        )
        self.flow = Flow(
            intake=intake,
            registry=self.registry,
            admission=self.admission,
            batches=Batches(self.registry.handlers, self.clock),
            invoker=self.invoker,
            ledger=self.ledger,
            settler=self.settler,
            outbox=self.outbox,
            stats=self.stats,
        )

    def _make_pool(self) -> None:
        transport, clock, engine = self._transport, self.clock, self.settings.engine
        stall = StallDetector(transport, self.stats, clock=clock)
        options = PoolOptions(workers=engine.workers, max_receives=engine.max_pollers)
        self.pool = Pool(
            self.receiver, self.flow, self.admission, self.outbox, stall,
            clock=clock, stopping=self.stopping, options=options,
        )  # fmt: skip
        self.heartbeat = Heartbeat(
            transport, self.in_flight, self.stats, clock=clock,
            visibility_timeout_seconds=self.options.visibility_timeout_seconds,
        )  # fmt: skip
