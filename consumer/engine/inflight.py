"""The one table of what this process holds: capacity in messages and bytes, and the messages."""

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from consumer.handlers.registering.registry import Handler
from consumer.ledger.database import Step
from consumer.messages import DECLINED, Event, Outcome, ReceivedMessage
from consumer.sqs_limits import MAX_BATCH, MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS


class InFlightMessage:
    """A message that this process holds, from receive until its settle call returned.

    Its calls, one for each handler of each event, may end in different threads.
    """

    __slots__ = (
        "calls", "deleting", "ended", "events", "failed_deletes", "leaving", "message_id", "others",
        "recalled", "receipt_handle", "received", "received_at", "renewing", "settled",
        "size_bytes", "stuck", "succeeded", "unmatched", "visibility_lost", "visible_at",
    )  # fmt: skip

    def __init__(self, received: ReceivedMessage, visible_at: float) -> None:
        self.received = received
        self.message_id = received.message_id
        #: The newest handle: a redelivery while in flight brings another, and only that deletes.
        self.receipt_handle = received.receipt_handle
        #: `Clock.monotonic()`: when it was received (with this handle), when SQS shows it again.
        self.received_at = received.received_at
        self.visible_at = visible_at
        self.size_bytes = received.body.__sizeof__()
        #: Its events that are to be handled, and those of them that no handler asked for.
        self.events: Sequence[Event] = ()
        self.unmatched: Sequence[Event] = ()
        #: How many calls there are for it. Each that ends takes the next number, which only one
        #: thread gets: the call with this number is the last one.
        self.calls = 0
        self.ended = count(1)
        #: The steps that succeeded so far: they need not run again.
        self.succeeded: list[Step] = []
        #: What did not succeed: failures, and what predicates declined.
        self.others: list[tuple[Event, Handler, Outcome]] = []
        #: SQS may show it to another consumer. Handlers can ask for that; their success counts.
        self.visibility_lost = False
        #: Its handler ran past its timeout and has not returned. It is not renewed.
        self.stuck = False
        #: A renewal is under way: a delay or a release sent now could be undone by it.
        self.renewing = False
        #: What becomes of it is decided, and sent or about to be sent. Nothing else is sent for it.
        self.settled = False
        #: It is being made visible again, and not renewed any more.
        self.leaving = False
        #: The handler that it was to wait for works again: it is to be visible at once.
        self.recalled = False
        #: A delete was sent, so a later "no such handle" is expected.
        self.deleting = False
        #: Delete attempts that SQS answered with `Failed`.
        self.failed_deletes = 0

    def declined_by_all(self, asked: Callable[[Event], int]) -> list[Event]:
        """The events that all of their handlers declined: from now on they count as unmatched.

        One thread calls it, when all calls have ended. `asked` says how many handlers an event had.
        """
        declined = [event for event, _, outcome in self.others if outcome is DECLINED]
        self.others = [other for other in self.others if other[2] is not DECLINED]
        found = [e for e in dict.fromkeys(declined) if declined.count(e) == asked(e)]
        self.unmatched = [*self.unmatched, *found]
        return found

    def verdict(self) -> tuple[Outcome, Handler | None]:
        """What becomes of the message, and the handler that decided so if one failed."""
        outcome = Outcome.worst_of([outcome for _, _, outcome in self.others])
        return outcome, next((h for _, h, found in self.others if found is outcome), None)


class InFlight:
    """Everything received and not yet settled. Any thread may call any method; none blocks.

    Capacity is reserved before a receive and turned into messages (or released) after it, by
    `admit`, which the receiver calls in `finally`: a failed receive can't leak capacity.
    """

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._messages: dict[str, InFlightMessage] = {}
        self._reserved = 0
        self._bytes = 0
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        #: A shorter visibility timeout could not be renewed in time; the heartbeat sets it.
        self.least_visibility_seconds = 0
        #: Set while anything is held.
        self.occupied = threading.Event()

    def __len__(self) -> int:
        """How many messages are held."""
        return len(self._messages)

    @property
    def bytes(self) -> int:
        """How many bytes of bodies are held."""
        return self._bytes

    def has_room(self) -> bool:
        """True if a receive could be made now (a hint: `reserve` decides)."""
        with self._lock:
            return self._room(1) > 0

    def reserve(self, wanted: int = MAX_BATCH) -> int:
        """Reserve room for up to `wanted` messages of any size; 0 if there is none."""
        with self._lock:
            granted = self._room(wanted)
            self._reserved += granted
            return granted

    def _room(self, wanted: int) -> int:
        free = self.max_messages - len(self._messages) - self._reserved
        # A receive may bring ten of the largest.
        bytes_free = self.max_bytes - self._bytes - self._reserved * MAX_MESSAGE_BYTES
        room = min(wanted, free, bytes_free // MAX_MESSAGE_BYTES)
        if room < 1 and not self._messages and not self._reserved:
            return 1  # however small the limit in bytes: one message at a time always goes
        return max(room, 0)

    def admit(
        self, reserved: int, messages: Sequence[ReceivedMessage], *, visible_at: float
    ) -> tuple[list[InFlightMessage], list[InFlightMessage]]:
        """Turn a reservation into messages; returns (new ones, ones that were held already).

        A message that is delivered again while in flight here is not handled a second time: it
        takes the newer receipt handle, and what is running settles with that. But one that is
        `leaving` is decided on, so what comes is new.
        """
        new: list[InFlightMessage] = []
        again: list[InFlightMessage] = []
        with self._lock:
            self._reserved -= reserved
            for received in messages:
                message_id = received.message_id
                known = self._messages.get(message_id)
                if known is not None and known.leaving:
                    # Made visible, and received before the answer was here: a delivery of its own.
                    self._remove(known)
                    known = None
                if known is not None:
                    known.receipt_handle = received.receipt_handle
                    known.received_at = received.received_at
                    known.visible_at = visible_at
                    known.visibility_lost = False
                    again.append(known)
                    continue
                message = self._messages[message_id] = InFlightMessage(received, visible_at)
                self._bytes += message.size_bytes
                new.append(message)
            if new and not self.occupied.is_set():
                self.occupied.set()
        return new, again

    def release(self, messages: Iterable[InFlightMessage]) -> None:
        """Give messages up. Idempotent: each is counted out once, however often it is called."""
        with self._lock:
            for message in messages:
                self._let_go(message)

    def end(self, deliveries: Iterable[tuple[InFlightMessage, str]]) -> list[InFlightMessage]:
        """Give up what was settled with these receipt handles; returns what came again meanwhile.

        Of that, the newer delivery is not settled: it is still held.
        """
        again: list[InFlightMessage] = []
        with self._lock:
            for message, handle in deliveries:
                if message.receipt_handle is handle:
                    self._let_go(message)
                else:
                    again.append(message)
        return again

    def _let_go(self, message: InFlightMessage) -> None:
        if self.holds(message):
            self._remove(message)
            if not self._messages:
                self.occupied.clear()

    def _remove(self, message: InFlightMessage) -> None:
        del self._messages[message.message_id]
        self._bytes -= message.size_bytes

    def holds(self, message: InFlightMessage) -> bool:
        """True until the message is released."""
        return self._messages.get(message.message_id) is message

    def snapshot(self) -> list[InFlightMessage]:
        """All messages at this moment, oldest first."""
        with self._lock:
            return list(self._messages.values())

    def begin_renewal(self, messages: Iterable[InFlightMessage]) -> list[InFlightMessage]:
        """Those that may be renewed now, marked as `renewing` until the caller ends it."""
        with self._lock:
            may = [m for m in messages if self.holds(m) and not m.leaving]
            for message in may:
                message.renewing = True
        return may

    def leave(self, message: InFlightMessage, *, now: bool = False) -> bool:
        """Mark it as `leaving`: it is not renewed any more. False while a change is under way.

        `now`: also while one is.
        """
        with self._lock:
            if not now and (message.renewing or (message.leaving and self.holds(message))):
                return False
            message.leaving = True
            return True

    def recall(self, receipt_handles: Iterable[str]) -> tuple[list[str], list[InFlightMessage]]:
        """Messages that are to be visible: (handles of those not held, those that are leaving).

        A message that is still held here must not be visible yet: its last call will do that.
        """
        free: list[str] = []
        leaving: list[InFlightMessage] = []
        with self._lock:
            held = {message.receipt_handle: message for message in self._messages.values()}
            for handle in dict.fromkeys(receipt_handles):
                message = held.get(handle)
                if message is None:
                    free.append(handle)
                else:
                    message.recalled = True
                    leaving += [message] * message.leaving
        return free, leaving

    def all_stuck(self, now: float) -> bool:
        """True if there is no room for another message, and every one held is past its time.

        Its handler ran past its timeout, or past everything that SQS allows.
        """
        with self._lock:
            if self._reserved or self._room(1) > 0:
                return False
            return all(
                message.stuck or now - message.received_at >= MAX_VISIBILITY_SECONDS
                for message in self._messages.values()
            )
