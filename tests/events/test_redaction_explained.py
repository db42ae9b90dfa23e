"""What `explained` says of each field is what happens to it, for all events of the catalog."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from consumer.events.catalog.index import names
from consumer.events.drift import inner_path
from consumer.events.redaction import Profile
from consumer.events.redaction.explain import ANY_OTHER, explained
from consumer.events.samples import sample_message
from consumer.messages import Event, Format
from tests.cases import for_each
from tests.events.redacted import ALL, event_of

JOB = "www.canvaslms.com"


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


def is_true(fate: str, why: str, value: Any, left: list[Any]) -> bool:
    match fate:
        case "kept" if " only if " in why or " if it is " in why or "without what looks" in why:
            return True  # the tests of fields show when
        case "kept":
            return value in left or "; replaced if" in why
        case "dropped":
            return not left
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
    for path, value in parts_of(event):
        fate, why = rule_of(path, rules)
        if not is_true(fate, why, value, [found for where, found in redacted if where == path]):
            yield f"{profile}, {event.name}: {path} is not {fate}"


@for_each("event_format", ["canvas", "caliper"])
def test_what_is_explained_happens(event_format: Format) -> None:
    """For each field of each sample."""
    fates: Counter[str] = Counter()
    for name in names(event_format):
        payload = json.loads(sample_message(name, event_format).body)
        event = event_of(payload, message_attributes={"event_name": name})
        for profile, keyed in (("analytics", True), ("strict", False), ("strict", True)):
            assert list(differences(event, profile, keyed=keyed)) == []  # type: ignore[arg-type]
            fates.update(field.fate for field in explained(name, event_format, profile))  # type: ignore[arg-type]
    assert min(fates[fate] for fate in ("kept", "replaced", "shortened", "dropped")) > 100
