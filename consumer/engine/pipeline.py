"""A message's way: decode, route, handle, and the decision what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog

from consumer import log_events
from consumer.engine.batching import Batch, Collector
from consumer.engine.breaker import PUT_OFF_SECONDS
from consumer.engine.delivery import Delivery
from consumer.errors import ConsumerError, DecodeError, describe, outcome_of
from consumer.events.decode import decode
from consumer.messages import Outcome
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.clock import Clock
    from consumer.engine.admission import Admission, Waiting
    from consumer.engine.catalog_watch import CatalogWatch
    from consumer.engine.delivery import Work
    from consumer.engine.duplicates import Duplicates
    from consumer.engine.inflight import Slot
    from consumer.engine.invoke import Invoker
    from consumer.engine.ledger import Ledger, Step
    from consumer.engine.quarantine import Quarantine
    from consumer.engine.settler import Settler
    from consumer.engine.stats import Stats
    from consumer.handlers.registering.registry import Handler, Registry
    from consumer.messages import Event

_log = structlog.get_logger(__name__)

#: What waits for a copy to end comes again after this long at first, then ever later.
_COPY = RetryPolicy(base_seconds=15.0, max_seconds=PUT_OFF_SECONDS)
_PUT_OFF = Outcome.retry("its handler fails all the time", PUT_OFF_SECONDS)


class Pipeline:
    """Takes what was received to its outcome.

    Worker threads call `process`; it never raises because of a message or a handler.

    Args:
        admission: decides who may be handed to a handler now.
        watch: compares each event with the catalog.
        quarantine: where rejected and undecodable messages go; None leaves them to the queue.
        duplicates: recognises events that were sent twice; None handles them twice.
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
        admission: Admission,
        message_format: Literal["auto", "canvas", "caliper"] = "auto",
        watch: CatalogWatch,
        quarantine: Quarantine | None = None,
        duplicates: Duplicates | None = None,
    ) -> None:
        self._registry = registry
        self._settler = settler
        self._ledger = ledger
        self._stats = stats
        self._clock = clock
        self._invoker = invoker
        self.admission = admission
        self._format = message_format
        self._watch = watch
        self._quarantine = quarantine
        self._duplicates = duplicates
        self._collectors: dict[str, Collector[Waiting]] = {
            h.name: Collector(h, clock) for h in registry.handlers if h.call_batch
        }

    def process(self, item: Slot | Delivery | Batch[Waiting]) -> None:
        """Take one item as far as it goes now: a message, one that waited, or a batch."""
        if isinstance(item, Batch):
            self._run_batch(item)
        elif isinstance(item, Delivery):
            self._advance(item)
        else:
            self._begin(item)

    def _begin(self, slot: Slot) -> None:
        message = slot.message
        try:
            events = decode(message, self._format, self._watch.reader)
            new = self._duplicates.begin(events, message.message_id) if self._duplicates else None
        except DecodeError as error:
            self._stats.add("undecodable")
            _log.warning(log_events.UNDECODABLE, reason=error.reason, message_id=message.message_id)
            self._reject(slot, outcome_of(error))
            return
        except Exception as error:  # a bug of ours; it shall not take the other messages with it
            facts = {"message_id": message.message_id, **describe(error)}
            _log.error(
                log_events.UNDECODABLE, reason="a bug in the decoder", **facts, exc_info=error
            )
            self._put_off(slot, outcome_of(error), None)
            return
        if new == "busy":
            self._settler.put_off(slot, self._after_copy(message.receive_count))
            return
        work: list[Work] = []
        done = self._ledger.succeeded(message.message_id)
        for event in events:
            self._watch.see(event)
            if new is not None and not new[event.index]:
                self._stats.add("duplicate_events")
                continue
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

    def _after_copy(self, receive_count: int) -> Outcome:
        # While a handler fails all the time its copy may be kept for hours.
        failing = self.admission.failing()
        seconds = PUT_OFF_SECONDS if failing else _COPY.ceiling(receive_count)
        return Outcome.retry("a copy of it is being handled", seconds)

    def _advance(self, delivery: Delivery) -> None:
        """Do the pieces of work in order, up to the end or to a handler that has no room."""
        work = delivery.work
        while delivery.position < len(work):
            event, handler = work[delivery.position]
            if handler.call_batch is not None:
                delivery.position += 1
                self._collect(delivery, (event, handler))
            elif self.admission.others_first(delivery):
                # The place at its gate, if it has waited for that, is for one that goes in.
                self.admission.leave(delivery, handler)
                work.append(work.pop(delivery.position))
            elif not self._run(delivery, event, handler):
                return  # it waits for its turn, and comes back as an item of its own

    def _run(self, delivery: Delivery, event: Event, handler: Handler) -> bool:
        """Hand the event to the handler; False if the message has to wait for that."""
        outcomes = delivery.failures
        delivery.failures = []
        if not outcomes:
            entered = self.admission.enter(delivery, handler)
            if entered == "kept":
                return False
            outcomes = [_PUT_OFF]
            if entered == "go":
                try:
                    outcomes = [self._invoker.call(handler, event, delivery.slot)]
                finally:
                    self.admission.leave(delivery, handler)
                if self.admission.judge(delivery, handler, outcomes, delivery.slot):
                    return False
        delivery.position += 1
        if delivery.end(event, handler, outcomes[0]):
            self._settle(delivery)
        return True

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
        outcomes = batch.failures
        batch.failures = []
        if not outcomes:
            entered = self.admission.enter(batch, handler)
            if entered == "kept":
                return  # comes back as an item of its own when it is its turn
            outcomes = [_PUT_OFF] * len(batch.items)
            if entered == "go":
                slots = [delivery.slot for delivery, _ in batch.items]
                events = [event for _, (event, _) in batch.items]
                try:
                    outcomes = self._invoker.call_batch(handler, events, slots)
                finally:
                    self.admission.leave(batch, handler)
                if self.admission.judge(batch, handler, outcomes, slots[0]):
                    return
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
        waiting = self.admission.abandon()
        waiting += self.due_batches(everything=True)
        slots: dict[Slot, None] = {}  # each once: a message may wait in several places
        for item in waiting:
            deliveries = [item] if isinstance(item, Delivery) else [d for d, _ in item.items]
            slots |= {delivery.slot: None for delivery in deliveries}
        self.note_unfinished(slots)
        return list(slots)

    def note_unfinished(self, slots: Iterable[Slot]) -> None:
        """Draining: what handlers have done of messages that are given back is not done again."""
        for slot in slots:
            if slot.succeeded:
                self._ledger.record(slot.message.message_id, slot.succeeded)

    def _settle(
        self, delivery: Delivery, acks: list[tuple[Slot, list[Step]]] | None = None
    ) -> None:
        """Every piece has ended: ack only if all succeeded (into `acks`, if many are settled)."""
        outcome, handler = delivery.verdict()
        slot = delivery.slot
        if self._duplicates is not None:
            self._duplicates.end(delivery.events, handled=outcome.verdict == "ack")
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
        if outcome.verdict == "reject":
            self._reject(slot, outcome)
        else:
            self._put_off(slot, outcome, handler)

    def _reject(self, slot: Slot, outcome: Outcome) -> None:
        """Set a poison message apart and delete it; without quarantine SQS's redrive policy does.

        If it can't be set apart it stays in the queue.
        """
        if self._quarantine is not None:
            message_id = slot.message.message_id
            try:
                self._quarantine.put(slot.message, outcome.reason)
            except Exception as error:
                self._stats.add("quarantine_failed")
                facts = {"message_id": message_id, **describe(error)}
                if isinstance(error, ConsumerError):  # its text is ours, and says what to allow
                    facts["reason"] = str(error)
                _log.error(log_events.QUARANTINE_FAILED, **facts)
            else:
                self._stats.add("quarantined")
                _log.warning(log_events.QUARANTINED, message_id=message_id, reason=outcome.reason)
                self._settler.ack(slot, [])
                return
        self._put_off(slot, outcome, None)

    def _put_off(self, slot: Slot, outcome: Outcome, handler: Handler | None) -> None:
        self._stats.add("failed" if outcome.verdict == "retry" else "rejected")
        self._settler.put_off(slot, outcome, handler.retry if handler is not None else None)
