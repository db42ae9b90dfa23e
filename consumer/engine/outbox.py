"""What settles messages at the queue: deletes and visibility changes, in batches of up to ten."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.attempts import MAX_ATTEMPTS, Attempts
from consumer.engine.heartbeat import accepted_seconds
from consumer.engine.inflight import InFlight, InFlightMessage
from consumer.engine.lane import Lane
from consumer.engine.stats import Stats
from consumer.errors import TransportError
from consumer.ledger.ledger import Ledger
from consumer.queues.transport import EntryFailure, Transport

_log = structlog.get_logger(__name__)
_debug = logging.getLogger(__name__)

#: The shortest pause before an entry that SQS refused is sent again.
REFUSED_SECONDS = 0.5
#: How long a change waits for another one of its message that is under way.
UNDER_WAY_SECONDS = 0.1


class Change(NamedTuple):
    """A message, and the seconds until it is to be visible again."""

    message: InFlightMessage
    seconds: int


#: A message, and the receipt handle that its delete was sent with.
Sent = tuple[InFlightMessage, str]


class Outbox:
    """Any thread may call any method; only `send` blocks, for as long as its call takes."""

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        ledger: Ledger,
        stats: Stats,
        attempts: Attempts,
        *,
        clock: Clock,
        linger_seconds: float,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._ledger = ledger
        self._stats = stats
        self._attempts = attempts
        self._clock = clock
        self.deletes: Lane[InFlightMessage] = Lane(clock, linger_seconds)
        self.changes: Lane[Change] = Lane(clock, linger_seconds)
        #: Deletes that SQS refused.
        self.refused: Lane[InFlightMessage] = Lane(
            clock, max(linger_seconds, REFUSED_SECONDS), eager=False
        )
        #: Changes that another change under way could undo: sent a moment later.
        self.delayed: Lane[Change] = Lane(clock, UNDER_WAY_SECONDS, eager=False)
        #: Receipt handles of messages that waited for a retry and are to be visible now.
        self.recalls: Lane[str] = Lane(clock, 0.0)
        self._lanes: list[Lane[Any]] = [
            self.deletes, self.changes, self.refused, self.delayed, self.recalls,
        ]  # fmt: skip

    def full(self) -> int:
        """How many full batches wait to be sent."""
        return self.deletes.full + self.changes.full

    def due(self) -> float:
        """`Clock.monotonic()` at which something that waits is to be sent, full or not."""
        return min([lane.due for lane in self._lanes])  # asked all the time

    def pending(self) -> int:
        """How many messages wait to be sent."""
        return sum(map(len, self._lanes))

    def sendable(self) -> int:
        """How many messages could be sent at once: all but those that SQS has refused lately."""
        return len(self.deletes) + len(self.changes) + len(self.recalls)

    def stop_lingering(self) -> None:
        """From now on everything is to be sent at once: the process drains."""
        self.deletes.stop_lingering()
        self.changes.stop_lingering()

    def send(self, *, partial: bool = False) -> bool:
        """Send one batch that is full or has lingered; with `partial` any. False without one."""
        if messages := self.deletes.take(partial=partial) or self.refused.take():
            self._delete(messages)
        elif changes := self.changes.take(partial=partial) or self.delayed.take():
            self._change(changes)
        elif handles := self.recalls.take(partial=partial):
            self._recall(handles)
        else:
            return False
        return True

    def _delete(self, batch: list[InFlightMessage]) -> None:
        for message in batch:
            message.deleting = True
        handles = [message.receipt_handle for message in batch]
        # In the file before the call: if the process dies during it, messages that were handled are
        # only deleted when they are delivered again.
        self._ledger.commit()
        sent = list(zip(batch, handles, strict=True))
        try:
            answers = self._attempts.make("delete", lambda: self._transport.delete(handles))
        except TransportError as error:
            self._not_deleted(sent, error.code)
            return
        done: list[Sent] = []
        lost: list[Sent] = []
        for entry, failure in zip(sent, answers, strict=True):
            if failure is None:
                done.append(entry)
            elif failure.gone or self._is_last(entry[0]):
                lost.append(entry)
            else:
                self.refused.add(entry[:1])
        self._deleted(done)
        if lost:
            self._not_deleted(lost, _codes_of(answers))

    def _is_last(self, message: InFlightMessage) -> bool:
        """Count a refusal; True if the entry is not sent again."""
        message.failed_deletes += 1
        return message.failed_deletes >= MAX_ATTEMPTS or self._attempts.hurry.is_set()

    def _deleted(self, sent: list[Sent]) -> None:
        messages = self._ended(sent)
        self._ledger.forget([message.message_id for message in messages])
        self._stats.add("deleted", len(messages))
        if messages:
            self._stats.last_delete = self._clock.monotonic()
        _log_settled(messages, "deleted")

    def _not_deleted(self, sent: list[Sent], code: str) -> None:
        """Remember messages that were handled but not deleted: a redelivery is only deleted."""
        for message, _ in sent:
            self._ledger.keep(message.message_id, message.succeeded)
        messages = self._ended(sent)
        if not messages:
            return
        self._stats.add("delete_failed", len(messages))
        _log.warning(
            log_events.DELETE_FAILED,
            code=code,
            messages=len(messages),
            hint="handled; will be deleted without another run when it is delivered again",
        )

    def _ended(self, sent: list[Sent]) -> list[InFlightMessage]:
        """Let go of what was to be deleted with these handles; returns it.

        What came again meanwhile is deleted again: only its newest handle is sure to do that,
        whatever SQS answered for the old one.
        """
        again = self._in_flight.end(sent)
        self.refused.add(again)
        return [message for message, _ in sent if message not in again]

    def _change(self, batch: list[Change]) -> None:
        hurry = self._attempts.hurry.is_set()
        leaving = [c for c in batch if self._in_flight.leave(c.message, now=hurry)]
        self.delayed.add([c for c in batch if c not in leaving])
        # Another consumer may hold by now what was lost.
        kept = [change for change in leaving if not change.message.visibility_lost]

        def call() -> list[EntryFailure | None]:
            # At each attempt anew: SQS counts its twelve hours from the receive.
            now = self._clock.monotonic()
            return self._transport.change_visibility(
                [
                    (
                        m.receipt_handle,
                        accepted_seconds(0 if m.recalled else n, now - m.received_at),
                    )
                    for m, n in kept
                ]
            )

        try:
            if kept:
                answers = self._attempts.make("change_visibility", call)
                for message, seconds in kept:
                    _log_settled([message], f"visible in {seconds} s")
                if failed := sum(answer is not None for answer in answers):
                    _log_unchanged(_codes_of(answers), failed)
        except TransportError as error:
            _log_unchanged(error.code, len(kept))
        finally:
            self._in_flight.release(change.message for change in leaving)

    def _recall(self, handles: list[str]) -> None:
        free, leaving = self._in_flight.recall(handles)
        # After the call that hides these, which the recall could overtake.
        self.delayed.add(Change(message, 0) for message in leaving)
        if not free:
            return
        now = [(handle, 0) for handle in free]
        try:
            # An entry fails if its message was received again meanwhile, which is fine.
            self._attempts.make("change_visibility", lambda: self._transport.change_visibility(now))
        except TransportError as error:
            _log_unchanged(error.code, len(now))


def _log_settled(messages: list[InFlightMessage], outcome: str) -> None:
    if _debug.isEnabledFor(logging.DEBUG):
        for message in messages:
            _log.debug(log_events.MESSAGE_SETTLED, message_id=message.message_id, outcome=outcome)


def _log_unchanged(code: str, messages: int) -> None:
    _log.warning(
        log_events.VISIBILITY_FAILED,
        code=code,
        messages=messages,
        hint="visible again when the visibility timeout ends, not at the time asked for",
    )


def _codes_of(answers: Sequence[EntryFailure | None]) -> str:
    """SQS's error codes of the entries that it refused, each once."""
    return ",".join(sorted({answer.code for answer in answers if answer is not None}))
