"""Extends the visibility of everything in flight, from receive until it is settled."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.engine.visibility import VISIBILITY_MARGIN_SECONDS
from consumer.errors import TransportError
from consumer.sqs_limits import MAX_BATCH, MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.clock import Clock
    from consumer.engine.inflight import InFlight, Slot
    from consumer.engine.stats import Stats
    from consumer.queues.transport import Transport

_log = structlog.get_logger(__name__)

#: SQS counts 12 h from the receive; beyond this age a message is no longer renewed.
MAX_AGE_SECONDS = MAX_VISIBILITY_SECONDS - VISIBILITY_MARGIN_SECONDS


class Heartbeat:
    """Renews at half-life, in batches. One thread calls `tick`, about once a second."""

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        stats: Stats,
        *,
        clock: Clock,
        visibility_timeout_seconds: int,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._stats = stats
        self._clock = clock
        self._timeout = visibility_timeout_seconds
        #: `Clock.monotonic()` of the last sign of life, for the watchdog.
        self.progress = clock.monotonic()

    @property
    def interval_seconds(self) -> float:
        """How long to wait between ticks: several fit into half a visibility timeout."""
        return min(1.0, self._timeout / 8.0)

    def tick(self) -> None:
        """Renew whatever has used up half of its visibility timeout."""
        self.progress = now = self._clock.monotonic()
        due = (slot for slot in self._in_flight.snapshot() if self._is_due(slot, now))
        while batch := list(islice(due, MAX_BATCH)):
            self._renew(batch)
            self.progress = self._clock.monotonic()

    def _is_due(self, slot: Slot, now: float) -> bool:
        if slot.visibility_lost:
            return False
        if now >= slot.visible_at:
            self._lose(slot, "ran out")
            return False
        if slot.stuck or now - slot.received_at >= MAX_AGE_SECONDS:
            return False  # let it run out: another consumer shall have a chance
        return slot.visible_at - now <= self._timeout / 2.0

    def _renew(self, batch: list[Slot]) -> None:
        # The lock keeps a release or a retry delay from being undone by a renewal on its way.
        with self._in_flight.visibility_lock:
            slots = [s for s in batch if self._in_flight.holds(s) and not s.leaving]
            if not slots:
                return
            now = self._clock.monotonic()
            handles = [slot.receipt_handle for slot in slots]
            changes = list(zip(handles, self._seconds(slots, now), strict=True))
            try:
                answers = self._transport.change_visibility(changes)
            except TransportError as error:
                # Due again at the next tick; several fit in before the visibility runs out.
                _log.warning(log_events.VISIBILITY_FAILED, code=error.code, messages=len(slots))
                return
        for slot, (handle, seconds), failure in zip(slots, changes, answers, strict=True):
            if slot.receipt_handle is not handle:
                continue  # received again meanwhile: that delivery has a visibility of its own
            if failure is None:
                slot.visible_at = now + seconds
            elif failure.gone and self._in_flight.holds(slot):
                self._lose(slot, failure.code)
            # Else it was settled meanwhile, or is due again at the next tick.

    def _seconds(self, slots: list[Slot], now: float) -> Iterator[int]:
        for slot in slots:
            remaining = MAX_AGE_SECONDS - (now - slot.received_at)
            yield max(1, min(self._timeout, int(remaining)))

    def _lose(self, slot: Slot, reason: str) -> None:
        """A fact to pass on: the handler's context says so, its success still counts.

        Of a message that is being deleted it is none: every handler has ended.
        """
        if slot.deleting:
            return
        slot.visibility_lost = True
        self._stats.add("visibility_lost")
        _log.warning(log_events.VISIBILITY_LOST, message_id=slot.message.message_id, reason=reason)
