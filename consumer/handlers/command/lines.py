"""A long-lived process that answers one line for each event."""

from collections.abc import Callable, Sequence
from typing import Final

from consumer.clock import Clock
from consumer.errors import BatchFailure, Retry, Unavailable
from consumer.handlers.command.answers import LONGEST, answer_of
from consumer.handlers.command.batch import TRY_AGAIN, deadline_of
from consumer.handlers.command.child import Child, how_it_ended
from consumer.handlers.command.children import Children
from consumer.handlers.records import encoded
from consumer.messages import Context, Event

#: How long a process may take to end after its standard output has ended: its code is wanted.
_END_SECONDS: Final = 10.0


class Lines:
    """Any thread may call it: each call has a process for itself, which then waits for the next.

    Args:
        seconds: how long the program may take until its next answer.
    """

    def __init__(self, children: Children, *, seconds: float, clock: Clock) -> None:
        self._children = children
        self._seconds = seconds
        self._monotonic = clock.monotonic

    def handle(self, events: Sequence[Event], lines: Sequence[str], context: Context) -> None:
        """Returns if the program has answered "ok" to all of the events, whose lines these are.

        What it has not answered when it fails is not handled. Of these, the first one is likely the
        cause, so it is delivered again; the others find the program down.

        Raises: `Unavailable`, `Retry`, or `BatchFailure`.
        """
        now = self._monotonic
        answers: list[Exception | None] = []
        try:
            with self._children.one() as child:
                talk = _Talk(child, len(events), answers)
                talk.hold(
                    memoryview(encoded(list(lines))),
                    now=now,
                    deadline=lambda: deadline_of(context, now() + self._seconds),
                )
        except (Retry, Unavailable) as error:
            if not answers and isinstance(error, Unavailable):
                raise
            answers.append(error)
            answers += [Unavailable(error.reason)] * (len(events) - len(answers))
        failures = {e: answer for e, answer in zip(events, answers, strict=True) if answer}
        if failures:
            raise BatchFailure(failures)


class _Talk:
    """The events of one call, and what the program answers to them, in their order.

    Args:
        answers: where they go; None for an event that it has handled.
    """

    def __init__(self, child: Child, events: int, answers: list[Exception | None]) -> None:
        self._child = child
        self._events = events
        self._answers = answers
        self._begun = b""

    def hold(
        self, data: memoryview, *, now: Callable[[], float], deadline: Callable[[], float]
    ) -> None:
        """Pass the events, and read the answers meanwhile: a program may do both in any order.

        Raises `Unavailable` or `Retry` if there is not one answer for each event.
        """
        if self._child.exchange(data[:0], 0)[1]:  # it belongs to no event
            self._refuse_all()
        until = deadline()
        while data or len(self._answers) < self._events:
            if (left := until - now()) <= 0:
                raise self._fault("did not answer in time")
            ended = self._child.code is not None  # what it wrote before that is still to be read
            taken, said = self._child.exchange(data, left)
            data = data[taken:]
            if said:
                answered = len(self._answers)
                self._read(said)
                if len(self._answers) > answered:
                    until = deadline()
            elif ended or said is not None:
                raise self._end()
        if self._begun or self._child.left_input():
            self._refuse_all()

    def _read(self, said: bytes) -> None:
        *lines, self._begun = (self._begun + said).split(b"\n")
        for line in lines:
            if len(self._answers) == self._events:
                self._refuse_all()
            self._add(line)
        if len(self._begun) > LONGEST:
            self._add(self._begun)  # is no answer, whatever comes after it

    def _add(self, line: bytes) -> None:
        try:
            self._answers.append(answer_of(line))
        except ValueError:
            raise self._fault('wrote a line that is not "ok", "retry" or "reject"') from None
        self._child.has_answered = True

    def _refuse_all(self) -> None:
        """It is not known which answers are those to these events."""
        self._answers.clear()
        raise self._fault("wrote an answer without having read the event")

    def _end(self) -> Retry | Unavailable:
        code = self._child.wait(_END_SECONDS)
        if code == TRY_AGAIN:
            return Unavailable(f"the program {how_it_ended(code)}: what it needs is not available")
        how = "closed its standard output" if code is None else how_it_ended(code)
        return self._fault(f"{how} before it had answered")

    def _fault(self, what: str) -> Retry | Unavailable:
        """Before its first answer it may be the program that is wrong, and not the event."""
        reason = f"the program {what}"
        return Retry(reason) if self._child.has_answered else Unavailable(reason)
