"""Any event has a subject with exact ids or none, and documented pairs agree."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.catalog import names
from consumer.events.decode import decode
from consumer.messages import Event
from consumer.subject import SHARD_SIZE, CanvasId, Subject
from consumer.testing import make_event, make_message
from tests.cases import for_each

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
NAMES = st.sampled_from([*names(), "unknown_created", ""])
IDS = st.sampled_from([
    "565", "21070000000000565", "", "0", 7, 21070000000000007, "urn:instructure:canvas:user:1",
    "urn:instructure:canvas:course:565:section:9", "urn:instructure:canvas:", "http://x.example/",
    "urn:instructure:canvas:wikiPage:5", "urn:instructure:canvas:user:0", "9" * 5000, 10**50,
])  # fmt: skip
KEYS = st.sampled_from([
    "user_id", "root_account_id", "context_id", "context_type", "job_id", "course_id", "course",
    "id", "asset_type", "asset_id", "quiz_id", "submission_id", "entity_id", "actor", "object",
    "group", "membership", "organization", "subOrganizationOf", "extensions", "assignable",
    "com.instructure.canvas", "type", "",
])  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.floats()
    | IDS
    | st.sampled_from(["Course", "Person", "course", "user"])
    | st.text(st.characters(exclude_categories=()), max_size=9)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
RUNS = settings(max_examples=300)


def ids_of(subject: Subject) -> dict[str, CanvasId | None]:
    return {
        "user": subject.user_id,
        "course": subject.course_id,
        "account": subject.account_id,
        "entity": subject.entity_id,
    }


@RUNS
@given(name=NAMES, metadata=OBJECTS, body=OBJECTS)
def test_any_event_has_a_subject(name: str, metadata: dict[str, Any], body: dict[str, Any]) -> None:
    """In either format, without an error; each id is an integer or None."""
    prefixed = {f"x_{key}": value for key, value in metadata.items()}
    for event in (
        make_event(name, body=body, **prefixed),
        make_event(name, format="caliper", body={**metadata, **body}),
        Event(name, "canvas", None, metadata, body, "m", "", {}, _reader=make_event()._reader),
    ):
        subject = event.subject

        assert isinstance(subject.entity_kind, str)
        assert len(subject.entity_kind) <= 64
        for found in ids_of(subject).values():
            assert found is None or 0 < found.local_id < SHARD_SIZE
            assert found is None or found.shard is None or found.shard > 0


def documented(event_format: str) -> dict[tuple[str, str], list[Event]]:
    """The documented events by name and, if there are several of one, by time."""
    found = defaultdict(list)
    for file in sorted((CORPUS / event_format).glob("*.json")):
        (event,) = decode(make_message(file.read_text(encoding="utf-8")))
        found[event.name, event.time_text if event.name == "asset_accessed" else ""].append(event)
    return found


@pytest.mark.skipif(not CORPUS.exists(), reason="there are no payloads in ../shared/corpus")
def test_the_same_documented_event_has_the_same_subject() -> None:
    """In both formats; an actor without extensions does not contain the account."""
    canvas, caliper = documented("canvas"), documented("caliper")
    alike = 0

    for key in canvas.keys() & caliper.keys():
        for one in canvas[key]:
            for other in caliper[key]:
                ours, theirs = one.subject, other.subject
                assert ours.entity_kind == theirs.entity_kind
                if ours.entity_id != theirs.entity_id:
                    continue
                alike += 1
                assert ours.user_id == theirs.user_id
                assert ours.course_id == theirs.course_id
                assert theirs.account_id in (ours.account_id, None)

    assert alike >= 20


@pytest.mark.skipif(not CORPUS.exists(), reason="there are no payloads in ../shared/corpus")
@for_each("event_format", ["canvas", "caliper"])
def test_each_documented_event_has_an_entity(event_format: str) -> None:
    """If Caliper has it; the others are read without an error."""
    for (name, _), events in documented(event_format).items():
        for event in events:
            subject = event.subject
            if name in names("caliper") and not name.startswith("logged_"):
                assert subject.entity_kind, name
                assert subject.entity_id is not None or name == "grade_change", name
