"""One run: messages are sent, processes live and die, and after each step the promise is checked.

There is one thread: while a handler works or a call to the queue is open, other actions may happen,
as in other threads.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from consumer.errors import TransportError
from consumer.testing.clock import ManualClock
from consumer.testing.queue import InMemoryQueue
from tests.simulation.actions import Actions
from tests.simulation.disk import SimulatedQuarantine
from tests.simulation.life import Life
from tests.simulation.moods import Moods
from tests.simulation.promise import Promise
from tests.simulation.scenario import draw
from tests.simulation.sqs import SimulatedQueue
from tests.simulation.tally import BrokenPromiseError, Killed, Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.simulation.scenario import Scenario

#: How deep actions may be nested.
_DEPTH: Final = 3


class World:
    """A run of one seed. `run` does all of it; `trace` gets each step."""

    def __init__(
        self, seed: int, state: Path, *, trace: Callable[[str], None] = lambda _: None
    ) -> None:
        self.dice = random.Random(seed)
        random.seed(seed)  # the pauses between attempts come from the module's own generator
        self.scenario: Scenario = draw(seed, self.dice)
        self.tally = Tally(runs=1)
        self.clock = ManualClock()
        self._state, self._trace = state, trace
        self.promise = Promise(self.scenario)
        self._dead = InMemoryQueue(self.clock, name="dead-letters", rng=self.dice)
        self.queue = self._make_queue()
        self._moods = Moods(self)
        self.actions = Actions(self)
        self._depth = 0
        self._calls_before = 0
        #: All faults are fixed, and there will be no more.
        self.fixed = False
        self.life = self._new_life()

    def _make_queue(self) -> SimulatedQueue:
        scenario = self.scenario
        limit = scenario.max_receive_count
        return SimulatedQueue(
            self.clock,
            dice=self.dice,
            fault_share=scenario.faults,
            expect=self.promise.expect,
            may_delete=lambda message_id: self.promise.may_delete(self.life, message_id),
            around=self._around,
            note_fault=self._note_fault,
            visibility_timeout_seconds=scenario.visibility_seconds,
            max_receive_count=limit,
            dead_letter_queue=self._dead if limit else None,
            in_flight_limit=scenario.in_flight_limit,
            advance_on_empty=False,
            unordered=scenario.unordered,
            sampling=scenario.sampling,
            stale_deletes_succeed=scenario.stale_deletes_succeed,
            rng=self.dice,
        )

    def _new_life(self) -> Life:
        return Life(
            self.scenario,
            self.queue,
            self.clock,
            seed=self.dice.getrandbits(32),
            state=self._state / "state",
            handle=self._moods.handle,
            ask=self._moods.ask,
            quarantine=self._make_quarantine() if self.scenario.quarantine else None,
        )

    def _make_quarantine(self) -> SimulatedQuarantine:
        return SimulatedQuarantine(
            self._state / "quarantine",
            self.clock,
            before=self._before_quarantine,
            kept=self.promise.quarantined.add,
        )

    def run(self) -> Tally:
        """All steps, then the end. Raises `BrokenPromiseError`."""
        began = self.clock.monotonic()
        self.actions.send(self.scenario.messages // 2 + 1)
        for _ in range(self.scenario.steps):
            self.step(self.actions.draw())
        self.finish()
        tally = self.tally
        tally.messages = len(self.promise.sent)
        tally.calls = len(self.queue.calls)
        tally.dead = len(self._dead.bodies())
        tally.quarantined = len(self.promise.quarantined)
        tally.seconds = self.clock.monotonic() - began
        return tally

    def step(self, action: Callable[[], None]) -> None:
        """One action; should the process die or fail in it, another one is started."""
        self._trace(action.__name__.strip("_"))
        self._calls_before = len(self.queue.calls)
        if self.queue.trouble and self.dice.random() < 0.3:
            self.queue.trouble = ""
        try:
            if not self.fixed and self.dice.random() < self.scenario.crashes:
                self.kill()
            action()
            if self.life.worker.status().finished == "failure":
                self.stop()
        except Killed:
            pass
        except TransportError as error:
            if not error.fatal:
                raise BrokenPromiseError("a transient failure ended the process") from error
            with suppress(Killed):
                self.stop()
        if self.life.dead:
            self._trace("a new process")
            self.life = self._new_life()
        self.promise.after_step(self.life, self.queue, self._dead)

    def stop(self) -> None:
        """Stop as for a deployment: drain, perhaps with a second signal."""
        life = self.life
        if life.dead or life.draining:
            return
        self.tally.stops += 1
        life.drain(at_once=self.dice.random() < 0.3, meanwhile=self._while_draining)
        if life.dead:  # the engine has caught what was raised when it was killed
            raise Killed
        self.promise.after_drain(life, self.queue, self.clock.monotonic())
        life.dead = True

    def reload(self) -> None:
        """Another engine takes over, in the same process."""
        self.life.reload(self._while_draining)
        if self.life.dead:
            raise Killed

    def _while_draining(self) -> None:
        self.promise.while_draining(self.life, self.queue)
        self.life.process_all()

    def kill(self) -> None:
        """The process dies. Raises `Killed`, which `step` takes."""
        self.tally.crashes += 1
        self._trace("killed")
        self.life.kill()
        raise Killed

    def _around(self, where: str) -> None:
        """Before and after each call to the queue."""
        made = len(self.queue.calls) - self._calls_before
        self.promise.expect(made <= 200 + 20 * len(self.promise.sent), "far too many calls")
        # A renewal holds a lock that other threads would wait for. And a slow answer of a receive
        # has used up visibility: that is not calm.
        late = where == "after receive" and self.scenario.calm
        company = not late and where.removeprefix("after ") in {"receive", "delete"}
        self.moment(company=company, danger=2.0 if where.endswith("delete") else 0.25)

    def moment(self, *, company: bool, danger: float = 0.25) -> None:
        """A moment at which the process may die, or others may act."""
        if self.life.dead:
            raise Killed
        if self.fixed:
            return
        if self.dice.random() < self.scenario.crashes * danger:
            self.kill()
        if company and self._depth < _DEPTH and self.dice.random() < 0.15:
            self._company()

    def _company(self) -> None:
        """Another action happens, as in another thread."""
        self._depth += 1
        try:
            action = self.dice.choice(
                (
                    self._beat_once,
                    self._beat_once,
                    self.actions.poll,
                    self.actions.process,
                    self._stop_rarely,
                    self._reload_rarely,
                )
            )
            action()
        except TransportError:
            pass  # in another thread, whose end ends the process later
        finally:
            self._depth -= 1
        if self.life.dead:
            raise Killed

    def _beat_once(self) -> None:
        self.life.pass_time(self.dice.choice((0.0, 1.0, 10.0)))

    def _stop_rarely(self) -> None:
        if self.dice.random() < 0.2:
            self.stop()

    def _reload_rarely(self) -> None:
        # A reload waits for open receives, and this one's frame is above.
        if self.dice.random() < 0.2 and not self.life.parts.receiver.open:
            self.reload()

    def _before_quarantine(self) -> None:
        if self.life.dead:
            raise Killed
        if not self.fixed and self.dice.random() < 5 * self.scenario.faults:
            self._note_fault("disk full")
            raise OSError

    def _note_fault(self, kind: str) -> None:
        self._trace(f"fault: {kind}")
        self.tally.faults[kind] += 1

    def finish(self) -> None:
        """All faults are fixed: the rest must be handled, except for what never can be."""
        self._trace("the end")
        self.fixed = True
        self.queue.fix()
        self.life.worker.pause(paused=False)
        if self.dice.random() < 0.5:  # else the same process must come through
            self.step(self.stop)
        # With a capacity of one message, and many deliveries of poison, it takes long.
        rounds = 60 + 25 * len(self.promise.sent)
        for _ in range(rounds):
            if not self.promise.unfinished(self.queue) and not len(self.life.parts.in_flight):
                break
            self.step(self._round)
        self.promise.in_the_end(self.life, self.queue)
        self.step(self.stop)
        self.life.parts.ledger.close()

    def _round(self) -> None:
        stats = self.life.parts.stats
        received = stats["received"]
        self.life.poll()
        self.life.process_all()
        self.life.pass_time(5.0)
        self.life.process_all()
        self.life.flush()
        if stats["received"] == received and not len(self.life.parts.in_flight):
            # The rest is hidden, or the limit of messages in flight is reached.
            now = self.clock.monotonic()
            wanted = self.promise.unfinished(self.queue)
            hidden = [until for m, until in self.queue.hidden_until().items() if m in wanted]
            self.clock.advance(min(hidden, default=now) - now)
