"""What became of all messages when a worker drained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.engine.worker import Worker


@dataclass(frozen=True)
class Counts:
    """What became of all messages, once the process has drained."""

    handled: int
    deleted: int
    released: int
    abandoned: int
    put_back: Mapping[str, int] = field(default_factory=dict)
    unmatched: int = 0


def drained(worker: Worker, while_waiting: Callable[[float], bool]) -> Counts:
    """Drain; returns what became of everything."""
    put_back, stats = worker.drain(while_waiting), worker.parts.stats
    return Counts(
        stats["handled"], stats["deleted"], stats["released"], stats["abandoned"],
        put_back, stats["unmatched"],
    )  # fmt: skip
