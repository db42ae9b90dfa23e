"""Eyes for time: an outage of one handler, a kill, a stop; and when what happens.

The other runs check what may never happen, in any order of events. Here a process lives as it would
with threads, each moment receiving, handling and keeping house, and what counts is how long things
take: after an outage, for other handlers meanwhile, until a step is safe from a kill, to stop.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from consumer.engine.worker import LAST_CALLS_SECONDS
from consumer.ledger.database import FILE_NAME
from consumer.testing.clock import ManualClock
from consumer.testing.factories import canvas_body
from consumer.testing.queue import InMemoryQueue
from tests.simulation.life import Life
from tests.simulation.scenario import draw
from tests.simulation.tally import BrokenPromiseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from consumer.messages import Event
    from tests.simulation.scenario import HandlerPlan, Scenario

#: After an outage of T the last message is handled within T and this.
AFTER_OUTAGE_SECONDS: Final = 240.0
#: A healthy handler gets an event within this time after it was sent.
HEALTHY_SECONDS: Final = 4.0
#: What succeeded earlier than this before a kill does not run again.
SAFE_SECONDS: Final = 1.0
#: Rows that the ledger's file may have when all is deleted.
_MOST_ROWS: Final = 20
#: Of messages in flight, and how many of them breakers may hide: scaled down.
_IN_FLIGHT_LIMIT: Final = 400


class Timeline:
    """One run: `run` does all of it. Raises `BrokenPromiseError`."""

    def __init__(self, seed: int, state: Path) -> None:
        self._dice = Random(seed)
        self._state = state
        self._clock = ManualClock()
        self._outage = self._dice.choice((2.0, 20.0, 200.0, 3_600.0))
        self._step = max(0.25, self._outage / 100)
        self._scenario = self._draw(seed)
        self._queue = InMemoryQueue(
            self._clock,
            advance_on_empty=False,
            unordered=True,
            in_flight_limit=_IN_FLIGHT_LIMIT,
            rng=self._dice,
        )
        self._down = self._stops_in_handler = False
        self._sent: dict[str, float] = {}
        self._names: dict[str, str] = {}
        self._done: dict[tuple[str, str], float] = {}
        self._killed_at: float | None = None
        self._broken: BrokenPromiseError | None = None
        self._life = self._new_life()

    def _draw(self, seed: int) -> Scenario:
        batch = self._dice.choice((None, 5))
        plan = replace(
            draw(seed, Random(seed)).handlers[0],
            patterns=("*",), concurrency=None, timeout_seconds=None,
            fails=0.0, retries=0.0, rejects=0.0, slow=0.0,
            coalesces=False, rate_limit_per_second=None,
        )  # fmt: skip
        failing = self._dice.choice((("*",), ("grade_change",)))
        return replace(
            draw(seed, Random(seed)),
            handlers=(
                replace(plan, name="failing", patterns=failing, batch=batch),
                replace(plan, name="healthy", batch=self._dice.choice((None, 5))),
            ),
            durable=True, deduplicate=False, breaker_failures=5, visibility_seconds=30,
            capacity=self._dice.choice((12, 30, 160)), drain_seconds=60, max_receive_count=None,
        )  # fmt: skip

    def _new_life(self) -> Life:
        life = Life(
            self._scenario,
            self._queue,
            self._clock,
            seed=self._dice.getrandbits(32),
            state=self._state / "timeline",
            handle=self._handle,
            quarantine=None,
        )
        life.parts.admission._waiting._most = _IN_FLIGHT_LIMIT // 4
        return life

    def _handle(self, plan: HandlerPlan, events: Sequence[Event]) -> None:
        if plan.name == "failing" and self._down:
            raise OSError
        if self._stops_in_handler:
            self._drain(working_on=events)
        now = self._clock.monotonic()
        for event in events:
            step = (plan.name, event.message_id)
            done = self._done.setdefault(step, now)
            if done != now and self._killed_at is not None:
                safe = self._killed_at - done > SAFE_SECONDS
                self._expect(not safe, "what succeeded long before a kill was run again")

    def run(self) -> None:
        """Messages, an outage, more messages; a kill in it now and then; the end; a stop."""
        self._send(self._dice.choice((5, 40, 300)))
        self._live(self._dice.choice((0.0, 5.0)))
        self._down, began = True, self._clock.monotonic()
        if self._dice.random() < 0.5:
            self._live(self._outage / 2)
            self._send(5)
            self._live(2 * SAFE_SECONDS)  # and nothing else happens
            self._kill()
        while self._clock.monotonic() < began + self._outage:
            self._send(self._dice.choice((0, 0, 1, 2)))
            self._live(self._step)
        self._down = False
        late = self._clock.monotonic() + self._outage + AFTER_OUTAGE_SECONDS
        while self._queue.bodies():
            self._expect(self._clock.monotonic() < late, "an outage lasts longer than its cause")
            self._live(1.0)
        self._check_healthy()
        self._stop()
        self._expect(self._broken is None, str(self._broken))

    def _send(self, count: int) -> None:
        for number in range(count):
            name = self._dice.choice(("grade_change", "logged_in"))
            message_id = self._queue.send(canvas_body(name, number=number))
            self._sent[message_id] = self._clock.monotonic()
            self._names[message_id] = name

    def _live(self, seconds: float) -> None:
        """Let the process live: it receives what it wants, handles it, settles, keeps house."""
        end = self._clock.monotonic() + seconds
        while True:
            for _ in range(100):
                received = self._life.parts.stats["received"]
                self._life.poll()
                self._life.process_all()
                if self._life.parts.stats["received"] == received:
                    break
            now = self._clock.monotonic()
            if now >= end:
                return
            self._life.pass_time(min(0.25 if self._step < 5 else 2.0, end - now))

    def _kill(self) -> None:
        self._life.kill()
        self._killed_at = self._clock.monotonic()
        self._life = self._new_life()
        self._clock.advance(self._scenario.visibility_seconds)  # what it held is visible again

    def _check_healthy(self) -> None:
        """Another handler's outage has cost it nothing."""
        if self._killed_at is not None:
            return  # what the process held when it died was invisible for a while
        slack = HEALTHY_SECONDS + 2 * self._step
        for message_id, sent in self._sent.items():
            done = self._done["healthy", message_id]
            self._expect(done - sent <= slack, "a handler that works waited for one that does not")

    def _stop(self) -> None:
        """While a handler works for longer than a visibility timeout: what it has stays ours."""
        self._send(20)
        self._stops_in_handler = True
        self._life.poll()
        self._life.process_all()
        self._send(5)  # only batch handlers are there, and none is full
        if self._stops_in_handler:
            self._drain(working_on=())
        with closing(sqlite3.connect(self._state / "timeline" / FILE_NAME)) as file:
            (rows,) = file.execute("SELECT count(*) FROM handled").fetchone()
        # After a kill it may have some that were deleted just before, until they are too old.
        kept = self._killed_at is None and rows > _MOST_ROWS
        self._expect(not kept, "the ledger's file keeps what is deleted")

    def _drain(self, working_on: Sequence[Event]) -> None:
        self._stops_in_handler = False
        began = self._clock.monotonic()
        held = {event.message_id for event in working_on}

        def meanwhile() -> None:
            self._life.process_all()
            left = self._scenario.drain_seconds - (self._clock.monotonic() - began)
            self._expect(
                left <= 0 or not held & set(self._queue.visible()), "taken while it is handled"
            )

        self._life.drain(at_once=False, meanwhile=meanwhile)
        seconds = self._clock.monotonic() - began
        limit = self._scenario.drain_seconds + LAST_CALLS_SECONDS
        self._expect(seconds <= limit + 0.5, "a drain outlasts its deadline")

    def _expect(self, holds: object, what: str) -> None:
        """It holds, or `what` is broken; kept, for the engine catches what a handler raises."""
        if not holds:
            self._broken = self._broken or BrokenPromiseError(what)
            raise self._broken
