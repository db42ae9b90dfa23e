"""An hour in scaled time: nothing piles up, nothing slows down, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from consumer.ledger.database import FILE_NAME
from tests.simulation import world as worlds
from tests.simulation.scenario import draw
from tests.simulation.simulate import silence
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.simulation.scenario import HandlerPlan, Scenario

pytestmark = pytest.mark.thorough

ROUNDS, ROUND_SECONDS, PER_ROUND = 720, 5.0, 4
CAPACITY = 30


@pytest.fixture(name="quiet", autouse=True)
def _quiet() -> Iterator[None]:
    with silence():
        yield


def handler(plan: HandlerPlan, **changes: Any) -> HandlerPlan:
    """A plan for every event, whose calls go wrong now and then."""
    usual = {"fails": 0.02, "retries": 0.01, "rejects": 0.005, "slow": 0.002}
    unlimited: dict[str, Any] = {
        "patterns": ("*",), "timeout_seconds": None, "concurrency": None, "batch": None,
        "coalesces": False, "rate_limit_per_second": None,
    }  # fmt: skip
    return replace(plan, **{**usual, **unlimited, **changes})


def soak_scenario() -> Scenario:
    """One handler of single events, one of batches; a few calls in a hundred fail."""
    drawn = draw(1, Random(1))
    plan = drawn.handlers[0]
    return replace(
        drawn,
        handlers=(
            handler(plan, name="single"),
            handler(plan, name="batch", batch=5, slow=0.0),
        ),
        durable=True, quarantine=True, deduplicate=True, breaker_failures=5, capacity=CAPACITY,
        visibility_seconds=30, drain_seconds=2, max_receive_count=20, unordered=True,
        sampling=True, stale_deletes_succeed=False, in_flight_limit=120_000,
        messages=1_000_000, faults=0.03, crashes=0.0, calm=False, marathon=False,
    )  # fmt: skip


def make_world(monkeypatch: pytest.MonkeyPatch, state: Path) -> World:
    """A world of this scenario, instead of one that is drawn."""
    scenario = soak_scenario()
    monkeypatch.setattr(worlds, "draw", lambda _seed, _dice: scenario)
    return World(1, state)


def do_round(world: World) -> None:
    """A few messages come, are handled and settled; then a few seconds pass."""
    world.actions.send(PER_ROUND)
    world.actions.poll()
    world.actions.process_all()
    world.life.pass_time(ROUND_SECONDS)


def sizes(world: World) -> dict[str, int]:
    """Everything in the process that could grow with time."""
    parts = world.life.parts
    ledger = parts.ledger
    return {
        "messages": len(parts.in_flight),
        "bytes": parts.in_flight._bytes // 100_000,
        "queued": len(parts.receiver.received) + len(parts.admission.ready),
        "held": parts.admission.held(),
        "settles": parts.outbox.pending(),
        "ledger": len(ledger),
        "notes": len(ledger._pending),
        "rows": len(ledger._needed_by),
        "runs": len(parts.invoker.runs._limited),
    }


@pytest.mark.parametrize(("death", "most_again"), [(None, 0.0), (90, 0.01)])
def test_an_hour_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, death: int | None, most_again: float
) -> None:
    """With faults and failures all the time; stopped now and then, or killed as well.

    Without kills nothing is handled twice.
    """
    world = make_world(monkeypatch, tmp_path)
    began = world.clock.monotonic()
    most: dict[str, int] = {}
    backlog = 0

    for number in range(ROUNDS):
        world.step(lambda: do_round(world))
        if death and number % death == death - 1:
            world.step(world.kill)
        backlog = max(backlog, len(world.queue.bodies()))
        for name, size in sizes(world).items():
            most[name] = max(most.get(name, 0), size)
    file_bytes = (tmp_path / "state" / FILE_NAME).stat().st_size
    calls = len(world.queue.calls)
    world.finish()

    assert world.clock.monotonic() - began >= 3_600
    assert len(world.queue.deleted()) > ROUNDS * PER_ROUND * 0.9
    assert world.queue.bodies() == {}
    assert most.pop("messages") <= CAPACITY
    # What was deleted just before a kill stays in the file until it is too old to come again.
    remembered = backlog + (2 + (ROUNDS // death if death else 0)) * CAPACITY
    assert most.pop("ledger") <= remembered
    # A message can have a row for each of its handlers.
    assert most.pop("rows") <= 2 * remembered
    assert all(size <= 2 * CAPACITY for size in most.values()), most
    assert backlog < 10 * CAPACITY
    assert file_bytes < 1_000_000
    assert calls < ROUNDS * 12
    assert world.tally.duplicates <= world.tally.handled * most_again
    assert world.tally.faults.total() > 50


def test_a_quiet_hour_costs_next_to_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing comes: a receive for each look, and not one call more."""
    world = make_world(monkeypatch, tmp_path)
    world.queue.fix()
    world.fixed = True

    for _ in range(180):
        world.step(lambda: do_quiet_round(world))

    assert [call.operation for call in world.queue.calls] == ["receive"] * 180
    assert set(sizes(world).values()) == {0}
    world.finish()


def do_quiet_round(world: World) -> None:
    """A long poll's time passes."""
    world.actions.poll()
    world.life.pass_time(20.0)
