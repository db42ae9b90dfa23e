"""Hypothesis looks for the order of things that breaks the promise, and makes it short."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.simulate import silence, temporary_folder
from tests.simulation.world import World

pytestmark = pytest.mark.thorough


class SimulationMachine(RuleBasedStateMachine):
    """A world whose steps hypothesis chooses; the world checks its promises after each."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        self.opened.enter_context(silence())
        self.folder = self.opened.enter_context(temporary_folder())

    @initialize(seed=st.integers(0, 9_999), messages=st.integers(1, 12))
    def begin(self, seed: int, messages: int) -> None:
        """Handlers and settings of any run."""
        self.world = World(seed, self.folder)
        self.world.actions.send(messages)

    @rule(count=st.integers(1, 6))
    def send(self, count: int) -> None:
        """Canvas puts events into the queue, some of them poison."""
        self.world.step(lambda: self.world.actions.send(count))

    @rule()
    def send_copy(self) -> None:
        """The producer sends something twice."""
        self.world.step(self.world.actions.send_copy)

    @rule()
    def poll(self) -> None:
        """A thread receives."""
        self.world.step(self.world.actions.poll)

    @rule()
    def process(self) -> None:
        """A thread takes one item."""
        self.world.step(self.world.actions.process)

    @rule()
    def process_all(self) -> None:
        """Threads take what there is."""
        self.world.step(self.world.actions.process_all)

    @rule(everything=st.booleans())
    def flush(self, *, everything: bool) -> None:
        """The outbox sends."""
        life = self.world.life
        self.world.step(life.flush if everything else life.send_what_is_due)

    @rule(seconds=st.sampled_from([1.0, 20.0, 400.0]))
    def beat(self, seconds: float) -> None:
        """Time passes, and all threads work."""
        self.world.step(lambda: self.world.life.pass_time(seconds))

    @rule(seconds=st.sampled_from([16.0, 40.0, 950.0]))
    @precondition(lambda self: not self.world.scenario.calm)
    def starve(self, seconds: float) -> None:
        """Time passes, and no thread does anything."""
        self.world.step(lambda: self.world.clock.advance(seconds))

    @rule(data=st.data())
    @precondition(lambda self: not self.world.scenario.calm and self.world.queue.in_flight())
    def redeliver(self, data: st.DataObject) -> None:
        """SQS delivers twice."""
        message_id = data.draw(st.sampled_from(self.world.queue.in_flight()))
        self.world.step(lambda: self.world.queue.redeliver(message_id))

    @rule(trouble=st.sampled_from(["", "missing", "denied"]))
    @precondition(lambda self: not self.world.scenario.calm)
    def trouble(self, trouble: str) -> None:
        """The queue is deleted, a policy is changed, or all is fixed."""
        self.world.queue.trouble = trouble

    @rule(share=st.sampled_from([0.0, 0.1, 0.9]))
    @precondition(lambda self: not self.world.scenario.calm)
    def weather(self, share: float) -> None:
        """The next calls fail."""
        self.world.queue._fault_share = share

    @rule()
    def stop(self) -> None:
        """A deployment."""
        self.world.step(self.world.stop)

    @rule()
    @precondition(lambda self: not self.world.scenario.calm)
    def kill(self) -> None:
        """Kill -9: what is not in a file is gone."""
        self.world.step(self.world.kill)

    def teardown(self) -> None:
        """In the end all is fixed, and everything gets through."""
        try:
            if hasattr(self, "world") and self.world.promise.broken is None:
                self.world.finish()
        finally:
            self.opened.close()


def test_no_order_of_events_breaks_the_promise() -> None:
    """Sending, receiving, handling, failing, waiting, stopping and killing, as hypothesis likes."""
    machine: Any = SimulationMachine
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
