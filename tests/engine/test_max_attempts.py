"""A run that counts attempts itself, as `consume replay` does, sets apart what fails too often."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Reject
from consumer.queues.quarantine import DirectoryQuarantine
from tests.engine.test_breaker import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Context, Event
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


@pytest.fixture(name="quarantine")
def _quarantine(tmp_path: Path, clock: ManualClock) -> DirectoryQuarantine:
    return DirectoryQuarantine(tmp_path / "quarantine", clock=clock)


def kept(tmp_path: Path) -> list[Any]:
    """What is in the quarantine."""
    return [json.loads(path.read_text()) for path in (tmp_path / "quarantine").rglob("*.json")]


def test_what_fails_too_often_is_set_apart(
    make_rig: MakeRig, registry: Registry, quarantine: DirectoryQuarantine, tmp_path: Path
) -> None:
    """At its third attempt, with the reason and the handler; then it is deleted."""
    counts: list[int] = []

    def fail(_event: Event, context: Context) -> None:
        counts.append(context.receive_count)
        raise KeyError

    registry.add(fail, "*", name="grades")
    rig = make_rig(registry, quarantine=quarantine, max_attempts=3)
    (message_id,) = rig.send()

    for _ in range(3):
        assert rig.queue.deleted() == []
        rig.cycle()
        rig.clock.advance(3600)

    assert counts == [1, 2, 3]
    (found,) = kept(tmp_path)
    assert ("KeyError", "grades") == (found["Quarantine"]["Reason"], found["Quarantine"]["Handler"])
    assert [message_id] == rig.queue.deleted()


def test_what_waits_for_a_paused_handler_is_no_attempt(
    make_rig: MakeRig, registry: Registry, quarantine: DirectoryQuarantine, tmp_path: Path
) -> None:
    """Neither when it is hidden for lack of room, nor when a drain returns it."""
    database = Database()
    registry.add(database.store, "grade_*", name="store")
    registry.add(lambda _event: None, "logged_in", name="other")
    engine = {"breaker_failures": 5, "settle_linger_seconds": 0, "max_in_flight_messages": 40}
    rig = make_rig(registry, engine=engine, quarantine=quarantine, max_attempts=1)
    rig.send("grade_change", count=100)
    rig.live(60)
    set_apart = len(kept(tmp_path))

    rig.drain()

    assert set_apart < 5  # those that opened the breaker
    assert set_apart == len(kept(tmp_path)) == len(rig.queue.deleted())


def test_a_rejected_message_is_set_apart_at_once(
    make_rig: MakeRig, registry: Registry, quarantine: DirectoryQuarantine, tmp_path: Path
) -> None:
    """However many attempts are allowed. The file names the handler."""

    def reject(_event: Event) -> None:
        raise Reject("no such user")

    registry.add(reject, "*", name="grades")
    rig = make_rig(registry, quarantine=quarantine, max_attempts=5)
    rig.send()

    rig.cycle()

    assert ["grades"] == [found["Quarantine"]["Handler"] for found in kept(tmp_path)]
