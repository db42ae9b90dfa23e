"""A process for each batch: its exit code decides."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from consumer.clock import Clock
from consumer.errors import BatchFailure, Reject, Retry, Unavailable
from consumer.handlers.command.child import Child, how_it_ended
from consumer.handlers.command.children import Children
from consumer.handlers.records import encoded
from consumer.messages import Context, Event

#: Exit codes with a meaning, as in sysexits.h.
HANDLED: Final = 0
DATA_ERROR: Final = 65
TRY_AGAIN: Final = 75

_LOOK_SECONDS: Final = 1.0


class Batches:
    """Any thread may call it; each call has processes of its own.

    Args:
        seconds: how long a process may take.
    """

    def __init__(self, children: Children, *, seconds: float, clock: Clock) -> None:
        self._children = children
        self._seconds = seconds
        self._clock = clock

    def handle(self, events: Sequence[Event], lines: Sequence[str], context: Context) -> None:
        """Returns if the program has handled all of the events, whose lines these are.

        If it says that an event is wrong, it gets the halves, until that event is alone.

        Raises: `Unavailable`, `Retry`, or `BatchFailure`.
        """
        failures: dict[Event, BaseException] = {}
        waiting = [range(len(events))]
        while waiting:
            part = waiting.pop()
            try:
                self._run([lines[n] for n in part], context, again=len(part) < len(events))
            except Reject as error:
                if len(part) > 1:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
                else:
                    failures[events[part[0]]] = error
            except (Retry, Unavailable) as error:
                if len(part) == len(events):
                    raise
                failures |= dict.fromkeys([events[n] for n in chain(part, *waiting)], error)
                break
        if failures:
            raise BatchFailure(failures)

    def _run(self, lines: list[str], context: Context, *, again: bool) -> None:
        if again and context.should_stop():
            raise Retry("the daemon stops before the program could get the event alone")
        now = self._clock.monotonic
        deadline = deadline_of(context, now() + self._seconds)
        with self._children.one() as child:
            rest = memoryview(encoded(lines))
            while rest and child.code is None and (left := deadline - now()) > 0:
                taken, _ = child.exchange(rest, left)
                rest = rest[taken:]
            child.end_input()
            while child.code is None and (left := deadline - now()) > 0:
                child.wait(min(left, _LOOK_SECONDS))
            _judge(child, all_taken=not rest)


def deadline_of(context: Context, own: float) -> float:
    """Ours, or that of the handler if it is earlier."""
    return own if context.deadline is None else min(own, context.deadline)


def _judge(child: Child, *, all_taken: bool) -> None:
    code = child.code
    if code is None:
        raise Retry("the program did not end in time, and was killed")
    if code == TRY_AGAIN:
        raise Unavailable(f"the program {how_it_ended(code)}: what it needs is not available")
    if code == DATA_ERROR:
        raise Reject(f"the program {how_it_ended(code)}")
    if code != HANDLED:
        raise Retry(f"the program {how_it_ended(code)}")
    if not all_taken or child.left_input():
        raise Retry("the program ended with exit code 0, but has not read all of its input")
