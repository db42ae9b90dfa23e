"""Health is progress: what does not get on, by the times that the parts leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.engine.poller import RECEIVE_BACKOFF
from consumer.errors import StuckError

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.engine.invoke import Invoker
    from consumer.engine.worker import Worker

#: A loop that shows no sign of life for this long beyond what its calls may take is stuck.
MARGIN_SECONDS = 15.0


#: So long most of the handlers must be past their timeouts, to be taken as stuck for good.
STUCK_SECONDS = 60.0


class StuckWatch:
    """Notices that most threads hang in handlers. One thread calls `error`, now and then.

    Python can't end a thread, so only a new process has all of them again: what is not stuck is
    drained, and the process ends for systemd to start it anew.
    """

    def __init__(self, invoker: Invoker, *, workers: int, clock: Clock) -> None:
        self._invoker = invoker
        self._workers = workers
        self._clock = clock
        self._since = clock.monotonic()

    def error(self) -> StuckError | None:
        """What ends the process, once more than half have been past their timeout for a minute."""
        now = self._clock.monotonic()
        if self._invoker.stuck_runs() * 2 <= self._workers:
            self._since = now
        if now - self._since < STUCK_SECONDS:
            return None
        return StuckError("more than half of the workers are stuck in handlers past their timeout")


def find_problems(
    worker: Worker, *, workers: int, wait_seconds: float, call_seconds: float
) -> list[str]:
    """What keeps the watchdog from being fed; empty while there is progress everywhere.

    Progress only: a receive that returned (empty and failed ones count), a settler and a heartbeat
    that ticked, a slot that is not stuck.

    Args:
        wait_seconds: how long a receive waits for messages.
        call_seconds: how long one call to the queue may take until it fails.
    """
    now = worker.clock.monotonic()
    calls = call_seconds + MARGIN_SECONDS
    poller, crew = worker.poller, worker.crew
    found: list[str] = []
    if now - worker.settler.progress > calls:
        found.append("settler without progress")
    if now - worker.heartbeat.progress > calls:
        found.append("heartbeat without progress")
    if worker.in_flight.all_stuck(now) or worker.invoker.stuck_runs() >= workers:
        found.append("every slot is stuck")
    if now - poller.oldest_open(now) > wait_seconds + calls:
        found.append("receive without end")
    idle_since = max(poller.last_return, poller.last_blocked)
    unpolled = now - idle_since > RECEIVE_BACKOFF.max_seconds + calls
    if unpolled and not crew.stopping.is_set() and not crew.polling and poller.may_poll():
        found.append("nobody receives")
    return found
