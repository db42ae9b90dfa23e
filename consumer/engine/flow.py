"""The life of a message on one screen: decode, route, enter, call, judge, note, settle.

A thread brings a message that was received to `begin`, and a call that has waited (at a gate, with
a breaker, in a batch) to `go_on`. Neither blocks but inside of handlers, and neither raises because
of a message or a handler. What is settled is sent by whichever thread has time (see pool.py).
"""

from collections.abc import Sequence

from consumer.engine.admission import Admission, failing_reason
from consumer.engine.batches import Batches
from consumer.engine.call import Call, Entry
from consumer.engine.inflight import InFlightMessage
from consumer.engine.intake import Intake
from consumer.engine.invoke import Invoker
from consumer.engine.outbox import Outbox
from consumer.engine.settle import Settler
from consumer.engine.stats import Stats
from consumer.handlers.registering.registry import Handler, Registry
from consumer.ledger.ledger import Ledger
from consumer.messages import ACK, Event, Outcome

Work = list[tuple[Event, Handler]]


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
        outbox: Outbox,
        stats: Stats,
    ) -> None:
        self._intake = intake
        self._registry = registry
        self._admission = admission
        self._batches = batches
        self._invoker = invoker
        self._ledger = ledger
        self._settler = settler
        self._outbox = outbox
        self._stats = stats

    def begin(self, message: InFlightMessage) -> None:
        """Decode a message, find out which handlers are to get which of its events, call them."""
        events = self._intake.events(message)
        if isinstance(events, Outcome):  # not an event, or a copy of one that is being handled
            self._settler.settle(message, events)
            return
        message.events = events
        work = self._route(message)
        message.calls = len(work)
        if work:
            self._start(message, work)
        else:  # it is to be deleted unread, or everything was done before
            self._settle([message])

    def _route(self, message: InFlightMessage) -> Work:
        work: Work = []
        for event in message.events:
            handlers = self._registry.route(event.name, event.format)
            if not handlers:
                message.unmatched = [*message.unmatched, event]
                handlers = self._registry.unmatched
            for handler in handlers:
                work.append((event, handler))
        done = self._ledger.succeeded(message.message_id)
        if not done:
            return work
        left = [(event, h) for event, h in work if (event.index, h.name) not in done]
        self._stats.add("already_handled", len(work) - len(left))
        return left

    def _start(self, message: InFlightMessage, work: Work) -> None:
        calls: list[Call] = []
        for event, handler in work:
            if handler.call_batch is None:
                calls.append(Call(handler, [(message, event)]))
            else:
                self._collect(handler, (message, event))
        for call in calls:  # last: what is collected needs not wait for them
            self.go_on(call)

    def _collect(self, handler: Handler, entry: Entry) -> None:
        """Let an event wait for others; a full batch is called by the next thread that is free."""
        outcome = None if handler.when is None else self._invoker.unwanted(handler, entry)
        if outcome is not None:
            self._end(Call(handler, [entry]), [outcome])
        elif (full := self._batches.add(handler, entry)) is not None:
            self._admission.add_ready([full])

    def go_on(self, call: Call) -> None:
        """Hand a call to its handler, as far as that is possible now; else it is held."""
        admission = self._admission
        entered = admission.enter(call)
        if entered == "held":
            return  # it is ready later, and comes back here
        if entered == "full":
            self._end(call, admission.hide(call))
            return
        try:
            outcomes = self._invoker.call(call)
        finally:
            if call.has_place:
                admission.leave(call)
        judged = admission.judge(call, outcomes)
        if admission.recalled:
            # Now: while this is under way no drain ends.
            self._outbox.recalls.add(admission.take_recalled())
        if judged is not None:
            self._end(call, judged)

    def _end(self, call: Call, outcomes: Sequence[Outcome]) -> None:
        """Note what succeeded, soon in the ledger's file; settle the messages that are complete."""
        # In this order: the thread that settles a message finds all of its steps noted.
        if steps := call.note(outcomes):
            self._ledger.note(steps)
        self._settle(call.end())

    def _settle(self, ended: list[InFlightMessage]) -> None:
        """Every call of these messages has ended: ack only if all of them succeeded."""
        handled: list[InFlightMessage] = []
        for message in ended:
            outcome, handler = message.verdict() if message.others else (ACK, None)
            if outcome is not ACK:
                self._intake.end([message], handled=False)
                self._settler.settle(message, outcome, handler)
            elif not (message.others and self._goes_on(message)):
                handled.append(message)
        if handled:
            self._intake.end(handled, handled=True)
            self._stats.handled(handled)
            self._settler.ack(handled)

    def _goes_on(self, message: InFlightMessage) -> bool:
        """True if what all predicates declined is now with the handlers of unmatched events."""
        route = self._registry.route
        unwanted = message.declined_by_all(lambda event: len(route(event.name, event.format)))
        done = self._ledger.succeeded(message.message_id)
        work = [(event, h) for event in unwanted for h in self._registry.unmatched]
        work = [(event, h) for event, h in work if (event.index, h.name) not in done]
        message.calls += len(work)
        self._start(message, work)
        return bool(work)

    def tick(self) -> None:
        """Make ready what is due by time: batches that have lingered, probes of open breakers."""
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
        return list(dict.fromkeys(message for call in calls for message, _ in call.entries))
