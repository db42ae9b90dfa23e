"""One run: messages are sent, processes live and die, and after each step the promise is checked.

One thread plays all: while a handler works or a call to the queue is under way, others may act, as
other threads would.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from consumer.errors import TransportError
from consumer.testing.clock import ManualClock
from consumer.testing.queue import InMemoryQueue
from consumer.testing.simulate.disk import SimulatedQuarantine
from consumer.testing.simulate.life import Life
from consumer.testing.simulate.messages import Sent, draw_message
from consumer.testing.simulate.moods import Moods
from consumer.testing.simulate.promise import Promise
from consumer.testing.simulate.scenario import draw
from consumer.testing.simulate.sqs import SimulatedQueue
from consumer.testing.simulate.tally import BrokenPromiseError, Killed, Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.testing.simulate.scenario import Scenario

#: As many actions may go on at once, inside of each other.
_DEPTH: Final = 3


class World:
    """A run of one seed. `run` does all of it; `trace` is told each step."""

    def __init__(
        self, seed: int, state: Path, *, trace: Callable[[str], None] = lambda _: None
    ) -> None:
        self.dice = random.Random(seed)
        random.seed(seed)  # the pauses between attempts fall by the module's own dice
        self.scenario: Scenario = draw(seed, self.dice)
        self.tally = Tally(runs=1)
        self.clock = ManualClock()
        self._state, self._trace = state, trace
        self.promise = Promise(self.scenario)
        self._dead = InMemoryQueue(self.clock, name="dead-letters", rng=self.dice)
        self.queue = self._make_queue()
        self._moods = Moods(self)
        self._depth = 0
        #: All is mended, and nothing goes wrong any more.
        self.mended = False
        self.life = self._new_life()

    def _make_queue(self) -> SimulatedQueue:
        scenario = self.scenario
        limit = scenario.max_receive_count
        return SimulatedQueue(
            self.clock,
            dice=self.dice,
            fault_share=scenario.faults,
            may_delete=self.promise.may_delete,
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
            quarantine=self._make_quarantine() if self.scenario.quarantine else None,
        )

    def _make_quarantine(self) -> SimulatedQuarantine:
        return SimulatedQuarantine(
            self._state / "quarantine",
            self.clock,
            before=self._before_quarantine,
            kept=self.promise.quarantined.add,
        )

    # What is done in a run.

    def run(self) -> Tally:
        """All steps, then the end. Raises `BrokenPromiseError`."""
        began = self.clock.monotonic()
        self._send(self.scenario.messages // 2 + 1)
        for _ in range(self.scenario.steps):
            self._step(self._draw_action())
        self._finish()
        tally = self.tally
        tally.messages = len(self.promise.sent)
        tally.calls = len(self.queue.calls)
        tally.dead = len(self._dead.bodies())
        tally.quarantined = len(self.promise.quarantined)
        tally.seconds = self.clock.monotonic() - began
        return tally

    def _draw_action(self) -> Callable[[], None]:
        actions: list[tuple[int, Callable[[], None]]] = [
            (24, self._poll),
            (24, self._process),
            (12, self._process_all),
            (10, self._beat),
            (6, self._flush),
            (5, lambda: self._send(self.dice.randint(1, 6))),
            (3, self._send_copy),
            (2, self._stop),
        ]
        if not self.scenario.calm:
            actions += [(3, self._starve), (3, self._redeliver), (1, self._trouble)]
        choices = [action for _, action in actions]
        return self.dice.choices(choices, [weight for weight, _ in actions])[0]

    def _step(self, action: Callable[[], None]) -> None:
        """One action; should the process die or fail in it, another one is started."""
        self._trace(getattr(action, "__name__", "send").strip("_<>"))
        calls = len(self.queue.calls)
        if self.queue.trouble and self.dice.random() < 0.3:
            self.queue.trouble = ""
        try:
            if not self.mended and self.dice.random() < self.scenario.crashes:
                self._kill()
            action()
            if self.life.worker.finished() == "failure":
                self._stop()
        except Killed:
            pass
        except TransportError as error:
            if not error.fatal:
                raise BrokenPromiseError("a transient failure ended the process") from error
            self._survive(self._stop)
        if self.life.dead:
            self._trace("a new process")
            self.life = self._new_life()
        self.promise.after_step(self.life, self.queue, self._dead)
        made = len(self.queue.calls) - calls
        self.promise.expect(made <= 200 + 20 * len(self.promise.sent), "far too many calls")

    def _survive(self, action: Callable[[], None]) -> None:
        with suppress(Killed):
            action()

    def _send(self, count: int) -> None:
        for _ in range(count):
            if len(self.promise.sent) >= self.scenario.messages:
                return
            self._put(draw_message(len(self.promise.sent), self.dice))

    def _send_copy(self) -> None:
        """The producer sends something twice: another message, the same content."""
        originals = list(self.promise.sent.values())
        if originals and len(originals) < self.scenario.messages:
            self._put(self.dice.choice(originals))

    def _put(self, sent: Sent) -> None:
        self.promise.sent[self.queue.send(sent.body)] = sent

    def _poll(self) -> None:
        self.life.poll()

    def _process(self) -> None:
        self.life.process_one()

    def _process_all(self) -> None:
        life = self.life
        for _ in range(200):
            if life.dead or not life.queued():
                return
            life.process_one()

    def _flush(self) -> None:
        self.life.worker.settler.flush()

    def _beat(self) -> None:
        """Time passes, and everybody does what is theirs."""
        self.pass_time(self.dice.choice((1.0, 5.0, 60.0, 400.0)))

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the threads beside the crew do their part."""
        life = self.life
        while seconds > 0 and not life.dead:
            step = min(seconds, life.beat_seconds)
            self.clock.advance(step)
            life.beat()
            seconds -= step

    def _starve(self) -> None:
        """Time passes, and nobody does anything: the machine sleeps."""
        self.clock.advance(self.dice.choice((20.0, 40.0, 950.0)))

    def _redeliver(self) -> None:
        """SQS delivers twice, now and then."""
        in_flight = self.queue.in_flight()
        if in_flight:
            self.queue.redeliver(self.dice.choice(in_flight))

    def _trouble(self) -> None:
        """The queue is deleted, or a policy changed; later it is mended."""
        self.queue.trouble = self.dice.choice(("missing", "denied"))

    def _stop(self) -> None:
        """A deployment: drain, perhaps with a second signal."""
        life = self.life
        if life.dead or life.draining:
            return
        self.tally.stops += 1
        life.drain(at_once=self.dice.random() < 0.3, meanwhile=self._while_draining)
        self.promise.after_drain(life, self.queue, self.clock.monotonic())
        life.dead = True

    def _while_draining(self) -> None:
        self.promise.while_draining(self.life, self.queue)
        self._process_all()

    def _kill(self) -> None:
        self.tally.crashes += 1
        self._trace("killed")
        self.life.kill()
        raise Killed

    # What happens inside of an action.

    def _around(self, where: str) -> None:
        """Before and after each call to the queue."""
        # A renewal holds a lock that others would wait for. And an answer that brings messages and
        # takes as long as others' handlers has used up visibility: that is not calm.
        company = where in {"receive", "delete", "after delete"}
        self.moment(company=company or (where == "after receive" and not self.scenario.calm))

    def moment(self, *, company: bool) -> None:
        """A moment at which the process may die, or others may act."""
        if self.life.dead:
            raise Killed
        if self.mended:
            return
        if self.dice.random() < self.scenario.crashes / 4:
            self._kill()
        if company and self._depth < _DEPTH and self.dice.random() < 0.15:
            self._company()

    def _company(self) -> None:
        """Others act meanwhile, as other threads would."""
        self._depth += 1
        try:
            action = self.dice.choice(
                (self._beat_once, self._beat_once, self._poll, self._process, self._stop_rarely)
            )
            action()
        except TransportError:
            pass  # another thread's: that one ends, and the process with it, later
        finally:
            self._depth -= 1
        if self.life.dead:
            raise Killed

    def _beat_once(self) -> None:
        self.pass_time(self.dice.choice((0.0, 1.0, 10.0)))

    def _stop_rarely(self) -> None:
        if self.dice.random() < 0.2:
            self._stop()

    def _before_quarantine(self) -> None:
        if self.life.dead:
            raise Killed
        if not self.mended and self.dice.random() < self.scenario.faults:
            self._note_fault("disk full")
            raise OSError

    def _note_fault(self, kind: str) -> None:
        self._trace(f"fault: {kind}")
        self.tally.faults[kind] += 1

    def _finish(self) -> None:
        """All is mended: what is left gets through, but for what nobody can ever handle."""
        self._trace("the end")
        self.mended = True
        self.queue.mend()
        self._step(self._stop)
        # With room for one message, and many deliveries of poison, it takes long.
        rounds = 60 + 25 * len(self.promise.sent)
        for _ in range(rounds):
            if not self.promise.unfinished(self.queue):
                break
            self._step(self._round)
        self.promise.expect(
            not self.promise.unfinished(self.queue), "never handled, though all is well"
        )
        self.promise.expect(len(self.life.worker.in_flight) == 0, "a slot is held for ever")
        self._step(self._stop)
        self.life.ledger.close()

    def _round(self) -> None:
        stats = self.life.worker.stats
        received = stats["received"]
        self._poll()
        self._process_all()
        self.pass_time(5.0)
        self._process_all()
        self.life.worker.settler.flush(everything=True)
        if stats["received"] == received and not len(self.life.worker.in_flight):
            # What is left is hidden, or SQS gives no more while so much is in flight.
            now = self.clock.monotonic()
            wanted = self.promise.unfinished(self.queue)
            hidden = [until for m, until in self.queue.hidden_until().items() if m in wanted]
            self.clock.advance(min(hidden, default=now) - now)
