"""What handlers do with events, for operators who look on. It costs next to nothing otherwise."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.clock import Clock
from consumer.engine.call import Call
from consumer.engine.inflight import InFlightMessage
from consumer.messages import ACK, DECLINED, Event, Outcome

#: What waits for one viewer; beyond it, what comes is dropped.
MOST_WAITING: Final = 1_000
MOST_WAITING_BYTES: Final = 4 * 1_048_576

_WORDS: Final = {"ack": "handled", "retry": "failed", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class Sight:
    """One event and what one handler did with it; or a message that no handler was called for."""

    #: None: the message is not an event.
    event: Event | None
    message_id: str
    receive_count: int
    size_bytes: int
    #: "" if none was called.
    handler: str
    #: "handled", "failed", "rejected"; without a handler also "unmatched" and "skipped".
    outcome: str
    reason: str = ""
    #: How long the call took; for a batch, all of it.
    seconds: float = 0.0


class Viewer:
    """What waits for one who looks on. `Tap` adds to it; one other thread takes from it."""

    def __init__(self, wants: Callable[[Sight], bool], clock: Clock) -> None:
        self._wants = wants
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Sight] = deque()
        self._bytes = 0
        self._filled = threading.Event()
        #: How many were dropped, because too many waited.
        self.dropped = 0

    def offer(self, sight: Sight) -> None:
        """Add it, if it is wanted and there is room. Never blocks."""
        if not self._wants(sight):
            return
        with self._lock:
            size = self._bytes + sight.size_bytes
            if len(self._waiting) >= MOST_WAITING or (self._waiting and size > MOST_WAITING_BYTES):
                self.dropped += 1
                return
            self._waiting.append(sight)
            self._bytes = size
            self._filled.set()

    def take(self, seconds: float) -> list[Sight]:
        """All that wait, oldest first; waits until there are any, for `seconds` at most."""
        self._clock.wait(self._filled, seconds)
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            self._filled.clear()
            return taken


class Tap:
    """Any thread may call any method; none blocks.

    Nothing waits for viewers, whatever they do. Threads of the engine look at `viewers` first.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        #: Replaced as a whole. Empty almost always.
        self.viewers: tuple[Viewer, ...] = ()

    def open(self, wants: Callable[[Sight], bool] = lambda _: True) -> Viewer:
        """Look on from now, until `close`. `wants` is called in threads of the engine."""
        viewer = Viewer(wants, self.clock)
        with self._lock:
            self.viewers = (*self.viewers, viewer)
        return viewer

    def close(self, viewer: Viewer) -> None:
        """Look on no longer."""
        with self._lock:
            self.viewers = tuple([other for other in self.viewers if other is not viewer])

    def show(self, call: Call, outcomes: Sequence[Outcome], began: float) -> None:
        """Show a call that has returned, each event of it."""
        seconds = self.clock.monotonic() - began
        for (message, event), outcome in zip(call.entries, outcomes, strict=True):
            if outcome is not DECLINED:
                self._show(message, event, call.handler.name, outcome, seconds)

    def show_message(self, message: InFlightMessage, outcome: Outcome = ACK) -> None:
        """Show a message that no handler is called for."""
        for event in message.events or (None,):
            self._show(message, event, "", outcome, 0.0)

    def _show(
        self,
        message: InFlightMessage,
        event: Event | None,
        handler: str,
        outcome: Outcome,
        seconds: float,
    ) -> None:
        word, reason = _WORDS[outcome.verdict], outcome.reason
        if not handler and outcome is ACK:
            unmatched = event in message.unmatched
            word = "unmatched" if unmatched else "skipped"
            reason = "no handler asked for it" if unmatched else "it was handled before"
        sight = Sight(
            event, message.message_id, message.received.receive_count, message.size_bytes,
            handler, word, reason, seconds,
        )  # fmt: skip
        for viewer in self.viewers:
            viewer.offer(sight)
