"""`consume drift`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from consumer.cli import drift, drift_report
from consumer.cli.drift_report import shape_of
from consumer.cli.main import main
from consumer.testing import canvas_body
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from click.testing import Result

KNOWN = canvas_body(body={"submission_id": "1", "late": True})
FIELD = canvas_body(body={"submission_id": "1", "nickname": "Private Person", "late": None})
NAME = canvas_body("course_deleted", body={"course_id": "21", "at": None})
MISFIT = canvas_body(body={"late": "private", "attempt": {"private": 1}})


def run(*arguments: str | Path, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["drift", *map(str, arguments)], input=text)


def data(text: str, *arguments: str) -> Any:
    return json.loads(run("--json", "-", *arguments, text=text).stdout)


def test_without_drift_the_exit_code_is_0() -> None:
    """The output is a summary."""
    result = run("-", text=KNOWN)

    assert result.stdout.splitlines() == [
        "messages       1",
        "events         1",
        "not decodable  0",
        "Everything is in the catalog, and every value fits.",
    ]
    assert result.exit_code == 0
    assert result.stderr == ""


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    """In names of events, fields and files, which come from outside."""
    bad = "x\x1b[31m\u202e\n\x9b"
    text = canvas_body(bad, body={bad: 1}) + canvas_body(body={bad: "x", "late": "private"})
    (tmp_path / "x\x1b[31m.json").write_text("no json")

    result = run("-", tmp_path / "x\x1b[31m.json", text=text)

    assert "x\\u001b[31m\\u202e\\n\\u009b" in result.stdout
    assert "x\\u001b[31m.json: message 1" in result.stderr
    for line in (result.stdout + result.stderr).splitlines():
        assert line.isprintable()


def test_findings_are_tables() -> None:
    """Events, fields and misfits with counts, the most frequent first. Exit code 1."""
    result = run("-", text="\n".join([FIELD, NAME, MISFIT, FIELD, KNOWN, canvas_body(extra="")]))

    lines = [line.split("  ") for line in result.stdout.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[4:] == [
        ["Unknown events"],
        ["COUNT", "FORMAT", "EVENT", "FIELDS"],
        ["1", "canvas", "course_deleted", "body.course_id (string), body.at (null)"],
        [],
        ["Unknown fields"],
        ["COUNT", "FORMAT", "EVENT", "FIELD", "TYPE", "FIRST VALUE"],
        ["2", "canvas", "submission_created", "body.nickname", "string", "text of 14 characters"],
        ["1", "canvas", "*", "metadata.extra", "string", "text of 0 characters"],
        [],
        ["Values that do not fit"],
        ["COUNT", "FORMAT", "EVENT", "FIELD", "FIRST VALUE", "EXPECTED"],
        ["1", "canvas", "submission_created", "body.attempt", "object with 1 field",
         "whole number"],
        ["1", "canvas", "submission_created", "body.late", "text of 7 characters", "yes or no"],
    ]  # fmt: skip
    assert result.exit_code == 1


def test_the_same_as_json() -> None:
    """One object with the content of the tables."""
    assert data(f"{FIELD}\n{NAME}\n{MISFIT}\nno event") == {
        "messages": 4,
        "events": 3,
        "undecodable": 1,
        "unknown_events": [
            {
                "format": "canvas",
                "event_name": "course_deleted",
                "count": 1,
                "fields": {"body.course_id": ["string"], "body.at": ["null"]},
            }
        ],
        "unknown_fields": [
            {
                "format": "canvas",
                "event_name": "submission_created",
                "field": "body.nickname",
                "count": 1,
                "types": ["string"],
                "example": "text of 14 characters",
            }
        ],
        "misfits": [
            {
                "format": "canvas",
                "event_name": "submission_created",
                "field": "body.attempt",
                "count": 1,
                "types": ["object"],
                "example": "object with 1 field",
                "expected": "whole number",
            },
            {
                "format": "canvas",
                "event_name": "submission_created",
                "field": "body.late",
                "count": 1,
                "types": ["string"],
                "example": "text of 7 characters",
                "expected": "yes or no",
            },
        ],
        "complete": True,
    }


def test_times_and_values_that_do_not_fit_are_listed() -> None:
    """Also those that are None in the model without an error. An empty text is fine."""
    event = canvas_body(
        "assignment_override_updated",
        body={
            "due_at": "tomorrow",
            "unlock_at": "2026-05-01",
            "lock_at": 1_777_593_600,
            "all_day_date": "soon",
            "all_day": {"no": "flag"},
        },
    )
    nested = canvas_body("course_progress", body={"progress": {"completed_at": "late"}})
    caliper = json.dumps(
        {
            "sensor": "s",
            "sendTime": "now",
            "data": [
                {
                    "type": "Event",
                    "action": "Modified",
                    "eventTime": "2026-05-01T10:00:00Z",
                    "object": {
                        "type": "Entity",
                        "id": "urn:instructure:canvas:assignment_override:1",
                        "dateToShow": "2026-05-01T10:00:00",
                        "dateToSubmit": "",
                        "extensions": {"com.instructure.canvas": {"all_day_date": "2026-05-01"}},
                    },
                }
            ],
        }
    )

    found = data(f"{event}\n{nested}\n{caliper}")["misfits"]

    assert {(row["event_name"], row["field"]): row["expected"] for row in found} == {
        ("assignment_override_updated", "body.due_at"): "time",
        ("assignment_override_updated", "body.unlock_at"): "time",
        ("assignment_override_updated", "body.lock_at"): "time",
        ("assignment_override_updated", "body.all_day_date"): "date",
        ("assignment_override_updated", "body.all_day"): "yes or no",
        ("course_progress", "body.progress.completed_at"): "time",
        ("assignment_override_updated", "object.dateToShow"): "time",
        ("*", "envelope.sendTime"): "time",
    }


def test_unknown_keys_next_to_metadata_and_body_are_listed() -> None:
    """In Caliper format, those next to `data`. Both are listed as fields of all events."""
    beside = json.dumps(json.loads(KNOWN) | {"subscription_id": "7", "meta": None})
    caliper = {"sensor": "s", "data": [{"type": "Event", "action": "Used"}], "signature": "x"}

    found = data(f"{beside}\n{json.dumps(caliper)}")["unknown_fields"]

    assert {(row["format"], row["event_name"], row["field"]) for row in found} == {
        ("canvas", "*", "subscription_id"),
        ("canvas", "*", "meta"),
        ("caliper", "*", "envelope.signature"),
    }


def test_no_value_is_shown() -> None:
    """Neither of unknown fields nor of misfits; nor a key that may be data."""
    private = canvas_body(body={"who": ["private"], "private@example.edu": "private"}, x="private")

    for arguments in (("-",), ("--json", "-")):
        shown = run(*arguments, text=f"{private}\n{FIELD}\n{MISFIT}").output
        assert "private" not in shown.lower()


@for_each(
    "value, expected",
    [
        ("Private", "text of 7 characters"),
        ("1", "text of 1 character, digits only"),
        ("2024-05-01T10:00:00Z", "text of 20 characters, a time"),
        ("https://canvas.example.edu/?x=1", "text of 31 characters, a URL"),
        (12345, "number of 5 digits"),
        (-1, "number of 1 digit"),
        (1.5, "number with a fraction"),
        (True, "true or false"),
        (None, "null"),
        ([], "list of 0 items"),
        ([1, "a", None], "list of 3 items (null or number or string)"),
        ({"a": 1, "b": 2}, "object with 2 fields"),
    ],
)
def test_a_value_is_described_by_its_shape(value: Any, expected: str) -> None:
    """Enough to recognize it, without its content."""
    assert expected == shape_of(value)


def test_the_first_value_that_is_not_null_is_the_example() -> None:
    """Null says little. The types say that it occurs."""
    texts = [canvas_body(body={"new": value}) for value in (None, 12, "a")]

    (field,) = data("\n".join(texts))["unknown_fields"]

    assert (field["types"], field["example"]) == (
        ["null", "number", "string"],
        "number of 2 digits",
    )


def test_caliper_fields_have_their_path_in_the_event() -> None:
    """The message attribute has the name where the payload does not."""
    event = {"type": "GradeEvent", "action": "Graded", "object": {"new": {}}, "generated": {"n": 1}}
    body = {"sensor": "x", "sendTime": "", "dataVersion": "", "data": [event]}
    attributes = {"event_name": {"StringValue": "grade_change", "DataType": "String"}}
    message = {"Body": json.dumps(body), "MessageAttributes": attributes}

    found = data(json.dumps({"Messages": [message]}))

    assert [(f["event_name"], f["field"]) for f in found["unknown_fields"]] == [
        ("grade_change", "generated.n"),
        ("grade_change", "object.new"),
    ]
    assert data(json.dumps(body))["unknown_events"][0]["event_name"] == "GradeEvent.Graded.Entity"


def test_a_bad_message_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """With file, position and reason. Exit code 1."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(f'{KNOWN}\n{{"broken\n'.encode() + b'{"\xff": 1}\n' + KNOWN.encode())

    result = run(file)

    said = result.stderr.splitlines()
    assert said[0].startswith(f"consume: error: {file}: message 2: not JSON")
    assert said[1:] == [f"consume: error: {file}: line 3 is not UTF-8 text"]
    assert "events         2" in result.stdout
    assert "Everything is in the catalog" not in result.stdout
    assert result.exit_code == 1


def test_the_number_of_findings_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output says that it is not complete."""
    monkeypatch.setattr(drift_report, "_MOST", 2)
    many = canvas_body(body={f"new_{letter}": 1 for letter in "abc"})

    assert data(many)["complete"] is False
    assert len(data(many)["unknown_fields"]) == 2
    assert "There are more" in run("-", text=many).stdout


def test_the_tables_fit_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are wrapped at its width, and control characters are escaped."""
    monkeypatch.setattr(drift, "terminal_width", lambda: 80)
    odd = canvas_body("\x1b[2J", body={"a": 1}) + canvas_body(body={"b\x1b[2J": 1})

    result = run("-", text=f"{odd}{FIELD}{MISFIT}")

    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b[2J" not in result.stdout
    assert "\\u001b[2J" in result.stdout


def test_a_directory_is_read_at_any_depth(tmp_path: Path) -> None:
    """Only its .json and .jsonl files."""
    folder = tmp_path / "archive" / "2026-09-01"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text(f"{KNOWN}\n{NAME}\n")
    (folder / "b.json").write_text(FIELD)
    (folder / "ledger.sqlite3").write_bytes(b"\xff\x00")

    found = json.loads(run("--json", tmp_path).stdout)

    assert found["messages"] == 3
    assert [row["event_name"] for row in found["unknown_events"]] == ["course_deleted"]
    assert [row["field"] for row in found["unknown_fields"]] == ["body.nickname"]


def test_a_directory_without_messages_is_reported(tmp_path: Path) -> None:
    """It is probably the wrong one."""
    result = run(tmp_path)

    assert result.exit_code == 1
    assert "no .jsonl or .json file" in result.stderr
