"""The engine against a queue with SQS's semantics and bad days, in one thread on a manual clock.

Each seed is one run: handlers, settings and faults are drawn from it, processes are killed and
stopped at any moment, and after every step the promise is checked. The same seed, the same run.

    python -m tests.simulation --runs 2000 --seed 0
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from tests.simulation.timeline import Timeline
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.tally import Tally

#: One seed in this many also runs a timeline.
TIMELINE_EVERY = 15
#: Memory, where there is such a place: a run writes a small ledger some hundred times.
_MEMORY = Path("/dev/shm")


def simulate(seed: int, *, trace: Callable[[str], None] = lambda _: None) -> Tally:
    """One run, in a new directory. Raises `BrokenPromiseError`.

    Args:
        trace: gets each step and each fault.
    """
    with temporary_folder() as folder, silence():
        if seed % TIMELINE_EVERY == 0:
            Timeline(seed, folder).run()
        return World(seed, folder, trace=trace).run()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder, in memory if there is such a place, deleted at the end."""
    where = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where, prefix="simulate-") as folder:
        yield Path(folder)


@contextmanager
def silence() -> Iterator[None]:
    """The engine logs a lot on bad days: drop it all."""
    before = structlog.get_config()
    structlog.configure(
        processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: Any, _method: str, _event: Any) -> NoReturn:
    raise structlog.DropEvent
