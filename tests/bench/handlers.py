"""Handlers that do nothing, or next to nothing: what is measured is the way to them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.messages import Context, Event

#: Environment variable that names the file in which `arrivals` notes when an event came.
_ARRIVALS_FILE = "BENCH_ARRIVALS_FILE"

nothing_in_batches = Registry()
nothing = Registry()
arrivals = Registry()


@nothing_in_batches.on("*", batch=100, linger_seconds=1.0)
def take_batch(events: Sequence[Event], context: Context) -> None:
    """Do nothing with many events."""


@nothing.on("*")
def take_one(event: Event, context: Context) -> None:
    """Do nothing with one event."""


@arrivals.on("*")
def note(event: Event, context: Context) -> None:
    """Note the moment, by CLOCK_MONOTONIC, which all processes of a machine share."""
    now_ns = time.monotonic_ns()
    with Path(os.environ[_ARRIVALS_FILE]).open("a", encoding="utf-8") as file:
        file.write(f"{now_ns} {event.message_id}\n")
