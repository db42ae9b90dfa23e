"""The `tests` of a configuration: their keys, and how errors in them are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from consumer.cli.config import EXAMPLE, meanings, shipped
from consumer.config import effective
from consumer.config.conditions import _COMMON
from consumer.config.schema import file_schema
from consumer.handlers.around.paths import COMMON
from tests.cases import for_each

if TYPE_CHECKING:
    from tests.config.conftest import FaultsOf, LoadText

TEXT = """\
handlers:
  - {name: a, log: {}, when: [{triggered_by_job: false}, {body.x: {not: {in: [1, b]}}}]}
tests:
  - name: deleted ones are not sent
    event: course_updated
    body: {workflow_state: deleted, score: 1.5, "a.b": null, list: [1, {c: true}]}
    metadata: {job_id: "1"}
    handlers: []
  - name: others are
    payload: course.json
    handlers: [a]
    gets:
      a: {body.user_id: {glob: "p-*"}}
"""


def test_tests_are_read(load_text: LoadText) -> None:
    """As they are written; each value has its line."""
    loaded = load_text(TEXT)

    deleted, others = loaded.settings.tests
    assert (deleted.event, deleted.payload, deleted.handlers) == ("course_updated", None, ())
    assert deleted.body["list"] == [1, {"c": True}]
    assert others.gets == {"a": {"body.user_id": {"glob": "p-*"}}}
    assert loaded.origins["tests[1].gets.a"].endswith("config.yaml:13")
    assert effective(loaded)["tests"][0]["format"].origin == "default"


def test_payloads_are_not_in_a_repr(load_text: LoadText) -> None:
    """They may be of real people."""
    assert "workflow_state" not in repr(load_text(TEXT).settings.tests[0])


@for_each(
    "entry, fault",
    [
        ("x", 'tests[0]: "x": must be a mapping with name, event and handlers'),
        ("{name: a, event: b}", "tests[0].handlers: is missing; must be a list of names"),
        ("{event: b, handlers: [a]}", "tests[0].name: is missing; must be text"),
        ("{name: a, evnt: b, handlers: []}", "tests[0].evnt: unknown key; did you mean event?"),
        ("{name: a, handlers: []}", "tests[0]: must have either event (a sample) or payload"),
        ("{name: a, event: b, payload: c, handlers: []}", "tests[0]: must have either event"),
        (
            "{name: a, payload: c, format: canvas, handlers: []}",
            "tests[0].format: only a sample has a choice of formats",
        ),
        (
            "{name: a, event: b, format: Caliper, handlers: []}",
            'tests[0].format: "Caliper": must be one of canvas, caliper',
        ),
        ("{name: a, event: b, handlers: [5]}", "tests[0].handlers[0]: 5: must be the name of a"),
        (
            "{name: a, event: b, handlers: [], gets: {c: {}}}",
            "tests[0].gets.c: only a handler in handlers gets the event",
        ),
        (
            "{name: a, event: b, handlers: [c], gets: {c: 5}}",
            "tests[0].gets.c: 5: must be conditions for each handler, such as",
        ),
        (
            "{name: a, event: b, handlers: [], body: {x: 2026-05-01}}",
            "tests[0].body.x: YAML reads this as a time: put quotes around it",
        ),
        (
            "{name: a, event: b, handlers: null}",
            "tests[0].handlers: null: must be a list of names of handlers, or []$",
        ),
        (
            "{name: a, event: b, handlers: [], body: 5}",
            "tests[0].body: 5: must be a mapping of fields and their values; a time needs quotes$",
        ),
        (
            "{name: a, event: b, handlers: [], body: {x: [.nan]}}",
            "tests[0].body: a mapping: must be a mapping of fields",
        ),
        (
            "{name: a, event: b, handlers: [], body: {x: off}}",
            "tests[0].body.x: YAML reads off as true or false: write that, or put quotes around it",
        ),
    ],
)  # fmt: skip
def test_an_error_in_a_test_has_its_line(faults_of: FaultsOf, entry: str, fault: str) -> None:
    """As an error anywhere else, and with what would be right."""
    (line,) = faults_of(f"# one\ntests:\n  - {entry}\n")

    assert f"{line}$".startswith(f"FILE:3: {fault}")


def test_each_test_has_its_own_name(faults_of: FaultsOf) -> None:
    """A result is shown by the name."""
    entry = "{name: a, event: b, handlers: []}"

    (line,) = faults_of(f"tests:\n  - {entry}\n  - {entry}\n")

    assert line == 'FILE:3: tests[1].name: "a": tests[0] has this name, too; each needs its own'


def test_tests_must_be_a_list(faults_of: FaultsOf) -> None:
    """One that is forgotten to be an entry is an error."""
    (line,) = faults_of("tests: {name: a}\n")

    assert (
        line
        == "FILE:1: tests: a mapping: must be a list of tests, each with name, event and handlers"
    )


@for_each(
    "when, fault",
    [
        ("yes", "handlers[0].when: YAML reads yes as true or false: write that, or put quotes"),
        ("5", "handlers[0].when: 5: must be a mapping of conditions, or a list of them"),
        ("[x]", "handlers[0].when: a list: must be a mapping of conditions, or a list of them"),
        ("{body.state: on}", "handlers[0].when.body.state: YAML reads on as true or false: write"),
        ("{on: 1}", "handlers[0].when: YAML reads the key on as bool; put quotes around it"),
        (
            "{body.x: {in: 7, 8}}",
            "YAML reads the key 8 as int; put quotes around it; a list: [1, 2]",
        ),
        ("{body.x: 010}", "handlers[0].when.body.x: 010: YAML reads a number with a leading zero"),
        ("{body.x: {glob: *x*}}", 'a value that begins with * needs quotes, such as "*"'),
    ],
)
def test_what_yaml_reads_otherwise_is_an_error(faults_of: FaultsOf, when: str, fault: str) -> None:
    """Such a condition would never be fulfilled."""
    (line,) = faults_of(f"handlers:\n  - {{name: a, log: {{}}, when: {when}}}\n")

    assert line.startswith("FILE:2")
    assert fault in line


SCHEMA = file_schema(meanings(shipped(EXAMPLE)))


def test_the_schema_knows_conditions_and_tests() -> None:
    """What is valid fits it, and it has each field of the common view."""
    jsonschema.validate(yaml.safe_load(TEXT), SCHEMA)

    assert set(COMMON) == set(_COMMON)


@for_each(
    "when",
    [
        {}, [], 5, {"courseid": 1}, {"body": 1}, {"course_id": []}, {"course_id": {"inn": [1]}},
        {"course_id": {"in": []}}, {"body.x": {"not": {"glob": 5}}}, {"body.x": None},
    ],
)  # fmt: skip
def test_an_editor_marks_wrong_conditions(when: object) -> None:
    """In a handler, and in what it gets in a test."""
    for more in (
        {"handlers": [{"name": "a", "log": {}, "when": when}]},
        {"tests": [{"name": "a", "event": "b", "handlers": ["a"], "gets": {"a": when}}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(more, SCHEMA)
