"""Names and fields that are not in the catalog are counted and reported; its table is current."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

from consumer.events.catalog.index import TABLE_FILE, names
from consumer.events.decode import decode
from consumer.events.drift import (
    ANY_EVENT,
    RARELY,
    SURE,
    Drift,
    Unknown,
    inner_path,
    printable,
    shape_of,
    unknown_in,
)
from consumer.messages import Event, Format
from consumer.testing import canvas_body, make_message
from tests.cases import for_each
from tests.events.shapes import text
from tests.events.test_corpus import each_file, event_in

KEY = "com.instructure.canvas"


def canvas(name: str = "submission_created", body: Any = None, **metadata: Any) -> Event:
    (event,) = decode(make_message(canvas_body(name, body=body or {}, **metadata)))
    return event


def caliper(event: dict[str, Any], **envelope: Any) -> Event:
    payload = {
        "sensor": "http://canvas.example.edu/",
        "sendTime": "2024-05-01T10:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [event],
        **envelope,
    }
    (decoded,) = decode(make_message(json.dumps(payload)))
    return decoded


ATTEMPT = {
    "id": "urn:instructure:canvas:submission:21070000000000012",
    "type": "Attempt",
    "extensions": {KEY: {"entity_id": "21070000000000012"}},
}
SUBMITTED = {
    "id": "urn:uuid:1",
    "type": "AssignableEvent",
    "action": "Submitted",
    "object": ATTEMPT,
}


def paths(event: Event) -> list[tuple[str, str]]:
    return [(unknown.name, unknown.path) for unknown, _ in unknown_in(event)]


def test_the_table_is_generated_from_the_models() -> None:
    """After a change of the models run: python -m tests.events.shapes."""
    assert TABLE_FILE.read_text(encoding="utf-8") == text()


@for_each("event_format", ["canvas", "caliper"])
def test_the_table_lists_every_name(event_format: Format) -> None:
    """Those of the index, in their formats, and no other."""
    assert all(shape_of(event_format, name) is not None for name in names(event_format))
    assert shape_of(event_format, "course_deleted") is None


def test_known_names_and_fields_are_not_counted() -> None:
    """In either format, for any value, also null and empty objects."""
    drift = Drift()

    drift.see(canvas(body={"submission_id": "1", "late": None, "score": {"numberStr": "7"}}))
    drift.see(canvas("logged_out"))
    drift.see(canvas("course_progress", {"progress": {"completed_at": None}, "user": "odd"}))
    drift.see(caliper(SUBMITTED))

    assert drift.counts() == {}
    assert (drift.unknown_names, drift.unknown_fields) == (0, 0)


def test_an_unknown_event_is_reported_without_its_fields() -> None:
    """All of them are unknown."""
    assert [("course_deleted", "")] == paths(canvas("course_deleted", {"course_id": "1"}))


def test_an_event_may_be_known_in_one_format_only() -> None:
    """An event that Canvas sends in its own format only is unknown in Caliper format."""
    other = {**SUBMITTED, "type": "Event", "action": "Created"}

    assert [("Event.Created.Attempt", "")] == paths(caliper(other))


@for_each(
    "event, expected",
    [
        (canvas(body={"submission_id": "1", "foo": 1}), ("submission_created", "body.foo")),
        (canvas(bar=1), (ANY_EVENT, "metadata.bar")),
        (
            canvas("course_progress", {"progress": {"baz": {"deeper": 1}}}),
            ("course_progress", "body.progress.baz"),
        ),
        (
            canvas("outcome_proficiency_created", {"outcome_proficiency_ratings": [{}, {"z": 1}]}),
            ("outcome_proficiency_created", "body.outcome_proficiency_ratings[].z"),
        ),
        (caliper({**SUBMITTED, "foo": 1}), ("submission_created", "foo")),
        (caliper(SUBMITTED, foo=1), (ANY_EVENT, "envelope.foo")),
        (
            caliper({**SUBMITTED, "object": {**ATTEMPT, "extensions": {KEY: {"x": 1}}}}),
            ("submission_created", f'object.extensions["{KEY}"].x'),
        ),
    ],
)  # fmt: skip
def test_an_unknown_field_is_reported_by_its_path(event: Event, expected: tuple[str, str]) -> None:
    """In body, metadata, objects and lists; fields inside an unknown field are not reported."""
    assert [expected] == paths(event)


def test_open_objects_have_no_unknown_fields() -> None:
    """Their keys are not fixed."""
    event = canvas("content_export_created", {"settings": {"anything": {"at": "all"}}})

    assert paths(event) == []


def test_each_is_reported_once_and_counted_each_time() -> None:
    """A field of the metadata once for all events, a field of the body once for each name."""
    reported: list[Unknown] = []
    drift = Drift(reported.append)

    for name in ("submission_created", "submission_updated", "submission_created"):
        drift.see(canvas(name, {"foo": 1}, bar=1))
    drift.see(canvas("course_deleted"))

    assert drift.counts() == {
        Unknown("canvas", ANY_EVENT, "metadata.bar"): 3,
        Unknown("canvas", "submission_created", "body.foo"): 2,
        Unknown("canvas", "submission_updated", "body.foo"): 1,
        Unknown("canvas", "course_deleted", ""): 1,
    }
    assert list(drift.counts()) == reported
    assert (drift.unknown_names, drift.unknown_fields) == (1, 6)


def test_only_so_many_are_remembered() -> None:
    """After the first `most`, others are only included in the totals."""
    reported: list[Unknown] = []
    drift = Drift(reported.append, most=3)

    for number in range(10):
        drift.see(canvas(f"event_{number}"))
    drift.see(canvas("event_0"))

    assert len(reported) == len(drift.counts()) == 3
    assert drift.counts()[Unknown("canvas", "event_0", "")] == 2
    assert drift.unknown_names == 11


def test_at_most_200_unknown_fields_of_an_event_are_reported() -> None:
    """Such an event is something else altogether."""
    event = canvas(body={f"field_{chr(97 + n % 26)}{n}": n for n in range(5_000)})

    assert len(paths(event)) == 200


@for_each(
    "key, expected",
    [
        ("name", "body.name"),
        ("@context", "body.@context"),
        (KEY, f'body["{KEY}"]'),
        ("", 'body[""]'),
        ("two\nlines\x1b[2J\u2028", 'body["two\\nlines\\u001b[2J\\u2028"]'),
        ('a"quote', 'body["a\\"quote"]'),
        ("x" * 10_000, f'body["{"x" * 97}..."]'),
        ("somebody@example.edu", 'body["*"]'),
        ("21070000000000123", 'body["*"]'),
        ("of_21070000000000123", 'body["*"]'),
    ],
)
def test_a_path_is_short_printable_and_not_personal(key: str, expected: str) -> None:
    """For any key; one that may be data itself is not shown."""
    assert expected == inner_path("body", key)


def test_a_name_from_outside_is_made_printable() -> None:
    """It is cut, and control characters and line breaks are escaped."""
    (unknown, _), *_ = unknown_in(canvas("\x1b[2J\n" + "é" * 200))

    assert unknown.name.startswith("\\u001b[2J\\n\\u00e9")
    assert unknown.name.endswith("...")
    assert unknown.name == printable("\x1b[2J\n" + "é" * 200)


def test_threads_may_count_together() -> None:
    """Counts are exact, and each is reported once."""
    reported: list[Unknown] = []
    drift = Drift(reported.append)
    event = canvas(body={"foo": 1})
    start = Barrier(4)

    def look() -> None:
        start.wait(10)
        for _ in range(500):
            drift.see(event)

    threads = [Thread(target=look, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert drift.counts() == {Unknown("canvas", "submission_created", "body.foo"): 2_000}
    assert len(reported) == 1


def test_keys_beside_metadata_and_body_are_counted() -> None:
    """But not `attributes`, which self-hosted Canvas sends instead of metadata."""
    reported: list[Unknown] = []
    drift = Drift(reported.append)

    for payload in (
        {"metadata": {"event_name": "logged_out"}, "body": {}, "subscription_id": 7},
        {"attributes": {"event_name": "logged_out"}, "body": {}},
        {"attributes": None, "metadata": {"event_name": "logged_out"}, "body": {}},
    ):
        (event,) = decode(make_message(json.dumps(payload)))
        drift.see(event)

    assert reported == [Unknown("canvas", ANY_EVENT, "subscription_id")]


def test_no_model_is_loaded() -> None:
    """Checking for drift does not load the catalog."""
    program = (
        "import sys\n"
        "from consumer.events import drift\n"
        "assert drift.shape_of('canvas', 'submission_created').known\n"
        "heavy = 'pydantic', 'consumer.events.catalog.'\n"
        "print([module for module in sys.modules if module.startswith(heavy)])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "['consumer.events.catalog.index']\n"


@each_file
def test_documented_payloads_are_known(file: Path) -> None:
    """No payload published by Instructure has an unknown name or field."""
    event, _, _ = event_in(file)
    if file.stem.startswith("grade_override"):
        # The published example has the name of another event, which does not have these fields.
        event = replace(event, name="grade_override")

    assert list(unknown_in(event)) == []


def test_after_many_events_without_drift_one_in_ten_is_checked() -> None:
    """A change is found within ten events of a name, and then counted exactly."""
    drift = Drift()
    for _ in range(SURE):
        drift.see(canvas(body={}))
    changed = canvas(body={"foo": 1})

    unseen = 0
    while not drift.unknown_fields:
        drift.see(changed)
        unseen += 1
    for _ in range(50):
        drift.see(changed)

    assert unseen <= RARELY
    assert 51 == drift.unknown_fields
