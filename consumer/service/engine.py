"""The engine that runs now. A reload puts another one in its place."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from consumer.engine.closing import Closing
from consumer.engine.figures import Figures
from consumer.engine.status import Status
from consumer.engine.worker import Worker
from consumer.handlers.registering.registry import Handler


class Engine:
    """Holds the current worker: ask for `worker` each time, because a reload replaces it.

    Any thread may read `worker`, and call `figures` and `pause`; the main thread calls the others.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        #: Held while a worker is paused, resumed or put in place: it must fit to `_paused`.
        self._lock = threading.Lock()
        self._paused = False
        self._leaving = False
        #: Of those that were replaced while a call of theirs ran.
        self._old: list[Closing] = []

    def tidy(self) -> None:
        """Let replaced workers close their handlers once no call of theirs runs; called often."""
        self._old = [closing for closing in self._old if not closing.close_late()]

    def status(self) -> Status:
        """The engine at this moment. That nothing is received during a reload is no pause."""
        status = self.worker.status()
        return replace(status, paused=self._paused) if self._leaving else status

    def figures(self) -> Figures:
        """All numbers at this moment."""
        return self.worker.figures()

    def pause(self, *, paused: bool) -> bool:
        """Begin no receive any more, or receive again at once; also after a reload.

        Returns: False if that was so already.
        """
        with self._lock:
            changed, self._paused = self._paused is not paused, paused
            if not self._leaving:
                self.worker.pause(paused=paused)
        return changed

    def replace(
        self,
        make: Callable[[], Worker],
        *,
        successors: Iterable[Handler],
        while_waiting: Callable[[float], bool],
    ) -> bool:
        """Let the worker finish what it has received; then start another one in its place.

        Never two at a time: handlers have a concurrency, and files. What the old one could not
        finish in time is returned to the queue.

        Args:
            make: called once the old worker has ended. If it raises, the engine has failed.
            successors: the handlers of the new worker.
            while_waiting: as for `Worker.drain`. If it returns True, nothing is received any more.

        Returns: False if the old worker stays, to be drained.
        """
        old = self.worker
        with self._lock:
            self._leaving = True
            old.pause(paused=True)
        for closing in self._old:  # it may share what it left open with those that come back
            closing.leave_open(successors)
        finish = old.finish(while_waiting)
        if finish == "stopped":
            return False
        seconds = 0.0 if finish == "late" else None
        old.drain(while_waiting, seconds=seconds, successors=successors)
        self._old.append(old.closing)
        try:
            worker = make()
        except Exception as error:
            old.threads.failure = error  # nothing is in flight: the process ends, to be restarted
            return False
        self._install(worker)
        if not while_waiting(0.0):  # else it would begin a receive, only to be drained
            # What waits in the queue for a failing handler: a reload is often the remedy.
            worker.parts.outbox.recalls.add(old.parts.admission.recall_all())
            worker.start()
        return True

    def _install(self, worker: Worker) -> None:
        with self._lock:
            self.worker, self._leaving = worker, False
            if self._paused:
                worker.pause(paused=True)
