"""Events that the catalog does not list are counted, logged once, and handled like all others."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import DataError
from consumer.testing import canvas_body
from tests.engine.conftest import caliper_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.handlers.registering.registry import Registry
    from consumer.messages import Event
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]


@pytest.fixture(name="rig")
def _rig(make_rig: MakeRig, registry: Registry) -> Rig:
    registry.add(lambda _event: None, "*", name="one")
    return make_rig(registry)


def lines_of(logs: list[Any], event: str) -> list[Any]:
    return [line for line in logs if line["event"] == event]


def test_an_unknown_name_is_handled_counted_and_reported_once(rig: Rig, logs: list[Any]) -> None:
    """Canvas keeps adding events: unknown names are ordinary traffic."""
    for _ in range(3):
        rig.queue.send(canvas_body("course_teleported"))

    rig.cycle()
    rig.beat(1)

    assert (3, 3) == (rig.stats["handled"], rig.stats["unknown_events"])
    (line,) = lines_of(logs, "unknown_event")
    assert ("course_teleported", "canvas") == (line["event_name"], line["format"])


def test_an_unknown_field_is_handled_counted_and_reported_once(rig: Rig, logs: list[Any]) -> None:
    """It is named by its path, without its value, which could be personal."""
    body = {"submission_id": "1", "mood": "sad-secret"}
    for _ in range(3):
        rig.queue.send(canvas_body("submission_created", body=body, shoe_size="43-secret"))

    rig.cycle()
    rig.beat(1)

    assert (3, 6) == (rig.stats["handled"], rig.stats["unknown_fields"])
    fields = [line["field"] for line in lines_of(logs, "unknown_field")]
    assert ["body.mood", "metadata.shoe_size"] == sorted(fields)
    assert "secret" not in str(logs)


def test_entities_in_an_envelope_are_counted(rig: Rig) -> None:
    """Caliper allows entities next to events; they are not events."""
    envelope = json.loads(caliper_body(2))
    envelope["data"].append({"type": "Person", "id": "https://example.edu/users/1"})
    rig.queue.send(json.dumps(envelope))

    rig.cycle()
    rig.beat(1)

    assert (1, 1) == (rig.stats["handled"], rig.stats["skipped_entities"])


def test_known_events_are_not_reported(rig: Rig, logs: list[Any]) -> None:
    """An ordinary event causes no log line."""
    rig.queue.send(canvas_body("submission_created", body={"submission_id": "1", "grade": None}))

    rig.cycle()
    rig.beat(1)

    assert logs == []
    assert 0 == rig.stats["unknown_fields"] == rig.stats["unknown_events"]


def test_a_body_that_does_not_fit_is_counted_when_its_data_is_read(
    make_rig: MakeRig, registry: Registry, logs: list[Any]
) -> None:
    """Only `event.data` is not available; the handler decides what that means."""
    seen: list[Any] = []

    def look(event: Event) -> None:
        with pytest.raises(DataError, match="score"):
            _ = event.data
        seen.append(event.body["score"])

    registry.add(look, "*")
    rig = make_rig(registry)
    for _ in range(2):
        rig.queue.send(canvas_body("submission_created", body={"score": ["no", "number"]}))

    rig.cycle()

    assert [["no", "number"]] * 2 == seen
    assert (2, 2) == (rig.stats["handled"], rig.stats["misfits"])
    (line,) = lines_of(logs, "data_misfit")
    assert line["event_name"] == "submission_created"


def test_a_bug_in_the_comparison_affects_no_message(
    rig: Rig, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged once, and the comparison ends; the messages are handled."""
    monkeypatch.setattr("consumer.events.drift.shape_of", lambda *_: 1 / 0)
    rig.send(count=3)

    rig.cycle()

    assert rig.stats["deleted"] == 3
    (line,) = lines_of(logs, "catalog_watch_failed")
    assert line["error_type"] == "ZeroDivisionError"


def test_a_daemon_that_never_asks_for_data_loads_no_model() -> None:
    """The comparison uses a table of names: the models cost time and memory."""
    program = (
        "import sys\n"
        "from consumer import Registry\n"
        "from consumer.config import EngineSettings, QueueSettings, Settings\n"
        "from consumer.engine.parts import Parts\n"
        "from consumer.engine.run_options import RunOptions\n"
        "from consumer.testing import InMemoryQueue, ManualClock, canvas_body\n"
        "clock, registry = ManualClock(), Registry()\n"
        "queue = InMemoryQueue(clock)\n"
        "registry.add(lambda event: None, '*', name='one')\n"
        "settings = Settings(queue=QueueSettings(), engine=EngineSettings())\n"
        "parts = Parts(queue, registry, settings, RunOptions(30), clock=clock)\n"
        "queue.send(canvas_body('submission_created'))\n"
        "parts.receiver.receive()\n"
        "parts.pool.work_once()\n"
        "assert parts.stats['handled'] == 1\n"
        "light = {'consumer.events.catalog.index'}\n"
        "found = [name for name in sys.modules if name.startswith('consumer.events.catalog.')]\n"
        "print([name for name in found if name not in light])\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    assert ended.stdout == "[]\n"
