"""Posts messages over several connections at a time."""

import threading
from collections.abc import Sequence
from typing import Final

from consumer.operations.posting.address import Address
from consumer.operations.posting.deliveries import Deliveries, Delivery
from consumer.queues.sending import Outgoing
from consumer.queues.transport import EntryFailure

CONNECTIONS: Final = 16
#: Further messages wait until some of these were accepted or given up.
MOST_HELD: Final = 10_000


class Posts:
    """A `Sender` to an address. Its threads are daemon threads: they do not hold up the process.

    `send` only hands over; `finish` waits for what becomes of it. Both are called from one thread,
    and raise what a thread of this class raised: a bug.
    """

    def __init__(
        self, address: Address, deliveries: Deliveries, *, connections: int = CONNECTIONS
    ) -> None:
        self._address = address
        self._deliveries = deliveries
        #: Guards what follows, and the deliveries.
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._ending = False
        self._bug: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._run, name=f"post-{number}", daemon=True)
            for number in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, batch: Sequence[Outgoing]) -> list[EntryFailure | None]:
        """Hand them over; waits while too many are held."""
        with self._lock:
            self._room.wait_for(lambda: self._deliveries.held < MOST_HELD or self._bug)
            self._raise_bug()
            for message in batch:
                self._deliveries.add(message.body.encode())
            self._work.notify(len(batch))
        return [None] * len(batch)

    def finish(self) -> None:
        """Wait until each message is accepted or given up."""
        self.close()
        for thread in self._threads:
            thread.join()
        self._address.close()
        self._raise_bug()

    def close(self) -> None:
        """Let the threads end when nothing waits any more."""
        with self._lock:
            self._ending = True
            self._work.notify_all()

    def _raise_bug(self) -> None:
        if self._bug is not None:
            raise self._bug

    def _run(self) -> None:
        try:
            while (delivery := self._take()) is not None:
                failure = self._address.post(delivery.body)
                with self._lock:
                    self._deliveries.tried(delivery, failure)
                    self._room.notify()
                    if failure:
                        self._work.notify()  # to wait for its next try: this one may be busy then
        except BaseException as bug:
            with self._lock:
                self._bug = bug
                self._room.notify()
                self._work.notify_all()

    def _take(self) -> Delivery | None:
        """Wait for what is to be tried now; None at the end."""
        with self._lock:
            while self._bug is None:
                found = self._deliveries.take()
                if isinstance(found, Delivery):
                    return found
                if found is None and self._ending:
                    break
                self._work.wait(found)
            return None
