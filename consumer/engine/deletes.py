"""Deletes what was handled, in batches of up to ten, and reads what SQS answers entry by entry."""

import logging
from collections.abc import Iterable, Sequence

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.attempts import MAX_ATTEMPTS, Attempts
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


class Deletes:
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
        self.lane: Lane[InFlightMessage] = Lane(clock=clock, linger_seconds=linger_seconds)
        #: Entries that SQS refused.
        self.refused: Lane[InFlightMessage] = Lane(
            clock=clock, linger_seconds=max(linger_seconds, REFUSED_SECONDS), eager=False
        )

    def send(self, *, partial: bool) -> bool:
        """Send one batch that is full or has lingered; with `partial` any. False without one."""
        batch = self.lane.take(partial=partial) or self.refused.take()
        if batch:
            self._send(batch)
        return bool(batch)

    def _send(self, batch: list[InFlightMessage]) -> None:
        for message in batch:
            message.deleting = True
        handles = [message.receipt_handle for message in batch]
        # In the file before the call: if the process dies during it, messages that come again are
        # only deleted.
        self._ledger.commit()
        try:
            answers = self._attempts.make("delete", lambda: self._transport.delete(handles))
        except TransportError as error:
            self._not_deleted(batch, error.code)
            return
        done: list[InFlightMessage] = []
        lost: list[InFlightMessage] = []
        again: list[InFlightMessage] = []
        for message, handle, failure in zip(batch, handles, answers, strict=True):
            if message.receipt_handle is not handle:
                # It came again while this delete was under way: only the newest handle is sure to
                # delete it, whatever SQS answered for the old one.
                again.append(message)
            elif failure is None:
                done.append(message)
            elif failure.gone or self._is_last(message):
                lost.append(message)
            else:
                again.append(message)
        self._deleted(done)
        if lost:
            self._not_deleted(lost, codes_of(answers))
        self.refused.add(again)

    def _is_last(self, message: InFlightMessage) -> bool:
        """Count a refusal; True if the entry is not sent again."""
        message.failed_deletes += 1
        return message.failed_deletes >= MAX_ATTEMPTS or self._attempts.hurry.is_set()

    def _deleted(self, messages: list[InFlightMessage]) -> None:
        self._ledger.forget([message.message_id for message in messages])
        self._in_flight.release(messages)
        self._stats.add("deleted", len(messages))
        log_settled(messages, "deleted")

    def _not_deleted(self, messages: Sequence[InFlightMessage], code: str) -> None:
        """Remember messages that were handled but not deleted: a redelivery is only deleted."""
        for message in messages:
            self._ledger.keep(message.message_id, message.succeeded)
        self._in_flight.release(messages)
        self._stats.add("delete_failed", len(messages))
        _log.warning(
            log_events.DELETE_FAILED,
            code=code,
            messages=len(messages),
            hint="handled; will be deleted without another run when it is delivered again",
        )


def log_settled(messages: Iterable[InFlightMessage], outcome: str) -> None:
    """Log a line for each message, at level debug."""
    if _debug.isEnabledFor(logging.DEBUG):
        for message in messages:
            _log.debug(log_events.MESSAGE_SETTLED, message_id=message.message_id, outcome=outcome)


def codes_of(answers: Sequence[EntryFailure | None]) -> str:
    """SQS's error codes of the entries that it refused, each once."""
    return ",".join(sorted({answer.code for answer in answers if answer is not None}))
