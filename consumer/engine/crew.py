"""The threads that receive and handle: they take turns at both, so that few are awake at once."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from consumer.engine.inflight import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.clock import Clock
    from consumer.engine.admission import Item
    from consumer.engine.poller import Poll

#: CPU is looked at over windows of this length.
WINDOW_SECONDS = 0.1
#: Below this share of a core the process waits a good deal: another thread helps.
SPARE = 0.6
#: Where a full receive takes so long, it is the network that is waited for: then another thread
#: helps up to a higher share.
NETWORK_SECONDS = 0.005
SPARE_OVER_NETWORK = 0.8
#: Above this share the interpreter lock is the limit: another thread only costs.
SATURATED = 0.9
#: A handler that takes longer than this for an event gets company at once.
SLOW_HANDLER_SECONDS = 0.001


class Crew:
    """Threads of one kind. Each, in turn, takes the most useful role that is free.

    - *work*, while something is queued and fewer than `workers` are at it;
    - *poll*, while there is room for more and fewer than the adaptive limit are at it;
    - else it is parked, and costs nothing.

    Why not pollers here and workers there: when handlers are quick, the thread that received ten
    messages handles and deletes them by itself, as a plain loop would, and no message changes
    threads. Two hot threads that hand over cost a quarter more CPU per message. Others are woken
    when that helps: the process waits (for the network, for a handler) rather than computes.

    `limit` adapts: it grows while receives come back full and there is CPU to spare, and is one
    again when a receive comes back empty (that is the bill: three requests a minute) or fails.
    """

    def __init__(
        self,
        *,
        poll_once: Callable[[], Poll],
        may_poll: Callable[[], bool],
        process: Callable[[Slot | Item], None],
        idle: Callable[[], bool],
        handler_seconds: Callable[[], float],
        clock: Clock,
        workers: int,
        max_pollers: int,
    ) -> None:
        self._poll_once = poll_once
        self._may_poll = may_poll
        self._process = process
        self._idle = idle
        self._handler_seconds = handler_seconds
        self._clock = clock
        self._workers = workers
        self._max_pollers = max_pollers
        self._turn = threading.Condition(threading.Lock())
        self._queue: deque[Slot | Item] = deque()
        #: What came after the stop: nobody starts on it, `take_back` has it given back.
        self._late: list[Slot] = []
        self._errands: deque[Callable[[], None]] = deque()
        self._parked = 0
        self._closed = False
        #: Set once no more receives shall be made; also cuts a pause after a failed receive short.
        self.stopping = threading.Event()
        self.polling = 0
        self.working = 0
        self.helping = 0
        self.limit = 1
        self._utilisation = 1.0
        self._over_network = False
        self._window_start = clock.monotonic()
        self._window_cpu = clock.cpu()
        #: Counts receives that found the queue empty for a whole long poll, since it last gave any.
        self.empty_polls = 0

    @property
    def size(self) -> int:
        """How many threads shall run `loop`: every role can be taken."""
        return self._workers + self._max_pollers

    def loop(self) -> None:
        """The life of one thread: take a role, do it, take the next; returns when closed."""
        while (role := self._take_role()) is not None:
            role()

    def _take_role(self) -> Callable[[], None] | None:
        with self._turn:
            while not self._closed:
                if self._errands:
                    self.helping += 1
                    return partial(self._help, self._errands.popleft())
                if self._queue and self.working < self._workers:
                    self.working += 1
                    return self._work
                if self._poll_wanted():
                    self.polling += 1
                    return self._poll
                self._parked += 1
                self._turn.wait()
                self._parked -= 1
            return None

    def _poll_wanted(self) -> bool:
        return not self.stopping.is_set() and self.polling < self.limit and self._may_poll()

    def _work(self) -> None:
        """Take items one by one until none is left: whoever else is awake shares the rest."""
        try:
            while not self._closed:
                try:
                    item = self._queue.popleft()
                except IndexError:
                    return
                self._process(item)
        finally:
            with self._turn:
                self.working -= 1

    def _poll(self) -> None:
        poll: Poll | None = None
        # What is put off while the poll is open may come back later: then empty does not count.
        idle = self._idle()
        try:
            poll = self._poll_once()
            if poll.pause_seconds:
                # The role is kept meanwhile: after a failure one thread tries, not all of them.
                self.limit = 1
                self._clock.wait(self.stopping, poll.pause_seconds)
        finally:
            with self._turn:
                self.polling -= 1
                if poll is not None:
                    self._after(poll, idle=idle)

    def _after(self, poll: Poll, *, idle: bool) -> None:
        """Queue what came, adapt, and wake whom it helps. Called with the lock held."""
        (self._late if self.stopping.is_set() else self._queue).extend(poll.slots)
        if poll.received:
            self.empty_polls = 0
        elif poll.empty and idle:
            self.empty_polls += 1
        if poll.asked == 0 or poll.pause_seconds:
            return
        self._adapt(poll, measured=self._measure())
        if self._handler_seconds() > SLOW_HANDLER_SECONDS:
            self._turn.notify(min(len(poll.slots), self._workers))
        elif poll.received and self._has_spare_cpu():
            self._turn.notify(1)  # to poll while this thread handles

    def _adapt(self, poll: Poll, *, measured: bool) -> None:
        if poll.full:
            self._over_network = poll.seconds > NETWORK_SECONDS
        if not poll.received:
            self.limit = 1
        elif not poll.full or (measured and self._utilisation > SATURATED):
            self.limit = max(1, self.limit - 1)
        elif self._has_spare_cpu():
            self.limit = min(self._max_pollers, self.limit + 1)

    def _has_spare_cpu(self) -> bool:
        """True if another thread would help: the process waits rather than computes."""
        return self._utilisation < (SPARE_OVER_NETWORK if self._over_network else SPARE)

    def _measure(self) -> bool:
        """Look at the CPU used over the last window; True if one was full."""
        now = self._clock.monotonic()
        elapsed = now - self._window_start
        if elapsed >= WINDOW_SECONDS:
            cpu = self._clock.cpu()
            self._utilisation = (cpu - self._window_cpu) / elapsed
            self._window_start, self._window_cpu = now, cpu
            return True
        return False

    def put(self, items: Sequence[Item]) -> None:
        """Queue items that have waited for their turn: due batches, deliveries at a gate."""
        if items:
            with self._turn:
                self._queue.extend(items)
                self._turn.notify(len(items))

    def ask_help(self, task: Callable[[], None], threads: int) -> None:
        """Have up to so many parked threads run `task`, too, if there is CPU for them.

        For work that mostly waits for the network. They may as well not: the task's owner does it.
        """
        with self._turn:
            if self._has_spare_cpu():
                threads = min(threads, self._parked)
                self._errands.extend([task] * threads)
                self._turn.notify(threads)

    def _help(self, errand: Callable[[], None]) -> None:
        try:
            errand()
        finally:
            with self._turn:
                self.helping -= 1

    def nudge(self) -> None:
        """Wake one thread if there is something to do that nobody does.

        Called now and then: the safety net under the rules above (a quick handler that suddenly
        hangs, room regained).
        """
        with self._turn:
            idle_work = bool(self._queue) and self.working < self._workers
            if self._parked and (idle_work or self._poll_wanted()):
                self._turn.notify(1)

    def take_back(self) -> list[Slot]:
        """Remove and return the messages that nobody has started on; what waits stays."""
        others: list[Item] = []
        with self._turn:
            slots, self._late = self._late, []
            # One by one: threads at work take items without the lock, and each goes to one only.
            while self._queue:
                try:
                    item = self._queue.popleft()
                except IndexError:
                    break
                if isinstance(item, Slot):
                    slots.append(item)
                else:
                    others.append(item)
            self._queue.extend(others)
            self._turn.notify(len(others))
        return slots

    def busy(self) -> bool:
        """True while anything is queued or handled, or a long poll is open."""
        with self._turn:
            return bool(self._queue or self.working or self.helping or self.polling)

    def queued(self) -> int:
        """How many items wait for a thread."""
        return len(self._queue)

    def close(self) -> None:
        """Let the threads end after what they do now."""
        with self._turn:
            self._closed = True
            self.stopping.set()
            self._turn.notify_all()
