"""The rules of all fields of an event, made from the catalog once and kept."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from consumer.events.redaction.rules import Profile, Rule, rule_for, unlisted
from consumer.messages import Format

if TYPE_CHECKING:  # loading a model takes long
    from consumer.events.catalog.base import Record


class Plan(NamedTuple):
    """The rules of an event, by the keys of what surrounds its body, and by those of its body."""

    around: Mapping[str, Rule]
    body: Mapping[str, Rule]
    #: Of a field that the catalog does not list.
    other: Rule


@lru_cache(maxsize=1_000)
def plan_of(name: str, event_format: Format, profile: Profile, *, keyed: bool) -> Plan:
    """The plan of an event; for one that the catalog does not list, what all events have.

    Any thread may call it.

    Args:
        keyed: True if there is a key for pseudonyms.
    """
    # Imported here, because it loads models.
    from consumer.events import catalog  # noqa: PLC0415

    model: type[Record] | None = catalog.model_of(name, event_format)
    around: type[Record] = catalog.Metadata
    if event_format == "caliper":
        around, model = catalog.caliper.Envelope, model or catalog.caliper.CaliperEvent
    body = {} if model is None else _rules(model, "", profile, keyed=keyed)
    rules = _rules(around, "", profile, keyed=keyed)
    rules.pop("data", None)  # of the envelope: the event itself
    return Plan(rules, body, unlisted(profile))


def _rules(
    record: "type[Record]", parent: str, profile: Profile, *, keyed: bool
) -> dict[str, Rule]:
    from consumer.events.catalog.describe import fields_of  # noqa: PLC0415

    found = {}
    for facts in fields_of(record):
        rule = rule_for(facts, parent, profile, keyed=keyed)
        if facts.record is not None and rule.do == "inside":
            inner = _rules(facts.record, facts.key, profile, keyed=keyed)
            rule = Rule("inside", "kept", rule.why, inner=inner)
        found[facts.key] = rule
    return found
