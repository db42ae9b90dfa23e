"""The engine of one process: starts it, reports its status, drains it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from consumer.engine.closing import Closing
from consumer.engine.figures import Figures, figures_of
from consumer.engine.parts import Parts
from consumer.engine.status import Status, Watch
from consumer.engine.threads import Threads
from consumer.errors import StuckError, ThreadsError, TransportError
from consumer.handlers.registering.registry import Handler

#: What ended `Worker.finish`: nothing is left; the time is up; a stop, or a failure of the engine.
Finish = Literal["finished", "late", "stopped"]

LOOK_SECONDS = 0.05
#: After the deadline of a drain: how long the last deletes and releases may take. A dead network
#: must not hold up the exit. What is not settled then is redelivered after its visibility timeout.
LAST_CALLS_SECONDS = 5.0
#: How long handlers may take to close if these have taken all of that.
LEAST_CLOSE_SECONDS = 1.0


class Worker:
    """One thread calls all methods; any thread may call `pause` and `figures`."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.threads = Threads(parts)
        self._watch = Watch(parts, self.threads)
        #: After a drain that has left a call running, it has handlers left to close.
        self.closing = Closing(parts, self.threads)

    def start(self) -> None:
        """Start all threads."""
        self.threads.start()

    def status(self) -> Status:
        """The engine at this moment."""
        return self._watch.status()

    def figures(self) -> Figures:
        """All numbers at this moment; any thread may call it."""
        return figures_of(self.parts)

    def pause(self, *, paused: bool) -> bool:
        """Begin no receive any more, or receive again at once. What is in flight goes on.

        Returns: False if that was so already.
        """
        if self.parts.receiver.paused is paused:
            return False
        self.parts.receiver.pause(paused=paused)
        self.parts.stall.pause(paused=paused)
        self.parts.pool.nudge()
        return True

    def stop(self) -> None:
        """Make no more receives. An open long poll may finish: aborting it would hide messages."""
        self.parts.stopping.set()
        self.parts.pool.nudge()

    def finish(self, while_waiting: Callable[[float], bool]) -> Finish:
        """Handle all that was received, which costs no delivery: for a reload.

        `pause` comes before it, and `drain` follows. Takes up to `engine.drain_timeout_seconds`, or
        as long as a receive is open: messages in its answer would stay hidden for a while.

        Args:
            while_waiting: as for `drain`.
        """
        parts = self.parts
        parts.outbox.stop_lingering()
        deadline = parts.clock.monotonic() + parts.settings.engine.drain_timeout_seconds
        while True:
            parts.flow.give_up_waiting()
            parts.pool.nudge()
            receives = bool(parts.receiver.open)
            if not receives and not len(parts.in_flight):
                return "finished"
            left = deadline - parts.clock.monotonic()
            if while_waiting(left) or self.threads.failure or parts.attempts.fatal:
                return "stopped"
            if left <= 0 and not receives:
                return "late"
            parts.clock.wait(self.threads.ended, LOOK_SECONDS)

    def drain(
        self,
        while_waiting: Callable[[float], bool],
        *,
        seconds: float | None = None,
        successors: Iterable[Handler] = (),
    ) -> Mapping[str, int]:
        """Finish what runs, give the rest back.

        With `until_empty`, returns how many messages stay in the queue because they failed, by
        reason.

        Takes at most `engine.drain_timeout_seconds` and a few seconds, whatever the queue does: the
        pool's threads make the calls to the queue.

        Args:
            while_waiting: called several times a second with the seconds that are left; returns
                True to stop waiting at once (a second signal).
            seconds: instead of `engine.drain_timeout_seconds`.
            successors: the handlers that go on after a reload: what they share with these stays
                open.
        """
        self.stop()
        parts = self.parts
        if seconds is None:
            seconds = parts.settings.engine.drain_timeout_seconds
        deadline = parts.clock.monotonic() + seconds
        self._finish(while_waiting, deadline)
        self._give_back_the_rest(while_waiting)
        parts.pool.close()
        self.threads.end()
        if parts.duplicates is not None:
            parts.duplicates.flush()  # the housekeeper may have looked for the last time
        now = parts.clock.monotonic
        deadline = max(deadline + LAST_CALLS_SECONDS, now() + LEAST_CLOSE_SECONDS)
        self.closing.leave_open(successors)
        self.closing.close(lambda: (left := deadline - now()) > 0 and not while_waiting(left))
        return Counter((parts.receiver.put_back or {}).values())

    def _finish(self, while_waiting: Callable[[float], bool], deadline: float) -> None:
        """Wait until nothing is in flight, or until waiting is over or useless."""
        parts = self.parts
        parts.outbox.stop_lingering()
        while True:
            # What no handler has begun is returned, and so is what an open long poll brings.
            parts.settler.release(parts.receiver.take_back())
            parts.flow.give_up_waiting()
            parts.pool.nudge()
            if not len(parts.in_flight) and not parts.pool.busy():
                return
            left = deadline - parts.clock.monotonic()
            if while_waiting(left) or left <= 0 or self._broken():
                parts.attempts.hurry.set()
                return
            parts.clock.wait(self.threads.ended, LOOK_SECONDS)

    def _give_back_the_rest(self, while_waiting: Callable[[float], bool]) -> None:
        """Make visible at once what waits or still runs, and wait a moment for the last calls."""
        parts = self.parts
        parts.pool.only_settles = True
        deadline = parts.clock.monotonic() + LAST_CALLS_SECONDS
        while True:
            parts.settler.release([*parts.receiver.take_back(), *parts.flow.give_up()])
            parts.settler.release(parts.in_flight.snapshot(), counter="abandoned")
            left = deadline - parts.clock.monotonic()
            if left <= 0 or not (len(parts.in_flight) or parts.outbox.pending()):
                return
            parts.pool.nudge()
            while_waiting(left)
            parts.clock.wait(self.threads.ended, LOOK_SECONDS)

    def _broken(self) -> bool:
        """True if a loop has died or nothing can be settled: then waiting changes nothing.

        A receive that is refused for good is no reason to give up what runs.
        """
        failure, harmless = self.threads.failure, (TransportError, StuckError, ThreadsError)
        died = failure is not None and not isinstance(failure, harmless)
        return died or self.parts.attempts.fatal is not None
