"""One process of the simulation: the engine's own parts, stepped by hand in one thread."""

from __future__ import annotations

from random import Random
from threading import get_ident
from typing import TYPE_CHECKING

from consumer.config import EngineSettings, Settings
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.worker import LAST_CALLS_SECONDS, Worker
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.service.engine import Engine
from tests.simulation.handlers import answer, registry_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.messages import Event
    from consumer.queues.quarantine import Quarantine
    from consumer.testing.clock import ManualClock
    from consumer.testing.queue import InMemoryQueue
    from tests.simulation.handlers import Ask, Handle
    from tests.simulation.scenario import Scenario


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
        ask: Ask = answer,
        quarantine: Quarantine | None,
    ) -> None:
        self._clock = clock
        ledger = open_ledger(state, clock=clock) if scenario.durable else Ledger(clock=clock)
        settings, options, rng = (
            _settings(scenario),
            RunOptions(scenario.visibility_seconds),
            Random(seed),
        )

        def make() -> Worker:
            def called() -> list[Event]:
                call, _ = parts.invoker.runs.running[get_ident()]
                return [event for _, event in call.entries]

            registry = registry_of(scenario, handle, ask, called)
            parts = Parts(
                queue, registry, settings, options,
                clock=clock, rng=rng, ledger=ledger, quarantine=quarantine,
            )  # fmt: skip
            worker = Worker(parts)
            worker.start = lambda: None  # type: ignore[method-assign]
            return worker

        self._make = make
        self._engine = Engine(make())
        #: It does nothing any more.
        self.dead = False
        self.draining = False
        #: Messages that a reload may have given back while a handler worked on them.
        self.abandoned: set[str] = set()
        #: A drain whose time was up, with its last calls; and one that went on after that.
        self.ran_out_of_time = self.overran = False
        #: (message id, index, handler) that succeeded in this process.
        self.succeeded: set[tuple[str, int, str]] = set()
        self._keeping_house = False
        # Coarser than the real one, to save time; often enough for renewals, due at half of it.
        self.beat_seconds = scenario.visibility_seconds / 8

    @property
    def worker(self) -> Worker:
        """A reload replaces it."""
        return self._engine.worker

    @property
    def parts(self) -> Parts:
        """Those of the worker."""
        return self.worker.parts

    def reload(self, meanwhile: Callable[[], None]) -> None:
        """Replace the worker by another one over the same queue and ledger."""
        old = self.parts
        if self.draining:
            return
        self.draining = True

        def while_waiting(_seconds_left: float) -> bool:
            if self.dead:
                return True
            self.beat()
            meanwhile()
            self._clock.advance(1.0)
            # What runs by then is given back, and may still succeed.
            self.abandoned = {m.message_id for m in old.in_flight.snapshot()} | self.abandoned
            return False

        self._engine.replace(self._make, successors=(), while_waiting=while_waiting)
        self.draining = False

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


def _settings(scenario: Scenario) -> Settings:
    return Settings(
        engine=EngineSettings(
            max_in_flight_messages=scenario.capacity,
            drain_timeout_seconds=scenario.drain_seconds,
            breaker_failures=scenario.breaker_failures,
            deduplicate="window" if scenario.deduplicate else "off",
            fatal_grace_seconds=30,
        )
    )
