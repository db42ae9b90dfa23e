"""Puts messages into the queue, up to ten in a request. A post is answered after that only."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, NamedTuple

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.errors import TransportError, describe
from consumer.queues.sending import Outgoing, Sender
from consumer.queues.transport import EntryFailure
from consumer.sqs_limits import MAX_BATCH, PORTABLE_BATCH_BYTES

_log = structlog.get_logger(__name__)

#: How long the first message of a batch waits for others.
LINGER_SECONDS: Final = 0.02
#: Requests to SQS at a time: with 30 ms each, 2,600 messages a second.
SENDERS: Final = 8
#: Messages that wait for SQS. All posts beyond get 503.
MOST_WAITING: Final = 512
#: For so long after a failure, /healthz reports it.
_RECENT_SECONDS: Final = 60.0
_NOT_SENT: Final = EntryFailure("NotSent")
_BROKEN: Final = "ConnectionClosedError"


class NotStoredError(Exception):
    """The message is not known to be in the queue: Canvas should come again."""


@dataclass(slots=True, eq=False)
class _Waiting:
    message: Outgoing
    size: int
    stored: asyncio.Future[None]


class _Sent(NamedTuple):
    #: By position, None if it is in the queue.
    answers: list[EntryFailure | None]
    #: Why the whole request failed.
    error: TransportError | None


class Batches:
    """`store` belongs to the event loop's thread; the requests are made in threads of their own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = False
        self._batch: list[_Waiting] = []
        self._batch_bytes = 0
        self._linger: asyncio.TimerHandle | None = None
        self._ready: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        #: How many messages wait for SQS.
        self.waiting = 0
        #: How many are in the queue.
        self.stored = 0
        #: How many times a message was refused, or sent in a request that failed.
        self.not_stored = 0
        self._failures = 0
        self._failed_at = float("-inf")

    def start(self, sender: Sender, call_soon: Callable[..., object]) -> None:
        """Start the threads. Messages that came before have waited for this.

        Args:
            sender: the queue, which has answered already.
            call_soon: has the event loop call a function, from another thread.
        """
        self._started = True
        for number in range(SENDERS):
            name = f"sender-{number}"
            threading.Thread(
                target=self._run, args=(sender, call_soon), name=name, daemon=True
            ).start()

    def close(self) -> None:
        """End the threads, after the requests under way."""
        for _ in range(SENDERS):
            self._ready.put(None)

    @property
    def is_failing(self) -> bool:
        """True if the latest request to SQS failed, and not long ago; or there was none yet."""
        recent = self._clock.monotonic() - self._failed_at < _RECENT_SECONDS
        return not self._started or (self._failures > 0 and recent)

    async def store(self, message: Outgoing) -> None:
        """Return when SQS has confirmed that it has the message.

        Raises: `NotStoredError` if it has refused it, can't be reached, or too many wait already.
        """
        if self.waiting >= MOST_WAITING:
            raise NotStoredError
        size = message.size
        if self._batch and self._batch_bytes + size > PORTABLE_BATCH_BYTES:
            self._send_batch()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(message, size, loop.create_future())
        self._batch.append(waiting)
        self._batch_bytes += size
        if len(self._batch) == MAX_BATCH:
            self._send_batch()
        elif self._linger is None:
            self._linger = loop.call_later(LINGER_SECONDS, self._send_batch)
        self.waiting += 1
        try:
            await waiting.stored
        finally:
            self.waiting -= 1

    def _send_batch(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._batch:
            self._ready.put(self._batch)
            self._batch, self._batch_bytes = [], 0

    def _run(self, sender: Sender, call_soon: Callable[..., object]) -> None:
        while (batch := self._ready.get()) is not None:
            # Posts that were given up meanwhile: Canvas comes again with them.
            batch = [waiting for waiting in batch if not waiting.stored.done()]
            if batch:
                sent = _send(sender, [waiting.message for waiting in batch])
                with suppress(RuntimeError):  # the loop is closed: the process ends
                    call_soon(self._settle, batch, sent)

    def _settle(self, batch: list[_Waiting], sent: _Sent) -> None:
        for waiting, answer in zip(batch, sent.answers, strict=True):
            self.stored += answer is None
            self.not_stored += answer is not None
            if waiting.stored.done():
                continue
            if answer is None:
                waiting.stored.set_result(None)
            else:
                waiting.stored.set_exception(NotStoredError())
        self._note(sent)

    def _note(self, sent: _Sent) -> None:
        """Log when SQS refuses messages or can't be reached, and when it works again."""
        refused = [answer.code for answer in sent.answers if answer is not None]
        if refused:
            self._failures += 1
            self._failed_at = self._clock.monotonic()
            code = refused[0] if sent.error is None else sent.error.code
            reason = "SQS refused a message" if sent.error is None else str(sent.error)
            _log.warning(log_events.WEBHOOK_SEND_FAILED, code=code, reason=reason)
        elif self._failures:
            _log.info(log_events.WEBHOOK_SEND_RECOVERED, failures=self._failures)
            self._failures = 0


def _send(sender: Sender, messages: list[Outgoing]) -> _Sent:
    sent = _attempt(sender, messages)
    if sent.error is not None and sent.error.code == _BROKEN:
        # SQS had closed an idle connection. Should the messages be in the queue all the same, they
        # are there twice, as any message may be.
        sent = _attempt(sender, messages)
    return sent


def _attempt(sender: Sender, messages: list[Outgoing]) -> _Sent:
    """One request. Never raises: the thread must go on, and the posts must be answered."""
    refused: list[EntryFailure | None] = [_NOT_SENT] * len(messages)
    try:
        return _Sent(sender.send(messages), None)
    except TransportError as error:
        return _Sent(refused, error)
    except Exception as error:
        _log.error(log_events.WEBHOOK_FAILED, **describe(error), exc_info=error)
        return _Sent(refused, TransportError("a bug: see webhook_failed"))
