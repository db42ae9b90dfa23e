"""How many events a second a handler lands in one thread, and what CPU time each costs.

    python -m tests.bench.landing sqlite --events 20000 --batch 100

Samples of a university's day, decoded before, go through the handler of a destination of the
contract suite (tests/handlers/landing). CPU is that of this process; the key of each event, which
the daemon has computed before the call if it looks for duplicates, is part of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.events.decode import decode
from consumer.events.samples import realistic_messages
from consumer.testing import make_context, make_message
from tests.handlers.landing import destinations

if TYPE_CHECKING:
    from tests.handlers.landing.destination import Destination


def measure(destination: Destination, *, events: int, batch: int) -> tuple[float, float]:
    """Seconds and CPU seconds for all; the first batch, which opens the destination, is extra."""
    samples = [
        event
        for number, sample in enumerate(realistic_messages(events + batch))
        for event in decode(make_message(sample.body, message_id=f"m-{number}"))
    ]
    (handler,) = destination.registry().handlers
    assert handler.call_batch is not None
    handler.call_batch(samples[:batch], make_context())
    began, cpu = time.perf_counter(), time.process_time()
    for begin in range(batch, len(samples), batch):
        handler.call_batch(samples[begin : begin + batch], make_context())
    return time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Measure one destination, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    kinds = {kind.label(): kind for kind in destinations()}
    parser.add_argument("destination", choices=kinds)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=100)
    given = parser.parse_args()
    kind = kinds[given.destination]
    with tempfile.TemporaryDirectory() as name, kind.serving(Path(name)) as server:
        destination = kind(Path(name), server)
        destination.set_up()
        try:
            seconds, cpu = measure(destination, events=given.events, batch=given.batch)
        finally:
            destination.close()
            destination.tear_down()
    print(
        f"{given.destination}: {given.events / seconds:,.0f} events/s at {given.batch} a batch, "
        f"{cpu / given.events * 1e6:.0f} us of CPU each"
    )


if __name__ == "__main__":
    main()
