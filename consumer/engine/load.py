"""How much of a core the process uses, and so how many receives may be open."""

import math

from consumer.clock import Clock
from consumer.sqs_limits import MAX_BATCH

#: CPU is measured over windows of this length: shorter ones are noise, longer ones react late.
WINDOW_SECONDS = 0.1
#: Below this share of a core the process mostly waits, and another thread helps. Above it threads
#: contend for the interpreter lock: with two busy ones a message costs a quarter more CPU.
SPARE = 0.6
#: A receive that is quicker (from an emulator on this machine) is not worth a second one.
QUICK_SECONDS = 0.005
#: Receives do not come back evenly, so this many times as many are open as would keep a core busy.
SLACK = 1.5


class Load:
    """One thread at a time calls any method."""

    def __init__(self, *, clock: Clock, max_receives: int) -> None:
        self._clock = clock
        self._max_receives = max_receives
        #: How many receives may be open now.
        self.limit = 1
        #: True while the process waits rather than computes. Until it is measured: it does not.
        self.is_light = False
        self._window_start = clock.monotonic()
        self._window_cpu = clock.cpu()
        self._window_messages = 0
        #: The CPU that ten messages cost, in seconds; 0: not known yet.
        self.cpu_of_ten = 0.0

    def note_receive(self, messages: int, seconds: float) -> None:
        """One receive is open while idle; while full, as many as keep a core busy.

        That is the time of a receive divided by the CPU that ten messages cost.
        """
        self._window_messages += messages
        self.measure()
        wanted = 1
        if messages == MAX_BATCH and self.cpu_of_ten and seconds > QUICK_SECONDS:
            wanted = min(math.ceil(SLACK * seconds / self.cpu_of_ten), self._max_receives)
        if wanted > self.limit:
            self.limit += 1
        else:
            self.limit = max(wanted, self.limit - 1) if messages else 1

    def measure(self) -> None:
        """Measure the CPU used over the last window, once it is over."""
        now = self._clock.monotonic()
        elapsed = now - self._window_start
        if elapsed < WINDOW_SECONDS:
            return
        cpu = self._clock.cpu()
        self.is_light = (cpu - self._window_cpu) / elapsed < SPARE
        if self._window_messages:
            self.cpu_of_ten = (cpu - self._window_cpu) * MAX_BATCH / self._window_messages
        self._window_start, self._window_cpu, self._window_messages = now, cpu, 0
