"""The tests of a configuration: what is ok, what differs, and which tests can't be run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumer.config import Settings
from consumer.errors import ConfigurationError
from consumer.handlers.loading.loader import archive_unmatched, build_registry
from consumer.handlers.registering.registry import Registry
from consumer.operations.config_tests import Tried, run_tests
from consumer.testing import canvas_body, make_event
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.messages import Event

HANDLERS = [
    {"name": "all", "type": "log"},
    {"name": "grades", "type": "log", "events": ["grade_change", "submission_*"]},
    {"name": "people", "type": "log", "when": {"triggered_by_job": False}},
]
#: Warnings of all tests.
WARNED: list[str] = []
GRADE = {"name": "t", "event": "grade_change"}


def settings_of(*tests: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate({"handlers": HANDLERS, **more, "tests": tests})


def tried(
    folder: Path, *tests: dict[str, Any], registry: Registry | None = None, **more: Any
) -> list[Tried]:
    settings = settings_of(*tests, **more)
    if registry is None:
        registry = build_registry(settings.handlers, state_directory=folder)
    return run_tests(settings, registry, folder, WARNED.append)


def test_exactly_these_handlers_get_it(tmp_path: Path) -> None:
    """After their patterns and conditions; the job is a change of the sample."""
    (plain, by_job) = tried(
        tmp_path,
        {**GRADE, "handlers": ["people", "all", "grades"]},
        {**GRADE, "name": "u", "metadata": {"job_id": "1"}, "handlers": ["all", "grades"]},
    )

    assert plain == Tried("t", ("all", "grades", "people"), None, ())
    assert by_job == Tried("u", ("all", "grades"), None, ())


def test_what_differs_is_reported(tmp_path: Path) -> None:
    """A handler that does not get it, with the reason; and one that gets it, too."""
    (found,) = tried(
        tmp_path,
        {
            "name": "t", "event": "logged_in", "format": "caliper", "metadata": {},
            "body": {"extensions": {"com.instructure.canvas": {"job_id": "1"}}},
            "handlers": ["grades", "people"],
        },
    )  # fmt: skip

    assert found.handlers == ("all",)
    assert list(found.differences) == [
        '"grades" does not get it: it does not ask for logged_in in caliper format',
        '"people" does not get it: its conditions are not fulfilled: triggered_by_job: false',
        '"all" gets it, too',
    ]


def test_the_conditions_that_are_not_fulfilled_are_shown(tmp_path: Path) -> None:
    """Only these; those of the handler's own entry; none if its code declines the event."""
    when = {"triggered_by_job": False, "body.score": 5, "name": {"glob": "*"}}
    registry = Registry()
    for name in ("a", "a.b", "a.c", "d"):
        registry.add(lambda event: None, "*", name=name, when=lambda event: False)
    handlers = [
        {"name": "a", "type": "log", "when": when},
        {"name": "a.b", "type": "log"},
        {"name": "d", "type": "log", "when": [{"body.score": 1}, {"body.score": 2}]},
    ]
    case = {**GRADE, "body": {"score": 4}, "handlers": ["a", "a.b", "a.c", "d"]}

    (found,) = tried(tmp_path, case, registry=registry, handlers=handlers)

    assert [text.partition("fulfilled")[2] for text in found.differences] == [
        ": body.score: 5",
        "",
        ": body.score: 5",
        ": [{body.score: 1}, {body.score: 2}]",
    ]


@for_each("unmatched, fate", [("archive", "archived"), ("delete", "deleted")])
def test_no_handler_gets_it(unmatched: str, fate: str, tmp_path: Path) -> None:
    """Then it is archived or deleted; a handler that declines it counts as none."""
    few = {"name": "few", "type": "log", "events": ["course_*"], "when": {"user_id": 5}}
    settings = settings_of(
        {"name": "t", "event": "logged_in", "handlers": []},
        {"name": "u", "event": "course_created", "handlers": []},
        {"name": "v", "event": "course_created", "handlers": ["few"]},
        handlers=[few], unmatched=unmatched,
    )  # fmt: skip
    registry = build_registry(settings.handlers, state_directory=tmp_path)
    if unmatched == "archive":
        archive_unmatched(registry, state_directory=tmp_path)

    found = run_tests(settings, registry, tmp_path, WARNED.append)

    assert [(result.unmatched, bool(result.differences)) for result in found] == [
        (fate, False), (fate, False), (fate, True),
    ]  # fmt: skip


def hidden(event: Event) -> Event:
    """A redaction."""
    return replace(event, body={**event.body, "user_id": "p-1"})


def test_the_event_as_its_handler_gets_it(tmp_path: Path) -> None:
    """After redaction, by handler; each condition is reported alone, never with the value."""
    registry = build_registry(settings_of().handlers, state_directory=tmp_path)
    redacted = Registry()
    redacted.adopt(replace(h, view=hidden if h.name == "all" else None) for h in registry.handlers)
    pseudonym = {"body.user_id": {"glob": "p-*"}}

    ok, wrong, either = tried(
        tmp_path,
        {**GRADE, "handlers": ["all", "grades", "people"], "gets": {"all": pseudonym}},
        {
            **GRADE, "name": "u", "handlers": ["all", "grades", "people"],
            "gets": {"grades": {**pseudonym, "body.grade": {"exists": True}, "course_id": 5}},
        },
        {
            **GRADE, "name": "v", "handlers": ["all", "grades", "people"],
            "gets": {"all": [{"course_id": 5}, pseudonym], "people": [{"user_id": 1}, pseudonym]},
        },
        registry=redacted,
    )  # fmt: skip

    assert ok.differences == ()
    assert list(wrong.differences) == [
        '"grades" gets it, but not with body.user_id: {glob: p-*}',
        '"grades" gets it, but not with course_id: 5',
    ]
    assert list(either.differences) == [
        '"people" gets it, but not with [{user_id: 1}, {body.user_id: {glob: p-*}}]'
    ]


def failing(_: object) -> Any:
    raise ValueError("Ada Lovelace")


def test_what_fails_is_reported_without_its_text(tmp_path: Path) -> None:
    """A predicate, or a redaction: only the type of the exception."""
    registry = Registry()
    registry.add(print, "*", name="asks", when=failing)
    registry.add(print, "*", name="views")
    broken = Registry()
    broken.adopt(replace(h, view=failing if h.name == "views" else None) for h in registry.handlers)

    (found,) = tried(
        tmp_path,
        {**GRADE, "handlers": ["asks", "views"], "gets": {"views": {"course_id": 5}}},
        registry=broken, handlers=[],
    )  # fmt: skip

    assert list(found.differences) == [
        '"asks" fails: its predicate raises ValueError',
        '"views" fails: what it gets raises ValueError',
    ]


def seen(folder: Path, event: dict[str, Any], conditions: dict[str, Any]) -> tuple[str, ...]:
    """What is not fulfilled by an event."""
    names = ["all", "grades", "people"]
    (found,) = tried(
        folder, {"name": "t", **event, "handlers": names[:1], "gets": {"all": conditions}}
    )
    return tuple(d for d in found.differences if "but not with" in d)


def test_a_field_that_is_probably_misspelt_is_a_warning(tmp_path: Path) -> None:
    """What is set there changes nothing; but Canvas adds fields."""
    WARNED.clear()
    known = {"score": 5, "user_id": None}
    case = {**GRADE, "handlers": ["all", "grades", "people"]}

    (found,) = tried(tmp_path, {**case, "metadata": {"job": "1"}, "body": {**known, "scroe": 5}})

    assert found.differences == ()
    assert WARNED == [
        'tests[0]: no known grade_change has metadata.job; did you mean "job_id"?',
        'tests[0]: no known grade_change has body.scroe; did you mean "score"?',
    ]


def test_fields_of_a_sample_are_replaced(tmp_path: Path) -> None:
    """By paths or nested; null removes one; what is not there is made; the others stay."""
    event = {
        "event": "course_updated",
        "format": "caliper",
        "body": {
            "object": {"name": "x", "extensions": {"com.instructure.canvas": {"entity_id": "9"}}},
            "object.type": None,
            "new.object": {"a": 1},
            "plain": [1, 2],
        },
        "metadata": {"sensor": "here"},
    }

    assert () == seen(
        tmp_path, event,
        {
            "body.object.name": "x",
            "body.object.extensions.com.instructure.canvas.entity_id": "9",
            "body.object.type": {"exists": False},
            "body.object.id": {"exists": True},
            "body.object.extensions.com.instructure.canvas.workflow_state": {"exists": True},
            "body.new.object.a": 1,
            "body.plain": 2,
            "metadata.sensor": "here",
            "name": "course_updated",
            "triggered_by_job": False,
        },
    )  # fmt: skip


@for_each(
    "text",
    [
        canvas_body("course_created", body={"name": "Ada"}),
        json.dumps([json.loads(canvas_body("course_created", body={"name": "Ada"}))]),
        json.dumps({"Messages": [{"Body": canvas_body("course_created", body={"name": "Ada"})}]}),
    ],
)
def test_an_event_of_a_file(text: str, tmp_path: Path) -> None:
    """Beside the configuration, in each form that `consume decode` reads."""
    (tmp_path / "one.json").write_text(text)
    event = {"payload": "one.json", "body": {"score": 5}}

    assert () == seen(tmp_path, event, {"body.name": "Ada", "body.score": 5})
    (missed,) = seen(tmp_path, event, {"body.name": {"not": {"exists": True}}})
    assert "Ada" not in missed


def test_the_file_is_read_as_the_queue_is(tmp_path: Path) -> None:
    """Relays are unwrapped as `queue.unwrap` says, also if fields are replaced."""
    inner = make_event("course_created", body={"name": "Ada"}).raw
    relayed = json.dumps({"detail-type": "x", "source": "aws.partner", "detail": json.loads(inner)})
    (tmp_path / "one.json").write_text(relayed)
    test = {"name": "t", "payload": "one.json", "handlers": ["all"], "body": {"a": 1}}

    (found,) = tried(
        tmp_path, {**test, "gets": {"all": {"body.name": "Ada", "body.a": 1}}},
        queue={"unwrap": ["eventbridge"]}, handlers=HANDLERS[:1],
    )  # fmt: skip

    assert found.differences == ()


@for_each(
    "test, fault",
    [
        (
            {"event": "grade_chang"},
            'event: there is no sample of "grade_chang" in canvas format (nearest: grade_change',
        ),
        (
            {"event": "user_updated", "format": "caliper"},
            'event: there is no sample of "user_updated" in caliper format',
        ),
        ({"handlers": ["al"]}, 'handlers: there is no "al": did you mean "all"?'),
        ({"handlers": ["zz"]}, 'handlers: there is no "zz": there are all, grades, people'),
        (
            {"handlers": ["all"], "gets": {"all": {"x": 1}}},
            "gets.all: conditions: there is no 'x': there are name",
        ),
        (
            {"handlers": ["all"], "gets": {"all": []}},
            "gets.all: conditions: must be a mapping of conditions",
        ),
        ({"payload": "none.json"}, "payload: can't be read: No such file"),
        ({"payload": "bytes.json"}, "payload: not UTF-8 text"),
        ({"payload": "two.json"}, "payload: must have one message, not 2"),
        ({"payload": "empty.json"}, "payload: must have one message, not 0"),
        ({"payload": "several.json"}, "payload: must have one event, not 2"),
        ({"payload": "text.json"}, "payload: the daemon refuses the event: not JSON"),
    ],
)
def test_a_test_that_can_not_be_run_is_an_error(
    test: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    """It begins with the key, and names what would be right."""
    caliper = make_event("course_created", format="caliper").payload
    envelope = {"sensor": "s", "sendTime": "t", "dataVersion": "v", "data": [caliper, caliper]}
    (tmp_path / "two.json").write_text(f"{canvas_body()}\n{canvas_body()}\n")
    (tmp_path / "empty.json").write_text("\n")
    (tmp_path / "bytes.json").write_bytes(b"\xff")
    (tmp_path / "several.json").write_text(json.dumps(envelope))
    (tmp_path / "text.json").write_text("Ada Lovelace")

    source = {} if "payload" in test else {"event": "grade_change"}
    with pytest.raises(ConfigurationError) as caught:
        tried(tmp_path, {**GRADE, "handlers": []}, {"name": "u", "handlers": [], **source, **test})

    assert str(caught.value).startswith(f"tests[1].{fault}")
    assert "Ada" not in str(caught.value)


def test_a_format_that_the_queue_refuses_is_an_error(tmp_path: Path) -> None:
    """The daemon would never pass such an event to a handler."""
    with pytest.raises(ConfigurationError, match=r"tests\[0\].event: the daemon refuses the event"):
        tried(tmp_path, {**GRADE, "handlers": []}, queue={"format": "caliper"})
