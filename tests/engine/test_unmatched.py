"""What no handler asks for goes to the archive of the state directory; it is never handled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.engine.call import Call
from consumer.engine.inflight import InFlightMessage
from consumer.handlers.loading.loader import UNMATCHED, archive_unmatched
from consumer.ledger.database import Step
from consumer.messages import DECLINED
from consumer.testing import make_event, make_message
from tests.engine.drains import drained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Context, Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

LATER = 3600


class Seen:
    """A handler that notes the messages of its events."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def __call__(self, event: Event) -> None:
        self.runs.append(event.message_id)


@pytest.fixture(name="state")
def _state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def archived(state: Path) -> list[str]:
    """The names in the archive, in order."""
    files = sorted((state / "archive").rglob("*.jsonl"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [json.loads(line)["event_name"] for line in lines]


def run(rig: Rig) -> None:
    """Receive, handle, let batches linger, settle."""
    rig.cycle()
    rig.beat(2)
    rig.cycle()


def test_the_first_handler_does_not_switch_the_archive_off(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """What it asked for is handled, the rest is archived: each counted as what it is."""
    handler = Seen()
    registry.add(handler, "grade_change", name="grades")
    archive_unmatched(registry, state_directory=state)
    rig = make_rig(registry)
    ids = [i for n in ("grade_change", "course_created", "user_created") for i in rig.send(n)]

    run(rig)

    assert sorted(ids) == sorted(rig.queue.deleted())
    assert ids[:1] == handler.runs
    assert ["course_created", "user_created"] == sorted(archived(state))
    assert (1, 2) == (rig.stats["handled"], rig.stats["unmatched"])
    assert {"grade_change": 1} == rig.stats.events()
    assert {"course_created": 1, "user_created": 1} == dict(rig.status.unmatched_events)
    assert 2 == drained(rig.worker, lambda _left: False).unmatched


def test_a_handler_of_everything_leaves_nothing_unmatched(registry: Registry, state: Path) -> None:
    """Then there is no second archive; with a format or a predicate something may be left."""
    registry.add(Seen(), "*", name="all")
    archive_unmatched(registry, state_directory=state)

    assert registry.unmatched == ()


def test_what_every_predicate_declines_was_not_asked_for(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """Also of batch handlers; if one of several wants it, it is handled."""
    one, two = Seen(), Seen()
    registry.add(one, "*", name="one", when=lambda event: event.name == "grade_change")
    registry.add(two, "course_*", name="two", when=lambda event: event.metadata["number"] == 0)
    registry.add(lambda _events: None, "*", name="three", batch=5, when=lambda _event: False)
    archive_unmatched(registry, state_directory=state)
    rig = make_rig(registry)
    ids = rig.send("grade_change") + rig.send("course_created", count=2) + rig.send("user_created")

    run(rig)

    assert (ids[:1], ids[1:2]) == (one.runs, two.runs)
    assert ["course_created", "user_created"] == sorted(archived(state))
    assert (2, 2) == (rig.stats["handled"], rig.stats["unmatched"])
    assert sorted(ids) == sorted(rig.queue.deleted())
    assert [] == rig.held()


def test_without_an_archive_what_is_declined_is_counted_by_name(
    make_rig: MakeRig, registry: Registry
) -> None:
    """It is deleted, and never as handled."""
    registry.add(Seen(), "*", name="one", when=lambda _event: False)
    rig = make_rig(registry)
    ids = rig.send("grade_change")

    rig.cycle()

    assert ids == rig.queue.deleted()
    assert (0, 1) == (rig.stats["handled"], rig.stats["unmatched"])
    assert {"grade_change": 1} == rig.stats.unmatched_events()


def test_a_predicate_that_raises_keeps_the_message(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """Whether it was asked for is not known: it is neither archived nor deleted."""

    def when(_event: Event) -> bool:
        raise KeyError("user_id")

    registry.add(Seen(), "*", name="one", when=when)
    registry.add(Seen(), "*", name="two", when=lambda _event: False)
    archive_unmatched(registry, state_directory=state)
    rig = make_rig(registry)
    rig.send("grade_change")

    run(rig)

    assert [] == rig.queue.deleted()
    assert [] == archived(state)


def test_an_archive_that_fails_keeps_the_messages_and_nothing_else(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """As with any handler: they come again; what was asked for goes on."""
    handler = Seen()
    registry.add(handler, "grade_change", name="grades")
    registry.add(Seen(), "user_*", name="users", when=lambda _event: False)
    archive_unmatched(registry, state_directory=state)
    state.write_text("no directory any more")
    rig = make_rig(registry)
    asked = rig.send("grade_change")
    rest = rig.send("course_created") + rig.send("user_created")
    run(rig)
    assert asked == handler.runs == rig.queue.deleted()

    state.unlink()
    rig.clock.advance(LATER)
    run(rig)

    assert sorted(rest) == sorted(set(rig.queue.deleted()) - set(asked))
    assert ["course_created", "user_created"] == sorted(archived(state))
    assert (1, 2) == (rig.stats["handled"], rig.stats["unmatched"])


def test_what_was_archived_before_a_failed_delete_is_not_archived_again(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """Its predicate is asked again when it comes again, and declines again."""
    registry.add(Seen(), "*", name="one", when=lambda _event: False)
    archive_unmatched(registry, state_directory=state)
    rig = make_rig(registry)
    (message_id,) = rig.send("course_created")
    rig.parts.ledger.note([(message_id, _archived_step())])
    rig.parts.ledger.keep(message_id, [_archived_step()])

    run(rig)

    assert [message_id] == rig.queue.deleted()
    assert [] == archived(state)


def _archived_step() -> Any:
    return Step(0, UNMATCHED)


def test_an_envelope_is_handled_if_one_of_its_events_was_asked_for(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """Each of its events is counted as what it is."""
    seen: list[int] = []

    def odd(event: Event, _context: Context) -> None:
        seen.append(event.index)

    registry.add(odd, "*", name="odd", when=lambda event: event.index % 2 == 1)
    archive_unmatched(registry, state_directory=state)
    rig = make_rig(registry)
    message_id = rig.send_envelope(4)

    run(rig)

    assert [message_id] == rig.queue.deleted()
    assert [1, 3] == seen
    assert 2 == len(archived(state))
    assert (1, 2) == (rig.stats["handled"], rig.stats["unmatched"])
    assert [2] == list(rig.stats.events().values())


def test_a_drain_writes_what_is_still_collected(
    make_rig: MakeRig, registry: Registry, state: Path
) -> None:
    """Declined events that wait in the archive's batch are no exception."""
    registry.add(Seen(), "*", name="one", when=lambda _event: False)
    archive_unmatched(registry, state_directory=state)
    rig = make_rig(registry)
    rig.send("course_created", count=3)
    rig.receive()
    rig.work()
    assert [] == archived(state)

    rig.parts.flow.give_up_waiting()
    rig.cycle()

    assert ["course_created"] * 3 == archived(state)
    assert 3 == len(rig.queue.deleted())


def test_its_breaker_does_not_hold_up_the_others(registry: Registry, state: Path) -> None:
    """It is no handler of every event, though its pattern is "*"."""
    registry.add(Seen(), "grade_change", name="grades")
    archive_unmatched(registry, state_directory=state)

    (found,) = registry.unmatched
    assert not found.takes_all
    assert not found.matches("grade_change", "canvas")
    assert () == registry.route("course_created", "canvas")
    assert registry.handlers[-1] is found


def test_what_was_declined_is_not_remembered_as_done(registry: Registry) -> None:
    """Else, after a crash before the archive's write, it would be deleted as if it were handled."""
    registry.add(Seen(), "*", name="one", when=lambda _event: False)
    (handler,) = registry.handlers
    message, event = InFlightMessage(make_message(), visible_at=30.0), make_event()
    message.calls = 1
    call = Call(handler, [(message, event)])

    assert [] == call.note([DECLINED])
    assert [message] == call.end()
    assert [] == message.succeeded
    assert [event] == message.declined_by_all(lambda _event: 1)
