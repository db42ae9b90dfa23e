"""What becomes of messages at the queue: deleted, visible again later, or at once.

Nothing is sent where it is decided: the outbox does that, for a thread that has time (pool.py).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from consumer import log_events
from consumer.engine.inflight import InFlightMessage
from consumer.engine.outbox import Change, Outbox
from consumer.engine.stats import CounterName, Stats
from consumer.errors import ConsumerError, describe
from consumer.handlers.registering.registry import Handler
from consumer.ledger.ledger import Ledger
from consumer.messages import Outcome
from consumer.queues.quarantine import Quarantine
from consumer.retry import RetryPolicy

_log = structlog.get_logger(__name__)


@dataclass(eq=False, repr=False)
class Settler:
    """Decides what the outbox sends. Any thread may call any method; only a quarantine blocks.

    A message leaves InFlight only after its call returned. What could not be deleted is in the
    ledger by then: when the message is delivered again, it is deleted and not handled again.
    """

    outbox: Outbox
    ledger: Ledger
    stats: Stats
    rng: random.Random
    #: The delays of handlers without a policy.
    retry: RetryPolicy
    #: Where rejected messages go; None leaves them to the queue's redrive policy.
    quarantine: Quarantine | None = None
    #: Where to note why messages were put back that were not handled since, by message id; None:
    #: nowhere, for it is not bounded.
    put_back: dict[str, str] | None = None
    #: See `RunOptions.max_attempts`.
    max_attempts: int | None = None

    def ack(self, messages: Sequence[InFlightMessage]) -> None:
        """Delete messages soon: every handler succeeded."""
        self.outbox.deletes.add(_settled_now(messages))
        if self.put_back:
            for message in messages:
                self.put_back.pop(message.message_id, None)

    def settle(
        self, message: InFlightMessage, outcome: Outcome, handler: Handler | None = None
    ) -> None:
        """Retry or reject a message: visible again after a delay, so that nothing loops hot.

        What succeeded is remembered. A rejected one goes to quarantine instead, if there is one.

        Args:
            handler: whose retry policy counts.
        """
        if message.succeeded:
            # Before the message can be delivered again: what succeeded must not run twice.
            self.ledger.keep(message.message_id, message.succeeded)
        if message.settled:
            return  # it was given back while its last call ran: another delivery decides
        rejected = outcome.verdict == "reject"
        last = rejected or self._is_last(message, outcome)
        if last and self._is_quarantined(message, outcome.reason, handler):
            self.ack([message])
            return
        self.stats.add("rejected" if rejected else "failed")
        seconds = outcome.delay_seconds
        if seconds is None:
            policy = handler.retry if handler is not None and not rejected else None
            seconds = (policy or self.retry).full_jitter(message.received.receive_count, self.rng)
            seconds = max(seconds, 1.0)
        if self.put_back is not None:
            self.put_back[message.message_id] = outcome.reason
        self.outbox.changes.add(Change(m, math.ceil(seconds)) for m in _settled_now([message]))

    def _is_last(self, message: InFlightMessage, outcome: Outcome) -> bool:
        """True if it has failed as often as it may."""
        most = self.max_attempts
        return most is not None and not outcome.paused and message.received.receive_count >= most

    def _is_quarantined(
        self, message: InFlightMessage, reason: str, handler: Handler | None
    ) -> bool:
        """Set a poison message apart, to be deleted. What can't be set apart stays in the queue."""
        if self.quarantine is None:
            return False
        message_id, name = message.message_id, handler.name if handler else ""
        try:
            self.quarantine.put(message.received, reason, name)
        except Exception as error:
            self.stats.add("quarantine_failed")
            facts = {"message_id": message_id, **describe(error)}
            if isinstance(error, ConsumerError):  # its text is ours, and says what to allow
                facts["reason"] = str(error)
            _log.error(log_events.QUARANTINE_FAILED, **facts)
            return False
        self.stats.add("quarantined")
        if self.max_attempts is None:  # else the run itself reports what has failed
            _log.warning(log_events.QUARANTINED, message_id=message_id, reason=reason)
        return True

    def release(
        self, messages: Sequence[InFlightMessage], *, counter: CounterName = "released"
    ) -> None:
        """Give messages back: visible again at once. What succeeded for them is remembered."""
        given_back = _settled_now(messages)
        for message in given_back:
            if message.succeeded:
                self.ledger.keep(message.message_id, message.succeeded)
        if given_back:
            self.stats.add(counter, len(given_back))
            self.outbox.changes.add(Change(message, 0) for message in given_back)


def _settled_now(messages: Sequence[InFlightMessage]) -> list[InFlightMessage]:
    """Mark messages as settled; returns those that were not: a drain may have given some back."""
    new: list[InFlightMessage] = []
    for message in messages:
        if not message.settled:
            message.settled = True
            new.append(message)
    return new
