"""The row of an event in a database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from consumer.events.decode import decode
from consumer.handlers.sql.rows import COLUMNS, Row, plain_json, row_of
from consumer.messages import Event
from consumer.testing import canvas_body, make_event, make_message
from tests.handlers.landing.events import every_sample, hard_to_store

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def row(event: Event) -> Row:
    return row_of(event, NOW, scrub_secrets=True)


def test_the_columns_are_those_of_a_row() -> None:
    """In the same order."""
    assert Row._fields == tuple(column.name for column in COLUMNS)


def test_what_an_event_says_of_itself() -> None:
    """Its key, time and names, and the common view; ids are global, in both formats."""
    for written in ("canvas", "caliper"):
        event = make_event("submission_updated", format=written, message_id="m-7")
        found, subject = row(event), event.subject
        assert (event.key, "m-7", "submission_updated", written) == found[:4]
        assert (event.time, NOW) == (found.time, found.received_at)
        assert subject.course_id is not None
        assert subject.course_id.global_id == found.course_id
        assert subject.entity_id is not None
        assert (subject.entity_id.global_id, "submission") == (found.entity_id, found.entity_kind)
        assert ("updated", False, None) == (
            found.change,
            found.triggered_by_job,
            found.user_pseudonym,
        )
        assert json.loads(event.raw) == json.loads(found.payload)


def event_with(course_id: object, root_account_id: object = None) -> Event:
    """An event in this course."""
    metadata = {"event_name": "course_updated", "root_account_id": root_account_id}
    body = {"course_id": course_id}
    text = json.dumps({"metadata": metadata, "body": body})
    (event,) = decode(make_message(text))
    return event


def test_ids_without_a_shard_are_local() -> None:
    """Only where neither the id nor the event has one."""
    assert 21070000000000565 == row(event_with("21070000000000565")).course_id
    assert 21070000000000565 == row(event_with(565, "21070000000000001")).course_id
    assert 565 == row(event_with("565")).course_id


def test_what_no_database_takes_as_an_id_is_null() -> None:
    """More than 64 bits, and what is no id."""
    assert 2**63 - 1 == row(event_with(2**63 - 1)).course_id
    wrong_ones: list[object] = [2**63, 10**30, True, -1, 1.5, "x", {"a": 1}, [], None, ""]
    for wrong in wrong_ones:
        assert row(event_with(wrong)).course_id is None, wrong


def test_every_sample_makes_a_row_that_any_database_takes() -> None:
    """In both formats, and what is hard to store: UTF-8 without NUL, ids of 64 bits."""
    for event in [*every_sample(), *hard_to_store().values()]:
        found = row(event)
        for value in found:
            if isinstance(value, str):
                assert "\0" not in value
                value.encode()
            elif isinstance(value, int):
                assert -(2**63) <= value < 2**63
        assert json.loads(found.payload) is not None
        json.loads(found.payload_plain or found.payload)


def test_texts_from_outside_are_escaped() -> None:
    """A name with NUL or half a surrogate pair stays one that can be looked for."""
    event = replace(make_event(), name="a\0b\ud800\u00e4")
    assert "a\\u0000b\\ud800\u00e4" == row(event).name


def test_raw_surrogates_become_escapes() -> None:
    """They are in texts of Python only; the payload stays the same JSON."""
    text = canvas_body(body={"comment": "HERE"}).replace("HERE", "\ud800 \u00e4")
    found = row(decode(make_message(text))[0])
    assert "\\ud800 \u00e4" in found.payload
    assert {"comment": "\\ud800 \u00e4"} == json.loads(found.payload_plain or "")["body"]


def test_scrubbed_like_everywhere() -> None:
    """Secrets in URLs are removed, unless that is turned off."""
    event = make_event(body={"url": "https://canvas.example.edu/?access_token=hunter2"})
    assert "hunter2" not in row(event).payload
    assert "hunter2" in row_of(event, NOW, scrub_secrets=False).payload


def test_plain_json_has_nothing_that_databases_refuse() -> None:
    """Whatever is mixed, with any number of backslashes before it; all else is unchanged."""
    rng = Random(7)
    parts = ["\\u0000", "\\ud83d\\ude00", "\\uD800", "\\udc00", "\\\\", "\\n", "u0000", "ud800"]
    parts += ["\\u00e4", "x", "\\udbff"]
    changed = 0
    for _ in range(3000):
        text = '{"a":"' + "".join(rng.choices(parts, k=rng.randrange(8))) + '"}'
        plain = plain_json(text)
        before = json.loads(text)["a"]
        bad = "\0" in before or any(0xD800 <= ord(c) < 0xE000 for c in before)
        assert bad == (plain is not None), text
        if plain is not None:
            changed += 1
            after = json.loads(plain)["a"]
            assert "\0" not in after
            after.encode()
            shown = before.encode("utf-8", "backslashreplace").decode()
            assert shown.replace("\0", "\\u0000").lower() == after.lower()
    assert changed > 1000
