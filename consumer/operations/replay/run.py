"""Runs the engine over files to their end, or until a signal comes."""

import gc
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from consumer.clock import Clock
from consumer.config import Settings
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.status import STUCK_SECONDS, Status
from consumer.engine.worker import Worker
from consumer.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_TRANSIENT,
    ConfigurationError,
    ConsumerError,
)
from consumer.handlers.registering.registry import Registry
from consumer.operations.replay.failures import Failure, Failures
from consumer.operations.replay.job import Job
from consumer.operations.replay.position import PositionError, position_of
from consumer.operations.replay.queue import FileQueue
from consumer.operations.replay.source import Found
from consumer.operations.replay.summary import Summary
from consumer.service.signals import StopSignals
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

TICK_SECONDS: Final = 0.1
#: How often the position is written.
SAVE_SECONDS: Final = 2.0
#: A handler that has been paused for so long ends the replay.
PAUSED_SECONDS: Final = 600.0
#: Exit code: something could not be handled.
EXIT_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    #: Of the files: done before this run, and now. What is read and not handled is not done.
    bytes_before: int
    bytes_done: int
    #: None if that is not known.
    bytes_total: int | None
    status: Status
    skipped: int
    failed: int
    #: Wait for their next attempt.
    waiting: int


class Replay:
    """One replay. The main thread calls all methods; Ctrl-C drains, as it does the daemon.

    Args:
        on_tick: called several times a second.
        report: called with a sentence about what can't be read.
        note: likewise, about what is no failure.
        broken: why it must end, for a reason outside; None: it goes on.
    """

    def __init__(
        self,
        job: Job,
        registry: Registry,
        *,
        clock: Clock,
        on_tick: Callable[[Progress], None],
        report: Callable[[str], None],
        note: Callable[[str], None],
        broken: Callable[[], ConsumerError | None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._on_tick = on_tick
        self._report = report
        self._note = note
        self._broken = broken
        self._signals = StopSignals()
        self._failures = Failures(job.names, self._found, file=job.failures, clock=clock)
        self._position = position_of(job)
        begins = self._position.begins if self._position else {}
        self._source = job.source(begins=begins, fault=self._unreadable, note=self._noted)
        self._queue = FileQueue(self._source, clock=clock)
        options = RunOptions(
            MAX_VISIBILITY_SECONDS, max_attempts=job.attempts, unsealing=job.unsealing
        )
        self._parts = Parts(
            self._queue, registry, _settings(job.settings), options,
            clock=clock, quarantine=self._failures,
        )  # fmt: skip
        self._worker = Worker(self._parts)
        self._saved_at = self._began_at = clock.monotonic()
        self._failing_since: dict[str, float] = {}
        self._stuck_since: float | None = None
        #: The position, or something outside.
        self._error: ConsumerError | None = None

    def run(self) -> Summary:
        """Run to the end, whatever ends it. Raises what is a bug."""
        gc.set_threshold(20_000, 20, 100)  # as the daemon does
        with self._signals.installed(), closing(self._failures):
            if self._position is not None:
                self._save_first()
            threading.Thread(target=self._queue.read, name="reader", daemon=True).start()
            self._worker.start()
            while not (stopped := self._stopped()):
                if self._queue.is_waiting and not self._parts.receiver.received:
                    self._parts.flow.cut_batches()  # they can't grow: nothing more can be read
                self._signals.wait(TICK_SECONDS)
            self._drain(by_signal=stopped == "signal")
            self._queue.close()
            self._try_to_save()
            return self._summary("" if stopped == "done" else stopped)

    def _stopped(self) -> str:
        """Why it ends now; "" if it goes on."""
        status = self._look()
        now = self._clock.monotonic()
        if now - self._saved_at >= SAVE_SECONDS:
            self._try_to_save()
        self._error = self._error or self._broken()
        if status.failure or self._queue.failure or self._error:
            return "failure"
        if self._signals.count:
            return "signal"
        if self._queue.is_done:
            return "done"
        return self._given_up(status, now)

    def _given_up(self, status: Status, now: float) -> str:
        since = self._failing_since
        self._failing_since = {name: since.get(name, now) for name in status.failing_handlers}
        for name, failing in self._failing_since.items():
            if now - failing >= PAUSED_SECONDS:
                return f"handler {name} has failed for {PAUSED_SECONDS / 60:g} minutes"
        held = self._parts.in_flight.snapshot()
        if not held or not all(message.stuck for message in held):
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since >= STUCK_SECONDS:
            return "handlers are stuck past their timeout"
        return ""

    def _look(self) -> Status:
        status = self._worker.status()
        self._signals.log_stacks_if_asked()
        source, queue, failures = self._source, self._queue, self._failures
        new = max(source.bytes_read - source.bytes_before, 0)
        new -= new * queue.left // max(queue.seen, 1)
        self._on_tick(
            Progress(
                source.bytes_before, source.bytes_before + new, source.total_bytes,
                status, queue.skipped, failures.failed + failures.not_events, queue.waiting,
            )
        )  # fmt: skip
        return status

    def _drain(self, *, by_signal: bool) -> None:
        at_once = 1 if by_signal else 0

        def while_waiting(_seconds_left: float) -> bool:
            self._look()
            return self._signals.count > at_once

        self._worker.drain(while_waiting)

    def _save_first(self) -> None:
        """That it can be written is known before anything runs."""
        try:
            self._save()
        except PositionError as error:
            raise ConfigurationError(str(error)) from None

    def _try_to_save(self) -> None:
        try:
            self._save()
        except PositionError as error:
            self._error = error  # what runs is drained before it ends

    def _save(self) -> None:
        self._saved_at = self._clock.monotonic()
        if self._position is not None:
            done = self._queue.done()
            self._failures.sync()  # what has failed is done, too
            self._position.save(done)

    def _summary(self, stopped: str) -> Summary:
        status, failures = self._look(), self._failures
        code = EXIT_OK if not failures.counts else EXIT_FAILED
        if stopped:
            code = EXIT_INTERRUPTED if stopped == "signal" else EXIT_TRANSIENT
        if (failure := status.failure or self._queue.failure or self._error) is not None:
            if not isinstance(failure, ConsumerError):
                raise failure
            stopped, code = str(failure), failure.exit_code
        return Summary(
            events=status.events, unmatched=status.unmatched_events,
            seconds=self._clock.monotonic() - self._began_at, skipped=self._queue.skipped,
            failed=failures.failed, not_events=failures.not_events, reasons=failures.counts,
            failures=failures.first, left=self._queue.left, stopped=stopped, exit_code=code,
        )  # fmt: skip

    def _found(self, receipt_handle: str) -> Found | None:
        return self._queue.found(receipt_handle)

    def _unreadable(self, file: str, reason: str) -> None:
        self._report(f"{file}: {reason}")
        self._failures.add(Failure(file, 0, reason))

    def _noted(self, file: str, what: str) -> None:
        self._note(f"{file}: {what}")


def _settings(settings: Settings) -> Settings:
    """Every event is handled again, also a copy; and nothing has to wait for a far queue."""
    engine = {"deduplicate": "off", "settle_linger_seconds": 0.05}
    changes = {
        "engine": settings.engine.model_copy(update=engine),
        "queue": settings.queue.model_copy(update={"wait_time_seconds": 1}),
    }
    return settings.model_copy(update=changes)
