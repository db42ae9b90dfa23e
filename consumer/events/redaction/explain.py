"""Says what a profile does with each field of an event."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from consumer.events.drift import inner_path
from consumer.events.redaction.plan import plan_of
from consumer.events.redaction.rules import Fate, Profile, Rule
from consumer.messages import Format

#: In place of the path: every field that the catalog does not list.
ANY_OTHER: Final = "(any other)"
#: What is true of all fields that are kept.
UNLESS: Final = (
    "What is kept is dropped, too, if it does not look like a value of its field (an id, a time, a "
    "number, a word), or if it is a text that contains what identifies a person in another field."
)


class Explained(NamedTuple):
    """What becomes of one field, and why."""

    path: str
    fate: Fate
    why: str


def explained(name: str, event_format: Format, profile: Profile) -> Iterator[Explained]:
    """Each field of the event's metadata and body; last those that the catalog does not list.

    For an event that the catalog does not list: the fields that all events have.
    """
    keyed = plan_of(name, event_format, profile, keyed=True)
    plan = keyed if profile == "analytics" else plan_of(name, event_format, profile, keyed=False)
    yield from _fields("metadata", plan.around, keyed.around, profile)
    yield from _fields("body", plan.body, keyed.body, profile)
    yield Explained(ANY_OTHER, plan.other.fate, plan.other.why)


def _fields(
    path: str, rules: Mapping[str, Rule], with_key: Mapping[str, Rule], profile: Profile
) -> Iterator[Explained]:
    for key, rule in rules.items():
        where = inner_path(path, key)
        if rule.inner is not None:
            yield from _fields(where, rule.inner, with_key[key].inner or {}, profile)
            continue
        why = rule.why
        if with_key[key].fate != rule.fate:
            more = with_key[key].why.removeprefix(why)
            why += f"; with a key_file, replaced with a pseudonym{more}"
        if rule.typed_by and rule.of_user is not None:
            if profile == "strict" and key != "id":
                why = f"kept only if {rule.typed_by[0]} is something shared, like Course"
            kind = f"if {' or '.join(rule.typed_by)} is User or Person"
            why += f"; {rule.of_user.fate} {kind}"
            if with_key[key].of_user != rule.of_user:
                why += ", or replaced with a key_file"
        yield Explained(where, rule.fate, why)
