"""`when` of an entry: for every kind of handler, and what is warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.config.entries import HandlerSettings
from consumer.errors import ConfigurationError
from consumer.handlers.loading.loader import build_registry
from consumer.handlers.registering.registry import Registry
from consumer.messages import Event, Format
from consumer.testing import make_event, run, run_batch
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEEN: list[str] = []
ANY = {"events": ["*"]}
registry = Registry()


@registry.on("course_*", when=lambda event: event.body.get("name") != "secret")
def of_a_registry(event: Event) -> None:
    SEEN.append(event.body["name"])


def alone(event: Event) -> None:
    SEEN.append(event.body["name"])


def together(events: Sequence[Event]) -> None:
    SEEN.extend(event.body["name"] for event in events)


def built(tmp_path: Path, *, warnings: list[str] | None = None, **keys: Any) -> Registry:
    keys = {"name": "h", "type": "log", "events": ["course_updated"], **keys}
    found: list[str] = [] if warnings is None else warnings
    return build_registry([HandlerSettings(**keys)], state_directory=tmp_path, warn=found.append)


@for_each("target, keys", [("registry", {}), ("alone", {}), ("together", {"batch_size": 9})])
def test_every_kind_of_handler_has_conditions(
    target: str, keys: dict[str, Any], tmp_path: Path
) -> None:
    """A registry, a function, a batch handler; its own predicate counts, too."""
    SEEN.clear()
    made = built(
        tmp_path, type="python", options={"target": f"{__name__}:{target}"},
        when={"body.workflow_state": {"not": "deleted"}}, **keys,
    )  # fmt: skip
    states = {"one": "available", "two": "deleted", "secret": "available"}
    events = [
        make_event("course_updated", body={"name": name, "workflow_state": state})
        for name, state in states.items()
    ]

    ran = run_batch(made, events)

    assert ["one", "secret"][: 1 if target == "registry" else 2] == SEEN
    assert ran[1].unmatched
    assert not made.handlers[0].takes_all


def test_conditions_of_an_entry_apply_to_an_event_of_either_format(tmp_path: Path) -> None:
    """Those on the common view."""
    made = built(tmp_path, events=["*"], when={"triggered_by_job": False})

    for event_format in ("canvas", "caliper"):
        assert not run(made, make_event("course_created", format=event_format)).unmatched
    assert run(made, make_event("course_created", job_id="1")).unmatched


def test_a_wrong_condition_names_its_handler(tmp_path: Path) -> None:
    """And the field."""
    with pytest.raises(ConfigurationError, match=r'^handler "h": when: user_id: must be an id'):
        built(tmp_path, when={"user_id": "x"})


@for_each(
    "when, keys, warned",
    [
        ({"body.workflow_state": "x"}, {}, ""),
        ({"body.worklfow_state": "x"}, {}, 'body.worklfow_state; did you mean "workflow_state"?'),
        ({"body.score": 1}, {}, "body.score"),
        ({"body.score": 1}, {"events": ["*"]}, ""),
        ({"body.score": 1}, {"events": ["no_such_event"]}, ""),
        ({"metadata.user_agnt": "x"}, {}, 'metadata.user_agnt; did you mean "user_agent"?'),
        ({"metadata.sensor": "x"}, {"events": ["course_*"]}, ""),
        ({"metadata.sensor": "x"}, {"format": "canvas"}, "metadata.sensor"),
        ({"body.object.id": 5}, {"format": "caliper"}, ""),
        ({"body.object.extensions.com.instructure.canvas.entity_id": 5}, {}, ""),
        ({"body.objct.id": 5}, {}, "body.objct.id"),
        ({"body.object.nothing": 5}, {}, "body.object.nothing"),
        ([{"course_id": 1}, {"body.x": 1}, {"body.x": 2}], {}, "body.x"),
    ],
)
def test_an_unlikely_field_is_a_warning(
    when: Any, keys: dict[str, Any], warned: str, tmp_path: Path
) -> None:
    """None of the known events that the entry asks for has it. Canvas adds fields: no error."""
    warnings: list[str] = []

    made = built(tmp_path, warnings=warnings, when=when, **keys)

    beginning = 'handler "h": when: no known event for which it asks has '
    assert bool(warned) == len(warnings)
    assert all(warning.startswith(beginning + warned) for warning in warnings)
    assert made.handlers


@for_each(
    "when, keys, warned",
    [
        ({"name": "course_updated"}, {}, ""),
        ({"name": "submision_created"}, ANY, '"submision_created"; did you mean "'),
        ({"name": {"in": ["grade_change", "grade_chnage"]}}, ANY, '"grade_chnage"; did you mean "'),
        ({"name": {"not": {"equals": "grade_chnage"}}}, ANY, '"grade_chnage"; did you mean "'),
        ({"name": "GRADE_CHANGE"}, ANY, '"GRADE_CHANGE"; did you mean "grade_change"?'),
        ([{"name": "zzz"}, {"course_id": 1}], ANY, '"zzz"'),
        ({"metadata.event_name": "grade_chnage"}, ANY, '"grade_chnage"; did you mean "grade_chan'),
        ({"name": {"glob": "course_*"}}, ANY, ""),
        ({"name": {"glob": ["course_*", "submision_*"]}}, ANY, '"submision_*"; did you mean "subm'),
        ({"name": "course_*"}, ANY, '"course_*"; for a pattern, write {glob: "course_*"}'),
        ({"name": "grade_change"}, {}, '"grade_change"'),
        ({"name": "new_one"}, {"events": ["new_one"]}, ""),
        ({"name": "user_created"}, {"events": ["*"], "format": "caliper"}, '"user_created"'),
        ({"body.name": "submision_created"}, {}, ""),
    ],
)
def test_an_unlikely_name_is_a_warning(
    when: Any, keys: dict[str, Any], warned: str, tmp_path: Path
) -> None:
    """No known event that the entry asks for has it: a misspelt one would let nothing through."""
    warnings: list[str] = []

    built(tmp_path, warnings=warnings, when=when, **keys)

    beginning = 'handler "h": when: no known event for which it asks has the name '
    assert bool(warned) == len(warnings)
    assert all(warning.startswith(beginning + warned) for warning in warnings)


def test_an_unlikely_key_of_coalesced_events_is_a_warning(tmp_path: Path) -> None:
    """Each event would be handled on its own."""
    for key, warned in (
        ("course_id", []),
        ("body.workflow_state", []),
        ("body.worklfow_state", ['body.worklfow_state; did you mean "workflow_state"?']),
    ):
        warnings: list[str] = []
        built(tmp_path, warnings=warnings, coalesce={"key": key})
        begin = 'handler "h": coalesce: key: no known event for which it asks has '
        assert warnings == [begin + text for text in warned]


@for_each("event_format", ["canvas", "caliper"])
def test_a_condition_of_a_sample_is_fulfilled(event_format: Format, tmp_path: Path) -> None:
    """Each field of the body of a sample is likely."""
    event = make_event("course_updated", format=event_format)
    when = {f"body.{key}": {"exists": True} for key in event.body}
    warnings: list[str] = []

    made = built(tmp_path, warnings=warnings, when=when)

    assert not run(made, event).unmatched
    assert warnings == []
