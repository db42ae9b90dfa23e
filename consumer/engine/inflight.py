"""The one table of what this process holds: capacity in messages and bytes, and the slots."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.sqs_limits import MAX_BATCH, MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.config import EngineSettings
    from consumer.engine.ledger import Step
    from consumer.handlers.registering.registry import Registry
    from consumer.messages import ReceivedMessage


@dataclass(slots=True, eq=False)
class Slot:
    """A message that this process holds, from receive until its settle call returned."""

    message: ReceivedMessage
    #: The newest handle: a redelivery while in flight brings another, and only that one deletes.
    receipt_handle: str = field(repr=False)
    #: `Clock.monotonic()`: when it was received (with this handle), and when SQS shows it again.
    received_at: float
    visible_at: float
    size_bytes: int
    #: SQS may show it to another consumer. Its handler is told; its success still counts.
    visibility_lost: bool = False
    #: Its handler ran past its timeout and has not returned. No longer renewed.
    stuck: bool = False
    #: It is being made visible again: not to be renewed any more.
    leaving: bool = False
    #: Its delete is under way, or was: that SQS does not know it any more is no loss.
    deleting: bool = False
    #: Delete attempts that SQS answered with `Failed`.
    failed_deletes: int = 0
    #: What handlers have done of it so far, while others of them still run.
    succeeded: Sequence[Step] = ()


class InFlight:
    """Everything received and not yet settled. Any thread may call any method.

    Capacity is reserved before a receive and turned into slots (or given back) after it, by
    `admit`, which the poller calls in `finally`: a failed receive can't leak capacity.
    """

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, Slot] = {}
        self._reserved = 0
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        #: Held around every renewal, and while slots are marked as `leaving`: so a renewal on its
        #: way can't overtake and undo a release or a retry delay.
        self.visibility_lock = threading.Lock()

    def __len__(self) -> int:
        """How many messages are held."""
        return len(self._slots)

    @property
    def capacity(self) -> int:
        """How many messages may be held at once."""
        return self._max_messages

    def has_room(self) -> bool:
        """True if a receive could be made now (a hint: reserve decides)."""
        with self._lock:
            return self._room(1) > 0

    def reserve(self, wanted: int = MAX_BATCH) -> int:
        """Reserve room for up to `wanted` messages of any size; 0 if there is none."""
        with self._lock:
            granted = self._room(wanted)
            self._reserved += granted
            return granted

    def _room(self, wanted: int) -> int:
        free = self._max_messages - len(self._slots) - self._reserved
        bytes_free = self._max_bytes - self._bytes - self._reserved * MAX_MESSAGE_BYTES
        room = min(wanted, free, bytes_free // MAX_MESSAGE_BYTES)
        if room < 1 and not self._slots and not self._reserved:
            return 1  # however small the limit in bytes: one message at a time always goes
        return max(room, 0)

    def admit(
        self, reserved: int, messages: Sequence[ReceivedMessage], *, visible_at: float
    ) -> tuple[list[Slot], list[Slot]]:
        """Turn a reservation into slots; returns (new ones, ones that were in flight already).

        A message that comes again while it is in flight here is not handled a second time: its
        slot takes the newer receipt handle, and what is running settles with that.
        """
        new: list[Slot] = []
        again: list[Slot] = []
        with self._lock:
            self._reserved -= reserved
            for message in messages:
                known = self._slots.get(message.message_id)
                if known is not None:
                    known.receipt_handle = message.receipt_handle
                    known.received_at = message.received_at
                    known.visible_at = visible_at
                    known.visibility_lost = False
                    again.append(known)
                    continue
                size = message.body.__sizeof__()
                slot = Slot(message, message.receipt_handle, message.received_at, visible_at, size)
                self._slots[message.message_id] = slot
                self._bytes += size
                new.append(slot)
        return new, again

    def release(self, slots: Iterable[Slot]) -> None:
        """Give slots back. Idempotent: a slot is counted out once, whoever comes first."""
        with self._lock:
            for slot in slots:
                if self._slots.get(slot.message.message_id) is slot:
                    del self._slots[slot.message.message_id]
                    self._bytes -= slot.size_bytes

    def holds(self, slot: Slot) -> bool:
        """True until the slot is released."""
        return self._slots.get(slot.message.message_id) is slot

    def snapshot(self) -> list[Slot]:
        """All slots at this moment, oldest first."""
        with self._lock:
            return list(self._slots.values())

    def all_stuck(self, now: float) -> bool:
        """True if there is no room for another message, and no slot gets anywhere any more.

        Its handler ran past its timeout, or past everything that SQS allows.
        """
        with self._lock:
            if self._reserved or self._room(1) > 0:
                return False
            return all(
                slot.stuck or now - slot.received_at >= MAX_VISIBILITY_SECONDS
                for slot in self._slots.values()
            )


def capacity_for(engine: EngineSettings, registry: Registry) -> int:
    """How many messages may be in flight, if the configuration leaves it open.

    Ten for each poller and each worker, and twice what each batch handler collects: enough that
    nobody waits for room, little enough to be renewed in time and released quickly.
    """
    if engine.max_in_flight_messages is not None:
        return engine.max_in_flight_messages
    batches = sum(handler.batch or 0 for handler in registry.handlers)
    return MAX_BATCH * (engine.workers + engine.max_pollers) + 2 * batches
