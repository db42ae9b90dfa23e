"""What the views of the sqlite handler show: typed values, and never a failure."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from consumer.events.catalog import index
from consumer.events.redaction import Pseudonyms, Redaction
from consumer.events.timestamps import parse_time
from consumer.handlers.sqlite.store import _utc
from consumer.testing import make_event
from tests.handlers.landing.events import every_sample, hard_to_store
from tests.handlers.sqlite_table import Table, canvas

if TYPE_CHECKING:
    pass


def shown(table: Table, column: str, values: list[str], event: str = "submission_created") -> Any:
    """What a column of a view shows for each value of a field, written as JSON; in this order."""
    field = column.removeprefix("body_")
    bodies = [f'{{"{field}": {value}, "n": {n}}}' for n, value in enumerate(values)]
    table.write(*[canvas(event, body, n) for n, body in enumerate(bodies)])
    found = table.ask(f'SELECT "{column}" FROM live_{event} ORDER BY message_id')
    assert len(values) == len(found)
    return dict(zip(values, found, strict=True))


def test_ids_are_exact(table: Table) -> None:
    """As numbers or texts, also where a float would not be; what is no id is null."""
    ids = {
        "21070000000000123": 21070000000000123,
        '"21070000000000123"': 21070000000000123,
        "9223372036854775807": 9223372036854775807,
        '"9223372036854775807"': 9223372036854775807,
        "7": 7,
    }
    wrong = [
        "9223372036854775808", '"9223372036854775808"', "1e3", "1.0", '""', "null", "true",
        '"abc"', '"12abc"', '" 12"', "{}", "[1]", '"1e3"', "123456789012345678901234567890",
    ]  # fmt: skip
    expected: dict[str, Any] = {**ids, **dict.fromkeys(wrong)}
    assert expected == shown(table, "submission_id", list(expected))


def test_pseudonyms_stand_for_ids(table: Table) -> None:
    """A redacted event has them in place of ids of people: they can be grouped and joined by."""
    event = Redaction("analytics", Pseudonyms("0123456789abcdef" * 4))(make_event("grade_change"))
    table.write(event)
    ((student, course, actor),) = table.ask(
        "SELECT student_id, course_id, user_pseudonym FROM live_grade_change"
    )
    assert event.body["student_id"] == student
    assert student.startswith("p-")
    assert student != actor == event.subject.user_pseudonym
    assert event.subject.course_id
    assert event.subject.course_id.global_id == course


def test_only_pseudonyms_stand_for_ids(table: Table) -> None:
    """Of their length, of hexadecimal digits."""
    right = f'"p-{"0a" * 16}"'
    wrong = [right[:-2] + '"', right[:-1] + '0"', right[:-2] + 'x"', '"p-"', right.upper()]
    assert {right: right.strip('"'), **dict.fromkeys(wrong)} == (
        shown(table, "submission_id", [right, *wrong])
    )


def test_numbers(table: Table) -> None:
    """As numbers or texts; null for anything else."""
    expected: dict[str, Any] = {
        "7": 7,
        "7.5": 7.5,
        '"7.5"': 7.5,
        '"-3"': -3,
        '"1e2"': 100,
        "0": 0,
        **dict.fromkeys(('""', "null", '"7,5"', '"a"', "true", "{}", "[1]", '"-"', '"[1]"')),
        **dict.fromkeys(("1e400", '"1e400"', '"-1e400"', "9" * 400)),
    }
    assert expected == shown(table, "score", list(expected))


def test_booleans(table: Table) -> None:
    """1 and 0, as in all of SQLite."""
    expected: dict[str, Any] = {
        **dict.fromkeys(("true", '"true"', "1"), 1),
        **dict.fromkeys(("false", '"false"', "0"), 0),
        **dict.fromkeys(("null", '""', '"yes"', "2", "{}", "[]")),
    }
    assert expected == shown(table, "late", list(expected))


def test_texts(table: Table) -> None:
    """The empty text is null; an object is JSON; what a client can't read is shown as escapes."""
    expected: dict[str, Any] = {
        '"graded"': "graded",
        "17": "17",
        '""': None,
        "null": None,
        '{"a": [1]}': '{"a":[1]}',
        '["x"]': '["x"]',
        '"\\u00e4 \\ud83d\\ude00"': "\u00e4 \U0001f600",
        '"a\\u0000b"': "a\\u0000b",
        '"a\\ud800b"': "a\\ud800b",
    }
    assert expected == shown(table, "workflow_state", list(expected))


def test_times_are_those_of_the_catalog(table: Table) -> None:
    """Every form that Canvas uses, in UTC, in the form of the table; without an offset none."""
    forms = [
        "2019-11-01T19:11:25.788Z", "2019-11-01T19:11:25Z", "2019-11-05 07:38:00 -0800",
        "2020-03-30T11:18:51-06:00", "2020-03-30T11:18:51.5+05:30", "2019-11-05 07:38:00 UTC",
        "2019-11-05 23:38:00 +0130", "2019-11-05T23:38:00+0130", "2019-11-05T07:38:00 UTC",
        "2019-11-05T07:38:00.123456Z", "2019-11-05T07:38Z", "2020-02-29T00:00Z",
        "2019-02-29T00:00:00Z", "2019-04-31 00:00:00 -0800", "2019-11-05T24:30:00Z",
        "2019-11-05 07:38:00+00:00", "2019-11-05T07:38:00", "2019-11-05", "", "now", "12:00",
        "2458849.5", "2019-13-05T07:38:00Z", "soon", "2019-11-05T07:38:00 PST", "0", "Z",
    ]  # fmt: skip
    expected: dict[str, Any] = {json.dumps(form): _utc(parse_time(form)) for form in forms}
    expected |= dict.fromkeys(("null", "1572637885", "true", "{}", "[]"))
    assert 13 == sum(value is not None for value in expected.values())
    assert expected == shown(table, "submitted_at", list(expected))


def test_every_view_shows_its_samples(table: Table) -> None:
    """In both formats; those of Caliper have the common columns."""
    table.write(*every_sample())
    with closing(sqlite3.connect(table.path)) as connection:
        connection.row_factory = sqlite3.Row
        for name in index.names():
            view = name.replace(".", "_").replace("-", "_")
            rows = connection.execute(f"SELECT * FROM live_{view}").fetchall()
            formats = {row["format"]: row for row in rows}
            assert ("caliper" in formats) == index.is_known(name, "caliper"), name
            for row in rows:
                assert row["event_key"], name
                assert row["time"], name
            body = [key for key in formats["canvas"].keys() if not key.startswith("metadata_")]  # noqa: SIM118 - of sqlite3.Row
            filled = [key for key in body if formats["canvas"][key] is not None]
            assert len(filled) >= 5, name


def test_no_payload_makes_a_view_fail(table: Table) -> None:
    """One that is not JSON, too deep for SQLite, or hard to read leaves its columns empty."""
    deep = '{"body":' * 3000 + "1" + "}" * 3000
    table.write(canvas("submission_created", '{"score": 5}'), *hard_to_store().values())
    insert = "INSERT INTO live_events (event_key, name, payload) VALUES (?, ?, ?)"
    for number, payload in enumerate(("not JSON", "", '"text"', "[1]", '{"body": 7}', deep, None)):
        table.ask(insert, f"key-{number}", "submission_created", payload)
    rows = table.ask("SELECT * FROM live_submission_created")
    assert len(rows) == len(hard_to_store()) + 8
    assert [5] == table.ask("SELECT score FROM live_submission_created WHERE score IS NOT NULL")


def test_a_view_uses_the_index(table: Table) -> None:
    """Of a name and a time it reads no other rows."""
    table.write(canvas("logged_in", "{}"))
    question = "SELECT count(*) FROM live_logged_in WHERE time >= '2026-01-01'"
    (step,) = table.ask(f"EXPLAIN QUERY PLAN {question}")
    assert "live_events_name_time (name=? AND time>?)" in step[-1]
