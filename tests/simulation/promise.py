"""The promise, checked: what was sent, what was done with it, and what must hold at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.simulation.tally import BrokenPromiseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.messages import Event
    from consumer.testing.queue import InMemoryQueue
    from tests.simulation.life import Life
    from tests.simulation.messages import Sent
    from tests.simulation.scenario import HandlerPlan, Scenario
    from tests.simulation.sqs import SimulatedQueue

#: The longest that anything may stay hidden after a stop: the put-off of an open breaker, or a
#: renewal; and what a handler may ask for.
_LONGEST_HIDDEN: Final = 3_700.0
_HALF_A_DAY: Final = 43_200.0


class Promise:
    """Knows what the engine does not: what really happened outside of it.

    Every method raises `BrokenPromiseError`, and keeps it in `broken`: the engine may catch what
    is raised inside of a handler.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.sent: dict[str, Sent] = {}
        #: (message id, or body; index; handler): every success that ever was.
        self._handled: set[tuple[str, int, str]] = set()
        #: What the ledger's file must know.
        self._noted: set[tuple[str, int, str]] = set()
        self.quarantined: set[str] = set()
        #: What a process was about to delete when it ended.
        self._unanswered: set[str] = set()
        self.broken: BrokenPromiseError | None = None

    def expect(self, holds: object, what: str) -> None:
        """Raise unless it holds; `what` names the broken promise."""
        if not holds:
            self.broken = self.broken or BrokenPromiseError(what)
            raise self.broken

    def succeeded(self, life: Life, plan: HandlerPlan, event: Event) -> bool:
        """A handler's work is done, and stays done. True if it had been done before."""
        step = (event.message_id, event.index, plan.name)
        again = step in self._handled
        first_in_life = step not in life.succeeded
        life.succeeded.add(step)
        self._handled |= {step, (self.sent[event.message_id].body, event.index, plan.name)}
        # With a stale delete that only seemed to succeed, the message comes again.
        # And what a reload gave back while a handler worked is another's meanwhile.
        if not self._scenario.stale_deletes_succeed and event.message_id not in life.abandoned:
            self.expect(first_in_life, "a handler succeeded twice at one event in one process")
            self.expect(step not in self._noted, "handled again, though it had been noted")
        return again

    def may_delete(self, life: Life, message_id: str) -> None:
        """Only what every handler that wanted it has handled, or what lies in quarantine."""
        sent = self.sent[message_id]
        self._note(life, (step for step in life.succeeded if step[0] == message_id))
        if message_id in self.quarantined:
            return
        self.expect(sent.names, "deleted, though it could not be read")
        for index, name in enumerate(sent.names):
            for plan in self._scenario.handlers:
                if not plan.wants(name) or (message_id, index, plan.name) in self._handled:
                    continue
                copied = (sent.body, index, plan.name) in self._handled
                self.expect(self._scenario.deduplicate and copied, "deleted, but not handled")

    def _note(self, life: Life, steps: Iterable[tuple[str, int, str]]) -> None:
        """From now on not even the death of the process makes them run again."""
        if self._scenario.durable and not life.dead:
            self._noted.update(steps)

    def after_step(self, life: Life, queue: SimulatedQueue, dead: InMemoryQueue) -> None:
        """Capacity is kept, nothing is reserved for nothing, and every message is somewhere."""
        if self.broken is not None:
            raise self.broken
        scenario = self._scenario
        self.expect(len(life.parts.in_flight) <= scenario.capacity, "more in flight than may be")
        self.expect(life.parts.in_flight._reserved == 0, "room is reserved for nothing")
        self._calm(life)
        given_back = any(message.leaving for message in life.parts.in_flight.snapshot())
        self.expect(not given_back, "a message is held whose visibility was changed")
        self._renewed(life, queue)
        missing = self.sent.keys() - queue.handles().keys() - set(queue.deleted())
        self.expect(missing <= dead.bodies().keys(), "a message is nowhere")

    def _renewed(self, life: Life, queue: SimulatedQueue) -> None:
        """What was renewed is not taken for ours for longer than SQS keeps it so."""
        handles, hidden = queue.handles(), queue.hidden_until()
        for message in life.parts.in_flight.snapshot():
            # How long the answer of a receive took is not known, so that is not looked at.
            renewed = message.receipt_handle in queue.changed and not message.leaving
            known = handles.get(message.message_id) == message.receipt_handle
            if renewed and known and message.message_id in hidden:
                until = hidden[message.message_id] + 0.001
                self.expect(message.visible_at <= until, "taken for ours for too long")

    def _calm(self, life: Life) -> None:
        if self._scenario.calm and not self._scenario.marathon:
            stats = life.parts.stats
            self.expect(stats["visibility_lost"] == 0, "visibility lost without a cause")
            self.expect(stats["duplicates"] == 0, "came twice without a cause")

    def while_draining(self, life: Life, queue: SimulatedQueue) -> None:
        """What is still worked on stays ours."""
        if not self._scenario.calm or self._scenario.marathon:
            return
        visible = set(queue.visible())
        for message in life.parts.in_flight.snapshot():
            ours = message.deleting or message.leaving or message.message_id not in visible
            self.expect(ours, "others may get what is still worked on")

    def after_drain(self, life: Life, queue: SimulatedQueue, now: float) -> None:
        """Nothing is held, nothing is left to be sent, nothing stays hidden for long."""
        self._calm(life)
        self._note(life, life.succeeded)
        # The process was stopped while one of its own calls was open, which has no answer yet.
        self._unanswered |= {m.message_id for m in life.parts.in_flight.snapshot() if m.deleting}
        self.expect(not life.overran, "a drain went on after its time was up")
        decided = all(message.settled for message in life.parts.in_flight.snapshot())
        self.expect(decided, "a message is not released")
        if not life.ran_out_of_time:
            self.expect(len(life.parts.in_flight) == 0, "a message is held after the drain")
            self.expect(life.parts.outbox.pending() == 0, "not everything is settled")
        asks = any(plan.retries for plan in self._scenario.handlers)
        latest = now + (_HALF_A_DAY if asks else _LONGEST_HIDDEN)
        hidden = queue.hidden_until()
        self.expect(all(t <= latest for t in hidden.values()), "hidden for longer than needed")
        if self._scenario.calm and not self._scenario.marathon and not self._scenario.deduplicate:
            poison = {message_id for message_id in hidden if not self.sent[message_id].names}
            expected = poison | self._unanswered
            self.expect(hidden.keys() <= expected, "hidden, though it was released")

    def unfinished(self, queue: SimulatedQueue) -> set[str]:
        """What is in the queue, but should not be for ever."""
        there = queue.bodies()
        if self._scenario.quarantine or self._scenario.max_receive_count:
            return set(there)
        return {message_id for message_id in there if self.sent[message_id].names}

    def in_the_end(self, life: Life, queue: SimulatedQueue) -> None:
        """All has been fixed, and there was time enough."""
        self.expect(not self.unfinished(queue), "never handled, though all is well")
        self.expect(len(life.parts.in_flight) == 0, "a message is held for ever")
