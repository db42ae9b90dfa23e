"""What `explained` says of each field is what happens to it, for all events of the catalog."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consumer.events.catalog.index import names
from consumer.events.drift import inner_path
from consumer.events.redaction import Profile
from consumer.events.redaction.explain import ANY_OTHER, explained
from consumer.events.redaction.known import Known
from consumer.events.samples import sample_message
from consumer.messages import Event, Format
from tests.cases import for_each
from tests.events.redacted import ALL, event_of
from tests.events.test_corpus import each_file, name_in

MODES: tuple[tuple[Profile, bool], ...] = (("analytics", True), ("strict", False), ("strict", True))
JOB = "www.canvaslms.com"


#: An id, a time, a number, a word; and no number within a word that may be an id.
looks_right = re.compile(
    r"\d+(?:\.\d+)?|[\w-]{20,}(?<!Z)|\d{4}-\d\d-\d\d[T ]\S+(?: \S+)?"
    r"|(?!\d|.*\d{5})[^\s\"'<>\[\]\\]{1,64}"
).fullmatch


def values_of(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All values that are no object and no list, with the path as explained."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from values_of(inner, inner_path(path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(inner, path)
    elif value is not None:
        yield path, value


def parts_of(event: Event) -> Iterator[tuple[str, Any]]:
    yield from values_of(dict(event.metadata), "metadata")
    yield from values_of(dict(event.body), "body")


def rule_of(path: str, rules: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """The fate and its reason: of the field, of what it is in, or of all others."""
    while path and path not in rules:
        path = path.rpartition(".")[0]
    return rules[path or ANY_OTHER]


def is_true(fate: str, why: str, value: Any, left: list[Any], known: Known) -> bool:
    match fate:
        case "kept" if " if " in why or "without what looks" in why:
            return True  # the tests of fields show when
        case "kept":
            # What `UNLESS` says.
            return value in left or not looks_right(str(value)) or known.is_in(str(value))
        case "dropped":
            return not left
        case "replaced" if "of software" in why and value.startswith(("http:", "https:")):
            return left == [value]
        case "replaced":
            return value == JOB or (value not in left and all("p-" in str(one) for one in left))
        case _:
            return all(len(one) <= len(value) or "p-" in one for one in left)


def differences(event: Event, profile: Profile, *, keyed: bool) -> Iterator[str]:
    rules: dict[str, tuple[str, str]] = {}
    for field in explained(event.name, event.format, profile):
        with_key = keyed and "; with a key_file, replaced with" in field.why
        rules[field.path] = ("replaced" if with_key else field.fate, field.why)
    name = "strict with a key" if profile == "strict" and keyed else profile
    redacted = list(parts_of(ALL[name](event)))
    known = Known()
    for path, value in parts_of(event):
        if (
            rule_of(path, rules)[0] == "replaced"
            or "identifies a person" in rule_of(path, rules)[1]
        ):
            known.add(str(value))
    for path, value in parts_of(event):
        fate, why = rule_of(path, rules)
        if not is_true(
            fate, why, value, [found for where, found in redacted if where == path], known
        ):
            yield f"{profile}, {event.name}: {path} is not {fate}"


@for_each("event_format", ["canvas", "caliper"])
def test_what_is_explained_happens(event_format: Format) -> None:
    """For each field of each sample."""
    fates: Counter[str] = Counter()
    for name in names(event_format):
        payload = json.loads(sample_message(name, event_format).body)
        event = event_of(payload, message_attributes={"event_name": name})
        for profile, keyed in MODES:
            assert list(differences(event, profile, keyed=keyed)) == []
            fates.update(field.fate for field in explained(name, event_format, profile))
    assert min(fates[fate] for fate in ("kept", "replaced", "shortened", "dropped")) > 100


@each_file
def test_what_is_explained_happens_to_documented_payloads(file: Path) -> None:
    """They have shapes that samples do not have."""
    attributes = {"event_name": name_in(file)}
    event = event_of(json.loads(file.read_text()), message_attributes=attributes)
    for profile, keyed in MODES:
        assert list(differences(event, profile, keyed=keyed)) == []
