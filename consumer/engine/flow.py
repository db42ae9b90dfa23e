"""The life of a message on one screen: decode, route, enter, call, judge, note, settle.

A thread brings a message that was received to `begin`, and a call that has waited (at a gate, with
a breaker, in a batch) to `go_on`. Neither blocks but inside of handlers, and neither raises because
of a message or a handler. What is settled is sent by whichever thread has time (see pool.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.engine.admission import Admission, paused
from consumer.engine.call import Batches, Call
from consumer.engine.inflight import InFlightMessage
from consumer.engine.intake import Intake
from consumer.engine.invoke import Invoker
from consumer.engine.settle import Settler
from consumer.engine.stats import Stats
from consumer.engine.tap import Tap
from consumer.handlers.registering.registry import Handler, Registry
from consumer.ledger.ledger import Ledger
from consumer.messages import ACK, DECLINED, Event, Outcome

Work = list[tuple[Event, Handler]]


@dataclass(eq=False, repr=False)
class Flow:
    """Takes each message from its receive to its outcome. Any thread may call any method."""

    intake: Intake
    registry: Registry
    admission: Admission
    batches: Batches
    invoker: Invoker
    ledger: Ledger
    settler: Settler
    stats: Stats
    tap: Tap

    def begin(self, message: InFlightMessage) -> None:
        """Decode a message, find out which handlers are to get which of its events, call them."""
        events = self.intake.events(message)
        if isinstance(events, Outcome):  # not an event, or a copy of one that is being handled
            if self.tap.viewers:
                self.tap.show_message(message, events)
            self.settler.settle(message, events)
            return
        message.events = events
        work = self._route(message)
        message.calls = len(work)
        if work:
            self._start(message, work)
        else:  # it is to be deleted unread, or everything was done before
            if self.tap.viewers:
                self.tap.show_message(message)
            self._settle([message])

    def _route(self, message: InFlightMessage) -> Work:
        work: Work = []
        for event in message.events:
            handlers = self.registry.route(event.name, event.format)
            if not handlers:
                message.unmatched = [*message.unmatched, event]
                handlers = self.registry.unmatched
            for handler in handlers:
                work.append((event, handler))
        done = self.ledger.succeeded(message.message_id)
        if not done:
            return work
        left = [(event, h) for event, h in work if (event.index, h.name) not in done]
        self.stats.add("already_handled", len(work) - len(left))
        return left

    def _start(self, message: InFlightMessage, work: Work) -> None:
        calls: list[Call] = []
        for event, handler in work:
            call = Call(handler, [(message, event)])
            if not handler.collects:
                calls.append(call)
            elif not message.settled:
                self.go_on(call)
        for call in calls:  # last: what is collected needs not wait for them
            if not message.settled:  # else it was given back meanwhile: its calls are another's
                self.go_on(call)

    def go_on(self, call: Call) -> None:
        """Hand a call to its handler, as far as that is possible now; else it is held."""
        admission = self.admission
        collects = not call.asked and call.handler.collects
        entered = admission.ask(call) if collects else admission.enter(call)
        if entered == "held":
            return  # it is ready later, and comes back here
        if entered == "full":
            self._end(call, admission.hide(call))
        elif collects:
            self._collect(call)
        else:
            self._call(call)

    def _collect(self, call: Call) -> None:
        """Let an event wait for others; a full batch is called by the next thread that is free.

        Others of its batch, or of its key.
        """
        handler, admission = call.handler, self.admission
        group = self.invoker.group_of(call)
        if isinstance(group, Outcome):
            self._judge(call, [group])
            return
        admission.answered(call)
        if group is None and handler.coalesce is not None:  # there is nothing to wait for
            admission.ready.append(call)
        elif (full := self.batches.add(handler, call.entries[0], group)) is not None:
            admission.ready.append(full)

    def _call(self, call: Call) -> None:
        admission, tap = self.admission, self.tap
        began = tap.clock.monotonic() if tap.viewers else None
        declined = False
        try:
            outcomes = self.invoker.call(call)
            declined = outcomes[0] is DECLINED
        finally:
            if call.has_place:
                admission.leave(call, unused=declined)
        if began is not None:
            tap.show(call, outcomes, began)
        decided = call.cut_decided(outcomes) if len(outcomes) > 1 else None
        if decided is not None:
            self._end(*decided)
            outcomes = [outcome for outcome in outcomes if outcome.down_seconds is not None]
        self._judge(call, outcomes)

    def _judge(self, call: Call, outcomes: Sequence[Outcome]) -> None:
        judged = self.admission.judge(call, outcomes)
        if judged is not None:
            self._end(call, judged)

    def _end(self, call: Call, outcomes: Sequence[Outcome]) -> None:
        """Note what succeeded, soon in the ledger's file; settle the messages that are complete."""
        # In this order: the thread that settles a message finds all of its steps noted.
        if steps := call.note(outcomes):
            self.ledger.note(steps)
            for message, _ in call.entries:
                if message.settled and message.succeeded:  # it was given back while this ran
                    self.ledger.keep(message.message_id, message.succeeded)
        self._settle(call.end())

    def _settle(self, ended: list[InFlightMessage]) -> None:
        """Every call of these messages has ended: ack only if all of them succeeded."""
        handled: list[InFlightMessage] = []
        for message in ended:
            outcome, handler = message.verdict() if message.others else (ACK, None)
            if outcome is not ACK:
                self.intake.end([message], handled=False)
                self.settler.settle(message, outcome, handler)
            elif not (message.others and self._goes_on(message)):
                handled.append(message)
        if handled:
            self.intake.end(handled, handled=True)
            self.stats.handled(handled)
            self.settler.ack(handled)

    def _goes_on(self, message: InFlightMessage) -> bool:
        """True if what all predicates declined is now with the handlers of unmatched events."""
        route = self.registry.route
        unwanted = message.declined_by_all(lambda event: len(route(event.name, event.format)))
        done = self.ledger.succeeded(message.message_id)
        work = [(event, h) for event in unwanted for h in self.registry.unmatched]
        work = [(event, h) for event, h in work if (event.index, h.name) not in done]
        message.calls += len(work)
        self._start(message, work)
        return bool(work)

    def tick(self) -> None:
        """Make ready what is due by time: batches, calls at a rate limit, probes of breakers."""
        self.admission.ready.extend(self.batches.take())
        self.admission.add_due()
        self.admission.add_probes()

    def cut_batches(self) -> int:
        """Let batches linger no longer; returns how many calls are ready now."""
        self.admission.ready.extend(self.batches.take(everything=True))
        return len(self.admission.ready)

    def give_up_waiting(self) -> None:
        """Draining: batches linger no longer, and what breakers hold is returned."""
        self.cut_batches()
        for call in self.admission.give_up_held():
            self._end(call, [paused(call.handler, 0.0)] * len(call.entries))

    def give_up(self) -> list[InFlightMessage]:
        """The process ends: the messages of all calls that wait, each once."""
        calls = self.batches.take(everything=True) + self.admission.give_up()
        return list(dict.fromkeys(message for call in calls for message, _ in call.entries))
