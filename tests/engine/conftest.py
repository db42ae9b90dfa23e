"""The whole engine, stepped by hand: its parts are passive, so no test here needs a thread."""

from __future__ import annotations

import json
import sqlite3
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.config import EngineSettings, QueueSettings
from consumer.engine.worker import Worker
from consumer.errors import AccessDeniedError, TransportError
from consumer.handlers.registering.registry import Registry
from consumer.queues.transport import EntryFailure
from consumer.testing import Fault, InMemoryQueue, ManualClock, canvas_body, make_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from consumer.engine.drain import Account
    from consumer.engine.inflight import InFlight, Slot
    from consumer.engine.poller import Poll
    from consumer.testing.faults import Operation

VISIBILITY = 30

GONE = EntryFailure("ReceiptHandleIsInvalid", gone=True)
THROTTLED = EntryFailure("RequestThrottled")


class Rig:
    """A worker that was not started, its queue and its clock. One step at a time, in one thread."""

    def __init__(
        self,
        registry: Registry,
        *,
        queue: InMemoryQueue | None = None,
        clock: ManualClock | None = None,
        engine: Mapping[str, Any] | None = None,
        wait_time_seconds: int = 20,
        **options: Any,
    ) -> None:
        self.clock = clock or ManualClock()
        self.queue = queue or InMemoryQueue(
            self.clock, visibility_timeout_seconds=VISIBILITY, advance_on_empty=False
        )
        self.worker = Worker(
            self.queue,
            registry,
            queue=QueueSettings(wait_time_seconds=wait_time_seconds),
            # Many a test fails a handler a few times for another reason.
            engine=EngineSettings(**{"breaker_failures": 0, **(engine or {})}),
            clock=self.clock,
            visibility_timeout_seconds=VISIBILITY,
            rng=Random(1),
            **options,
        )
        self.stats = self.worker.stats

    def send(self, event_name: str = "grade_change", *, count: int = 1) -> list[str]:
        """Put messages into the queue; returns their ids."""
        return [self.queue.send(canvas_body(event_name, number=n)) for n in range(count)]

    def send_envelope(self, events: int) -> str:
        """Put one Caliper message with several events into the queue."""
        return self.queue.send(caliper_body(events))

    def poll(self) -> Poll:
        """One receive; what it brings is queued for a worker thread."""
        poll = self.worker.poller.poll_once()
        self.worker.crew._queue.extend(poll.slots)
        return poll

    def work(self) -> None:
        """Process what is queued, and what that queues, until nothing is left."""
        queue = self.worker.crew._queue
        while queue:
            self.worker.pipeline.process(queue.popleft())

    def settle(self) -> None:
        """Send every delete and visibility change there is."""
        self.worker.settler.flush(everything=True)

    def cycle(self) -> Poll:
        """Receive, process, settle."""
        poll = self.poll()
        self.work()
        self.settle()
        return poll

    def beat(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass as the threads would: a heartbeat and the housekeeping at each step."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.worker.heartbeat.tick()
            self.worker.housekeep()

    def drain(self, *, signal_after: int | None = None) -> Account:
        """Drain; housekeeping, heartbeat and work go on as the threads would do them."""
        looks = 0

        def while_waiting(_seconds_left: float) -> bool:
            nonlocal looks
            looks += 1
            self.worker.heartbeat.tick()
            self.worker.housekeep()
            self.work()
            return signal_after is not None and looks > signal_after

        return self.worker.drain(while_waiting)

    def held(self) -> list[str]:
        """The ids of the messages that this process holds."""
        return [slot.message.message_id for slot in self.worker.in_flight.snapshot()]

    def fail(
        self, operation: Operation, *, times: int = 1, after: bool = False, fatal: bool = False
    ) -> None:
        """Let the next calls of a kind fail as a whole."""
        kind = AccessDeniedError if fatal else TransportError
        error = kind("the test said so", code="AccessDenied" if fatal else "ServiceUnavailable")
        fault = Fault(error=error, after=after, operation=operation)
        assert isinstance(self.queue.faults, list)
        self.queue.faults += [fault] * times

    def refuse(self, operation: Operation, failed: Mapping[int, EntryFailure]) -> None:
        """Let the next call of a kind answer these entries with `Failed`."""
        assert isinstance(self.queue.faults, list)
        self.queue.faults.append(Fault(failed=failed, operation=operation))

    def calls(self, operation: Operation) -> list[int]:
        """The sizes of the calls of a kind so far."""
        return [call.size for call in self.queue.calls if call.operation == operation]


def caliper_body(events: int) -> str:
    """An envelope that carries several events."""
    return json.dumps({
        "sensor": "http://oxana.instructure.com/",
        "sendTime": "2024-03-01T12:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [
            {
                "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
                "id": f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
                "type": "NavigationEvent",
                "actor": {"id": "urn:instructure:canvas:user:1", "type": "Person"},
                "action": "NavigatedTo",
                "object": {"id": "urn:instructure:canvas:course:1", "type": "CourseOffering"},
                "eventTime": "2024-03-01T12:00:00.000Z",
            }
            for number in range(events)
        ],
    })  # fmt: skip


@pytest.fixture(autouse=True)
def _ledgers_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Most tests end like a process: without a word to the ledger's file."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def note(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", note)
    yield
    for connection in opened:
        connection.close()


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="registry")
def _registry() -> Registry:
    return Registry()


@pytest.fixture(name="make_rig")
def _make_rig() -> Callable[..., Rig]:
    return Rig


@pytest.fixture(name="make_slot")
def _make_slot(clock: ManualClock) -> Callable[..., Slot]:
    """Admits a message to a table and returns its slot; each call another message."""
    made = 0

    def make(in_flight: InFlight, *, receive_count: int = 1, visible_in: float = 30.0) -> Slot:
        nonlocal made
        made += 1
        message = make_message(
            message_id=f"message-{made}",
            receipt_handle=f"handle-{made}",
            receive_count=receive_count,
            received_at=clock.monotonic(),
        )
        reserved = in_flight.reserve(1)
        visible_at = clock.monotonic() + visible_in
        new, _ = in_flight.admit(reserved, [message], visible_at=visible_at)
        return new[0]

    return make


@pytest.fixture(name="logs", autouse=True)
def _logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured
