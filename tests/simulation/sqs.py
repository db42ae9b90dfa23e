"""The queue of the simulation: SQS's semantics, its faults, and eyes on every call."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from consumer.engine.attempts import MAX_ATTEMPTS
from consumer.errors import AccessDeniedError, QueueMissingError, TransportError
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS
from consumer.testing.faults import Fault
from consumer.testing.queue import InMemoryQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    from consumer.testing.faults import Call, Operation

#: Faults of one call, by name: a new one is made for each call.
_WHOLE: Final[dict[str, Callable[[], Fault]]] = {
    "reset": lambda: Fault(TransportError("reset", code="ConnectionClosed")),
    "answer lost": lambda: Fault(TransportError("lost", code="ConnectionClosed"), after=True),
    "time-out": lambda: Fault(TransportError("late", code="ReadTimeout"), after=True, seconds=30),
    "no connection": lambda: Fault(TransportError("refused", code="ConnectTimeout"), seconds=5),
    "throttle": lambda: Fault(TransportError("slow down", code="RequestThrottled")),
    "server error": lambda: Fault(TransportError("500", code="InternalError")),
    "expired token": lambda: Fault(TransportError("expired", code="ExpiredToken")),
    "latency": lambda: Fault(seconds=7),
    "slow answer": lambda: Fault(seconds=7, after=True),
}
_REFUSALS: Final = ("InternalError", "RequestThrottled", "ServiceUnavailable")


class SimulatedQueue(InMemoryQueue):
    """Strict: what SQS would not take is a broken promise, and so is a delete too early.

    Args:
        expect: raises, for good, what is not as promised.
        may_delete: asked before a message is deleted; raises if it must not be.
        around: called before and after each call: to kill the process, or to let others act.
    """

    def __init__(
        self,
        *arguments: Any,
        dice: Random,
        fault_share: float,
        expect: Callable[[object, str], None],
        may_delete: Callable[[str], None],
        around: Callable[[str], None],
        note_fault: Callable[[str], None],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._dice = dice
        self._fault_share = fault_share
        self._expect = expect
        self._may_delete = may_delete
        self._around = around
        self._note_fault = note_fault
        #: "missing", "denied", "down" (no connection), "refusing" (entries): every call is answered
        #: so, until it is fixed.
        self.trouble = ""
        #: Receipt handles whose visibility was changed, and the answer arrived.
        self.changed: set[str] = set()
        self._refused: Counter[str] = Counter()
        self.faults = self._draw_fault

    def fix(self) -> None:
        """Nothing goes wrong from now on."""
        self._fault_share = 0.0
        self.trouble = ""

    def handles(self) -> dict[str, str]:
        """By message id the newest receipt handle of each message that is there."""
        return {m.message_id: m.handle for m in self._messages.values()}

    def hidden_until(self) -> dict[str, float]:
        """By message id when each that is not visible will be."""
        now = self.clock.monotonic()
        return {m.message_id: m.visible_at for m in self._in_flight(now)}

    @contextlib.contextmanager
    def _call(self, operation: Operation, size: int) -> Iterator[Fault]:
        self._around(operation)
        with super()._call(operation, size) as fault:
            yield fault
        self._around(f"after {operation}")

    def _draw_fault(self, call: Call) -> Fault | None:
        if self.trouble:
            return self._trouble(call)
        if self._dice.random() >= self._fault_share:
            return None
        if call.operation in {"delete", "change_visibility"} and self._dice.random() < 0.4:
            self._note_fault("entries refused")
            refused = self._dice.sample(range(call.size), self._dice.randint(1, call.size))
            code = self._dice.choice(_REFUSALS)
            return Fault(failed=dict.fromkeys(refused, EntryFailure(code)))
        kind = self._dice.choice(tuple(_WHOLE))
        self._note_fault(kind)
        return _WHOLE[kind]()

    def _trouble(self, call: Call) -> Fault | None:
        if self.trouble == "refusing" and call.operation == "receive":
            return None  # it has no entries
        self._note_fault(f"queue {self.trouble}")
        if self.trouble == "missing":
            return Fault(QueueMissingError("gone", code="AWS.SimpleQueueService.NonExistent"))
        if self.trouble == "denied":
            return Fault(AccessDeniedError("denied", code="AccessDenied"))
        if self.trouble == "down":
            return _WHOLE["no connection"]()
        return Fault(failed=dict.fromkeys(range(call.size), EntryFailure("InternalError")))

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """Delete; but first every message must be one that may be."""
        for handle in receipt_handles:
            message = self._by_handle.get(handle)
            if message is not None and message.message_id in self._messages:
                self._may_delete(message.message_id)
        answers = super().delete(receipt_handles)
        for handle, failure in zip(receipt_handles, answers, strict=True):
            self._refused[handle] += failure is not None and not failure.gone
            few = self._refused[handle] <= MAX_ATTEMPTS
            self._expect(few, "a delete that is refused is sent for ever")
        return answers

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """Change; but SQS counts twelve hours from the receive."""
        now = self.clock.monotonic()
        for handle, seconds in changes:
            message = self._by_handle.get(handle)
            if message is None or message.handle != handle or not message.is_in_flight(now):
                continue  # refused in any case
            allowed = seconds + now - message.received_at <= MAX_VISIBILITY_SECONDS
            self._expect(allowed, "a visibility of more than 12 h was asked for")
        answers = super().change_visibility(changes)
        both = zip(changes, answers, strict=True)
        self.changed |= {handle for (handle, _), failure in both if failure is None}
        return answers
