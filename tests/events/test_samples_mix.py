"""The realistic mix: shares, actions and bursts; and what goes wrong on the way."""

import json
import re
import statistics
from collections import Counter, defaultdict
from itertools import islice, pairwise
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.events.samples import (
    SampleMessage,
    realistic_messages,
    sample_messages,
    shuffled,
    with_duplicates,
    with_malformed,
)
from consumer.messages import Event, Format
from consumer.testing import make_message
from tests.cases import for_each

FORMATS: tuple[Format, ...] = get_args(Format)
NUMBERED = [SampleMessage(str(number)) for number in range(3_000)]


def events_of(samples: Any) -> list[Event]:
    return [decode(make_message(sample.body))[0] for sample in samples]


@pytest.mark.parametrize("written", FORMATS)
def test_every_message_is_a_different_event(written: Format) -> None:
    """Each decodes, in the format that was asked for, and none comes twice."""
    events = events_of(realistic_messages(2_000, (written,), seed=1))

    assert {written} == {event.format for event in events}
    assert len({event.key for event in events}) == 2_000


@pytest.mark.parametrize("share", [0.0, 0.2, 0.55, 1.0])
def test_reading_has_its_share(share: float) -> None:
    """The one that is asked for, within chance."""
    samples = realistic_messages(2_000, seed=1, asset_share=share)

    names = Counter(sample.attributes["event_name"] for sample in samples)

    assert abs(names["asset_accessed"] / 2_000 - share) < 0.04


def test_many_other_events_come_with_it() -> None:
    """Most events that handlers ask for, within two thousand messages."""
    names = {sample.attributes["event_name"] for sample in realistic_messages(2_000, seed=1)}

    assert names >= {
        "submission_created", "submission_updated", "grade_change", "asset_accessed", "logged_in",
        "logged_out", "course_created", "course_updated", "enrollment_created",
        "enrollment_state_updated", "discussion_entry_created", "attachment_created",
        "quiz_submitted", "wiki_page_updated", "user_updated",
    }  # fmt: skip
    assert len(names) > 40


def test_one_action_makes_several_events() -> None:
    """They share the request's id and URL; those of a job its id, in a burst."""
    requests, jobs = defaultdict(list), defaultdict(list)
    for event in events_of(realistic_messages(6_000, seed=1)):
        if event.triggered_by_job:
            jobs[event.metadata["job_id"]].append(event)
        elif "request_id" in event.metadata:
            requests[event.metadata["request_id"]].append(event)

    assert any(
        ["submission_updated", "grade_change", "course_grade_change"] == [e.name for e in action]
        for action in requests.values()
    )
    for action in requests.values():
        assert len({event.metadata["url"] for event in action}) == 1
    for name in ("grade_change", "submission_updated"):
        graded = next(a for a in requests.values() if {"grade_change"} < {e.name for e in a})
        assert len({e.body["submission_id"] for e in graded if e.name.startswith(name)}) <= 1
    tags = {burst[0].metadata["job_tag"] for burst in jobs.values() if len(burst) > 15}
    assert {
        "SIS::CSV::ImportRefactored#run_parallel_importer", "ContentMigration#import_content"
    } == tags  # fmt: skip


def test_the_events_of_an_action_agree() -> None:
    """One submission, one student, one score."""
    by_request: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for event in events_of(realistic_messages(1_500, seed=2)):
        by_request[event.metadata.get("request_id")][event.name] = event.body
    graded = [action for action in by_request.values() if "grade_change" in action]

    assert graded
    for action in graded:
        changed, updated = action["grade_change"], action["submission_updated"]
        for key in ("submission_id", "assignment_id", "user_id", "score", "grade"):
            assert changed[key] == updated[key]


@pytest.mark.parametrize(
    ("written", "low", "high"), [("canvas", 1_150, 1_350), ("caliper", 2_000, 2_250)]
)
def test_they_are_as_large_as_real_ones(written: Format, low: int, high: int) -> None:
    """The median is; the largest have texts that Canvas has truncated."""
    sizes = [len(sample.body) for sample in realistic_messages(2_000, (written,), seed=1)]

    assert low < statistics.median(sizes) < high
    assert 8_192 < max(sizes) < 60_000


def test_two_formats_come_as_often() -> None:
    """Events that Caliper lacks are in Canvas format."""
    events = events_of(realistic_messages(2_000, FORMATS, seed=1))

    formats = Counter(event.format for event in events)
    assert 800 < formats["caliper"] < 1_050


def test_the_same_seed_gives_the_same_mix() -> None:
    """And another seed another one."""
    first, again, other = (list(realistic_messages(200, seed=seed)) for seed in (1, 1, 2))

    assert first == again
    assert not {sample.body for sample in first} & {sample.body for sample in other}


@for_each("fraction", [0.0, 0.1, 0.5, 0.9])
def test_duplicates_have_their_share(fraction: float) -> None:
    """Copies of recent messages; none is left out."""
    made = list(islice(with_duplicates(NUMBERED, fraction, seed=1), 2_000))

    numbers = [int(message.body) for message in made]
    assert abs(2_000 * (1 - fraction) - len(set(numbers))) <= 1
    assert set(range(max(numbers) + 1)) == set(numbers)
    seen: set[int] = set()
    for number in numbers:
        assert number in seen or number == len(seen)
        seen.add(number)


def test_shuffled_is_another_order_of_the_same() -> None:
    """Nothing is lost or doubled; the same seed gives the same order."""
    first, again, other = (
        [int(message.body) for message in shuffled(NUMBERED, seed=seed)] for seed in (1, 1, 2)
    )

    assert first == again != other
    assert list(range(3_000)) == sorted(first)
    assert sum(a > b for a, b in pairwise(first)) > 1_000


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), written=st.sampled_from(FORMATS))
def test_malformed_messages_cannot_be_decoded(seed: int, written: Format) -> None:
    """All kinds, in both formats."""
    samples = sample_messages(["logged_in", "wiki_page_updated"], 10, written, seed=seed)

    for sample in with_malformed(samples, 1.0, seed=seed):
        with pytest.raises(DecodeError):
            decode(make_message(sample.body, message_attributes=sample.attributes))


def test_malformed_have_their_share_and_are_of_several_kinds() -> None:
    """The others stay as they are."""
    whole = list(sample_messages(["grade_change"], 100, seed=1))

    made = list(with_malformed(whole, 0.2, seed=1))

    broken = [new for old, new in zip(whole, made, strict=True) if old != new]
    assert len(broken) == 20
    reasons = set()
    for sample in broken:
        with pytest.raises(DecodeError) as caught:
            decode(make_message(sample.body))
        reasons.add(re.sub(r"\d+", "0", caught.value.reason))
    assert len(reasons) >= 4


def test_json_is_written_as_rails_does() -> None:
    """Compact, with the characters of HTML escaped, and other letters as they are."""
    text = "\n".join(sample.body for sample in realistic_messages(1_000, seed=1))

    assert not set("<>&") & set(text)
    assert "\\u003cp\\u003e" in text
    assert any(character in text for character in "éáøñ")
    assert all(json.loads(line) for line in text.splitlines())
