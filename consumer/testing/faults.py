"""Faults of the in-memory queue: what can go wrong with a call, and when."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from consumer.clock import Clock
from consumer.queues.transport import EntryFailure
from consumer.testing.clock import ManualClock

Operation = Literal["receive", "delete", "change_visibility", "attributes"]


class Call(NamedTuple):
    """A call to the queue. `size` is the number of messages it asked for, or of its entries."""

    operation: Operation
    size: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call.

    With `error` the request never arrives; with `after`, too, the queue acts and its answer is
    lost. `failed` are entries of a batch, by position, that the queue does not act on and answers
    with `Failed`. `seconds` is how long the request takes, or, with `after` and no error, the
    answer (a `ManualClock` is moved by it). `operation` limits it to one kind of call.
    """

    error: Exception | None = None
    after: bool = False
    failed: Mapping[int, EntryFailure] = field(default_factory=dict)
    seconds: float = 0.0
    operation: Operation | None = None


#: Faults in the order in which they happen, each once; or a function that chooses for each call.
Faults = list[Fault] | Callable[[Call], Fault | None]

_NO_FAULT = Fault()


@dataclass(eq=False, repr=False)
class FaultyCalls:
    """Records each call and applies the faults. Any thread may call."""

    clock: Clock
    #: The faults of the next calls.
    faults: Faults = field(default_factory=list, init=False)
    #: Every call so far, including those that failed.
    calls: list[Call] = field(default_factory=list, init=False)
    _calls_lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @contextlib.contextmanager
    def _call(self, operation: Operation, size: int) -> Iterator[Fault]:
        """A context for what the queue does: raises the error of a fault before it, or after it."""
        call = Call(operation, size)
        with self._calls_lock:
            self.calls.append(call)
            fault = self._next_fault(call)
        slow_answer = fault.after and fault.error is None
        if not slow_answer:
            self._pass_time(fault.seconds)
        if fault.error is not None and not fault.after:
            raise fault.error
        yield fault
        if slow_answer:
            self._pass_time(fault.seconds)
        if fault.error is not None:
            raise fault.error

    def _pass_time(self, seconds: float) -> None:
        if seconds and isinstance(self.clock, ManualClock):
            self.clock.advance(seconds)

    def _next_fault(self, call: Call) -> Fault:
        if callable(self.faults):
            return self.faults(call) or _NO_FAULT
        for position, fault in enumerate(self.faults):
            if fault.operation in (None, call.operation):
                return self.faults.pop(position)
        return _NO_FAULT
