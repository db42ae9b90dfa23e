"""One process of a stress run: the real worker with its real threads, until it drains or dies."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Any

from consumer.config import EngineSettings, QueueSettings, Settings
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.worker import Worker
from consumer.errors import AccessDeniedError, BatchFailure
from consumer.handlers.registering.registry import Registry
from consumer.ledger.ledger import open_ledger
from consumer.service.engine import Engine
from tests.stress.crowded_queue import Line, ShortSeconds, steps_in
from tests.stress.notebook import Killed, Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.messages import Event
    from tests.stress.crowded_queue import CrowdedQueue
    from tests.stress.notebook import Notebook
    from tests.stress.plan import HandlerPlan, Plan

#: Of the machine: in it a thread ends that has nothing to wait for.
JOIN_SECONDS = 10.0
#: Of the engine: several times what a drain can need.
DRAIN_SECONDS = 200.0


class Life:
    """From a start to a drain or a kill. What outlives it is the queue and the state directory.

    Once it is dead, the next step of its threads raises Killed (a call to the queue, an attempt of
    a handler, a wait) or has no effect (the ledger's file). So nothing of it takes place any more,
    as if it had been killed with -9; and all its threads end before the next process begins.
    """

    def __init__(self, plan: Plan, queue: CrowdedQueue, notebook: Notebook, state: Path) -> None:
        self._plan = plan
        self._notebook = notebook
        self.dead = threading.Event()
        self._never = threading.Event()
        notebook.life_begins(steps_in(state / "ledger.sqlite3"))
        clock = ShortSeconds(self.dead)
        self.line = Line(queue, notebook, plan, state, self.dead)
        self.registry = _registry(plan, self._handle, self._ask)
        self._options = RunOptions(plan.visibility_seconds)
        self._clock, self._ledger = clock, open_ledger(state, clock=clock)
        self.worker = self._made()
        self.parts = self.worker.parts

    def _made(self) -> Worker:
        plan = self._plan
        parts = Parts(
            self.line,
            self.registry,
            Settings(
                queue=QueueSettings(wait_time_seconds=plan.wait_seconds),
                engine=EngineSettings(
                    workers=plan.workers,
                    max_pollers=plan.max_pollers,
                    max_in_flight_messages=plan.max_in_flight,
                    settle_linger_seconds=plan.settle_linger_seconds,
                    drain_timeout_seconds=DRAIN_SECONDS,
                    retry_base_seconds=1,
                    retry_max_seconds=2,
                    breaker_failures=3,
                    fatal_grace_seconds=0.1,
                    deduplicate="window" if plan.deduplicate else "off",
                ),
            ),
            self._options,
            clock=self._clock,
            rng=Random(plan.seed),
            ledger=self._ledger,
        )
        return Worker(parts)

    def _ask(self, handler: HandlerPlan) -> bool:
        if self._notebook.is_down(handler):
            raise Outage
        return True

    def _handle(self, handler: HandlerPlan, events: Sequence[Event]) -> None:
        self._notebook.enter(handler)
        try:
            if handler.pause_seconds:
                self._never.wait(handler.pause_seconds)
            if self._notebook.is_down(handler):
                raise Outage
            failures = {}
            for event in events:
                error = self._notebook.attempt(handler, event, is_dead=self.dead.is_set)
                if error is not None:
                    failures[event] = error
        finally:
            self._notebook.leave(handler)
        if failures and handler.batch is None:
            raise failures[events[0]]
        if failures:
            raise BatchFailure(failures)

    def kill(self) -> None:
        """Like kill -9: what is in the ledger's file by now stays, and nothing else."""
        self.dead.set()
        database = self.parts.ledger.database
        if database is not None:
            database.close()
        # Nothing of this is seen outside: it lets threads end that wait or are parked.
        self.parts.stopping.set()
        self.parts.attempts.hurry.set()
        self.worker.threads.ended.set()
        self.parts.pool.close()
        self._join()

    def reload(self) -> None:
        """Put another engine in place of this one, and check that it has left nothing."""
        looks: list[float] = []

        def while_waiting(seconds_left: float) -> bool:
            looks.append(seconds_left)
            return False

        engine = Engine(self.worker)
        before = self.parts.stats["released"]
        replaced = engine.replace(self._made, successors=(), while_waiting=while_waiting)
        if not replaced or min(looks[:-1], default=1.0) <= 0:  # the last look is after the drain
            self._report(f"the reload failed, or used up its time: {self._state()}")
        if released := self.parts.stats["released"] - before:
            self._report(f"the reload has cost {released} deliveries")
        self._join()
        self._check_state()
        self.worker, self.parts = engine.worker, engine.worker.parts

    def drain(self) -> None:
        """Drain, and check that nothing is left."""
        refused = self.line.refused.is_set()
        looks: list[float] = []

        def while_waiting(seconds_left: float) -> bool:
            looks.append(seconds_left)
            return False

        self.worker.drain(while_waiting)
        self.parts.ledger.close()
        if min(looks, default=1.0) <= 0:
            self._report(f"the drain used up its time: {self._state()}")
        if abandoned := self.parts.stats["abandoned"]:
            self._report(f"{abandoned} messages were abandoned")
        self._join()
        self._check_rest(refused=refused)

    def kill_while_draining(self) -> None:
        """Start to drain, and kill it meanwhile."""
        looks: list[float] = []

        def while_waiting(seconds_left: float) -> bool:
            looks.append(seconds_left)
            if len(looks) == 2:
                self.dead.set()
            return False

        try:
            self.worker.drain(while_waiting)
        except Killed:
            self.kill()
        else:  # it was done before
            self.kill()

    def _join(self) -> None:
        for thread in self.worker.threads.all:
            thread.join(JOIN_SECONDS)
            if thread.is_alive():
                self._report(f"the thread {thread.name} does not end")

    def _check_rest(self, *, refused: bool) -> None:
        """All threads have ended: nothing is held any more, and the counters agree."""
        self._check_state()
        stats = self.parts.stats
        if stats["handled"] != stats["deleted"] + stats["delete_failed"]:
            self._report(f"the counters disagree: {stats.snapshot()}")
        if stats["deleted"] != self.line.deleted:
            self._report(f"{self.line.deleted} are deleted: {stats['deleted']} were counted")
        left = set(self._notebook.left())
        dropped = [message_id for message_id in self.line.dropped() if message_id in left]
        # Where visibility ran out before it was renewed, another process may have the message.
        if dropped and not stats["visibility_lost"]:
            self._report(f"delivered, and dropped: {dropped}")
        failure = self.worker.threads.failure
        if not (failure is None or (refused and isinstance(failure, AccessDeniedError))):
            self._report(f"a loop has ended with {failure!r}")

    def _check_state(self) -> None:
        state = self._state()
        if any(state.values()):
            self._report(f"left after the drain: { {k: v for k, v in state.items() if v} }")

    def _state(self) -> dict[str, int]:
        """What is held where."""
        parts, admission = self.parts, self.parts.admission
        gates = admission._gates.values()
        return {
            "in flight": len(parts.in_flight),
            "reserved": parts.in_flight._reserved,
            "bytes": parts.in_flight._bytes,
            **{f"role {role}": count for role, count in parts.pool._roles.items()},
            "parked": parts.pool._parked if self.worker.threads.ended.is_set() else 0,
            "inside gates": sum(gate._inside for gate in gates),
            "waiting at gates": sum(len(gate._waiting) for gate in gates),
            "held by breakers": admission.held(),
            "ready": len(admission.ready),
            "in batches": len(parts.flow.batches),
            "received": len(parts.receiver.received),
            "open receives": len(parts.receiver.open),
            **{f"to be settled ({n})": len(lane) for n, lane in enumerate(parts.outbox._lanes)},
            "running": len(parts.invoker.runs._limited),
        }

    def describe(self) -> str:
        """What is held where, for a report that nothing moves."""
        held = {name: count for name, count in self._state().items() if count}
        return f"{held}, failing: {self.parts.admission.failing()}"

    def _report(self, what: str) -> None:
        self._notebook.report(what)


def _registry(
    plan: Plan,
    handle: Callable[[HandlerPlan, Sequence[Event]], None],
    ask: Callable[[HandlerPlan], bool],
) -> Registry:
    registry = Registry()
    for handler in plan.handlers:
        options: dict[str, Any] = {"name": handler.name, "concurrency": handler.concurrency}
        if handler.batch is not None:
            options |= {"batch": handler.batch, "linger_seconds": 0.2}
        if handler.asks:
            options["when"] = lambda _event, handler=handler: ask(handler)
        registry.add(_function(handler, handle), handler.names, **options)
    return registry


def _function(
    handler: HandlerPlan, handle: Callable[[HandlerPlan, Sequence[Event]], None]
) -> Callable[..., None]:
    if handler.batch is not None:
        return lambda events: handle(handler, events)
    return lambda event: handle(handler, (event,))
