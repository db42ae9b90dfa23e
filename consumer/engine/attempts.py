"""Makes the calls that settle: again after a pause while that may help, and no longer than that."""

import threading
from collections.abc import Callable
from typing import Literal, get_args

import tenacity

from consumer.clock import Clock
from consumer.errors import TransportError
from consumer.queues.transport import EntryFailure

Answers = list[EntryFailure | None]

#: How often a call that fails as a whole is made, and an entry that SQS refuses is sent.
MAX_ATTEMPTS = 4

Operation = Literal["delete", "change_visibility"]


class Attempts:
    """Retries what is transient and notes what is fatal for good. Any thread may call.

    Args:
        fatal_grace_seconds: how long an operation that worked before must be refused to count.
        worked: True if the process has worked on this queue before, with another engine.
    """

    def __init__(self, *, clock: Clock, fatal_grace_seconds: float, worked: bool = False) -> None:
        self._clock = clock
        self._grace = fatal_grace_seconds
        self._worked: set[Operation] = set(get_args(Operation)) if worked else set()
        self._refused_since: dict[Operation, float] = {}
        self._given_up: TransportError | None = None
        #: Set to cut short pauses and further attempts: there is no more time.
        self.hurry = threading.Event()
        #: `Clock.monotonic()` of the last attempt that ended, for the watchdog.
        self.progress = clock.monotonic()
        #: The error that no further attempt can fix (deletes are not permitted, queue gone).
        self.fatal: TransportError | None = None

    def make(self, operation: Operation, call: Callable[[], Answers]) -> Answers:
        """Make a call. Raises the `TransportError` of its last attempt."""
        if self._given_up is not None:
            raise self._given_up
        try:
            try:
                answers = call()
            except TransportError as error:
                answers = self._retry(call, error)
        except TransportError as error:
            if self.hurry.is_set():
                self._given_up = error  # no time to find out once more for every ten messages
            if error.fatal:
                self._note_refusal(operation, error)
            raise
        finally:
            self.progress = self._clock.monotonic()
        self._worked.add(operation)
        self._refused_since.pop(operation, None)
        return answers

    def _retry(self, call: Callable[[], Answers], failed: TransportError) -> Answers:
        """All attempts but the first, which has failed; it does without tenacity's CPU time."""
        failures = [failed]

        def attempt() -> Answers:
            if failures:
                raise failures.pop()
            return call()

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(MAX_ATTEMPTS)
            | tenacity.stop_when_event_set(self.hurry),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5.0),
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, TransportError) and not error.fatal
            ),
            sleep=self._pause,
            reraise=True,
        )
        return retrying(attempt)

    def _note_refusal(self, operation: Operation, error: TransportError) -> None:
        # A policy that is being edited denies for moments; before the first success there is
        # nothing to wait for.
        now = self._clock.monotonic()
        since = self._refused_since.setdefault(operation, now)
        if operation not in self._worked or now - since >= self._grace:
            self.fatal = error

    def _pause(self, seconds: float) -> None:
        self.progress = self._clock.monotonic()
        self._clock.wait(self.hurry, seconds)
