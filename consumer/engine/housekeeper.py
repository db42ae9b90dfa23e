"""What is due by time and not by events; several times a second one thread comes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.engine.catalog_watch import CatalogWatch
    from consumer.engine.flow import Flow
    from consumer.engine.invoke import Invoker
    from consumer.engine.pool import Pool
    from consumer.ledger.duplicates import Duplicates
    from consumer.ledger.ledger import Ledger


class Housekeeper:
    """Makes no call to the queue: what it finds due is done by a thread of the pool."""

    def __init__(
        self,
        *,
        flow: Flow,
        invoker: Invoker,
        ledger: Ledger,
        duplicates: Duplicates | None,
        watch: CatalogWatch,
        pool: Pool,
        clock: Clock,
    ) -> None:
        self._flow = flow
        self._invoker = invoker
        self._ledger = ledger
        self._duplicates = duplicates
        self._watch = watch
        self._pool = pool
        self._clock = clock
        #: `Clock.monotonic()` of the last sign of life, for the watchdog.
        self.progress = clock.monotonic()

    def tick(self) -> None:
        """Batches that have lingered, probes, stuck handlers, what is to be in the ledger."""
        self.progress = self._clock.monotonic()
        self._flow.tick()
        self._invoker.find_stuck()
        self._pool.nudge()
        self._ledger.flush()
        if self._duplicates is not None:
            self._duplicates.flush()
        self._watch.update_stats()
