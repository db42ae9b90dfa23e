"""The made-up messages are what Canvas would send."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from consumer.events.decode import decode
from consumer.events.identifiers import is_truncated, shard_of
from consumer.events.privacy import scrub_json
from consumer.events.samples import CANVAS_ONLY, SHARES, sample_message, sample_messages
from consumer.testing import make_message

if TYPE_CHECKING:
    from consumer.messages import Event, Format

START = datetime(2026, 9, 1, 14, 30, tzinfo=UTC)
ALL: list[tuple[str, Format]] = [
    *((name, "canvas") for name in SHARES),
    *((name, "caliper") for name in SHARES if name not in CANVAS_ONLY),
]


def event_of(name: str, format: Format) -> Event:  # noqa: A002
    sample = sample_message(name, format=format, rng=Random(4), time=START)
    (event,) = decode(make_message(sample.body), format)
    return event


@pytest.mark.parametrize(("name", "written"), ALL)
def test_each_sample_decodes_to_itself(name: str, written: Format) -> None:
    """Name and time come out of the body alone, without the message attributes."""
    event = event_of(name, written)

    assert name == event.name
    assert written == event.format
    assert START == event.time


@pytest.mark.parametrize(("name", "written"), ALL)
def test_the_message_attributes_say_the_same(name: str, written: Format) -> None:
    """event_name and event_time, as Canvas puts them on messages of either format."""
    sample = sample_message(name, format=written, rng=Random(4), time=START)

    assert {"event_name": name, "event_time": "2026-09-01T14:30:00.000Z"} == sample.attributes


def test_the_common_names_are_there() -> None:
    """What handlers are usually written for; only user_created has no Caliper form."""
    assert set(SHARES) >= {
        "submission_created", "submission_updated", "grade_change", "asset_accessed", "logged_in",
        "logged_out", "course_created", "course_updated", "enrollment_created", "user_created",
        "enrollment_state_updated", "discussion_entry_created", "attachment_created",
        "quiz_submitted", "wiki_page_updated",
    }  # fmt: skip
    assert {"user_created"} == CANVAS_ONLY
    assert sum(SHARES.values()) == 100


@pytest.mark.parametrize(
    ("name", "written"), [("no_such_event", "canvas"), ("user_created", "caliper")]
)
def test_there_is_no_sample_of_what_canvas_does_not_send(name: str, written: Format) -> None:
    """It is told, rather than made up."""
    with pytest.raises(ValueError, match=f"no sample of '{name}' in {written} format"):
        sample_message(name, format=written, rng=Random(4), time=START)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """And another seed others; each event is one of its own."""
    first, again, other = (list(sample_messages(200, seed=s, start=START)) for s in (1, 1, 2))

    assert first == again
    assert first != other
    keys = [decode(make_message(sample.body))[0].key for sample in first]
    assert len(set(keys)) == 200


def test_reading_dominates_and_both_formats_come() -> None:
    """As in real traffic; a few milliseconds lie between the events."""
    samples = list(sample_messages(2_000, seed=1, start=START))

    events = [decode(make_message(sample.body))[0] for sample in samples]

    names = Counter(event.name for event in events)
    assert set(SHARES) == set(names)
    assert 900 < names["asset_accessed"] < 1_300
    formats = Counter(event.format for event in events)
    assert 800 < formats["canvas"] < 1_200
    times = [event.time for event in events if event.time is not None]
    assert [START + timedelta(milliseconds=7 * n) for n in range(2_000)] == times


@pytest.mark.parametrize("written", ["canvas", "caliper"])
def test_one_format_alone(written: Format) -> None:
    """All samples are in it, and none that it lacks."""
    samples = sample_messages(300, seed=1, formats=[written], start=START)

    assert {written} == {decode(make_message(s.body))[0].format for s in samples}


@pytest.mark.parametrize(
    ("written", "low", "high"), [("canvas", 1_200, 1_300), ("caliper", 2_050, 2_200)]
)
def test_they_are_as_large_as_real_ones(written: Format, low: int, high: int) -> None:
    """The median is; the largest are texts that Canvas has cut."""
    sizes = [len(s.body) for s in sample_messages(500, seed=1, formats=[written], start=START)]

    assert low < statistics.median(sizes) < high
    assert 8_192 < max(sizes) < 40_000


def test_a_long_text_is_cut_as_canvas_cuts() -> None:
    """To 8,192 characters at most, with three dots."""
    assert is_truncated(event_of("wiki_page_updated", "canvas").body["body"])
    assert is_truncated(event_of("wiki_page_updated", "caliper").body["object"]["body"])
    assert not is_truncated(event_of("discussion_entry_created", "canvas").body["text"])


@pytest.mark.parametrize("written", ["canvas", "caliper"])
def test_requests_and_jobs_are_told_apart(written: Format) -> None:
    """What a job caused names the job, and no request; the other way round else."""
    assert event_of("enrollment_state_updated", written).triggered_by_job
    assert not event_of("enrollment_created", written).triggered_by_job


def test_a_request_has_the_metadata_of_one() -> None:
    """All keys that a Canvas request event carries, each a text or null."""
    metadata = event_of("grade_change", "canvas").metadata

    assert {
        "client_ip", "context_account_id", "context_id", "context_role", "context_sis_source_id",
        "context_type", "developer_key_id", "event_name", "event_time", "hostname", "http_method",
        "producer", "referrer", "request_id", "root_account_id", "root_account_lti_guid",
        "root_account_uuid", "session_id", "time_zone", "url", "user_account_id", "user_agent",
        "user_id", "user_login", "user_sis_id",
    } == set(metadata)  # fmt: skip
    assert {str, type(None)} == {type(value) for value in metadata.values()}


def test_the_ids_of_an_event_belong_together() -> None:
    """The person of the metadata is the one of the body, in one shard."""
    event = event_of("submission_created", "canvas")

    assert event.metadata["user_id"] == event.body["user_id"]
    assert shard_of(event.body["submission_id"]) == shard_of(event.metadata["context_id"]) == 2107


def test_everybody_is_made_up() -> None:
    """Logins end in example.edu, and addresses are those kept for documentation."""
    for sample in sample_messages(300, seed=3, start=START):
        for text in _texts(json.loads(sample.body)):
            assert "@" not in text or text.endswith("@example.edu")
            assert "instructure.com" not in text


def test_one_kind_carries_a_secret() -> None:
    """So that a demo or a test can show what becomes of it."""
    for written in ("canvas", "caliper"):
        sample = sample_message("course_updated", format=written, rng=Random(4), time=START)

        scrubbed = scrub_json(sample.body)

        assert "access_token=[scrubbed]\\u0026include[]=term" in scrubbed
        assert len(scrubbed) < len(sample.body) - 50


def _texts(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return [text for value in tree for text in _texts(value)]
    return [tree] if isinstance(tree, str) else []
