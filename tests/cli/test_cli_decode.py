"""`consume decode`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from consumer.cli.main import main
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

CANVAS: dict[str, Any] = {
    "metadata": {
        "event_name": "submission_created",
        "event_time": "2024-05-01T10:00:00.250Z",
        "root_account_id": "21070000000000001",
        "user_id": 21070000000000123,
        "user_login": "private@example.edu",
        "session_id": "ab12",
        "job_id": "5",
    },
    "body": {
        "course_id": "565",
        "user": {"id": "1122", "name": "Private Person"},
        "lti_assignment_id": "a-uuid",
        "sis_batch_id": "77",
        "late": True,
        "body": "x" * 8189 + "...",
    },
}
CALIPER: dict[str, Any] = {
    "sensor": "http://canvas.example.edu:80/",
    "sendTime": "2024-05-01T10:00:01.000Z",
    "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "data": [
        {
            "id": f"urn:uuid:0000000{number}-0000-4000-8000-000000000000",
            "type": "Event",
            "action": "Created",
            "eventTime": "2024-05-01T10:00:00.000Z",
            "edApp": {"id": "http://canvas.example.edu:80"},
            "object": {
                "id": "urn:instructure:canvas:course:21070000000000565",
                "type": "CourseOffering",
            },
        }
        for number in (1, 2)
    ],
}


def _run(*arguments: str | Path, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["decode", *map(str, arguments)], input=text)


def _named(name: str) -> dict[str, Any]:
    return {**CANVAS, "metadata": {**CANVAS["metadata"], "event_name": name}}


def test_json_has_one_object_per_event() -> None:
    """Format, name, time, key and ids, and nothing else of the body."""
    result = _run("--json", "-", text=json.dumps(CANVAS))

    canonical = json.dumps(CANVAS, sort_keys=True, separators=(",", ":"))
    (line,) = result.stdout.splitlines()
    assert json.loads(line) == {
        "file": "-",
        "message": 1,
        "event": 1,
        "events": 1,
        "skipped_entities": 0,
        "format": "canvas",
        "event_name": "submission_created",
        "event_time": "2024-05-01T10:00:00.250000Z",
        "event_key": hashlib.sha256(canonical.encode()).hexdigest(),
        "message_id": None,
        "triggered_by_job": True,
        "ids": {
            "metadata.root_account_id": {"id": "21070000000000001", "local": 1, "shard": 2107},
            "metadata.user_id": {"id": 21070000000000123, "local": 123, "shard": 2107},
            "body.course_id": {"id": "565", "local": 565, "shard": 0},
            "body.user.id": {"id": "1122", "local": 1122, "shard": 0},
        },
        "truncated": ["body.body"],
    }
    assert result.exit_code == 0


def test_text_has_several_lines_per_event(tmp_path: Path) -> None:
    """The same facts, with the file and the position in it."""
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(CANVAS, indent=2))

    lines = _run(file).stdout.splitlines()

    assert lines[0] == f"{file}: message 1"
    assert lines[1] == (
        "  event      submission_created, canvas format (caused by a background job)"
    )
    assert lines[2] == "  time       2024-05-01T10:00:00.250000Z"
    assert lines[3].startswith("  key        ")
    assert "  id         metadata.user_id 21070000000000123 (local 123 of shard 2107)" in lines
    assert lines[-1] == "  truncated  body.body"


def test_no_personal_data_is_shown() -> None:
    """No names, logins and sessions, in text and in JSON."""
    for arguments in (["-"], ["--json", "-"]):
        shown = _run(*arguments, text=json.dumps(CANVAS)).output
        assert "private" not in shown.lower()
        assert "ab12" not in shown


def test_a_caliper_envelope_can_hold_several_events() -> None:
    """Each is shown, with its number and the ids in its URNs; a port is not an id."""
    result = _run("--json", "-", text=json.dumps(CALIPER))

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(event["event"], event["events"]) for event in events] == [(1, 2), (2, 2)]
    assert events[0]["event_key"] == "urn:uuid:00000001-0000-4000-8000-000000000000"
    assert events[0]["format"] == "caliper"
    assert events[0]["ids"] == {
        "body.object.id": {
            "id": "urn:instructure:canvas:course:21070000000000565", "local": 565, "shard": 2107,
        }
    }  # fmt: skip
    assert "message 1, event 2 of 2" in _run("-", text=json.dumps(CALIPER)).stdout


def test_entities_next_to_events_are_counted() -> None:
    """They are not events. Their number is shown with each event of their envelope."""
    entity = {"type": "Person", "id": "https://example.edu/users/1"}
    mixed = json.dumps(CALIPER | {"data": [entity, *CALIPER["data"]]})

    rows = [json.loads(line) for line in _run("--json", "-", text=mixed).stdout.splitlines()]

    assert [(row["event"], row["events"], row["skipped_entities"]) for row in rows] == [
        (1, 2, 1),
        (2, 2, 1),
    ]
    assert "  skipped    1 entities that are not events" in _run("-", text=mixed).stdout


@for_each("wanted, payload", [("caliper", CANVAS), ("canvas", CALIPER)])
def test_the_format_can_be_forced(wanted: str, payload: dict[str, Any]) -> None:
    """Like queue.format: a message in the other format can't be decoded."""
    result = _run("--format", wanted, "-", text=json.dumps(payload))

    assert f"the configured format is {wanted}" in result.stderr
    assert result.exit_code == 1


def test_control_characters_are_escaped() -> None:
    """Those of a payload, and lone surrogates, too."""
    text = json.dumps(_named("x\x1b[31m\ud800\n"))

    result = _run("-", text=text)

    assert "  event      x\\u001b[31m\\ud800\\n, canvas format" in result.stdout


def test_file_names_and_keys_are_escaped(tmp_path: Path) -> None:
    """Control characters, and characters that turn the reading direction."""
    file = tmp_path / "x\x1b]0;gone\x07.json"
    file.write_text(json.dumps({"metadata": {"event_name": "a"}, "body": {"\u202eb_id": "1"}}))

    result = _run(file, tmp_path / "not\x1b[2Jthere.json")

    assert "x\\u001b]0;gone\\u0007.json: message 1" in result.stdout
    assert "body.\\u202eb_id" in result.stdout
    assert "not\\u001b[2Jthere.json: can't be read" in result.stderr


def test_without_a_file_the_usage_is_shown() -> None:
    """Standard input is not read unless asked."""
    result = _run()

    assert "Usage:" in result.stderr
    assert result.exit_code == 2
