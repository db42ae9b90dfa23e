"""One process of the simulation: the engine's own parts, stepped by hand in one thread."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from consumer.config import EngineSettings, QueueSettings
from consumer.engine.ledger import Ledger, open_ledger
from consumer.engine.worker import Worker
from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.engine.quarantine import Quarantine
    from consumer.messages import Event
    from consumer.testing.clock import ManualClock
    from consumer.testing.simulate.scenario import HandlerPlan, Scenario
    from consumer.testing.simulate.sqs import SimulatedQueue

    Handle = Callable[[HandlerPlan, Sequence[Event]], None]


class Life:
    """From a start to a stop or a crash. What outlives it is the queue and the state directory."""

    def __init__(
        self,
        scenario: Scenario,
        queue: SimulatedQueue,
        clock: ManualClock,
        *,
        seed: int,
        state: Path,
        handle: Handle,
        quarantine: Quarantine | None,
    ) -> None:
        self._clock = clock
        self.ledger = open_ledger(state, clock=clock) if scenario.durable else Ledger()
        self.worker = Worker(
            queue,
            _registry(scenario, handle),
            queue=QueueSettings(),
            engine=EngineSettings(
                max_in_flight_messages=scenario.capacity,
                drain_timeout_seconds=scenario.drain_seconds,
                breaker_failures=scenario.breaker_failures,
                deduplicate="window" if scenario.deduplicate else "off",
                fatal_grace_seconds=30,
            ),
            clock=clock,
            visibility_timeout_seconds=scenario.visibility_seconds,
            rng=Random(seed),
            ledger=self.ledger,
            quarantine=quarantine,
        )
        self.worker.crew._parked = 1  # noqa: SLF001 - there is always somebody with time for errands
        #: Nothing of it takes place any more.
        self.dead = False
        self.draining = False
        #: (message id, index, handler) that succeeded in this process.
        self.succeeded: set[tuple[str, int, str]] = set()
        self._keeping_house = False
        # Coarser than the real one, to save time; often enough for renewals, due at half of it.
        self.beat_seconds = scenario.visibility_seconds / 8

    def kill(self) -> None:
        """Like kill -9: what is in the ledger's file by now stays, and nothing else."""
        self.dead = True
        journal = self.ledger.journal
        if journal is not None:
            journal._connection.close()  # noqa: SLF001 - an orderly close would tidy up first

    def poll(self) -> None:
        """One receive; what it brings is queued. Raises a fatal `TransportError`."""
        worker = self.worker
        if worker.crew.stopping.is_set() or not worker.poller.may_poll():
            return
        poll = worker.poller.poll_once()
        worker.crew._queue.extend(poll.slots)  # noqa: SLF001 - in the place of a thread

    def queued(self) -> int:
        """How many items wait for a thread."""
        return self.worker.crew.queued()

    def process_one(self) -> None:
        """What a thread of the crew does with the next item."""
        crew = self.worker.crew
        try:
            item = crew._queue.popleft()  # noqa: SLF001 - in the place of a thread
        except IndexError:
            return
        crew.working += 1
        try:
            self.worker.pipeline.process(item)
        finally:
            crew.working -= 1

    def process_all(self) -> None:
        """What all of its threads do until nothing is queued."""
        for _ in range(200):
            if self.dead or not self.queued():
                return
            self.process_one()

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the threads beside the crew do their part."""
        while seconds > 0 and not self.dead:
            step = min(seconds, self.beat_seconds)
            self._clock.advance(step)
            self.beat()
            seconds -= step

    def beat(self) -> None:
        """What the two threads beside the crew do now and then."""
        if self.dead or self.worker._ended.is_set():  # noqa: SLF001 - as their loops ask
            return
        self.worker.heartbeat.tick()
        self.keep_house()

    def keep_house(self) -> None:
        """Housekeeping; one thread does it, so not while it is being done."""
        if self._keeping_house or self.dead:
            return
        self._keeping_house = True
        try:
            self.worker.housekeep()
            self._run_errands()
        finally:
            self._keeping_house = False

    def _run_errands(self) -> None:
        """What a thread is woken for that has nothing else to do."""
        errands = self.worker.crew._errands  # noqa: SLF001 - in the place of a thread
        while errands and not self.dead:
            errands.popleft()()

    def drain(self, *, at_once: bool, meanwhile: Callable[[], None]) -> None:
        """Stop in good order; a second signal may come at once. The process ends with it."""
        looks = 0

        def while_waiting(_seconds_left: float) -> bool:
            nonlocal looks
            looks += 1
            self.beat()
            meanwhile()
            if looks > 1:  # somebody is busy: let time pass in larger steps than the drain's own
                self._clock.advance(min(5.0, self.beat_seconds))
            return at_once and looks > 1

        self.draining = True
        self.worker.drain(while_waiting)
        self.ledger.close()


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
        registry.add(_function(plan, handle), plan.patterns, **options)
    return registry


def _function(plan: HandlerPlan, handle: Handle) -> Callable[..., None]:
    if plan.batch is not None:
        return lambda events: handle(plan, events)
    return lambda event: handle(plan, (event,))
