"""How many messages the queue and its dead-letter queue hold: asked once a minute."""

import threading
from typing import Final

from consumer.clock import Clock
from consumer.engine.status import Status
from consumer.errors import AccessDeniedError, TransportError
from consumer.queues.transport import QueueAttributes, Transport
from consumer.service.monitoring.facts import Depth

#: Each request is paid for: two queues, once a minute, are 88,000 requests a month.
INTERVAL_SECONDS: Final = 60.0
#: Whether a permission was given meanwhile is not asked each minute.
DENIED_SECONDS: Final = 3600.0


class Depths:
    """Asks in a thread of its own, once `start` is called: a queue that hangs delays nothing.

    A companion of the daemon. Any thread may read `queue` and `dead_letters`.

    Args:
        checked: what the queue answered at the start.
        dead_letters: None if there is none.
    """

    def __init__(
        self,
        queue: Transport,
        name: str,
        checked: QueueAttributes,
        *,
        dead_letters: Transport | None,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._closed = threading.Event()
        known = checked.visible_messages is not None
        self.queue = Depth(name, checked, clock.now() if known else None)
        self.dead_letters: Depth | None = None
        self._transports = {"queue": queue}
        self._not_before = {"queue": clock.monotonic() + INTERVAL_SECONDS}
        if dead_letters is not None and checked.dead_letter_queue is not None:
            self.dead_letters = Depth(checked.dead_letter_queue)
            self._transports["dead_letters"] = dead_letters

    def start(self) -> None:
        """Begin to ask. Raises `RuntimeError` if the system allows no thread."""
        threading.Thread(target=self._run, name="depths", daemon=True).start()

    def look(self, status: Status) -> None:
        """Nothing is to be done."""

    def close(self, exit_code: int) -> None:  # noqa: ARG002 - a companion's method
        """Ask no more; does not wait for a request that is under way."""
        self._closed.set()

    def ask(self) -> None:
        """Ask each queue that is due. What fails is asked again later."""
        for name, transport in self._transports.items():
            now = self._clock.monotonic()
            if now < self._not_before.get(name, now):
                continue
            # A little less: the next look must not come too early.
            self._not_before[name] = now + INTERVAL_SECONDS - 1
            try:
                attributes = transport.attributes()
            except AccessDeniedError:
                self._not_before[name] = now + DENIED_SECONDS
            except TransportError:
                continue  # the receives log an outage
            else:
                before: Depth = getattr(self, name)
                setattr(self, name, Depth(before.name, attributes, self._clock.now()))

    def _run(self) -> None:
        while not self._closed.is_set():
            self.ask()
            self._clock.wait(self._closed, INTERVAL_SECONDS)
