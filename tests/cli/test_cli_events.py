"""`consume events`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from consumer.cli import events
from consumer.cli.main import main
from consumer.events.catalog.index import categories, names
from tests.cases import for_each

if TYPE_CHECKING:
    from click.testing import Result


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["events", *arguments])


def data(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> int:
    """Output as for a terminal of this width."""
    monkeypatch.setattr(events, "terminal_width", lambda: 80)
    return 80


def test_all_events_are_listed() -> None:
    """One line for each: name, category, formats and meaning; the columns are aligned."""
    header, *lines = run().stdout.splitlines()

    rows = [line for line in lines if line.startswith(names())]
    assert [row.split()[0] for row in rows] == list(names())
    category, formats, meaning = (header.index(c) for c in ("CATEGORY", "FORMATS", "MEANING"))
    (row,) = [row for row in rows if row.startswith("submission_created ")]
    assert row[category:].startswith("submission  ")
    assert row[formats:].startswith("canvas, caliper  ")
    assert row[meaning:] == "A student submitted an attempt."


def test_undocumented_events_are_marked() -> None:
    """Those for which no payload has been published, and no others."""
    listed = data()
    marked = {row["name"] for row in listed if not row["documented"]}

    assert marked >= set(categories()["undocumented"])
    assert "submission_created" not in marked
    said = {line.split()[0] for line in run().stdout.splitlines() if "(undocumented)" in line}
    assert marked == said


def test_the_list_as_json() -> None:
    """The same events in the same order, also with `list`."""
    listed = data()

    assert [row["name"] for row in listed] == list(names())
    (row,) = [row for row in listed if row["name"] == "submission_created"]
    assert row == {
        "name": "submission_created",
        "category": "submission",
        "formats": ["canvas", "caliper"],
        "documented": True,
        "meaning": "A student submitted an attempt.",
    }
    assert listed == data("list")
    assert run().stdout == run("list").stdout


def test_show_explains_each_field() -> None:
    """Type in plain words, meaning, and marks such as personal data."""
    lines = [
        " ".join(line.split()) for line in run("show", "submission_created").stdout.split("\n")
    ]

    assert lines[:2] == ["submission_created", "A student submitted an attempt."]
    assert "submission_id global id of a submission The submission." in lines
    assert "user_id global id of a user The student. [identifies a person]" in lines
    assert (
        "body text Submitted text, as HTML. [education record; cut at 8,192 characters]"
    ) in lines
    assert "late yes or no True if it was submitted after the due date. [education record]" in lines
    assert any(line.startswith("user_login text ") for line in lines)
    assert "AssignableEvent Submitted Attempt, id urn:instructure:canvas:submission:..." in lines
    assert any(
        line.startswith('object.extensions["com.instructure.canvas"].submission_type text ')
        for line in lines
    )


def test_show_explains_nested_fields() -> None:
    """By its path, after the object that contains it."""
    fields = [field["path"] for field in data("show", "course_progress")["canvas"]["fields"]]

    at = fields.index("progress")
    assert fields[at + 1].startswith("progress.")
    assert "progress.completed_at" in fields
    assert "user.email" in fields


def test_show_as_json() -> None:
    """All that is known, for programs."""
    facts = data("show", "submission_created")

    fields = {field["path"]: field for field in facts["canvas"]["fields"]}
    assert fields["user_id"] == {
        "path": "user_id",
        "type": "global id of a user",
        "kind": "global id",
        "list": False,
        "id_of": "user",
        "meaning": "The student.",
        "privacy": "identifier",
        "truncated_at": None,
        "values": [],
    }
    assert fields["body"]["truncated_at"] == 8192
    assert facts["entity"] == {"kind": "submission", "field": "submission_id"}
    assert {field["path"] for field in facts["canvas"]["metadata"]} >= {"event_name", "user_id"}
    assert facts["caliper"]["forms"] == [
        {
            "type": "AssignableEvent",
            "action": "Submitted",
            "object_type": "Attempt",
            "object_kind": "submission",
        }
    ]
    assert data("show", "account_created")["caliper"] is None
    assert facts == data("--json", "show", "submission_created")


@for_each(
    "name, canvas, caliper, words",
    (
        ("assignment_created", ["created"], ["created"], "created"),
        ("assignment_updated", ["updated", "deleted"], ["updated", "deleted"],
         "updated, or deleted if that is its state"),
        ("enrollment_state_updated", ["updated", "deleted"], ["updated", "deleted"],
         "updated, or deleted if that is its state"),
        ("wiki_page_updated", ["updated", "deleted"], ["updated"],
         "updated, or deleted if that is its state; in Caliper format updated"),
        ("sis_batch_updated", ["updated"], None, "updated"),
        ("wiki_page_deleted", ["deleted"], ["deleted"], "deleted"),
        ("grade_change", [], [], "none"),
    ),
)  # fmt: skip
def test_show_says_which_changes_can_occur(
    name: str, canvas: list[str], caliper: list[str] | None, words: str
) -> None:
    """The values of `event.change`, in each format."""
    facts = data("show", name)

    assert canvas == facts["canvas"]["changes"]
    assert caliper == (facts["caliper"] and facts["caliper"]["changes"])
    lines = [line.split(maxsplit=1) for line in run("show", name).stdout.splitlines()]
    assert ["event.change", words] in lines


def test_documented_events_that_the_source_does_not_send_have_a_note() -> None:
    """It says that they may never occur."""
    unsent = {
        "content_migration_started",
        "master_migration_started",
        "quiz_created",
        "quiz_updated",
    }

    noted = {name for name in names() if data("show", name)["note"]}

    assert noted == unsent
    shown = " ".join(run("show", "quiz_updated").stdout.split())
    assert "Note: It is documented, but the public source code of Canvas does not send it" in shown


def test_examples_are_the_same_each_time_and_valid() -> None:
    """One in each format; they fit the schema that `consume events schema` prints."""
    for event_format in ("canvas", "caliper"):
        example = data("show", "grade_change")[event_format]["example"]
        schema = json.loads(run("schema", "grade_change", "--format", event_format).stdout)

        assert example == data("show", "grade_change")[event_format]["example"]
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(example)


@for_each("name", names())
def test_each_event_can_be_shown(name: str, width: int) -> None:
    """Also on a narrow terminal. Only the examples, which can be copied, are wider."""
    result = run("show", name)

    assert result.exit_code == 0, result.output
    said = result.stdout.splitlines()
    assert name in said[0]
    too_wide = [line for line in said if len(line) > width and '": ' not in line]
    assert too_wide == []
    assert "Example in Canvas format" in result.stdout


def test_the_list_fits_a_terminal(width: int) -> None:
    """Wrapped at its width."""
    lines = run().stdout.splitlines()

    assert max(map(len, lines)) <= width
    assert any("A student submitted an attempt." in line for line in lines)


@for_each("command", ["show", "schema"])
def test_for_a_wrong_name_the_nearest_are_suggested(command: str) -> None:
    """Exit code 2, as for every wrong argument."""
    result = run(command, "course_deleted")

    assert result.exit_code == 2
    assert "'course_deleted' is not a known event; did you mean course_" in result.stderr
    assert result.stdout == ""


def test_a_name_without_similar_names_gets_a_hint() -> None:
    """Its control characters are escaped."""
    result = run("show", "\x1b[2J")

    assert result.exit_code == 2
    assert '"consume events" lists all events' in result.stderr
    assert "\x1b" not in result.stderr


def test_an_event_without_a_caliper_form_has_no_caliper_schema() -> None:
    """Exit code 2."""
    result = run("schema", "account_created", "--format", "caliper")

    assert result.exit_code == 2
    assert "Canvas does not send account_created in Caliper format" in result.stderr


def test_schema_accepts_json() -> None:
    """`--json` changes nothing."""
    assert run("schema", "logged_in").stdout == run("schema", "logged_in", "--json").stdout
