"""What a handler costs alone: called in one thread, in batches of its size, without the daemon.

The samples of a call are decoded just before it, which is not measured: as in the daemon, they are
then in the processor's cache. CPU is that of this process. The key of an event is computed in the
call, as the daemon does it unless it looks for duplicates.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.config import AwsSettings, QueueSettings, load
from consumer.events.decode import decode
from consumer.events.samples import realistic_messages
from consumer.handlers.loading.loader import build_registry
from consumer.queues.sqs import AwsClients
from consumer.testing import make_context, make_message
from tests.bench.destinations import destination
from tests.bench.rig import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.handlers.registering.handler import Handler
    from consumer.messages import Event

_AWS = AwsSettings.model_validate(
    {"access_key_id": "bench", "secret_access_key": "bench", "region": "us-east-1"}
)


@dataclass(frozen=True, slots=True)
class Landing:
    """What landing events took. The first batch, which opens the destination, is extra."""

    name: str
    #: Events of a call.
    batch: int
    events_per_second: float
    cpu_us: float
    #: Least and most CPU of the rounds.
    spread_us: tuple[float, float]


def land(name: str, events: int) -> Landing:
    """Let the handler of an entry land that many events. Raises BenchError."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        destination(name, Path(folder)) as place,
    ):
        settings = load(place.configuration, environ={}, overrides={}).settings
        aws_client = AwsClients(QueueSettings(), _AWS).client
        (handler,) = build_registry(
            settings.handlers, state_directory=Path(folder), aws_client=aws_client
        ).handlers
        batch = handler.batch or 1
        texts = [sample.body for sample in realistic_messages(events + batch)]
        _call(handler, _decoded(texts[:batch]))
        seconds = cpu = 0.0
        for begin in range(batch, len(texts), batch):
            decoded = _decoded(texts[begin : begin + batch])
            began, cpu_before = time.perf_counter(), time.process_time()
            _call(handler, decoded)
            seconds += time.perf_counter() - began
            cpu += time.process_time() - cpu_before
        if handler.close is not None:
            handler.close()
        if place.landed and (landed := place.landed()) != len(texts):
            raise BenchError(f"{name}: {landed} events landed instead of {len(texts)}")
    cpu_us = cpu / events * 1e6
    return Landing(name, batch, events / seconds, cpu_us, (cpu_us, cpu_us))


def _decoded(texts: Iterable[str]) -> list[Event]:
    return [event for text in texts for event in decode(make_message(text))]


def _call(handler: Handler, events: Iterable[Event]) -> None:
    wanted = [event for event in events if handler.when is None or handler.when(event)]
    if handler.call_batch is not None:
        handler.call_batch(wanted, make_context())
    elif handler.call is not None:
        for event in wanted:
            handler.call(event, make_context())


def median(rounds: Sequence[Landing]) -> Landing:
    """Of the rounds of one handler."""
    cpu_us = [landing.cpu_us for landing in rounds]
    return Landing(
        rounds[0].name,
        rounds[0].batch,
        statistics.median(landing.events_per_second for landing in rounds),
        statistics.median(cpu_us),
        (min(cpu_us), max(cpu_us)),
    )
