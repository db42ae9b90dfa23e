"""Another engine in place of the one that runs: stepped by hand, as its threads would do it."""

from __future__ import annotations

import threading
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine.parts import Parts
from consumer.engine.worker import Worker
from consumer.errors import EXIT_BUG
from consumer.handlers.registering.registry import Registry
from consumer.service.daemon import Daemon
from consumer.service.engine import Engine
from tests.engine.conftest import Rig
from tests.processes import BOUND
from tests.service.daemon_stage import Heard, ManualSignals

if TYPE_CHECKING:
    from collections.abc import Callable


class Sink:
    """What handlers write to, and may share; notes each time that it is closed."""

    def __init__(self, closed: list[str], name: str = "sink") -> None:
        self._closed, self._name = closed, name

    def close(self) -> None:
        self._closed.append(self._name)


class Reloaded:
    """An engine that is replaced. Between the looks its threads do what they would do."""

    def __init__(self, registry: Registry, **engine: Any) -> None:
        self.rig = Rig(registry, engine=engine)
        self.queue, self.clock, self.stats = self.rig.queue, self.rig.clock, self.rig.stats
        self.engine = Engine(self.rig.worker)
        self.looks = 0

    def make(self, registry: Registry) -> Worker:
        """The next worker; its threads are not started."""
        old = self.rig.parts
        parts = Parts(
            self.queue, registry, old.settings, self.rig.options,
            clock=self.clock, rng=Random(1), ledger=old.ledger,
        )  # fmt: skip
        worker = Worker(parts)
        worker.start = lambda: None  # type: ignore[method-assign]
        return worker

    def replace(
        self,
        registry: Registry,
        *,
        meanwhile: Callable[[int], object] = lambda _look: None,
        stop_after: int | None = None,
    ) -> bool:
        """Replace the engine. `meanwhile` is called at each look."""

        def while_waiting(_seconds_left: float) -> bool:
            self.looks += 1
            meanwhile(self.looks)
            self.rig.tick()
            self.rig.run_threads()
            return self.looks == stop_after

        return self.engine.replace(
            lambda: self.make(registry),
            successors=registry.handlers,
            while_waiting=while_waiting,
        )

    def go_on(self) -> None:
        """From here on the rig is that of the new engine."""
        self.rig.worker, self.rig.parts = self.engine.worker, self.engine.worker.parts


def registry_of(
    handle: Callable[[Any], object] = lambda _event: None, name: str = "one", **options: Any
) -> Registry:
    """One handler for every event."""
    registry = Registry()
    registry.add(handle, "*", name=name, **options)
    return registry


def test_what_was_received_is_handled_by_the_old_handlers_and_the_rest_by_the_new() -> None:
    """Nothing is returned, and nothing received meanwhile."""
    ran: list[str] = []
    engine = Reloaded(registry_of(lambda _event: ran.append("old")))
    engine.rig.send(count=15)
    engine.rig.receive()

    assert engine.replace(registry_of(lambda _event: ran.append("new")))
    engine.go_on()
    engine.rig.cycle()

    assert ["old"] * 10 + ["new"] * 5 == ran
    assert (15, 15, 0) == tuple(engine.stats[n] for n in ("handled", "deleted", "released"))
    assert [10, 10] == engine.rig.calls("receive")


def test_an_open_receive_is_waited_for_beyond_the_deadline() -> None:
    """What it brings is handled: otherwise it would stay hidden."""
    engine = Reloaded(registry_of(), drain_timeout_seconds=0)
    engine.rig.cycle()
    receiver = engine.rig.parts.receiver
    receiver.open.append(engine.clock.monotonic())

    def meanwhile(look: int) -> None:
        if look == 40:
            receiver.open.clear()

    began = engine.clock.monotonic()
    assert engine.replace(registry_of(), meanwhile=meanwhile)

    assert 41 == engine.looks  # and one before the new one starts
    assert engine.clock.monotonic() - began > 1.5


def test_at_the_deadline_running_handlers_are_left() -> None:
    """Their messages are returned for the new ones, and their handlers are not closed."""
    closed: list[str] = []
    old = registry_of(close=lambda: closed.append("old"))
    engine = Reloaded(old, drain_timeout_seconds=3)
    ids = engine.rig.send()
    engine.rig.receive()
    held = engine.rig.hold_one()

    assert engine.replace(registry_of(name="new"))

    assert ids == engine.queue.visible()
    assert [] == closed
    assert [] == engine.queue.deleted()
    held.end()  # the old thread returns at last: nothing comes of it
    engine.rig.settle()
    assert [] == engine.queue.deleted()
    engine.go_on()
    engine.rig.cycle()
    assert ids == engine.queue.deleted()


def test_a_stop_leaves_the_old_engine_to_be_drained() -> None:
    """And so does an engine that has failed."""
    for failure in (None, RuntimeError()):
        engine = Reloaded(registry_of())
        engine.rig.send()
        engine.rig.receive()
        engine.rig.hold_one()
        old = engine.engine.worker
        old.threads.failure = failure

        assert not engine.replace(registry_of(), stop_after=None if failure else 5)

        assert old is engine.engine.worker
        assert 1 == engine.engine.status().in_flight


def test_handlers_that_go_on_are_not_closed() -> None:
    """Those that are left out are, before the new engine starts."""
    order: list[str] = []

    kept, left = Sink(order, "kept"), Sink(order, "left")
    old, new = registry_of(name="a", close=kept.close), registry_of(name="b", close=kept.close)
    old.add(lambda _event: None, "*", name="c", close=left.close)
    engine = Reloaded(old)
    make = engine.make

    def noted(registry: Registry) -> Worker:
        order.append("made")
        return make(registry)

    engine.make = noted  # type: ignore[method-assign]
    assert engine.replace(new)

    assert ["left", "made"] == order


def test_messages_that_wait_for_a_failing_handler_are_made_visible() -> None:
    """The reload may be the remedy: they need not wait for up to an hour."""

    def fail(_event: Any) -> None:
        raise ConnectionError

    engine = Reloaded(registry_of(fail), breaker_failures=1, max_in_flight_messages=8)
    ids = engine.rig.send(count=8)
    engine.rig.cycle()
    assert [] == engine.queue.visible()
    assert 0 < engine.engine.status().in_flight < 8  # the others wait in the queue

    assert engine.replace(registry_of())
    hidden = engine.queue.in_flight()
    engine.go_on()
    engine.rig.settle()

    assert hidden
    assert sorted(ids) == sorted(engine.queue.visible())


def test_a_refusal_after_a_reload_is_not_the_first_of_the_process() -> None:
    """Only a process that never succeeded ends at once."""
    engine = Reloaded(registry_of())
    engine.rig.cycle()
    engine.replace(registry_of())
    engine.go_on()

    engine.rig.fail("receive", fatal=True)
    engine.rig.receive()
    engine.rig.fail("delete", fatal=True)
    engine.rig.send()
    engine.rig.cycle()

    assert engine.engine.status().ready
    assert "" == engine.engine.status().finished


def test_a_pause_goes_on() -> None:
    """Also one that begins or ends during the reload, when the old engine is paused anyway."""
    for before, during in ((True, True), (True, False), (False, True)):
        engine = Reloaded(registry_of())
        engine.rig.send()
        engine.rig.receive()
        engine.engine.pause(paused=before)

        def meanwhile(_look: int, e: Engine = engine.engine, d: bool = during) -> None:
            e.pause(paused=d)
            assert d is e.status().paused  # what an operator wants, not what the reload does

        assert engine.replace(registry_of(), meanwhile=meanwhile)

        assert during is engine.engine.status().paused


def test_a_resume_in_the_same_moment_counts() -> None:
    """It comes between what the main thread looks at and what it does, at both ends of a reload."""
    for resumed_at in (1, 2):
        engine = Reloaded(registry_of())
        engine.engine.pause(paused=True)
        resuming = threading.Thread(target=engine.engine.pause, kwargs={"paused": False})
        pause, pauses = Worker.pause, count(1)

        def paused_slowly(
            worker: Worker,
            *,
            paused: bool,
            at: int = resumed_at,
            thread: threading.Thread = resuming,
            pause: Any = pause,
            pauses: Any = pauses,
        ) -> bool:
            if paused and next(pauses) == at:
                thread.start()
                thread.join(0.05)  # it may have to wait for this one
            return bool(pause(worker, paused=paused))

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Worker, "pause", paused_slowly)
            assert engine.replace(registry_of())
            resuming.join(BOUND)

        assert not engine.engine.status().paused
        assert engine.rig.parts.receiver.paused  # the old one


def test_a_stop_at_the_end_of_a_reload_lets_nothing_start() -> None:
    """What it received would only be returned; and what is open cut off by a second signal."""
    for stops in (False, True):
        started: list[Worker] = []
        engine = Reloaded(registry_of())
        make = engine.make

        def noted(
            registry: Registry, m: Callable[..., Worker] = make, s: list[Worker] = started
        ) -> Worker:
            worker = m(registry)
            worker.start = lambda: s.append(worker)  # type: ignore[method-assign]
            return worker

        engine.make = noted  # type: ignore[method-assign]

        assert engine.replace(registry_of(), stop_after=1 if stops else None)

        assert ([] if stops else [engine.engine.worker]) == started
        engine.engine.worker.drain(lambda _: False)
        assert "failure" != engine.engine.status().finished


def test_counts_of_unknown_events_add_up() -> None:
    """Each engine compares events with the catalog by itself."""
    engine = Reloaded(registry_of())
    for _ in range(3):
        engine.rig.send("mystery_happened", count=2)
        engine.rig.cycle()
        engine.rig.tick()
        engine.rig.tick()
        assert engine.replace(registry_of())
        engine.go_on()

    assert 6 == engine.stats["unknown_events"]


def test_an_engine_that_can_not_be_made_ends_the_process() -> None:
    """With 70: systemd starts it again. Nothing is in flight."""
    engine = Reloaded(registry_of())
    engine.rig.send(count=3)
    engine.rig.receive()

    def fail(registry: Registry) -> Worker:
        raise MemoryError

    engine.make = fail  # type: ignore[method-assign]
    assert not engine.replace(registry_of())

    engine.engine.worker.start = lambda: None  # type: ignore[method-assign]
    daemon = Daemon(
        engine.engine,
        notifier=Heard(engine.clock),  # type: ignore[arg-type]
        signals=ManualSignals(engine.clock),
        clock=engine.clock,
    )
    assert EXIT_BUG == daemon.run()
    assert 3 == engine.stats["deleted"]


def test_old_handlers_are_closed_once_their_last_call_has_ended() -> None:
    """A reload that did not wait for it must leave no process and no connection behind."""
    closed: list[str] = []
    engine = Reloaded(registry_of(close=lambda: closed.append("old")), drain_timeout_seconds=3)
    engine.rig.send()
    engine.rig.receive()
    held = engine.rig.hold_one()
    assert engine.replace(registry_of(name="new", close=lambda: closed.append("new")))

    engine.engine.tidy()
    assert [] == closed
    held.end()
    engine.engine.tidy()
    engine.engine.tidy()

    assert ["old"] == closed


def test_what_old_handlers_share_with_those_that_go_on_stays_open_also_later() -> None:
    """Else the last call of the old engine would end what the new one works with."""
    closed: list[str] = []

    sink = Sink(closed)
    engine = Reloaded(registry_of(close=sink.close), drain_timeout_seconds=3)
    engine.rig.send()
    engine.rig.receive()
    held = engine.rig.hold_one()
    assert engine.replace(registry_of(name="new", close=sink.close))

    held.end()
    engine.engine.tidy()

    assert [] == closed


def test_what_comes_back_with_a_later_reload_is_not_closed_by_an_old_call() -> None:
    """A configuration is taken back while a call of it still runs."""
    closed: list[str] = []

    sink = Sink(closed)
    engine = Reloaded(registry_of(close=sink.close), drain_timeout_seconds=3)
    engine.rig.send()
    engine.rig.receive()
    held = engine.rig.hold_one()
    assert engine.replace(registry_of(name="new"))
    engine.go_on()
    assert engine.replace(registry_of(close=sink.close))

    held.end()
    engine.engine.tidy()

    assert [] == closed


def test_an_old_handler_that_hangs_while_it_closes_holds_up_nothing() -> None:
    """The main thread looks on; the handler has a thread of its own."""
    closing, returns = threading.Event(), threading.Event()

    def close() -> None:
        closing.set()
        returns.wait(BOUND)

    engine = Reloaded(registry_of(close=close), drain_timeout_seconds=3)
    engine.rig.send()
    engine.rig.receive()
    held = engine.rig.hold_one()
    assert engine.replace(registry_of(name="new"))
    held.end()

    engine.engine.tidy()

    assert closing.wait(BOUND)
    returns.set()


def test_a_call_that_ends_after_a_reload_is_the_last_of_its_message() -> None:
    """Its other handlers belong to the new engine, which may have called them by now."""
    ran: list[str] = []

    def slow(_event: Any) -> None:
        ran.append("old slow")
        if len(ran) == 1:
            assert engine.replace(new)

    old, new = Registry(), Registry()
    old.add(slow, "*", name="slow")
    old.add(lambda _event: ran.append("old quick"), "*", name="quick")
    old.add(lambda _events: ran.append("old batch"), "*", name="batch", batch=10)
    for name in ("slow", "quick", "batch"):
        new.add(lambda _event, name=name: ran.append(f"new {name}"), "*", name=name)
    engine = Reloaded(old, drain_timeout_seconds=3)
    ids = engine.rig.send()
    engine.rig.receive()
    role = engine.rig.parts.pool.take_role()
    assert "work" == role
    engine.rig.parts.pool.do(role)
    engine.rig.parts.flow.tick()
    assert not engine.rig.parts.admission.ready

    engine.go_on()
    engine.rig.cycle()

    assert ["old slow", "old batch", "new quick"] == ran  # the batch was called before the end
    assert ids == engine.queue.deleted()
