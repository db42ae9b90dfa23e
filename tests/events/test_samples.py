"""Samples are what Canvas would send: any event, in either format."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.catalog.base import Record
from consumer.events.catalog.index import names
from consumer.events.decode import decode
from consumer.events.identifiers import is_truncated, local_id, shard_of
from consumer.events.privacy import scrub_json
from consumer.events.samples import START, sample_message, sample_messages
from consumer.messages import Event, Format
from consumer.testing import make_message
from tests.cases import for_each

FORMATS: tuple[Format, ...] = get_args(Format)
ALL = [(name, written) for written in FORMATS for name in names(written)]
BOTH = names("caliper")
#: One university's events, several of each name.
SEEDS = range(6)
EXAMPLES = settings(max_examples=60)

each_event = for_each("name, written", ALL)


def event_of(name: str, written: Format = "canvas", seed: int = 4) -> Event:
    (event,) = decode(make_message(sample_message(name, written, seed=seed).body), written)
    return event


def facts_in(tree: Any) -> Iterator[tuple[str, Any]]:
    """Each key with its value, at any depth."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key, value
            yield from facts_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from facts_in(value)


def records_in(record: Any) -> Iterator[Record]:
    """The model and all objects in it."""
    if isinstance(record, Record):
        yield record
        for name in type(record).model_fields:
            yield from records_in(getattr(record, name))
    elif isinstance(record, list):
        for value in record:
            yield from records_in(value)


@each_event
def test_each_event_decodes_to_itself(name: str, written: Format) -> None:
    """Name and time come out of the body alone, but for what Caliper has no name for."""
    for seed in SEEDS:
        event = event_of(name, written, seed)

        assert (name, written, START) == (event.name, event.format, event.time)


@each_event
def test_each_event_fits_its_model(name: str, written: Format) -> None:
    """The model knows every field, and its dump is the body."""
    for seed in SEEDS:
        event = event_of(name, written, seed)

        data = event.data

        assert name == data.event_name
        assert not [
            record.unknown_fields() for record in records_in(data) if record.__pydantic_extra__
        ]
        assert event.body == data.model_dump(mode="json", by_alias=True, exclude_unset=True)


@EXAMPLES
@given(
    chosen=st.sampled_from(ALL),
    seeds=st.lists(st.integers(0, 2**63), min_size=2, max_size=2, unique=True),
)
def test_each_seed_makes_a_different_event(chosen: tuple[str, Format], seeds: list[int]) -> None:
    """It fits its model, and differs from that of another seed."""
    first, second = (event_of(*chosen, seed=seed) for seed in seeds)

    assert first.data.event_name == second.data.event_name == chosen[0]
    assert first.raw != second.raw
    assert first.key != second.key


@each_event
def test_the_message_attributes_say_the_same(name: str, written: Format) -> None:
    """event_name and event_time, as Canvas puts them on messages of either format."""
    sample = sample_message(name, written, seed=1)

    (event,) = decode(make_message(sample.body))
    assert {"event_name": name, "event_time": event.time_text} == sample.attributes


_PRINT = """
import hashlib
from consumer.events.catalog.index import names
from consumer.events.samples import realistic_messages, sample_messages
made = [*sample_messages(names(), 150, seed=3), *sample_messages(names("caliper"), 60, "caliper")]
made += realistic_messages(300, ("canvas", "caliper"), seed=3)
print(hashlib.sha256(repr(made).encode()).hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    """With any hash seed."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _PRINT],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip

    assert len(digests) == 1


def test_names_take_turns() -> None:
    """As many messages as are asked for, each an event of its own, in the order of time."""
    samples = list(sample_messages(["logged_in", "quiz_created"], 5, seed=2))

    events = [decode(make_message(sample.body))[0] for sample in samples]

    turns = ["logged_in", "quiz_created", "logged_in", "quiz_created", "logged_in"]
    assert turns == [event.name for event in events]
    assert len({event.key for event in events}) == 5
    times = [event.time for event in events if event.time is not None]
    assert sorted(set(times)) == times
    assert START == times[0]


def test_the_time_is_given() -> None:
    """An aware one of any zone."""
    time = datetime.fromisoformat("2027-01-31T22:15:00.250-06:00")

    (event,) = decode(make_message(sample_message("logged_in", time=time).body))

    assert datetime(2027, 2, 1, 4, 15, 0, 250_000, tzinfo=UTC) == event.time


@for_each("name, written", [("no_such_event", "canvas"), ("user_created", "caliper")])
def test_there_is_no_sample_of_an_unknown_event(name: str, written: Format) -> None:
    """It is refused at once."""
    with pytest.raises(ValueError, match=f"no sample of '{name}' in {written} format"):
        sample_message(name, written)
    with pytest.raises(ValueError, match="no sample of"):
        sample_messages(["logged_in", name], 3, written)


def test_without_a_name_it_is_refused() -> None:
    """There is nothing to take turns."""
    with pytest.raises(ValueError, match="no event name"):
        sample_messages([], 3)


@for_each("name", BOTH)
def test_both_formats_have_the_same_facts(name: str) -> None:
    """The same seed is the same scene: who, by which request or job, to what."""
    for seed in SEEDS:
        canvas, caliper = event_of(name, "canvas", seed), event_of(name, "caliper", seed)
        cause = caliper.body["extensions"]["com.instructure.canvas"]

        assert canvas.triggered_by_job == caliper.triggered_by_job
        key = "job_id" if canvas.triggered_by_job else "request_id"
        assert canvas.metadata[key] == cause[key]
        if "user_id" in canvas.metadata:
            actor = caliper.body["actor"]["id"]
            assert local_id(canvas.metadata["user_id"]) == local_id(actor)
            assert canvas.metadata["url"] == cause["request_url"]
        if canvas.metadata.get("context_type") == "Course":
            assert local_id(canvas.metadata["context_id"]) == local_id(caliper.body["group"]["id"])
        thing = local_id(caliper.body["object"]["id"])
        ids = {local_id(v) for k, v in facts_in(canvas.body) if k.endswith("_id")}
        assert thing is None or thing in ids


def test_a_grade_is_the_same_in_both_formats() -> None:
    """Points, and what they are out of; the student's id in the information system."""
    canvas, caliper = event_of("grade_change"), event_of("grade_change", "caliper")

    generated = caliper.body["generated"]
    assert canvas.body["score"] == generated["scoreGiven"]
    assert canvas.body["points_possible"] == generated["maxScore"]
    assert local_id(canvas.body["grader_id"]) == local_id(generated["scoredBy"])
    extensions = caliper.body["object"]["extensions"]["com.instructure.canvas"]
    assert canvas.body["grade"] == extensions["grade"]


def test_there_are_no_nulls_in_caliper() -> None:
    """Keys are missing instead."""
    for name in BOTH:
        for seed in SEEDS:
            event = json.loads(sample_message(name, "caliper", seed=seed).body)
            assert not [key for key, value in facts_in(event) if value is None]


def test_a_course_is_the_same_everywhere() -> None:
    """In metadata, body, group, URL and referrer."""
    in_a_course = 0
    for (name, written), seed in product(ALL, SEEDS):
        event = json.loads(sample_message(name, written, seed=seed).body)

        found: dict[str, Any] = dict(facts_in(event))
        courses = set(re.findall(r"/courses/(\d+)", " ".join(
            str(found.get(key)) for key in ("url", "referrer", "request_url"))))  # fmt: skip
        courses |= set(re.findall(r"canvas:course:\d{4}0*(\d+)", json.dumps(event)))
        courses |= {str(local_id(v)) for k, v in facts_in(event) if k == "course_id" and v}
        if event.get("metadata", {}).get("context_type") == "Course":
            courses.add(str(local_id(event["metadata"]["context_id"])))
        assert len(courses) <= 1, (name, written, seed)
        in_a_course += len(courses)

    assert in_a_course > 100


def test_the_variations_of_canvas_occur() -> None:
    """Each shape of a time; ids as texts and as numbers, global and local; null and missing."""
    facts, times, causes = [], set(), set()
    for seed in SEEDS:
        for name in names():
            event = event_of(name, seed=seed)
            facts += list(facts_in(event.body))
            causes.add(event.triggered_by_job)
    for _, value in facts:
        if isinstance(value, str) and re.match(r"20\d\d-\d\d-\d\d[T ]", value):
            times.add(re.sub(r"\d+", "0", value))
    ids = [value for key, value in facts if key.endswith("_id") and local_id(value) is not None]

    assert {"0-0-0T0:0:0.0Z", "0-0-0T0:0:0Z", "0-0-0 0:0:0 -0", "0-0-0T0:0:0-0:0"} == times
    assert {str, int} == {type(value) for value in ids}
    assert {0} < {shard_of(value) for value in ids}
    assert {True, False} == causes
    nulls = {key for key, value in facts if value is None}
    assert {"old_grade", "asset_subtype", "group_id"} <= nulls
    present = {key: 0 for key, _ in facts}
    for key, _ in facts:
        present[key] += 1
    assert present["old_display_name"] < len(SEEDS)


def test_a_long_text_is_cut_as_canvas_cuts() -> None:
    """To 8,192 characters at most, with three dots; and others are short."""
    texts = [
        value
        for seed in range(40)
        for written in FORMATS
        for name in ("wiki_page_updated", "discussion_entry_created", "submission_created")
        if name in names(written)
        for _, value in facts_in(json.loads(sample_message(name, written, seed=seed).body))
        if isinstance(value, str)
    ]

    assert all(len(text) <= 8_192 for text in texts)
    assert sum(map(is_truncated, texts)) > 10
    assert any(300 < len(text) < 4_000 for text in texts)


def test_a_request_has_the_metadata_of_one() -> None:
    """All keys that a Canvas request event carries, each a text or null; a job's only its own."""
    request = event_of("grade_change").metadata
    job = event_of("enrollment_state_updated").metadata

    common = {"event_name", "event_time", "producer", "root_account_id", "root_account_lti_guid",
              "root_account_uuid"}  # fmt: skip
    assert common | {
        "client_ip", "context_account_id", "context_id", "context_role", "context_sis_source_id",
        "context_type", "hostname", "http_method", "referrer", "request_id", "session_id",
        "time_zone", "url", "user_account_id", "user_agent", "user_id", "user_login", "user_sis_id",
    } == set(request)  # fmt: skip
    assert {str, type(None)} >= {type(value) for value in request.values()}
    assert common | {"job_id", "job_tag"} == set(job)


def test_new_quizzes_has_few_metadata() -> None:
    """It is a service of its own: no ids of the root account, no request."""
    metadata = event_of("quizzes.quiz_graded").metadata

    assert {"event_name", "event_time", "producer", "root_account_uuid"} == set(metadata)


def test_all_people_are_made_up() -> None:
    """Mail goes nowhere, and addresses are those kept for documentation."""
    seen: Counter[str] = Counter()
    for name, written in ALL:
        event = json.loads(sample_message(name, written, seed=9).body)
        for key, text in facts_in(event):
            if isinstance(text, str):
                assert "@" not in text or text.endswith("@example.edu")
                assert "instructure.com/" not in text
                seen["mail"] += "@" in text
            if key == "client_ip":
                assert text.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))
                seen["address"] += 1

    assert seen["mail"] > 10
    assert seen["address"] > 10


@for_each("written", FORMATS)
def test_one_kind_carries_a_secret(written: Format) -> None:
    """So that a demo or a test can show that it is removed."""
    sample = sample_message("course_updated", written)

    scrubbed = scrub_json(sample.body)

    assert "access_token=[scrubbed]\\u0026include[]=term" in scrubbed
    assert len(scrubbed) < len(sample.body) - 50
