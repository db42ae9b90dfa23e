"""The start: from settings to a queue that answers. What is not ready yet at boot is waited for."""

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final

import structlog

from consumer import log_events
from consumer.clock import NEVER, Clock
from consumer.config import Settings
from consumer.errors import ThreadsError, TransportError
from consumer.queues.quarantine import DirectoryQuarantine, Quarantine, QueueQuarantine
from consumer.queues.requests import RequestCounts
from consumer.queues.rules import quarantine_queue
from consumer.queues.sqs import CredentialsError, QueueCheck, SqsTransport, check_queue, connect
from consumer.service.signals import StopSignals
from consumer.service.systemd import Notifier

_log = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS: Final = 15
#: Beyond what one call to the queue may take, for an attempt that hangs elsewhere.
_MARGIN_SECONDS: Final = 15.0
_TICK_SECONDS: Final = 0.2
#: What the most workers and pollers can use: a reload may set other numbers. None is opened early.
_MOST_CONNECTIONS: Final = 256 + 64 + 5


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A queue that has answered, and what goes with it."""

    transport: SqsTransport
    check: QueueCheck
    quarantine: Quarantine | None
    #: Every request of this process to AWS, also of the attempts that failed.
    requests: RequestCounts


class Start:
    """Connects to the queue, and to the quarantine. The main thread calls all methods.

    Each attempt runs in its own thread: one that hangs delays neither a signal nor the deadline.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock, notifier: Notifier, signals: StopSignals
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._notifier = notifier
        self._signals = signals
        queue = settings.queue
        calls = queue.effective_read_timeout_seconds + queue.connect_timeout_seconds
        self._longest_attempt = calls + _MARGIN_SECONDS
        self._requests = RequestCounts()
        self._transport: SqsTransport | None = None
        self._quarantine: Quarantine | None = None

    def open(self) -> OpenQueue | None:
        """The queue, once it has answered; None if a signal came first.

        Waits for credentials and network, `engine.fatal_grace_seconds` in all.

        Raises: `ConfigurationError`; `TransportError`, whose exit code says who must act.
        """
        deadline = self._clock.monotonic() + self._settings.engine.fatal_grace_seconds
        attempt = 0
        while not self._signals.count:
            attempt += 1
            try:
                return self._attempt(deadline)
            except TransportError as error:
                pause = min(2 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
                too_late = self._clock.monotonic() + pause > deadline
                if too_late or (error.fatal and not isinstance(error, CredentialsError)):
                    raise
                self._log_failure(error, attempt, pause)
                if isinstance(error, CredentialsError):
                    self.close()  # a client that was made without credentials never has any
            self._pause(pause)
        return None

    def close(self) -> None:
        """Close what the attempts have opened."""
        for opened in (self._transport, self._quarantine):
            if opened is not None:
                opened.close()
        self._transport = self._quarantine = None

    def _attempt(self, deadline: float) -> OpenQueue | None:
        outcome: Future[OpenQueue] = Future()

        def attempt() -> None:
            try:
                outcome.set_result(self._open())
            except BaseException as error:
                outcome.set_exception(error)

        limit = max(deadline, self._clock.monotonic() + self._longest_attempt)
        try:
            threading.Thread(target=attempt, name="start", daemon=True).start()
        except (RuntimeError, MemoryError):  # Python's words for "can't start new thread"
            raise ThreadsError("the system does not let this process start a thread") from None
        while wait([outcome], _TICK_SECONDS).not_done and not self._signals.count:
            self._signals.log_stacks_if_asked()
            if self._clock.monotonic() > limit:
                raise TransportError(
                    "the start hangs: neither AWS credentials nor the queue answered in time",
                    code="StartHangs",
                )
        return None if self._signals.count else outcome.result()

    def _open(self) -> OpenQueue:
        settings = self._settings
        queue, aws = settings.queue, settings.aws
        if self._transport is None:
            self._transport = connect(
                queue, aws,
                max_connections=_MOST_CONNECTIONS, clock=self._clock, requests=self._requests,
            )  # fmt: skip
        if self._quarantine is None:
            self._quarantine = _quarantine(settings, self._clock, self._requests)
        check = check_queue(
            self._transport,
            read_timeout_seconds=queue.effective_read_timeout_seconds,
            visibility_timeout_seconds=queue.visibility_timeout_seconds,
            has_quarantine=settings.quarantine.is_set,
        )
        return OpenQueue(self._transport, check, self._quarantine, self._requests)

    def _log_failure(self, error: TransportError, attempt: int, pause: float) -> None:
        event, what = log_events.QUEUE_CHECK_FAILED, "the queue can't be reached"
        if isinstance(error, CredentialsError):
            event, what = log_events.CREDENTIALS_NOT_READY, "there are no AWS credentials yet"
        # Each one is logged: the filter of repeats passes lines that have a count.
        again = {"repeats": attempt - 1} if attempt > 1 else {}
        _log.warning(
            event, code=error.code, reason=str(error), attempt=attempt,
            next_attempt_seconds=pause, **again,
        )  # fmt: skip
        self._notifier.status(f"{what} ({error.code}), retrying")
        self._notifier.extend_timeout(pause + self._longest_attempt)

    def _pause(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while not self._signals.count and (left := until - self._clock.monotonic()) > 0:
            self._signals.log_stacks_if_asked()
            self._clock.wait(NEVER, min(left, _TICK_SECONDS))


def _quarantine(settings: Settings, clock: Clock, requests: RequestCounts) -> Quarantine | None:
    configured = settings.quarantine
    if configured.queue_url is not None:
        queue, aws = quarantine_queue(configured.queue_url, settings.aws)
        queue = queue.model_copy(update={"transport": settings.queue.transport})
        return QueueQuarantine(connect(queue, aws, clock=clock, requests=requests))
    if configured.directory is not None:
        return DirectoryQuarantine(settings.state_directory / configured.directory, clock=clock)
    return None
