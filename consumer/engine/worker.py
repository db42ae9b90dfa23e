"""The engine of one process: starts it, says how it is, ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.engine.drain import Drain, close_handlers
from consumer.engine.parts import assemble
from consumer.engine.status import Watch
from consumer.errors import StuckError, ThreadsError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from consumer.clock import Clock
    from consumer.config import Settings
    from consumer.engine.drain import Counts
    from consumer.engine.parts import RunOptions
    from consumer.engine.status import Status
    from consumer.handlers.registering.registry import Registry
    from consumer.ledger.ledger import Ledger
    from consumer.queues.quarantine import Quarantine
    from consumer.queues.transport import Transport


class Worker:
    """One thread calls all methods. The arguments are those of `assemble`."""

    def __init__(
        self,
        transport: Transport,
        registry: Registry,
        settings: Settings,
        options: RunOptions,
        *,
        clock: Clock,
        rng: Random | None = None,
        ledger: Ledger | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        self._registry = registry
        self._drain_seconds = settings.engine.drain_timeout_seconds
        self.parts = assemble(
            transport, registry, settings, options,
            clock=clock, rng=rng, ledger=ledger, quarantine=quarantine,
        )  # fmt: skip
        self._watch = Watch(
            self.parts,
            wait_seconds=settings.queue.wait_time_seconds,
            call_seconds=options.read_timeout_seconds + settings.queue.connect_timeout_seconds,
        )

    def start(self) -> None:
        """Start all threads."""
        self.parts.threads.start()

    def status(self) -> Status:
        """How it is at this moment."""
        return self._watch.status()

    def stop(self) -> None:
        """Make no more receives. An open long poll may finish: aborting it would hide messages."""
        self.parts.stopping.set()
        self.parts.pool.nudge()

    def drain(self, while_waiting: Callable[[float], bool]) -> Counts:
        """Finish what runs, give the rest back; returns what became of everything.

        Takes at most `engine.drain_timeout_seconds` and a few seconds, whatever the queue does.

        Args:
            while_waiting: called several times a second with the seconds that are left; returns
                True to stop waiting at once (a second signal).
        """
        self.stop()
        drain = Drain(self.parts, while_waiting)
        drain.wait(self._drain_seconds, broken=self._broken)
        counts = drain.close()
        self.parts.threads.end()
        if not counts.abandoned:
            close_handlers(self._registry.handlers)
        return counts

    def _broken(self) -> bool:
        """True if a loop has died or nothing can be settled: then waiting changes nothing.

        A receive that is refused for good is no reason to give up on what runs.
        """
        failure, ends_well = self.parts.threads.failure, (TransportError, StuckError, ThreadsError)
        died = failure is not None and not isinstance(failure, ends_well)
        return died or self.parts.attempts.fatal is not None
