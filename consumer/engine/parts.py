"""Builds the parts of one engine and puts them together. They form a tree: none knows one above."""

import threading
from random import Random
from typing import Final

from consumer.clock import Clock
from consumer.config import EngineSettings, Settings
from consumer.engine.admission import Admission
from consumer.engine.attempts import Attempts
from consumer.engine.call import Batches
from consumer.engine.flow import Flow
from consumer.engine.heartbeat import Heartbeat
from consumer.engine.inflight import InFlight
from consumer.engine.intake import CatalogWatch, Intake
from consumer.engine.invoke import Invoker
from consumer.engine.outbox import Outbox
from consumer.engine.pool import Pool
from consumer.engine.receive import Receiver
from consumer.engine.run_options import RunOptions
from consumer.engine.settle import Settler
from consumer.engine.stall import StallDetector
from consumer.engine.tap import Tap
from consumer.engine.waiting import WaitingForRetry
from consumer.handlers.registering.registry import Registry
from consumer.ledger.duplicates import Duplicates, SeenKeys
from consumer.ledger.ledger import Ledger
from consumer.queues.quarantine import Quarantine
from consumer.queues.transport import Transport
from consumer.sqs_limits import MAX_BATCH

#: Copying a course sends thousands of events within seconds.
COALESCED: Final = 10_000


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
        rng = rng or Random()
        self.registry, self.settings, self.clock = registry, settings, clock
        self.stats, self.tap = options.stats, options.tap or Tap(clock)
        #: Set once no more messages are to be received or begun.
        self.stopping = threading.Event()
        self.ledger = Ledger(clock=clock) if ledger is None else ledger
        self._make_receiving(transport, options, rng)
        self._make_settling(transport, quarantine, options, rng)
        self._make_handling(options, rng)
        self.pool = Pool(
            self.receiver, self.flow, self.admission, self.outbox, self.stall,
            clock=clock, stopping=self.stopping, engine=settings.engine,
        )  # fmt: skip

    def _make_receiving(self, transport: Transport, options: RunOptions, rng: Random) -> None:
        engine = self.settings.engine
        self.in_flight = InFlight(
            max_messages=capacity_for(engine, self.registry), max_bytes=engine.max_in_flight_bytes
        )
        self.receiver = Receiver(
            transport, self.in_flight, self.stats, self.settings, options,
            clock=self.clock, rng=rng,
        )  # fmt: skip
        self.heartbeat = Heartbeat(
            transport, self.in_flight, self.stats,
            clock=self.clock, visibility_timeout_seconds=options.visibility_timeout_seconds,
        )  # fmt: skip
        self.stall = StallDetector(transport, self.stats, clock=self.clock)

    def _make_settling(
        self,
        transport: Transport,
        quarantine: Quarantine | None,
        options: RunOptions,
        rng: Random,
    ) -> None:
        engine = self.settings.engine
        self.attempts = Attempts(
            clock=self.clock, fatal_grace_seconds=engine.fatal_grace_seconds,
            worked=self.receiver.succeeded,
        )  # fmt: skip
        self.outbox = Outbox(
            transport, self.in_flight, self.ledger, self.stats, self.attempts,
            clock=self.clock, linger_seconds=engine.settle_linger_seconds,
        )  # fmt: skip
        self.settler = Settler(
            self.outbox, self.ledger, self.stats, rng, engine.retry, quarantine,
            self.receiver.put_back, options.max_attempts,
        )  # fmt: skip

    def _make_handling(self, options: RunOptions, rng: Random) -> None:
        engine, clock = self.settings.engine, self.clock
        self.admission = Admission(
            self.registry.handlers,
            clock=clock,
            breaker_failures=engine.breaker_failures,
            room=self.in_flight.max_messages // 2,
            waiting=WaitingForRetry(clock=clock, rng=rng),
            recalls=self.outbox.recalls,
            put_back=self.receiver.put_back,
        )
        self.invoker = Invoker(
            self.stats,
            clock=clock,
            stopping=self.stopping,
            default_timeout_seconds=engine.handler_timeout_seconds,
        )
        self.flow = Flow(
            self._make_intake(options), self.registry, self.admission, Batches(clock),
            self.invoker, self.ledger, self.settler, self.stats, self.tap,
        )  # fmt: skip

    def _make_intake(self, options: RunOptions) -> Intake:
        engine, queue, database = self.settings.engine, self.settings.queue, self.ledger.database
        self.duplicates: Duplicates | None = None
        if engine.deduplicate == "window":
            self.duplicates = Duplicates(
                window_seconds=engine.deduplicate_window_seconds,
                clock=self.clock,
                seen=SeenKeys(database, clock=self.clock) if database is not None else None,
            )
        self.catalog_watch = CatalogWatch(self.stats)
        return Intake(
            self.stats, self.catalog_watch, self.duplicates, queue.format, queue.unwrap,
            options.unsealing,
        )  # fmt: skip


def capacity_for(engine: EngineSettings, registry: Registry) -> int:
    """How many messages may be in flight, if the configuration leaves it open.

    Ten for each worker, each open receive and each delete under way, twice what each batch handler
    collects, and a course copy for those that coalesce: enough that no thread waits for room, few
    enough to be renewed in time.
    """
    if engine.max_in_flight_messages is not None:
        return engine.max_in_flight_messages
    batches = sum(handler.batch or 0 for handler in registry.handlers)
    coalesced = COALESCED if any(handler.coalesce for handler in registry.handlers) else 0
    return MAX_BATCH * (engine.workers + 2 * engine.max_pollers) + 2 * batches + coalesced
