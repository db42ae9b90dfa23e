"""Settles messages with the queue: deletes and visibility changes, in batches of up to ten."""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING

import structlog

from consumer import log_events
from consumer.engine.calls import MAX_ATTEMPTS, Calls
from consumer.engine.visibility import visibility_delay
from consumer.errors import TransportError
from consumer.sqs_limits import MAX_BATCH

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

    from consumer.clock import Clock
    from consumer.engine.inflight import InFlight, Slot
    from consumer.engine.ledger import Ledger, Step
    from consumer.engine.stats import CounterName, Stats
    from consumer.messages import Outcome
    from consumer.queues.transport import EntryFailure, Transport
    from consumer.retry import RetryPolicy

_log = structlog.get_logger(__name__)
_debug = logging.getLogger(__name__)


class Settler:
    """Collects what is to be settled; the thread that fills a batch sends it. Any thread may call.

    A slot leaves InFlight only after its call returned. What can't be deleted is in the ledger by
    then: when the message comes again, it is deleted and not handled again.
    """

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        ledger: Ledger,
        stats: Stats,
        *,
        clock: Clock,
        rng: random.Random,
        linger_seconds: float,
        backoff: RetryPolicy,
        fatal_grace_seconds: float = 60.0,
        ask_help: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._ledger = ledger
        self._stats = stats
        self._clock = clock
        self._rng = rng
        self._linger = linger_seconds
        self._backoff = backoff
        self._ask_help = ask_help
        self._calls = Calls(clock=clock, fatal_grace_seconds=fatal_grace_seconds)
        #: Set to cut short the pauses between attempts: the process is told to stop at once.
        self.hurry = self._calls.hurry
        self._lock = threading.Lock()
        self._deletes: list[tuple[Slot, Sequence[Step]]] = []
        self._deletes_due = 0.0
        self._changes: list[tuple[Slot, int]] = []
        self._changes_due = 0.0

    @property
    def progress(self) -> float:
        """`Clock.monotonic()` of the last sign of life, for the watchdog."""
        return self._calls.progress

    @property
    def fatal(self) -> TransportError | None:
        """The error that no further attempt will mend (deletes are not permitted, queue gone)."""
        return self._calls.fatal

    def ack(self, slot: Slot, steps: Sequence[Step]) -> None:
        """Every handler succeeded (`steps` names them): delete the message, soon."""
        with self._lock:
            if not self._deletes:
                self._deletes_due = self._clock.monotonic() + self._linger
            self._deletes.append((slot, steps))
            if len(self._deletes) < MAX_BATCH:
                return
        self.send_full()

    def ack_all(self, acks: Sequence[tuple[Slot, Sequence[Step]]]) -> None:
        """The same for many at once; threads that `ask_help` wakes send along with this one.

        They are noted together, now: a crash while they are being deleted handles none of them
        again.
        """
        self._ledger.deleting([(slot.message.message_id, steps) for slot, steps in acks])
        with self._lock:
            if not self._deletes:
                self._deletes_due = self._clock.monotonic() + self._linger
            self._deletes += acks
            full = len(self._deletes) // MAX_BATCH
        if full > 1:
            self._ask_help(full - 1)
        self.send_full()

    def send_full(self) -> None:
        """Send the full batches that there are now; what can't fill one lingers."""
        for _ in range(len(self._deletes) // MAX_BATCH):
            with self._lock:
                if len(self._deletes) < MAX_BATCH:
                    return  # another thread was quicker
                batch, self._deletes = self._deletes[:MAX_BATCH], self._deletes[MAX_BATCH:]
            self._delete(batch)

    def put_off(self, slot: Slot, outcome: Outcome, backoff: RetryPolicy | None = None) -> None:
        """Retry or reject: make the message visible again after a delay, so nothing loops hot."""
        seconds = outcome.delay_seconds
        if seconds is None:
            attempt = slot.message.receive_count
            seconds = (backoff or self._backoff).full_jitter(attempt, self._rng)
            seconds = max(seconds, 1.0)
        self._change(slot, math.ceil(seconds))

    def release(self, slots: Sequence[Slot], *, counter: CounterName = "released") -> None:
        """Give messages back: visible again at once.

        Only `flush` sends it, so that the thread that drains is not held up by the queue.
        """
        if not slots:
            return
        self._stats.add(counter, len(slots))
        with self._lock:
            self._changes_due = self._clock.monotonic()
            self._changes += [(slot, 0) for slot in slots]

    def _change(self, slot: Slot, seconds: int) -> None:
        with self._lock:
            if not self._changes:
                self._changes_due = self._clock.monotonic() + self._linger
            self._changes.append((slot, seconds))
            if len(self._changes) < MAX_BATCH:
                return
            batch, self._changes = self._changes[:MAX_BATCH], self._changes[MAX_BATCH:]
        self._send_changes(batch)

    def flush(self, *, everything: bool = False) -> None:
        """Send what has lingered long enough, or everything there is."""
        self._calls.progress = now = self._clock.monotonic()
        while True:
            with self._lock:
                deletes: list[tuple[Slot, Sequence[Step]]] = []
                changes: list[tuple[Slot, int]] = []
                if self._deletes and (everything or now >= self._deletes_due):
                    deletes, self._deletes = self._deletes[:MAX_BATCH], self._deletes[MAX_BATCH:]
                if self._changes and (everything or now >= self._changes_due):
                    changes, self._changes = self._changes[:MAX_BATCH], self._changes[MAX_BATCH:]
            if deletes and not self._delete(deletes) and everything:
                self._calls.pause(self._linger)
            if changes:
                self._send_changes(changes)
            if not deletes and not changes:
                return

    def pending(self) -> int:
        """How many messages wait to be sent."""
        return len(self._deletes) + len(self._changes)

    def _delete(self, batch: list[tuple[Slot, Sequence[Step]]]) -> bool:
        """Send it; False if some of it is to be sent again."""
        for slot, _ in batch:
            slot.deleting = True
        handles = [slot.receipt_handle for slot, _ in batch]
        # Noted before the call: if the process dies over it, what comes again is only deleted.
        self._ledger.deleting([(slot.message.message_id, steps) for slot, steps in batch])
        try:
            answers = self._calls.make("delete", lambda: self._transport.delete(handles))
        except TransportError as error:
            self._not_deleted(batch, error.code)
            return True
        again: list[tuple[Slot, Sequence[Step]]] = []
        lost: list[tuple[Slot, Sequence[Step]]] = []
        done: list[Slot] = []
        for (slot, steps), handle, failure in zip(batch, handles, answers, strict=True):
            if slot.receipt_handle is not handle:
                # It came again while this delete was under way: only the newest handle is sure to
                # delete it, whatever SQS said of the old one.
                again.append((slot, steps))
            elif failure is None:
                done.append(slot)
            elif failure.gone or slot.failed_deletes + 1 >= MAX_ATTEMPTS:
                lost.append((slot, steps))
            else:
                slot.failed_deletes += 1
                again.append((slot, steps))
        for slot in done:
            self._ledger.forget(slot.message.message_id)
        self._ledger.settled(slot.message.message_id for slot in done)
        self._in_flight.release(done)
        self._stats.add("deleted", len(done))
        self._tell_settled((slot, "deleted") for slot in done)
        if lost:
            self._not_deleted(lost, self._codes(answers))
        if again:
            with self._lock:
                self._deletes_due = self._clock.monotonic() + self._linger
                self._deletes += again
        return not again

    def _not_deleted(self, batch: list[tuple[Slot, Sequence[Step]]], code: str) -> None:
        """Handled, but SQS keeps it: remember, so that the redelivery is deleted and not rerun."""
        for slot, steps in batch:
            self._ledger.record(slot.message.message_id, steps)
        self._ledger.settled(slot.message.message_id for slot, _ in batch)
        self._in_flight.release(slot for slot, _ in batch)
        self._stats.add("delete_failed", len(batch))
        _log.warning(
            log_events.DELETE_FAILED,
            code=code,
            messages=len(batch),
            hint="handled; will be deleted without another run when it is delivered again",
        )

    def _send_changes(self, batch: list[tuple[Slot, int]]) -> None:
        with self._in_flight.visibility_lock:
            # A renewal on its way has ended here, and the next one leaves these alone. The lock is
            # not held over the calls: a queue that can't be reached must not stop the heartbeat.
            for slot, _ in batch:
                slot.leaving = True
        # Another consumer may hold what was lost by now: not ours to change any more.
        kept = [(slot, seconds) for slot, seconds in batch if not slot.visibility_lost]
        answers: list[EntryFailure | None] = []
        try:
            if kept:
                answers = self._calls.make("change_visibility", lambda: self._change_now(kept))
                self._tell_settled((slot, f"visible in {seconds} s") for slot, seconds in kept)
        except TransportError as error:
            self._tell_unchanged(error.code, len(kept))
        finally:
            self._in_flight.release(slot for slot, _ in batch)
        failed = sum(answer is not None for answer in answers)
        if failed:
            self._tell_unchanged(self._codes(answers), failed)

    def _change_now(self, batch: list[tuple[Slot, int]]) -> list[EntryFailure | None]:
        # The delay was chosen some time ago, and SQS counts its twelve hours from the receive.
        now = self._clock.monotonic()
        return self._transport.change_visibility([
            (
                slot.receipt_handle,
                visibility_delay(seconds, age_seconds=now - slot.received_at) if seconds else 0,
            )
            for slot, seconds in batch
        ])  # fmt: skip

    @staticmethod
    def _tell_settled(settled: Iterable[tuple[Slot, str]]) -> None:
        if _debug.isEnabledFor(logging.DEBUG):
            for slot, outcome in settled:
                message_id = slot.message.message_id
                _log.debug(log_events.MESSAGE_SETTLED, message_id=message_id, outcome=outcome)

    @staticmethod
    def _tell_unchanged(code: str, messages: int) -> None:
        _log.warning(
            log_events.VISIBILITY_FAILED,
            code=code,
            messages=messages,
            hint="visible again when the visibility timeout ends, instead of when asked for",
        )

    @staticmethod
    def _codes(answers: Sequence[EntryFailure | None]) -> str:
        return ",".join(sorted({answer.code for answer in answers if answer is not None}))
