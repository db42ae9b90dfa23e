"""A message's way: decode, route, handle, and the decision what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog

from consumer import log_events
from consumer.engine.backoff import Backoff
from consumer.engine.batching import Batch, Collector
from consumer.engine.delivery import Delivery, Gate, Work
from consumer.errors import DecodeError, describe, outcome_of
from consumer.events.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.clock import Clock
    from consumer.engine.inflight import Slot
    from consumer.engine.invoke import Invoker
    from consumer.engine.ledger import Ledger, Step
    from consumer.engine.settler import Settler
    from consumer.engine.stats import Stats
    from consumer.handlers.registry import Handler, Registry
    from consumer.messages import Outcome

_log = structlog.get_logger(__name__)

#: An event that waits in a batch, and the message it came in.
Waiting = tuple[Delivery, Work]


class Pipeline:
    """Takes what was received to its outcome.

    Worker threads call `process`; it never raises because of a message or a handler.

    Args:
        enqueue: hands an item to the worker threads (a delivery whose turn it is).
    """

    def __init__(
        self,
        registry: Registry,
        settler: Settler,
        ledger: Ledger,
        stats: Stats,
        *,
        clock: Clock,
        invoker: Invoker,
        enqueue: Callable[[Delivery | Batch[Waiting]], None],
        message_format: Literal["auto", "canvas", "caliper"] = "auto",
    ) -> None:
        self._registry = registry
        self._settler = settler
        self._ledger = ledger
        self._stats = stats
        self._clock = clock
        self._invoker = invoker
        self._enqueue = enqueue
        self._format = message_format
        self._collectors: dict[str, Collector[Waiting]] = {
            h.name: Collector(h, clock) for h in registry.handlers if h.call_batch
        }
        self._gates: dict[str, Gate[Delivery | Batch[Waiting]]] = {
            h.name: Gate(h.concurrency) for h in registry.handlers if h.concurrency
        }

    def process(self, item: Slot | Delivery | Batch[Waiting]) -> None:
        """Take one item as far as it goes now: a message, one that waited, or a batch."""
        if isinstance(item, Batch):
            self._run_batch(item)
        elif isinstance(item, Delivery):
            self._run(item, item.work[item.position][1], entered=True)
            self._advance(item)
        else:
            self._begin(item)

    def _begin(self, slot: Slot) -> None:
        message = slot.message
        try:
            events = decode(message, self._format)
        except DecodeError as error:
            self._stats.add("undecodable")
            _log.warning(log_events.UNDECODABLE, reason=error.reason, message_id=message.message_id)
            self._put_off(slot, outcome_of(error), None)
            return
        except Exception as error:  # a bug of ours; it shall not take the other messages with it
            facts = {"message_id": message.message_id, **describe(error)}
            _log.error(
                log_events.UNDECODABLE, reason="a bug in the decoder", **facts, exc_info=error
            )
            self._put_off(slot, outcome_of(error), None)
            return
        work: list[Work] = []
        done = self._ledger.succeeded(message.message_id)
        for event in events:
            handlers = self._registry.route(event.name, event.format)
            if not handlers:
                self._stats.add("unmatched")
            work += [(event, handler) for handler in handlers]
        if done:
            wanted = len(work)
            work = [(e, h) for e, h in work if (e.index, h.name) not in done]
            self._stats.add("already_handled", wanted - len(work))
        delivery = Delivery(slot, events, work)
        if work:
            self._advance(delivery)
        else:  # nobody asked for it, or all is done already: there is nothing to wait for
            self._settle(delivery)

    def _advance(self, delivery: Delivery) -> None:
        """Do the pieces of work in order, up to the end or to a handler that has no room."""
        work = delivery.work
        while delivery.position < len(work):
            event, handler = work[delivery.position]
            if handler.call_batch is not None:
                delivery.position += 1
                self._collect(delivery, (event, handler))
                continue
            gate = self._gates.get(handler.name)
            if gate is not None and not gate.enter(delivery):
                return  # comes back as an item of its own when it is its turn
            self._run(delivery, handler, entered=gate is not None)

    def _run(self, delivery: Delivery, handler: Handler, *, entered: bool) -> None:
        event, _ = delivery.work[delivery.position]
        delivery.position += 1
        try:
            outcome = self._invoker.call(handler, event, delivery.slot)
        finally:
            if entered:
                self._leave(handler)
        if delivery.end(event, handler, outcome):
            self._settle(delivery)

    def _leave(self, handler: Handler) -> None:
        following = self._gates[handler.name].leave()
        if following is not None:
            self._enqueue(following)

    def _collect(self, delivery: Delivery, work: Work) -> None:
        event, handler = work
        outcome = self._invoker.wanted(handler, event, delivery.slot)
        if outcome is not None:
            if delivery.end(event, handler, outcome):
                self._settle(delivery)
            return
        full = self._collectors[handler.name].add((delivery, work))
        if full is not None:
            self._run_batch(full)

    def _run_batch(self, batch: Batch[Waiting]) -> None:
        handler = batch.handler
        gate = self._gates.get(handler.name)
        if gate is not None and not batch.at_gate:
            batch.at_gate = True
            if not gate.enter(batch):
                return  # comes back as an item of its own when it is its turn
        try:
            outcomes = self._invoker.call_batch(
                handler,
                [event for _, (event, _) in batch.items],
                [delivery.slot for delivery, _ in batch.items],
            )
        finally:
            if gate is not None:
                self._leave(handler)
        acks: list[tuple[Slot, list[Step]]] = []
        for (delivery, (event, _)), outcome in zip(batch.items, outcomes, strict=True):
            if delivery.end(event, handler, outcome):
                self._settle(delivery, acks)
        self._settler.ack_all(acks)

    def due_batches(self, *, everything: bool = False) -> list[Batch[Waiting]]:
        """Batches that have lingered long enough (or all): to be given to worker threads."""
        now = None if everything else self._clock.monotonic()
        taken = (collector.take(now=now) for collector in self._collectors.values())
        return [batch for batch in taken if batch is not None]

    def abandon_waiting(self) -> list[Slot]:
        """Draining: messages that wait for a handler's turn or for a batch, to be given back.

        What already succeeded for them is in the ledger.
        """
        waiting = [item for gate in self._gates.values() for item in gate.abandon()]
        waiting += self.due_batches(everything=True)
        slots: dict[Slot, None] = {}  # each once: a message may wait in several places
        for item in waiting:
            deliveries = [item] if isinstance(item, Delivery) else [d for d, _ in item.items]
            for delivery in deliveries:
                if delivery.succeeded:
                    self._ledger.record(delivery.slot.message.message_id, delivery.succeeded)
                slots[delivery.slot] = None
        return list(slots)

    def _settle(
        self, delivery: Delivery, acks: list[tuple[Slot, list[Step]]] | None = None
    ) -> None:
        """Every piece has ended: ack only if all succeeded (into `acks`, if many are settled)."""
        outcome, handler = delivery.verdict()
        slot = delivery.slot
        if outcome.verdict == "ack":
            self._stats.handled([event.name for event in delivery.events])
            if acks is None:
                self._settler.ack(slot, delivery.succeeded)
            else:
                acks.append((slot, delivery.succeeded))
            return
        if delivery.succeeded:
            # Before the message can come again: what succeeded shall not run twice.
            self._ledger.record(slot.message.message_id, delivery.succeeded)
        self._put_off(slot, outcome, handler)

    def _put_off(self, slot: Slot, outcome: Outcome, handler: Handler | None) -> None:
        self._stats.add("failed" if outcome.verdict == "retry" else "rejected")
        policy = handler.retry if handler is not None else None
        backoff = Backoff(policy.base_seconds, policy.max_seconds) if policy else None
        self._settler.put_off(slot, outcome, backoff)
