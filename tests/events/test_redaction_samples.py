"""No identifier survives in any event of the catalog, nor in any documented payload."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consumer.events import catalog
from consumer.events.catalog.describe import FieldFacts, fields_of
from consumer.events.catalog.index import names
from consumer.events.decode import decode
from consumer.events.samples import sample_message
from consumer.events.samples.university import university_of
from consumer.messages import Event, Format
from consumer.testing import make_message
from tests.cases import for_each
from tests.events.redacted import ALL, ANALYTICS, PSEUDONYMS, STRICT, leaves
from tests.events.test_corpus import each_file

SEEDS = range(2)
#: What many persons share; the host is also part of ids of the institution.
SHARED = {"hostname", "time_zone"}


def samples(event_format: Format) -> Iterator[tuple[int, Event]]:
    for seed in SEEDS:
        for name in names(event_format):
            message = sample_message(name, event_format, seed=seed)
            attributes = {"event_name": name}
            (event,) = decode(make_message(message.body, message_attributes=attributes))
            yield seed, event


def persons(seed: int) -> set[str]:
    """Everything that identifies a person of the university of a seed."""
    university = university_of(seed)
    return {
        text
        for p in (*university.students, *university.teachers, *university.admins)
        for text in (str(university.global_id(p.id)), p.name, p.login, p.sis_id, p.ip, p.session)
        if text
    }


@for_each("event_format", ["canvas", "caliper"])
def test_no_person_is_left_in_any_sample(event_format: Format) -> None:
    """Neither global id, name, login, SIS id, address nor session, anywhere in the text."""
    known = {seed: persons(seed) for seed in SEEDS}
    seen = 0
    for seed, event in samples(event_format):
        whole = json.dumps(event.payload, ensure_ascii=False)
        found = {text for text in known[seed] if text in whole}
        seen += len(found)
        for profile, redaction in ALL.items():
            raw = json.dumps(redaction(event).payload, ensure_ascii=False)

            assert not [text for text in found if text in raw], (profile, event.name, raw)
    assert seen > 4 * len(names(event_format))


@for_each("event_format", ["canvas", "caliper"])
def test_no_local_id_of_a_person_is_left_in_any_sample(event_format: Format) -> None:
    """As a value, or as the end of a URN; users of samples have ids from 1000 to 1399."""
    is_user = re.compile(r"(?:.*:)?1[0-3][0-9]{2}").fullmatch
    for _, event in samples(event_format):
        for profile, redaction in ALL.items():
            for path, value in leaves(redaction(event).payload):
                assert not (isinstance(value, str) and is_user(value)), (profile, event.name, path)


@for_each("event_format", ["canvas", "caliper"])
def test_redacted_samples_fit_their_models(event_format: Format) -> None:
    """Models, changes, and the ids of courses and accounts are those of the original."""
    for _, event in samples(event_format):
        for profile, redaction in ALL.items():
            redacted = redaction(event)
            where = (profile, event.name)

            assert type(redacted.data) is type(event.data), where
            assert redacted.change == event.change, where
            assert redacted.triggered_by_job == event.triggered_by_job, where
            assert redacted.subject.course_id == event.subject.course_id, where
            assert redacted.subject.account_id == event.subject.account_id, where
            assert redacted.subject.entity_kind == event.subject.entity_kind, where
            assert (redacted.subject.user_pseudonym is not None) == (
                event.subject.user_id is not None and profile != "strict"
            ), where


def test_both_formats_have_the_same_pseudonyms() -> None:
    """Of the samples that both have, with the same university."""
    for name in names("caliper"):
        both = []
        for event_format in ("canvas", "caliper"):
            message = sample_message(name, event_format)
            (event,) = decode(make_message(message.body, message_attributes={"event_name": name}))
            both.append((event.subject.user_id, ANALYTICS(event).subject.user_pseudonym))

        assert both[0] == both[1], name


def marked(value: Any, model: Any, privacies: set[str]) -> Iterator[tuple[FieldFacts, str]]:
    """The texts of a received object that the catalog marks so, at any depth."""
    for facts in fields_of(model):
        found = value.get(facts.key) if isinstance(value, dict) else None
        for one in found if isinstance(found, list) else [found]:
            if facts.record is not None and isinstance(one, dict):
                yield from marked(one, facts.record, privacies)
            elif facts.marks.privacy in privacies and isinstance(one, str | int):
                yield facts, str(one)


@each_file
def test_no_marked_text_is_left_in_documented_payloads(file: Path) -> None:
    """Of whatever the catalog marks as identifying or secret; strict, also of educational texts."""
    (event,) = decode(make_message(file.read_text(encoding="utf-8")))
    model = catalog.model_of(event.name, event.format)
    assert model is not None
    around = catalog.Metadata if event.format == "canvas" else catalog.caliper.Envelope
    for profile, redaction in ALL.items():
        found = [value for _, value in leaves(redaction(event).payload) if isinstance(value, str)]
        # Their user has the name of their institution.
        texts = [text for text in found if not text.endswith("oxana.instructure.com")]
        privacies = {"identifier", "secret", *(["education"] if profile != "analytics" else [])}
        for part, of in ((event.body, model), (event.metadata, around)):
            for facts, value in marked(part, of, privacies):
                # The number of an account may be that of a user; the host of a URL may be left.
                if value.isdecimal() or facts.key in SHARED or "/" in value:
                    continue
                left = [t for t in texts if (value in t if len(value) >= 5 else value == t)]
                assert not left, (profile, facts.key, left)


@each_file
def test_no_user_urn_or_address_is_left_in_documented_payloads(file: Path) -> None:
    """Found by their shape alone."""
    personal = re.compile(
        r"user:[0-9]|users/[0-9]|[\w.]+@[\w.]+|session:[0-9a-f]"
        r"|client_ip\":\"[0-9.]+\.[1-9][0-9]*\"|user_id\":\"?[0-9]|\?[a-z_]+="
    )
    (event,) = decode(make_message(file.read_text(encoding="utf-8")))
    for profile, redaction in ALL.items():
        raw = redaction(event).raw.replace('"@context"', "")

        assert personal.search(raw) is None, (profile, raw)


def test_strict_keeps_enough_to_count() -> None:
    """When, where and what, without who, for every event of the catalog."""
    for _, event in samples("canvas"):
        redacted = STRICT(event)

        assert redacted.metadata["event_name"] == event.name
        assert redacted.metadata["event_time"] == event.metadata["event_time"]


def test_each_person_has_one_pseudonym_in_all_fields_of_all_samples() -> None:
    """Of both formats: as an actor, a student, a grader, an author."""
    university = university_of(0)
    people = (*university.students, *university.teachers, *university.admins)
    ids = [str(university.global_id(person.id)) for person in people]
    expected = {one: PSEUDONYMS.of("user", one) for one in ids}
    paths: dict[Format, set[str]] = {"canvas": set(), "caliper": set()}
    for event_format, found_in in paths.items():
        for seed, event in samples(event_format):
            redacted = dict(leaves(ANALYTICS(event).payload))
            for path, value in leaves(event.payload):
                number = value.rpartition(":")[2] if isinstance(value, str) else ""
                # In the fields of other things, the number is that of another thing.
                found = str(redacted.get(path))
                if seed == 0 and number in expected and "p-" in found:
                    assert found.rpartition(":")[2] == expected[number], (event.name, path)
                    found_in.add(path)

    assert {".metadata.user_id", ".body.student_id", ".body.grader_id"} <= paths["canvas"]
    assert {".actor.id", ".object.assignee.id", ".membership.member.id"} <= paths["caliper"]
