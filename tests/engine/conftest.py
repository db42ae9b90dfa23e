"""The whole engine, stepped by hand: its parts are passive, so no test here needs a thread."""

from __future__ import annotations

import json
import sqlite3
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.config import EngineSettings, QueueSettings, Settings
from consumer.engine.parts import Parts
from consumer.engine.run_options import RunOptions
from consumer.engine.worker import Worker
from consumer.errors import AccessDeniedError, TransportError
from consumer.handlers.registering.registry import Registry
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.queues.transport import EntryFailure
from consumer.testing import Fault, InMemoryQueue, ManualClock, canvas_body, make_message
from tests.engine.drains import Counts, drained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from consumer.engine.inflight import InFlight, InFlightMessage
    from consumer.engine.receive import Received
    from consumer.engine.status import Status
    from consumer.signatures.unsealing import Unsealing
    from consumer.testing.faults import Operation

VISIBILITY = 30


class Held:
    """A thread inside a handler: it has a message until the test ends the call."""

    def __init__(self, rig: Rig) -> None:
        self._parts = rig.parts
        message = rig.parts.receiver.take()
        assert message is not None
        self._message = message
        self._parts.pool._roles["work"] += 1

    def end(self) -> None:
        """The handler returns, and its thread goes on."""
        self._parts.flow.begin(self._message)
        self._parts.pool.release_role("work")


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
        max_messages: int | None = None,
        until_empty: bool = False,
        max_attempts: int | None = None,
        unsealing: Unsealing | None = None,
        **options: Any,
    ) -> None:
        self.clock = clock or ManualClock()
        self.queue = queue or InMemoryQueue(
            self.clock, visibility_timeout_seconds=VISIBILITY, advance_on_empty=False
        )
        self.options = RunOptions(
            VISIBILITY,
            max_messages=max_messages,
            until_empty=until_empty,
            max_attempts=max_attempts,
            unsealing=unsealing,
        )
        self.parts = Parts(
            self.queue,
            registry,
            Settings(
                queue=QueueSettings(wait_time_seconds=wait_time_seconds),
                # Many a test fails a handler a few times for another reason.
                engine=EngineSettings(**{"breaker_failures": 0, **(engine or {})}),
            ),
            self.options,
            clock=self.clock,
            rng=Random(1),
            **options,
        )
        self.worker = Worker(self.parts)
        self.stats = self.parts.stats

    @property
    def status(self) -> Status:
        """The status of the worker."""
        return self.worker.status()

    def send(self, event_name: str = "grade_change", *, count: int = 1) -> list[str]:
        """Put messages into the queue; returns their ids."""
        return [self.queue.send(canvas_body(event_name, number=n)) for n in range(count)]

    def send_envelope(self, events: int) -> str:
        """Put one Caliper message with several events into the queue."""
        return self.queue.send(caliper_body(events))

    def receive(self) -> Received:
        """One receive; what it brings waits for a thread."""
        return self.parts.receiver.receive(self.parts.admission.wanted())

    def bring(self, count: int = 1) -> list[str]:
        """Put messages into the queue, and receive them all; returns their ids."""
        ids = self.send(count=count)
        for _ in range(0, count, 10):
            self.receive()
        return ids

    def receive_as_a_thread(self) -> None:
        """One receive as a thread of the pool makes it, if it would make one."""
        self.parts.pool._roles["receive"] += 1
        self.parts.pool.do("receive")

    def may_receive(self) -> bool:
        """Whether a thread would receive now."""
        return self.parts.receiver.may_receive(self.parts.admission.wanted())

    def queued(self) -> int:
        """How many messages and calls wait for a thread."""
        return len(self.parts.receiver.received) + len(self.parts.admission.ready)

    def begin_one(self) -> None:
        """Take the next received message as far as possible."""
        message = self.parts.receiver.take()
        assert message is not None
        self.parts.flow.begin(message)

    def hold_one(self) -> Held:
        """A thread takes the next received message, and does not return."""
        return Held(self)

    def open_receive(self) -> None:
        """A thread is in a long poll, until `end_receive`."""
        self.parts.pool._roles["receive"] += 1

    def end_receive(self) -> None:
        """Its long poll returns."""
        self.parts.pool.release_role("receive")

    def asks(self) -> int:
        """Receive once; returns how many messages were asked for, 0 if no call was made."""
        made = len(self.calls("receive"))
        self.receive()
        return sum(self.calls("receive")[made:])

    def work(self) -> None:
        """Do what threads do with received messages and ready calls, until nothing is left."""
        while self.parts.pool.work_once():
            pass

    def settle(self) -> None:
        """Send all deletes and visibility changes."""
        while self.parts.outbox.pending():
            if not self.parts.outbox.send(partial=True):
                self.clock.advance(0.5)

    def cycle(self) -> Received:
        """Receive, handle, settle."""
        received = self.receive()
        self.work()
        self.settle()
        return received

    def run_threads(self) -> None:
        """Do what the pool's threads do, apart from receiving, until they would park."""
        pool = self.parts.pool
        while (role := pool.take_role()) is not None:
            if role == "receive":
                pool._roles[role] -= 1
                return
            pool.do(role)

    def beat(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass: at each step a heartbeat, the housekeeping, and what it finds due."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.tick()

    def live(self, seconds: int) -> None:
        """Run the engine for a while: each second receive, handle, keep house, renew."""
        for _ in range(seconds):
            while self.may_receive() and self.receive().messages:
                self.work()
            self.beat(1)
            self.work()
            self.settle()

    def tick(self) -> None:
        """Do what the heartbeat and the housekeeper do at one moment, and send what is due."""
        self.parts.heartbeat.tick()
        self.worker.threads.tick()
        while self.parts.outbox.send():
            pass

    def drain(self, *, signal_after: int | None = None) -> Counts:
        """Drain; housekeeping, heartbeat and work go on as the threads would do them."""
        looks = 0

        def while_waiting(_seconds_left: float) -> bool:
            nonlocal looks
            looks += 1
            if signal_after is not None and looks == signal_after + 1:
                return True
            self.tick()
            self.run_threads()
            return False

        return drained(self.worker, while_waiting)

    def held(self) -> list[str]:
        """The ids of the messages that this process holds."""
        return [message.message_id for message in self.parts.in_flight.snapshot()]

    def fail(
        self, operation: Operation, *, times: int = 1, after: bool = False, fatal: bool = False
    ) -> None:
        """Make the next calls of an operation fail as a whole."""
        kind = AccessDeniedError if fatal else TransportError
        error = kind("the test said so", code="AccessDenied" if fatal else "ServiceUnavailable")
        fault = Fault(error=error, after=after, operation=operation)
        assert isinstance(self.queue.faults, list)
        self.queue.faults += [fault] * times

    def refuse(self, operation: Operation, failed: Mapping[int, EntryFailure]) -> None:
        """Make the next call of an operation answer these entries with `Failed`."""
        assert isinstance(self.queue.faults, list)
        self.queue.faults.append(Fault(failed=failed, operation=operation))

    def calls(self, operation: Operation) -> list[int]:
        """The sizes of all calls of an operation."""
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
    """Most tests end like a process that dies: without closing the ledger's file."""
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


@pytest.fixture(name="handled")
def _handled(registry: Registry) -> list[str]:
    """The messages that a succeeding handler got."""
    handled: list[str] = []
    registry.add(lambda event: handled.append(event.message_id), "*", name="one")
    return handled


@pytest.fixture(name="reopen")
def _reopen(tmp_path: Path, clock: ManualClock) -> Callable[[], Ledger]:
    """Opens the ledger as a new process does, whatever became of the process before."""
    return lambda: open_ledger(tmp_path, clock=clock)


@pytest.fixture(name="make_rig")
def _make_rig() -> Callable[..., Rig]:
    return Rig


@pytest.fixture(name="make_held")
def _make_held(clock: ManualClock) -> Callable[..., InFlightMessage]:
    """Admits a new message to a table and returns it."""
    made = 0

    def make(
        in_flight: InFlight, *, receive_count: int = 1, visible_in: float = 30.0
    ) -> InFlightMessage:
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
