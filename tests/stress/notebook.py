"""What handlers did and the queue deleted, written down beside the engine; and what is wrong."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from consumer.errors import Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.messages import Event
    from tests.stress.plan import HandlerPlan, MessagePlan, Plan


class BrokenError(AssertionError):
    """What was promised did not hold."""


class Killed(BaseException):
    """The process is dead: nothing after this moment takes place."""


class Outage(Exception):  # noqa: N818 - what a handler depends on
    """Raised by handlers for a number of calls in a row."""


class Step(NamedTuple):
    """One handler's work on one event of one message."""

    message_id: str
    event: int
    handler: str


class Notebook:
    """One for each run, over all of its processes. Any thread may call any method."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._messages: dict[str, MessagePlan] = {}
        #: The steps that succeeded, with any message of this content; the newest process.
        self._done: set[tuple[str, str]] = set()
        self._life_of: dict[Step, int] = {}
        self._tries: Counter[Step] = Counter()
        self._rejected: set[str] = set()
        self._deleted: set[str] = set()
        self._inside: Counter[str] = Counter()
        self._outage_calls = 0
        #: The steps that the ledger's file had when the newest process began.
        self._in_file: frozenset[Step] = frozenset()
        self._life = 0
        #: What did not hold.
        self.broken: list[str] = []
        self.successes = 0
        #: Grows until nothing is left to be done: successes, and failures that were planned.
        self.progress = 0
        #: Successes of a step that had succeeded in a process before.
        self.repeats = 0

    def sent(self, message_id: str, message: MessagePlan) -> None:
        """The queue has one more message. All are sent before the first process begins."""
        self._messages[message_id] = message

    def life_begins(self, in_file: Iterable[Step]) -> None:
        """A new process, and what it finds in the ledger's file."""
        with self._lock:
            self._life += 1
            self._in_file = frozenset(in_file)

    def report(self, what: str) -> None:
        """Something did not hold."""
        self.broken.append(what)

    # What handlers do

    def enter(self, handler: HandlerPlan) -> None:
        """A call of the handler begins."""
        with self._lock:
            self._inside[handler.name] += 1
            inside = self._inside[handler.name]
        if handler.concurrency is not None and inside > handler.concurrency:
            self.report(f"{inside} calls are in {handler.name}: {handler.concurrency} are allowed")

    def leave(self, handler: HandlerPlan) -> None:
        """It ends."""
        with self._lock:
            self._inside[handler.name] -= 1

    def is_down(self, handler: HandlerPlan) -> bool:
        """Count a call; True if it falls into an outage of the handler."""
        if not handler.bursts:
            return False
        with self._lock:
            self._outage_calls += 1
            is_down = any(self._outage_calls in outage for outage in self._plan.outages)
            self.progress += is_down
            return is_down

    def attempt(
        self, handler: HandlerPlan, event: Event, *, is_dead: Callable[[], bool]
    ) -> Exception | None:
        """The handler does its work on an event: what it fails with, or None. Raises Killed."""
        step = Step(event.message_id, event.index, handler.name)
        message = self._messages[event.message_id]
        content = message.events[event.index].content
        with self._lock:
            if is_dead():
                raise Killed
            self._tries[step] += 1
            error = self._failure(handler, content, self._tries[step])
            if isinstance(error, Reject):
                self._rejected.add(event.message_id)
            elif error is not None:
                self.progress += 1
            else:
                self._note_success(step, content)
        return error

    def _note_success(self, step: Step, content: str) -> None:
        if not self._plan.handlers[int(step.handler[-1])].wants(
            self._messages[step.message_id].events[step.event]
        ):
            self.report(f"{step} was not asked for")
        if self._life_of.get(step) == self._life:
            self.report(f"{step} succeeded twice in one process")
        elif step in self._in_file:
            self.report(f"{step} was in the ledger's file, and ran again")
        self.repeats += step in self._life_of
        self._life_of[step] = self._life
        self._done.add((self._key(step, content), step.handler))
        self.successes += 1
        self.progress += 1

    def _key(self, step: Step, content: str) -> str:
        return content if self._plan.deduplicate else f"{step.message_id} {step.event}"

    def _failure(self, handler: HandlerPlan, content: str, attempt: int) -> Exception | None:
        if self._rejects(handler, content):
            return Reject("as planned")
        dice = Random(f"{self._plan.seed} {handler.name} {content}")
        if dice.random() >= handler.fails or attempt > dice.randint(1, 2):
            return None
        return dice.choice((Retry("as planned", after=0), Retry("as planned"), ValueError()))

    def _rejects(self, handler: HandlerPlan, content: str) -> bool:
        dice = Random(f"{self._plan.seed} {handler.name} {content} rejected")
        return dice.random() < handler.rejects

    # What the queue does

    def deleted(self, message_id: str) -> None:
        """The queue has deleted a message: was all of it handled?"""
        with self._lock:
            self._deleted.add(message_id)
            missing = [step for step, key in self._steps(message_id) if key not in self._done]
        if missing:
            self.report(f"deleted before it was handled: {missing}")
        if not self._messages[message_id].events:
            self.report(f"deleted though it is not an event: {message_id}")

    def _steps(self, message_id: str) -> list[tuple[Step, tuple[str, str]]]:
        found = []
        for index, event in enumerate(self._messages[message_id].events):
            for handler in self._plan.handlers:
                if handler.wants(event):
                    step = Step(message_id, index, handler.name)
                    found.append((step, (self._key(step, event.content), handler.name)))
        return found

    def steps_of_this_life(self, message_ids: Iterable[str]) -> set[Step]:
        """The steps of these messages that succeeded in this process."""
        with self._lock:
            return {
                step
                for message_id in message_ids
                for step, _ in self._steps(message_id)
                if self._life_of.get(step) == self._life
            }

    # What is left

    def stays(self, message_id: str) -> bool:
        """True if the message is to be rejected whenever it comes."""
        message = self._messages[message_id]
        return not message.events or any(
            handler.wants(event) and self._rejects(handler, event.content)
            for event in message.events
            for handler in self._plan.handlers
        )

    def left(self) -> list[str]:
        """The messages that have not come to their end: to be deleted, or rejected once."""
        with self._lock:
            done = self._deleted | self._rejected
        return [
            message_id
            for message_id, message in self._messages.items()
            if message_id not in done and message.events
        ]
