"""Which calls may be made now: by a handler's gate (concurrency) and its breaker (failures)."""

from collections import deque
from collections.abc import Sequence
from typing import Literal

from consumer.clock import Clock
from consumer.engine.breaker import Breaker, BreakerState
from consumer.engine.call import Call
from consumer.engine.gate import Gate
from consumer.engine.lane import Lane
from consumer.engine.waiting import WaitingForRetry
from consumer.handlers.registering.registry import Handler
from consumer.messages import Outcome

Entered = Literal["go", "held", "full"]


class Admission:
    """Holds calls that have to wait, and says which are ready. Any thread may call; none blocks.

    Args:
        breaker_failures: so many failures in a row open a handler's breaker; 0: none has one.
        room: how many events the breakers may hold, all together.
        waiting: notes the messages that there is no room for, which wait in the queue.
        recalls: where to put their receipt handles once their handler works again.
        put_back: where to note the messages that breakers hold, with the reason; None: nowhere.
    """

    def __init__(
        self,
        handlers: Sequence[Handler],
        *,
        clock: Clock,
        breaker_failures: int,
        room: int,
        waiting: WaitingForRetry,
        recalls: Lane[str],
        put_back: dict[str, str] | None = None,
    ) -> None:
        self._room = max(room, 1)
        self._waiting = waiting
        self._recalls = recalls
        self._put_back = put_back
        #: Calls that may be made as soon as a thread is free; also full and due batches.
        self.ready: deque[Call] = deque()
        self._gates = {
            h.name: Gate(h, clock=clock)
            for h in handlers
            if h.concurrency or h.rate_limit_per_second
        }
        self._breakers = {
            h.name: Breaker(h, threshold=breaker_failures, clock=clock)
            for h in handlers
            if breaker_failures
        }

    def ask(self, call: Call) -> Entered:
        """Before its predicate and its key are asked: likewise, if these are what fails."""
        breaker = self._breakers.get(call.handler.name)
        if breaker is None or not breaker.asking_fails:
            return "go"
        return self._pass(breaker, call)

    def enter(self, call: Call) -> Entered:
        """Pass the handler's breaker and its gate, be held by one, or find the breaker full."""
        name = call.handler.name
        breaker = self._breakers.get(name)
        if breaker is not None and breaker.is_open:
            entered = self._pass(breaker, call)
            if entered != "go":
                return entered
        gate = self._gates.get(name)
        if gate is None or call.has_place:
            return "go"
        call.has_place = True
        return "go" if gate.enter(call) else "held"

    def _pass(self, breaker: Breaker, call: Call) -> Entered:
        entered = breaker.enter(call, room=self._room_for(breaker))
        if entered != "go":
            # The place that it may have waited for is another's now.
            self.leave(call, unused=True)
            self._note(call)
        return entered

    def leave(self, call: Call, *, unused: bool = False) -> None:
        """Give the place at the gate to the next call, which is ready now.

        `unused`: the handler was not called.
        """
        if call.has_place:
            call.has_place = False
            following = self._gates[call.handler.name].leave(unused=unused)
            if following is not None:
                self.ready.append(following)

    def judge(self, call: Call, outcomes: Sequence[Outcome]) -> Sequence[Outcome] | None:
        """Report the outcomes of a call to the breaker; returns what is to be settled.

        None: the breaker holds the call for later. Then it may already be with another thread.
        """
        breaker = self._breakers.get(call.handler.name)
        if breaker is None:
            pass
        elif outcomes[0].verdict != "retry" or any(o.verdict != "retry" for o in outcomes):
            if not call.asked:
                self.answered(call)
            elif breaker.asking_fails and call.handler.collects:
                breaker.undecided(call)  # it was asked long ago
            else:
                self._works(breaker)
        else:
            return self._judge_failure(breaker, call, outcomes)
        return outcomes

    def answered(self, call: Call) -> None:
        """Report to the breaker that predicate and key work: the handler itself did not run."""
        breaker = self._breakers.get(call.handler.name)
        if breaker is None:
            pass
        elif breaker.asking_fails:
            self._works(breaker)
        else:
            breaker.answered(call)

    def _works(self, breaker: Breaker) -> None:
        if breaker.is_open:
            # Now: while this is under way no drain ends.
            self._recalls.add(self._waiting.recall(breaker.handler))
        self.ready += breaker.succeeded()

    def _judge_failure(
        self, breaker: Breaker, call: Call, outcomes: Sequence[Outcome]
    ) -> Sequence[Outcome] | None:
        down = _longest_down(outcomes)
        if down is None and any(outcome.delay_seconds is not None for outcome in outcomes):
            breaker.undecided(call)  # the handler says itself when
        elif down is not None or not call.last_try:
            entered = breaker.failed(call, down or outcomes[0], room=self._room_for(breaker))
            if entered == "held":
                self._note(call)
                return None
            if entered == "full":
                return self.hide(call)
        return outcomes

    def _note(self, call: Call) -> None:
        if self._put_back is not None:
            for message, _ in call.entries:
                self._put_back[message.message_id] = failing_reason(call.handler)

    def hide(self, call: Call) -> list[Outcome]:
        """The breaker is full: put the messages back, for a time that grows with each receive."""
        handler = call.handler
        return [
            paused(handler, self._waiting.add(handler.name, message)) for message, _ in call.entries
        ]

    def take_ready(self) -> Call | None:
        """The next call that has waited and may go on now."""
        try:
            return self.ready.popleft() if self.ready else None
        except IndexError:  # another thread was quicker
            return None

    def recall_all(self) -> list[str]:
        """Receipt handles of all messages that wait in the queue: the handlers are replaced."""
        return [handle for name in self._breakers for handle in self._waiting.recall(name)]

    def add_due(self) -> None:
        """Make ready the calls that have waited for their handler's rate limit."""
        for gate in self._gates.values():
            self.ready += gate.take_due()

    def add_probes(self) -> None:
        """Make ready what is to be tried with handlers that fail all the time, if it is time."""
        for breaker in self._breakers.values():
            probe = breaker.take_probe() if breaker.is_open else None
            if probe is not None:
                self.ready.append(probe)

    def wanted(self) -> int | None:
        """How many messages can be accepted now; None for any number.

        While every handler fails, and after a handler of all events has used up what may
        wait in the queue, a message could only wait: then none is received but for a probe.
        """
        failing = [breaker for breaker in self._breakers.values() if breaker.is_open]
        pausing = [breaker for breaker in failing if breaker.takes_all]
        if not pausing or (len(failing) < len(self._breakers) and not self._waiting.full):
            return None
        return min(int(breaker.wants_message()) for breaker in pausing)

    def held(self) -> int:
        """How many events breakers hold."""
        return sum(map(len, self._breakers.values()))

    def breaker_of(self, handler: str) -> tuple[BreakerState, int]:
        """The state of a handler's breaker, and how many events it holds."""
        breaker = self._breakers.get(handler)
        return ("closed", 0) if breaker is None else (breaker.state, len(breaker))

    def failing(self) -> list[str]:
        """The names of the handlers that fail all the time."""
        return [name for name, breaker in self._breakers.items() if breaker.is_open]

    def give_up_held(self) -> list[Call]:
        """Draining: what breakers hold."""
        return [call for breaker in self._breakers.values() for call in breaker.give_up()]

    def give_up(self) -> list[Call]:
        """The process ends: everything that waits."""
        waiting = [call for gate in self._gates.values() for call in gate.give_up()]
        while (call := self.take_ready()) is not None:
            waiting.append(call)
        return waiting + self.give_up_held()

    def _room_for(self, breaker: Breaker) -> int:
        return self._room - self.held() + len(breaker)


def _longest_down(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The outcome that says for how long what the handler needs is down; None if none says so."""
    down = [outcome for outcome in outcomes if outcome.down_seconds is not None]
    return max(down, key=lambda outcome: outcome.down_seconds or 0.0, default=None)


def paused(handler: Handler, delay_seconds: float) -> Outcome:
    """The outcome of a message that has to wait for its handler in the queue."""
    return Outcome("retry", failing_reason(handler), delay_seconds, paused=True)


def failing_reason(handler: Handler) -> str:
    """Why its messages stay in the queue."""
    return f"handler {handler.name} is paused because it keeps failing"
