"""Counts the requests to AWS, each of which is paid for."""

import threading
from collections import Counter
from typing import Final

from consumer.printable import printable

#: An action such as "ReceiveMessage", and "ok" or an error code.
Request = tuple[str, str]

#: Codes may come from anything that answers in place of AWS.
_MOST_KINDS: Final = 100


class RequestCounts:
    """Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Request] = Counter()

    def add(self, action: str, result: str) -> None:
        """Count a request."""
        request = (action, printable(result))
        with self._lock:
            if request not in self._counts and len(self._counts) >= _MOST_KINDS:
                request = (action, "other")
            self._counts[request] += 1

    def snapshot(self) -> dict[Request, int]:
        """All requests so far."""
        with self._lock:
            return dict(self._counts)
