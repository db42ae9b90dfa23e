"""What can go wrong with a call to the in-memory queue, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from consumer.queues.transport import EntryFailure

Operation = Literal["receive", "delete", "change_visibility", "attributes"]


class Call(NamedTuple):
    """One call to the queue. `count` is how many messages it asked for, or entries it carried."""

    operation: Operation
    count: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call.

    `error` alone: the request never arrives. With `after`: the queue has acted, and the answer is
    lost. `failed` names entries of a batch, by position, that the queue answers with `Failed` and
    does not act on. `seconds` is how long the call takes (a `ManualClock` is moved by it).
    `operation` is the only kind of call that it is for; None: any.
    """

    error: Exception | None = None
    after: bool = False
    failed: Mapping[int, EntryFailure] = field(default_factory=dict)
    seconds: float = 0.0
    operation: Operation | None = None


#: Faults in the order in which they happen, each once; or who decides for each call.
Faults = list[Fault] | Callable[[Call], Fault | None]

NO_FAULT = Fault()


def next_fault(faults: Faults, call: Call) -> Fault:
    """The fault that strikes this call; it is taken out of the list."""
    if callable(faults):
        return faults(call) or NO_FAULT
    for position, fault in enumerate(faults):
        if fault.operation in (None, call.operation):
            return faults.pop(position)
    return NO_FAULT
