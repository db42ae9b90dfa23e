"""What is known of events whose call failed as a whole, for when they come again."""

import threading
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

ValueT = TypeVar("ValueT")

#: Some may never come again here: another process got them.
_MOST: Final = 100_000


class Remembered(Generic[ValueT]):
    """A value for each event key; the oldest are forgotten. Any thread may call any method.

    An outage in the middle of a batch fails the whole call: then the engine keeps its events
    without using up a delivery, and passes them on in other batches once the outage is over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, ValueT] = {}

    def take(self, key: str) -> ValueT | None:
        """The value of an event that came again; from now on it is not remembered."""
        with self._lock:
            return self._values.pop(key, None)

    def keep(self, values: Mapping[str, ValueT]) -> None:
        """Remember these."""
        with self._lock:
            self._values.update(values)
            while len(self._values) > _MOST:
                del self._values[next(iter(self._values))]
