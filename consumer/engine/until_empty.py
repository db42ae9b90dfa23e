"""Finds out when the queue has nothing new: then a run with `until_empty` ends."""

from collections.abc import Sequence

from consumer.clock import Clock
from consumer.engine.inflight import InFlight
from consumer.messages import ReceivedMessage


class UntilEmpty:
    """The receiver calls it after each receive."""

    def __init__(self, in_flight: InFlight, *, clock: Clock, wait_seconds: float) -> None:
        self._in_flight = in_flight
        self._clock = clock
        self._wait = wait_seconds
        #: Why other parts have put messages back, by message id. These are not new when delivered
        #: again: a message that always fails must not keep the process running.
        self.put_back: dict[str, str] = {}
        #: Since when only such messages came and no receive failed; None: not yet.
        self._quiet_since: float | None = None

    def begin_again(self) -> None:
        """A receive failed, or none was made for a while: the quiet time begins again."""
        self._quiet_since = None

    def is_empty(self, messages: Sequence[ReceivedMessage], began: float, *, failed: bool) -> bool:
        """True if nothing new came for a whole long poll, and nothing new is in flight."""
        if failed:
            self.begin_again()
            return False
        now = self._clock.monotonic()
        if any(message.message_id not in self.put_back for message in messages):
            self._quiet_since = now
        elif self._quiet_since is None:
            self._quiet_since = began
        # SQS may answer a moment before the long poll is over.
        if now - self._quiet_since < self._wait - 0.5:
            return False
        return all(m.message_id in self.put_back for m in self._in_flight.snapshot())
