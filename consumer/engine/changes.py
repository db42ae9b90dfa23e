"""Makes messages visible again, at once or later, in batches of up to ten."""

from typing import NamedTuple

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.engine.attempts import Attempts
from consumer.engine.deletes import codes_of, log_settled
from consumer.engine.heartbeat import accepted_seconds
from consumer.engine.inflight import InFlight, InFlightMessage
from consumer.engine.lane import Lane
from consumer.errors import TransportError
from consumer.queues.transport import EntryFailure, Transport

_log = structlog.get_logger(__name__)

#: How long a change waits for a renewal of its message that is under way.
RENEWAL_SECONDS = 0.1


class Change(NamedTuple):
    """A message, and the seconds until it is to be visible again."""

    message: InFlightMessage
    seconds: int


class Changes:
    """Any thread may call any method; only `send` blocks, for as long as its call takes."""

    def __init__(
        self,
        transport: Transport,
        in_flight: InFlight,
        attempts: Attempts,
        *,
        clock: Clock,
        linger_seconds: float,
    ) -> None:
        self._transport = transport
        self._in_flight = in_flight
        self._attempts = attempts
        self._clock = clock
        self.lane: Lane[Change] = Lane(clock=clock, linger_seconds=linger_seconds)
        #: Sent a moment later: a renewal that is under way could undo them.
        self.delayed: Lane[Change] = Lane(clock=clock, linger_seconds=RENEWAL_SECONDS, eager=False)
        #: Receipt handles of messages that waited for a retry and are to be visible now.
        self.recalls: Lane[str] = Lane(clock=clock, linger_seconds=0.0)

    def send(self, *, partial: bool) -> bool:
        """Send one batch that is full or has lingered; with `partial` any. False without one."""
        if batch := self.lane.take(partial=partial) or self.delayed.take():
            self._send(batch)
        elif handles := self.recalls.take(partial=partial):
            self._send_recalls(handles)
        else:
            return False
        return True

    def _send(self, batch: list[Change]) -> None:
        hurry = self._attempts.hurry.is_set()
        leaving = [c for c in batch if self._in_flight.leave(c.message) or hurry]
        self.delayed.add([c for c in batch if c not in leaving])
        # Another consumer may hold by now what was lost.
        kept = [change for change in leaving if not change.message.visibility_lost]
        try:
            if kept:
                answers = self._attempts.make("change_visibility", lambda: self._change(kept))
                for message, seconds in kept:
                    log_settled([message], f"visible in {seconds} s")
                if failed := sum(answer is not None for answer in answers):
                    _log_unchanged(codes_of(answers), failed)
        except TransportError as error:
            _log_unchanged(error.code, len(kept))
        finally:
            self._in_flight.release(change.message for change in leaving)

    def _change(self, changes: list[Change]) -> list[EntryFailure | None]:
        # At each attempt anew: SQS counts its twelve hours from the receive.
        now = self._clock.monotonic()
        return self._transport.change_visibility(
            [
                (m.receipt_handle, accepted_seconds(seconds, now - m.received_at) if seconds else 0)
                for m, seconds in changes
            ]
        )

    def _send_recalls(self, handles: list[str]) -> None:
        now = [(handle, 0) for handle in handles]
        try:
            self._attempts.make(
                "change_visibility", lambda: self._transport.change_visibility(now)
            )  # an entry fails if its message was received again meanwhile, which is fine
        except TransportError as error:
            _log_unchanged(error.code, len(handles))


def _log_unchanged(code: str, messages: int) -> None:
    _log.warning(
        log_events.VISIBILITY_FAILED,
        code=code,
        messages=messages,
        hint="visible again when the visibility timeout ends, not at the time asked for",
    )
