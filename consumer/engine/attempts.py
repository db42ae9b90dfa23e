"""Makes the calls that settle, and repeats them after a pause as long as that may help."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from consumer.errors import TransportError
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from consumer.clock import Clock
    from consumer.queues.transport import EntryFailure

    Answers = list[EntryFailure | None]

#: How often a call that fails is made, and an entry that SQS refuses is sent.
MAX_ATTEMPTS = 4
#: The pauses between attempts.
CALL_BACKOFF = RetryPolicy(base_seconds=0.2, max_seconds=5.0)

Operation = Literal["delete", "change_visibility"]


class Attempts:
    """Repeats calls after transient errors, and notes a fatal one for good. Any thread may call.

    Args:
        fatal_grace_seconds: how long an operation that worked before must be refused to be fatal.
    """

    def __init__(self, *, clock: Clock, rng: random.Random, fatal_grace_seconds: float) -> None:
        self._clock = clock
        self._rng = rng
        self._grace = fatal_grace_seconds
        self._worked: set[Operation] = set()
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
        attempt = 0
        while True:
            attempt += 1
            try:
                answers = call()
            except TransportError as error:
                if error.fatal:
                    self._note_refusal(operation, error)
                if self.hurry.is_set():
                    self._given_up = error  # no time to find out once more for every ten messages
                if error.fatal or self.hurry.is_set() or attempt == MAX_ATTEMPTS:
                    raise
                self._clock.wait(self.hurry, CALL_BACKOFF.full_jitter(attempt, self._rng))
            else:
                self._worked.add(operation)
                self._refused_since.pop(operation, None)
                return answers
            finally:
                self.progress = self._clock.monotonic()

    def _note_refusal(self, operation: Operation, error: TransportError) -> None:
        # A policy that is being edited denies for moments. Before the first success there is
        # nothing to wait for.
        now = self._clock.monotonic()
        since = self._refused_since.setdefault(operation, now)
        if operation not in self._worked or now - since >= self._grace:
            self.fatal = error
