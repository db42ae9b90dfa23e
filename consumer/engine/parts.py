"""Builds the parts of one engine and puts them together. They form a tree: none knows one above."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from consumer.engine.admission import Admission
from consumer.engine.attempts import Attempts
from consumer.engine.batches import Batches
from consumer.engine.catalog_watch import CatalogWatch
from consumer.engine.changes import Changes
from consumer.engine.deletes import Deletes
from consumer.engine.flow import Flow
from consumer.engine.heartbeat import Heartbeat
from consumer.engine.hidden import Hidden
from consumer.engine.housekeeper import Housekeeper
from consumer.engine.inflight import InFlight, capacity_for
from consumer.engine.intake import Intake
from consumer.engine.invoke import Invoker
from consumer.engine.pool import Pool, PoolOptions
from consumer.engine.receive import ReceiveOptions, Receiver
from consumer.engine.settle import Settler
from consumer.engine.stall import StallDetector
from consumer.engine.stats import Stats
from consumer.engine.threads import Threads
from consumer.ledger.duplicates import Duplicates
from consumer.ledger.ledger import Ledger
from consumer.ledger.seen import SeenKeys

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.config import EngineSettings, Settings
    from consumer.handlers.registering.registry import Registry
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that one engine is made of."""

    clock: Clock
    stats: Stats
    #: Set once no more messages are to be received or begun.
    stopping: threading.Event
    in_flight: InFlight
    ledger: Ledger
    attempts: Attempts
    settler: Settler
    receiver: Receiver
    admission: Admission
    invoker: Invoker
    flow: Flow
    heartbeat: Heartbeat
    housekeeper: Housekeeper
    stall: StallDetector
    pool: Pool
    threads: Threads


def assemble(
    transport: Transport,
    registry: Registry,
    settings: Settings,
    options: RunOptions,
    *,
    clock: Clock,
    rng: Random | None = None,
    ledger: Ledger | None = None,
    quarantine: Quarantine | None = None,
) -> Parts:
    """Make all parts; no thread is started and nothing is asked of the queue.

    Args:
        ledger: the durable one, which its owner closes; None for one in memory.
        quarantine: for poison messages; None leaves them to the queue's redrive policy.
    """
    engine, queue = settings.engine, settings.queue
    rng, stats, stopping = rng or Random(), Stats(), threading.Event()
    ledger = Ledger(clock=clock) if ledger is None else ledger
    in_flight = InFlight(
        max_messages=capacity_for(engine, registry), max_bytes=engine.max_in_flight_bytes
    )
    receive = ReceiveOptions(
        wait_seconds=queue.wait_time_seconds,
        visibility_seconds=options.visibility_timeout_seconds,
        most=options.max_messages,
        until_empty=options.until_empty,
        fatal_grace_seconds=engine.fatal_grace_seconds,
    )
    receiver = Receiver(transport, in_flight, stats, receive, clock=clock, rng=rng)
    attempts = Attempts(clock=clock, fatal_grace_seconds=engine.fatal_grace_seconds)
    linger = engine.settle_linger_seconds
    settler = Settler(
        Deletes(transport, in_flight, ledger, stats, attempts, clock=clock, linger_seconds=linger),
        Changes(transport, in_flight, attempts, clock=clock, linger_seconds=linger),
        ledger,
        stats,
        rng=rng,
        retry=engine.retry,
        quarantine=quarantine,
        put_back=receiver.put_back,
    )
    admission = Admission(
        registry.handlers,
        clock=clock,
        breaker_failures=engine.breaker_failures,
        room=in_flight.capacity // 2,
        hidden=Hidden(clock=clock, rng=rng),
        put_back=receiver.put_back,
    )
    invoker = Invoker(
        stats,
        clock=clock,
        stopping=stopping,
        default_timeout_seconds=engine.handler_timeout_seconds,
    )
    watch, duplicates = CatalogWatch(stats), _duplicates(engine, ledger, clock)
    flow = Flow(
        intake=Intake(
            stats,
            message_format=queue.format,
            watch=watch,
            duplicates=duplicates,
            unwrap=queue.unwrap,
        ),
        registry=registry,
        admission=admission,
        batches=Batches(registry.handlers, clock),
        invoker=invoker,
        ledger=ledger,
        settler=settler,
        stats=stats,
    )
    heartbeat = Heartbeat(
        transport,
        in_flight,
        stats,
        clock=clock,
        visibility_timeout_seconds=options.visibility_timeout_seconds,
    )
    stall = StallDetector(transport, stats, clock=clock)
    pool_options = PoolOptions(workers=engine.workers, max_receives=engine.max_pollers)
    pool = Pool(
        receiver, flow, admission, settler, stall,
        clock=clock, stopping=stopping, options=pool_options,
    )  # fmt: skip
    housekeeper = Housekeeper(
        flow=flow, invoker=invoker, ledger=ledger, duplicates=duplicates, watch=watch, pool=pool,
        clock=clock,
    )  # fmt: skip
    threads = Threads(
        heartbeat, housekeeper, pool,
        clock=clock, size=pool_options.threads, occupied=in_flight.occupied,
    )  # fmt: skip
    return Parts(
        clock=clock, stats=stats, stopping=stopping, in_flight=in_flight, ledger=ledger,
        attempts=attempts, settler=settler, receiver=receiver, admission=admission,
        invoker=invoker, flow=flow, heartbeat=heartbeat, housekeeper=housekeeper, stall=stall,
        pool=pool, threads=threads,
    )  # fmt: skip


def _duplicates(engine: EngineSettings, ledger: Ledger, clock: Clock) -> Duplicates | None:
    if engine.deduplicate == "off":
        return None
    database = ledger.database
    return Duplicates(
        window_seconds=engine.deduplicate_window_seconds,
        clock=clock,
        seen=SeenKeys(database, clock=clock) if database is not None else None,
    )
