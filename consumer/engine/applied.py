"""Which event was the last one that a handler was called with, for each key by which it coalesces.

SQS does not keep the order: an older event may come after a newer one was handled.
"""

import threading
from collections import OrderedDict
from datetime import datetime
from typing import Final

from consumer.engine.call import Call, time_of

#: Keys are remembered for all handlers together: those of the last calls.
_MOST_KEYS: Final = 20_000


class Applied:
    """Any thread may call any method. In memory only: a new process knows of no event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: OrderedDict[tuple[str, str | None], datetime] = OrderedDict()

    def is_newer(self, call: Call) -> bool:
        """True if an event newer than the newest one of this call was handled for its key."""
        with self._lock:
            known = self._times.get((call.handler.name, call.key))
        return known is not None and known > time_of(call.entries[0])

    def note(self, call: Call) -> None:
        """The handler has succeeded."""
        time, place = time_of(call.entries[0]), (call.handler.name, call.key)
        with self._lock:
            known = self._times.pop(place, time)
            self._times[place] = max(known, time)
            if len(self._times) > _MOST_KEYS:
                self._times.popitem(last=False)
