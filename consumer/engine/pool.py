"""What a free thread does next: it asks in one place, does it, and asks again.

The other parts know nothing of threads: they hold what waits, and answer what is ready. The threads
themselves are started in threads.py.
"""

import threading
from typing import Literal, get_args

from consumer.clock import Clock
from consumer.config import EngineSettings
from consumer.engine.admission import Admission
from consumer.engine.flow import Flow
from consumer.engine.load import Load
from consumer.engine.outbox import Outbox
from consumer.engine.receive import Receiver
from consumer.engine.stall import StallDetector

#: "look": whether the queue is stalled.
Role = Literal["settle", "settle everything", "work", "look", "receive"]


class Pool:
    """Threads of one kind: whichever is free receives, handles or settles. Any thread may call.

    When handlers are quick, the thread that received ten messages handles and deletes them too, as
    a plain loop would: a message that changes threads costs more CPU. Another thread is woken when
    there is more to do and the process waits rather than computes.
    """

    def __init__(
        self,
        receiver: Receiver,
        flow: Flow,
        admission: Admission,
        outbox: Outbox,
        stall: StallDetector,
        *,
        clock: Clock,
        stopping: threading.Event,
        engine: EngineSettings,
    ) -> None:
        self._receiver = receiver
        self._flow = flow
        self._admission = admission
        self._outbox = outbox
        self._stall = stall
        self._clock = clock
        self._stopping = stopping
        self._turn = threading.Condition(threading.Lock())
        self._roles: dict[Role, int] = dict.fromkeys(get_args(Role), 0)
        #: By thread: its role, and `Clock.monotonic()` at which it took it.
        self.doing: dict[int, tuple[Role, float]] = {}
        self._parked = 0
        self._closed = False
        #: Begin no message and let no call continue: what is left is returned.
        self.only_settles = False
        #: So many threads at most are inside of handlers.
        self.workers = engine.workers
        self.load = Load(clock=clock, max_receives=engine.max_pollers)

    def run(self) -> None:
        """Run one thread: take a role, do it, take the next; returns when closed."""
        while (role := self._wait_for_role()) is not None:
            self.do(role)

    def _wait_for_role(self) -> Role | None:
        with self._turn:
            while not self._closed:
                role = self._take_role()
                if role is not None:
                    self._wake_if_of_use()
                    return role
                self._parked += 1
                self._turn.wait()
                self._parked -= 1
            return None

    def take_role(self) -> Role | None:
        """Take the next role, or None if there is nothing to do; `do` must follow."""
        with self._turn:
            return self._take_role()

    def _take_role(self) -> Role | None:
        role = self._next_role()
        if role is not None:
            self._roles[role] += 1
        return role

    def _next_role(self) -> Role | None:
        """Decide what a thread does: the first of these that is possible."""
        outbox, roles = self._outbox, self._roles
        if self._may_settle() or (not roles["settle"] and outbox.due() <= self._clock.monotonic()):
            return "settle"
        if self.only_settles:
            return None
        if roles["work"] < self.workers and (self._admission.ready or self._has_new()):
            return "work"
        if self._stall.is_due() and not roles["look"]:
            return "look"
        return "receive" if self._may_receive() else self._role_without_room()

    def _may_settle(self) -> bool:
        full = self._outbox.full()
        # As many as receive: those who are in a call have taken their batch, and another waits.
        return full > 0 and self._roles["settle"] < max(full, self.load.limit)

    def _role_without_room(self) -> Role | None:
        """Without room nothing is received; and if nothing comes, batches can't grow any more."""
        if self._has_new() or self._receiver.has_room():
            return None
        if self._outbox.sendable() and not self._roles["settle everything"]:
            return "settle everything"
        if self._receiver.open or self._roles["work"]:
            return None  # what these bring, or still begin, may belong to a batch
        return "work" if self._flow.cut_batches() else None

    def _has_new(self) -> bool:
        return bool(self._receiver.received) and not self._stopping.is_set()

    def _may_receive(self) -> bool:
        open_receives = self._roles["receive"]
        if self._stopping.is_set() or open_receives >= self.load.limit:
            return False
        wanted = self._admission.wanted()
        # While a handler keeps failing, one receive for one message at a time is enough.
        return not (wanted is not None and open_receives) and self._receiver.may_receive(wanted)

    def do(self, role: Role) -> None:
        """Do the role as long as there is more of it. Raises what is fatal, or a bug."""
        self.doing[threading.get_ident()] = (role, self._clock.monotonic())
        try:
            if role == "work":
                while self.work_once():
                    pass
            elif role == "receive":
                self._receive()
            elif role == "look":
                self._stall.look()
            else:
                while self._outbox.send(partial=role == "settle everything"):
                    pass
        finally:
            self.release_role(role)
            self.doing.pop(threading.get_ident(), None)

    def release_role(self, role: Role) -> None:
        """The role may be taken by another thread."""
        with self._turn:
            self._roles[role] -= 1

    def work_once(self) -> bool:
        """Send a full batch, else let a call go on, else begin a message; False if there is none.

        Calls come before messages: what has waited must not queue behind what came later. No lock
        is taken here: each of the parts gives an item to one thread only.
        """
        if self._closed:
            return False
        if full := self._outbox.full():
            if self.load.limit > 1 and self._may_settle():
                return False  # calls take long: a thread that waits for one must not be a worker
            if full > 1:
                with self._turn:
                    self._wake_if_of_use()
            self._outbox.send()
        elif self.only_settles:
            return False
        elif (call := self._admission.take_ready()) is not None:
            self._flow.go_on(call)
        elif not self._stopping.is_set() and (message := self._receiver.take()) is not None:
            self._flow.begin(message)
        else:
            return False
        return True

    def _receive(self) -> None:
        messages, pause, seconds = self._receiver.receive(self._admission.wanted())
        with self._turn:
            self.load.note_receive(messages, seconds)
        if pause:
            # The role is kept meanwhile: after a failure one thread tries, not all of them.
            self._clock.wait(self._stopping, pause)

    def _wake_if_of_use(self) -> None:
        """Wake another thread if there is more to do and it helps; it wakes the next one."""
        light = self.load.is_light
        if not self._parked or not (light or self.load.limit > 1):
            return
        role = self._next_role()
        # If receives take long, so do deletes: such a thread waits for the network.
        if role is not None and (light or role in {"receive", "settle"}):
            self._turn.notify(1)

    def nudge(self) -> None:
        """Wake a thread if there is something to do that no thread does; called now and then.

        Needed for what becomes due by time, and when a quick handler suddenly hangs.
        """
        with self._turn:
            self.load.measure()
            if self._parked and self._next_role() is not None:
                self._turn.notify(1)

    def busy(self) -> bool:
        """True while a thread does anything, or something is ready to be done."""
        with self._turn:
            return any(self._roles.values()) or self._next_role() is not None

    def is_working(self) -> bool:
        """True while a thread is inside a handler, or on its way there."""
        with self._turn:
            return self._roles["work"] > 0

    def close(self) -> None:
        """Let the threads end after what they do now."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
