"""The life of a message on one screen: decode, route, enter, call, judge, note, settle.

A thread brings a message that was received to `begin`, and a call that has waited (at a gate, with
a breaker, in a batch) to `go_on`. Neither blocks but inside of handlers, and neither raises because
of a message or a handler. What is settled is sent by whichever thread has time (see pool.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.engine.admission import failing_reason
from consumer.engine.progress import Call, Entry, Progress
from consumer.messages import Outcome

if TYPE_CHECKING:
    from consumer.engine.admission import Admission
    from consumer.engine.batches import Batches
    from consumer.engine.inflight import InFlightMessage
    from consumer.engine.intake import Intake
    from consumer.engine.invoke import Invoker
    from consumer.engine.settle import Settler
    from consumer.engine.stats import Stats
    from consumer.handlers.registering.registry import Handler, Registry
    from consumer.ledger.ledger import Ledger
    from consumer.messages import Event


class Flow:
    """Takes each message from its receive to its outcome. Any thread may call any method."""

    def __init__(
        self,
        *,
        intake: Intake,
        registry: Registry,
        admission: Admission,
        batches: Batches,
        invoker: Invoker,
        ledger: Ledger,
        settler: Settler,
        stats: Stats,
    ) -> None:
        self._intake = intake
        self._registry = registry
        self._admission = admission
        self._batches = batches
        self._invoker = invoker
        self._ledger = ledger
        self._settler = settler
        self._stats = stats

    def begin(self, message: InFlightMessage) -> None:
        """Decode a message, find out which handlers are to get which of its events, call them."""
        events = self._intake.events(message)
        if isinstance(events, Outcome):  # it is no event, or a copy of it is being handled now
            self._settler.settle(message, events)
            return
        unmatched: list[Event] = []
        work = self._route(message, events, unmatched)
        progress = Progress(message, events, len(work), unmatched)
        if not work:  # no handler asked for it, or all is done already
            self._settle([progress])
        self._start(progress, work)

    def _start(self, progress: Progress, work: list[tuple[Event, Handler]]) -> None:
        calls: list[Call] = []
        for event, handler in work:
            entry = Entry(progress, event)
            if handler.call_batch is None:
                calls.append(Call(handler, [entry]))
            else:
                self._collect(handler, entry)
        for call in calls:  # last: what is collected needs not wait for them
            self.go_on(call)

    def _route(
        self, message: InFlightMessage, events: list[Event], unmatched: list[Event]
    ) -> list[tuple[Event, Handler]]:
        work: list[tuple[Event, Handler]] = []
        for event in events:
            handlers = self._registry.route(event.name, event.format)
            if not handlers:
                unmatched.append(event)
                handlers = self._registry.unmatched
            work += [(event, handler) for handler in handlers]
        done = self._ledger.succeeded(message.message_id)
        if not done:
            return work
        left = [(event, h) for event, h in work if (event.index, h.name) not in done]
        self._stats.add("already_handled", len(work) - len(left))
        return left

    def _collect(self, handler: Handler, entry: Entry) -> None:
        """Let an event wait for others; a full batch is called by the next thread that is free."""
        outcome = self._invoker.unwanted(handler, entry)
        if outcome is not None:
            self._end(Call(handler, [entry]), [outcome])
        elif (full := self._batches.add(handler, entry)) is not None:
            self._admission.add_ready([full])

    def go_on(self, call: Call) -> None:
        """Hand a call to its handler, as far as that is possible now; else it is held."""
        entered = self._admission.enter(call)
        if entered == "held":
            return  # it is ready later, and comes back here
        if entered == "full":
            self._end(call, self._admission.hide(call))
            return
        try:
            outcomes = self._invoker.call(call)
        finally:
            self._admission.leave(call)
        judged = self._admission.judge(call, outcomes)
        if recalled := self._admission.take_recalled():
            self._settler.recall(recalled)  # now: while this is under way no drain ends
        if judged is not None:
            self._end(call, judged)

    def _end(self, call: Call, outcomes: list[Outcome]) -> None:
        """Note what succeeded, soon in the ledger's file; settle what has come to its end."""
        # In this order: whoever settles a message finds all of its steps noted.
        self._ledger.note(call.succeeded(outcomes))
        self._settle(call.end(outcomes))

    def _settle(self, ended: list[Progress]) -> None:
        """Every call of these messages has ended: ack only if all of them succeeded."""
        handled: list[Progress] = []
        for progress in ended:
            outcome, handler = progress.verdict()
            if progress.declined and outcome.verdict == "ack" and self._goes_on(progress):
                continue
            self._intake.end(progress.events, handled=outcome.verdict == "ack")
            if outcome.verdict == "ack":
                handled.append(progress)
            else:
                self._settler.settle(progress.message, outcome, handler)
        if handled:
            self._stats.handled([(progress.events, progress.unmatched) for progress in handled])
            self._settler.ack([progress.message for progress in handled])

    def _goes_on(self, progress: Progress) -> bool:
        """True if what all predicates declined is now with the handlers of unmatched events."""
        route, message = self._registry.route, progress.message
        unwanted = progress.unwanted(lambda event: len(route(event.name, event.format)))
        done = self._ledger.succeeded(message.message_id)
        work = [(event, h) for event in unwanted for h in self._registry.unmatched]
        work = [(event, h) for event, h in work if (event.index, h.name) not in done]
        progress.calls += len(work)
        self._start(progress, work)
        return bool(work)

    def tick(self) -> None:
        """What is due by time: batches that have lingered, probes of open breakers."""
        self._admission.add_ready(self._batches.take())
        self._admission.add_probes()

    def cut_batches(self) -> int:
        """Let batches linger no longer; returns how many calls are ready now."""
        self._admission.add_ready(self._batches.take(everything=True))
        return self._admission.ready()

    def give_up_waiting(self) -> None:
        """Draining: batches linger no longer, and what breakers hold is given back."""
        self.cut_batches()
        for call in self._admission.give_up_held():
            at_once = Outcome.retry(failing_reason(call.handler), 0.0)
            self._end(call, [at_once] * len(call.entries))

    def give_up(self) -> list[InFlightMessage]:
        """The process ends: the messages of all calls that wait, each once."""
        calls = self._batches.take(everything=True) + self._admission.give_up()
        messages = {entry.progress.message: None for call in calls for entry in call.entries}
        return list(messages)
