"""One process of the simulation: the engine's own parts, stepped by hand in one thread."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from consumer.config import EngineSettings, Settings
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.worker import LAST_CALLS_SECONDS, Worker
from consumer.handlers.registering.options import Coalesce
from consumer.handlers.registering.registry import Registry
from consumer.ledger.ledger import Ledger, open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.messages import Context, Event
    from consumer.queues.quarantine import Quarantine
    from consumer.testing.clock import ManualClock
    from consumer.testing.queue import InMemoryQueue
    from tests.simulation.scenario import HandlerPlan, Scenario

    Handle = Callable[[HandlerPlan, Sequence[Event]], None]


class Life:
    """From a start to a stop or a crash. What outlives it is the queue and the state directory."""

    def __init__(
        self,
        scenario: Scenario,
        queue: InMemoryQueue,
        clock: ManualClock,
        *,
        seed: int,
        state: Path,
        handle: Handle,
        quarantine: Quarantine | None,
    ) -> None:
        self._clock = clock
        ledger = open_ledger(state, clock=clock) if scenario.durable else Ledger(clock=clock)
        self.parts = Parts(
            queue,
            _registry(scenario, handle),
            Settings(
                engine=EngineSettings(
                    max_in_flight_messages=scenario.capacity,
                    drain_timeout_seconds=scenario.drain_seconds,
                    breaker_failures=scenario.breaker_failures,
                    deduplicate="window" if scenario.deduplicate else "off",
                    fatal_grace_seconds=30,
                )
            ),
            RunOptions(scenario.visibility_seconds),
            clock=clock,
            rng=Random(seed),
            ledger=ledger,
            quarantine=quarantine,
        )
        self.worker = Worker(self.parts)
        #: It does nothing any more.
        self.dead = False
        self.draining = False
        #: A drain whose time was up, with its last calls; and one that went on after that.
        self.ran_out_of_time = self.overran = False
        #: (message id, index, handler) that succeeded in this process.
        self.succeeded: set[tuple[str, int, str]] = set()
        self._keeping_house = False
        # Coarser than the real one, to save time; often enough for renewals, due at half of it.
        self.beat_seconds = scenario.visibility_seconds / 8

    def kill(self) -> None:
        """Like kill -9: what is in the ledger's file by now stays, and nothing else."""
        self.dead = True
        database = self.parts.ledger.database
        if database is not None:
            database.close()  # without the orderly end, which would tidy up first

    def poll(self) -> None:
        """One receive, if a thread would make one. Raises a fatal `TransportError`."""
        receiver, wanted = self.parts.receiver, self.parts.admission.wanted()
        if not self.parts.stopping.is_set() and receiver.may_receive(wanted):
            receiver.receive(wanted)

    def process_one(self) -> bool:
        """The next work of a thread, except for a receive; False if there is none."""
        pool = self.parts.pool
        role = pool.take_role()
        if role is None:
            return False
        if role == "work":  # one item of many: others may come in between
            try:
                pool.work_once()
            finally:
                pool.release_role(role)
        elif role == "receive":
            pool.release_role(role)
            return False
        else:
            pool.do(role)
        return True

    def process_all(self) -> None:
        """The work of all threads until only receives are left."""
        for _ in range(200):
            if self.dead or not self.process_one():
                return

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the threads beside the pool do their part."""
        while seconds > 0 and not self.dead:
            step = min(seconds, self.beat_seconds)
            self._clock.advance(step)
            self.beat()
            seconds -= step

    def beat(self) -> None:
        """What the heartbeat and the housekeeper do now and then, and a thread for what is due."""
        if self.dead or self.worker.threads.ended.is_set():
            return
        self.parts.heartbeat.tick()
        if not self._keeping_house:  # one thread does it
            self._keeping_house = True
            try:
                self.worker.threads.tick()
                self.send_what_is_due()
            finally:
                self._keeping_house = False

    def send_what_is_due(self) -> None:
        """The batches that are full or have lingered."""
        while self.parts.outbox.send():
            if self.dead:
                return

    def flush(self) -> None:
        """Everything that waits to be sent is sent; what SQS refuses lingers."""
        while self.parts.outbox.send(partial=True):
            if self.dead:
                return

    def drain(self, *, at_once: bool, meanwhile: Callable[[], None]) -> None:
        """Drain, perhaps with a second signal at once. The process ends with it."""
        looks = 0
        late_looks = 0
        began = self._clock.monotonic()

        def while_waiting(seconds_left: float) -> bool:
            nonlocal looks, late_looks, began
            looks += 1
            late_looks += seconds_left <= 0
            if looks == 2 if at_once else seconds_left <= 0:
                began = self._clock.monotonic()  # of the last calls
            self.beat()
            meanwhile()
            if looks > 1:  # a handler is busy: let time pass in larger steps than the drain's own
                self._clock.advance(min(5.0, self.beat_seconds, max(seconds_left / 3, 0.05)))
            return at_once and looks > 1

        self.draining = True
        self.worker.drain(while_waiting)
        # Then the last calls have used up their time, and the rest comes again by itself.
        self.ran_out_of_time = self._clock.monotonic() - began >= LAST_CALLS_SECONDS
        self.overran = late_looks > 1
        self.parts.ledger.close()


def _registry(scenario: Scenario, handle: Handle) -> Registry:
    registry = Registry()
    for plan in scenario.handlers:
        options: dict[str, Any] = {"name": plan.name}
        if plan.concurrency is not None:
            options["concurrency"] = plan.concurrency
        if plan.timeout_seconds is not None:
            options["timeout_seconds"] = plan.timeout_seconds
        if plan.batch is not None:
            options |= {"batch": plan.batch, "linger_seconds": 2.0}
        if plan.rate_limit_per_second is not None:
            options["rate_limit_per_second"] = plan.rate_limit_per_second
        function: Callable[..., None] = _function(plan, handle)
        if plan.coalesces:
            function = coalescing = Coalescing(plan, handle)
            options["coalesce"] = Coalesce(coalescing.key, 2.0)
        registry.add(function, plan.patterns, **options)
    return registry


class Coalescing:
    """A handler that is called with one event, and handles all those that it stands for."""

    def __init__(self, plan: HandlerPlan, handle: Handle) -> None:
        self._plan = plan
        self._handle = handle
        #: By message: its events that were collected.
        self._collected: dict[str, dict[int, Event]] = {}

    def key(self, event: Event) -> str:
        """What its events have in common."""
        self._collected.setdefault(event.message_id, {})[event.index] = event
        return event.name

    def __call__(self, event: Event, context: Context) -> None:
        """The engine calls it."""
        collected = [self._collected[m] for m in dict.fromkeys(context.message_ids)]
        events = [e for found in collected for e in found.values() if e.name == event.name]
        self._handle(self._plan, events)


def _function(plan: HandlerPlan, handle: Handle) -> Callable[..., None]:
    if plan.batch is not None:
        return lambda events: handle(plan, events)
    return lambda event: handle(plan, (event,))
