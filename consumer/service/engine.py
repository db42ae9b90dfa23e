"""The engine that runs now. A reload puts another one in its place."""

import threading

from consumer.engine.status import Status
from consumer.engine.worker import Worker


class Engine:
    """Holds the current worker: ask for `worker` each time, because a reload replaces it.

    Any thread may read `worker` and call `pause`; the main thread calls all other methods.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._lock = threading.Lock()
        self._paused = False
        self._leaving = False

    def status(self) -> Status:
        """The engine at this moment."""
        return self.worker.status()

    def pause(self, *, paused: bool) -> None:
        """Begin no receive any more, or receive again at once; also after a reload."""
        with self._lock:
            self._paused = paused
            if not self._leaving:
                self.worker.pause(paused=paused)
