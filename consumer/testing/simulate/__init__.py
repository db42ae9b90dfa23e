"""The engine against a queue with SQS's semantics and bad days, in one thread on a manual clock.

Each seed is one run: handlers, settings and faults are drawn from it, processes are killed and
stopped at any moment, and after every step the promise is checked. The same seed, the same run.

    python -m consumer.testing.simulate --runs 2000 --seed 0
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from consumer.testing.simulate.tally import BrokenPromiseError, Tally
from consumer.testing.simulate.timeline import Timeline
from consumer.testing.simulate.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BrokenPromiseError", "Tally", "World", "simulate"]

#: One seed in so many is a timeline as well.
TIMELINE_EVERY = 15
#: Memory, where there is such a place: a run writes a small ledger some hundred times.
_MEMORY = Path("/dev/shm")  # noqa: S108 - made by the system, and our directory in it is our own


def simulate(seed: int, *, trace: Callable[[str], None] = lambda _: None) -> Tally:
    """One run, in a directory of its own. Raises `BrokenPromiseError`.

    Args:
        trace: gets each step and each fault.
    """
    where = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where, prefix="simulate-") as folder, _silence():
        if seed % TIMELINE_EVERY == 0:
            Timeline(seed, Path(folder)).run()
        return World(seed, Path(folder), trace=trace).run()


@contextmanager
def _silence() -> Iterator[None]:
    """The engine logs a lot on bad days; here no one listens."""
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
