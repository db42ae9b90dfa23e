"""Who may be handed to a handler now: its gate (concurrency) and its breaker (failures)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from consumer.engine.batching import Batch
from consumer.engine.breaker import Breaker
from consumer.engine.delivery import Delivery, Gate, Work
from consumer.messages import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from consumer.clock import Clock
    from consumer.engine.inflight import Slot
    from consumer.handlers.registering.registry import Handler

#: An event that waits in a batch, and the message it came in.
Waiting = tuple[Delivery, Work]
#: What waits for a handler: a message, or a batch.
Item = Delivery | Batch[Waiting]

_STOPPING = Outcome.retry("the process stops", 0.0)


class Admission:
    """Worker threads call `enter`, `leave` and `judge`; a housekeeper the others.

    Nobody blocks: an item that has to wait is kept, and given to `enqueue` when its turn has come.

    Args:
        enqueue: hands an item to the worker threads.
        breaker_failures: so many failures in a row open a handler's breaker; 0: none has one.
        room: how many messages the breakers may keep, all together.
    """

    def __init__(
        self,
        handlers: Iterable[Handler],
        *,
        clock: Clock,
        enqueue: Callable[[Item], None],
        breaker_failures: int,
        room: int,
    ) -> None:
        self._enqueue = enqueue
        self._gates: dict[str, Gate[Item]] = {}
        self._breakers: dict[str, Breaker[Item]] = {}
        for handler in handlers:
            if handler.concurrency:
                self._gates[handler.name] = Gate(handler.concurrency)
            if breaker_failures:
                self._breakers[handler.name] = Breaker(
                    handler.name,
                    threshold=breaker_failures,
                    takes_all=_takes_all(handler),
                    room=max(room, 1),
                    others=partial(self._kept_by_others, handler.name),
                    clock=clock,
                    size=_size,
                    split=_split,
                )

    def enter(self, item: Item, handler: Handler) -> Literal["go", "kept", "full"]:
        """Pass the handler's breaker and its gate, be kept by one, or find the breaker full."""
        breaker = self._breakers.get(handler.name)
        if breaker is not None and breaker.is_open:
            self.leave(item, handler)  # the place that it may have waited for is another's now
            entered = breaker.enter(item)
            if entered != "go":
                return entered
        gate = self._gates.get(handler.name)
        if gate is None or item.at_gate:
            return "go"
        item.at_gate = True
        return "go" if gate.enter(item) else "kept"

    def leave(self, item: Item, handler: Handler) -> None:
        """Give the place at the gate to the next one."""
        if item.at_gate:
            item.at_gate = False
            following = self._gates[handler.name].leave()
            if following is not None:
                self._enqueue(following)

    def judge(self, item: Item, handler: Handler, outcomes: Sequence[Outcome], slot: Slot) -> bool:
        """Tell the breaker what came of a call; True if it keeps the item for later.

        Then the item is another thread's, and must not be touched any more.
        """
        breaker = self._breakers.get(handler.name)
        if breaker is None:
            return False
        last_try, item.last_try = item.last_try, False
        if any(outcome.verdict != "retry" for outcome in outcomes):
            for kept in breaker.succeeded():
                # What failed meanwhile gets another try; if that fails, too, it is its own fault.
                kept.last_try, kept.failures = bool(kept.failures), []
                self._enqueue(kept)
            return False
        if any(outcome.delay_seconds is not None for outcome in outcomes):
            breaker.undecided(item)  # the handler says itself when
            return False
        if last_try:
            return False
        item.failures = list(outcomes)
        came_again = slot.message.receive_count > 1
        # A message that other handlers are still to get is not kept from them.
        may_wait = isinstance(item, Batch) or item.position + 1 == len(item.work)
        if breaker.failed(item, came_again=came_again, may_wait=may_wait):
            return True
        item.failures = []
        return False

    def others_first(self, delivery: Delivery) -> bool:
        """True if the next handler fails all the time, and there is work for one that does not."""
        following = (handler for _, handler in delivery.work[delivery.position :])
        return self._fails(next(following)) and not all(map(self._fails, following))

    def _fails(self, handler: Handler) -> bool:
        breaker = self._breakers.get(handler.name)
        return breaker is not None and breaker.is_open

    def probes(self) -> list[Item]:
        """What is to be tried with handlers that fail all the time: for worker threads."""
        found = [breaker.take_probe() for breaker in self._breakers.values() if breaker.is_open]
        probes = [item for item in found if item is not None]
        for item in probes:
            item.failures = []  # if it failed before, that is forgotten: it is tried again
        return probes

    def may_receive(self) -> int | None:
        """How many messages are of use now; None for any number."""
        wanted = (b.may_receive() for b in self._breakers.values() if b.is_open)
        return min((number for number in wanted if number is not None), default=None)

    def _kept_by_others(self, handler: str) -> int:
        return sum(len(breaker) for name, breaker in self._breakers.items() if name != handler)

    def failing(self) -> list[str]:
        """The names of the handlers that fail all the time."""
        return [name for name, breaker in self._breakers.items() if breaker.is_open]

    def give_up_kept(self) -> None:
        """Draining: what waits for a handler that fails all the time is settled, to be retried."""
        for breaker in self._breakers.values():
            for item in breaker.abandon():
                item.failures = [_STOPPING] * _size(item)
                self._enqueue(item)

    def abandon(self) -> list[Item]:
        """The process ends: everything that waits."""
        waiting = [item for gate in self._gates.values() for item in gate.abandon()]
        return waiting + [item for breaker in self._breakers.values() for item in breaker.abandon()]


def _takes_all(handler: Handler) -> bool:
    """True if there is no event that it did not ask for."""
    unlimited = handler.format is None and handler.when is None
    return unlimited and all("*" in patterns for patterns in (handler.patterns, *handler.within))


def _size(item: Item) -> int:
    return len(item.items) if isinstance(item, Batch) else 1


def _split(item: Item) -> tuple[Item, Item | None]:
    return item.split() if isinstance(item, Batch) else (item, None)
