"""What each profile does with a field, which follows from what the catalog says about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from consumer.events.redaction.pseudonyms import PseudonymKind

if TYPE_CHECKING:  # loading a model takes long
    from consumer.events.catalog.describe import FieldFacts

Profile = Literal["analytics", "strict"]
Fate = Literal["kept", "replaced", "shortened", "dropped"]
#: How `Walk` does it. inside: its fields have rules of their own. rest: like a field that the
#: catalog does not list.
Action = Literal[
    "plain", "word", "text", "rest", "inside", "user", "pseudonym", "address", "url",
    "browser", "hidden", "drop",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of one field, and why."""

    do: Action
    fate: Fate
    why: str
    #: Of the value, as in the catalog.
    kind: str = ""
    #: Texts that are known to occur.
    values: frozenset[str] = frozenset()
    pseudonym: PseudonymKind = "uuid"
    #: By key; for "inside".
    inner: Mapping[str, "Rule"] | None = None
    #: Fields next to it that say what its id identifies; and the rule if that is a user.
    typed_by: tuple[str, ...] = ()
    of_user: "Rule | None" = None


USER: Final = Rule("user", "replaced", "identifies a person")
HIDDEN: Final = Rule("hidden", "dropped", USER.why)
DROPPED: Final = Rule("drop", "dropped", "may identify a person")
_UNLISTED: Final = Rule("drop", "dropped", "not known to be harmless")

#: Things that are no person's own: what happens to their ids says nothing about one person.
SHARED: Final = frozenset({
    "account", "account_notification", "asset", "assignment", "assignment_group", "content_export",
    "content_migration", "context", "context_external_tool", "course", "course_section",
    "developer_key", "discussion_topic", "enrollment_term", "grading_period",
    "group_category", "item", "job", "learning_outcome", "learning_outcome_group",
    "learning_outcome_link", "lti_resource_link", "master_migration", "master_template", "module",
    "module_item", "new_context", "new_quiz", "outcomes", "quiz", "sis_batch", "tool", "wiki_page",
})  # fmt: skip
#: By key: the fields that may say that its id is a user's.
TYPED: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("type",),
    "context_id": ("context_type",),
    "context_uuid": ("context_type",),
    "context_sis_source_id": ("context_type",),
    "asset_id": ("asset_type",),
    "entity_id": ("asset_type", "context_type"),
    "artifact_id": ("artifact_type",),
    "associated_asset_id": ("associated_asset_type",),
    "result_context_id": ("result_context_type",),
    "result_context_uuid": ("result_context_type",),
}
_KINDS: Final[Mapping[str, PseudonymKind]] = {
    "login": "login", "user_login": "login", "email": "login", "name": "name",
    "short_name": "name", "user_name": "name", "session_id": "session",
}  # fmt: skip
#: What many persons share, and identifies one only together with other facts.
_QUASI: Final[Mapping[str, Rule]] = {
    "client_ip": Rule("address", "shortened", "address of a person; its network is left"),
    "user_agent": Rule("browser", "shortened", "browser and system are left"),
    "hostname": Rule("text", "kept", "shared by many persons"),
    "time_zone": Rule("text", "kept", "shared by many persons"),
}
_HARMLESS: Final = "not personal"
_WHY: Final = {
    "identifier": "may identify a person",
    "education": "part of an education record",
    "secret": "secret",
}
_THING: Final = "not personal if it is a UUID, or the URN of what is shared like a course"
_IDS: Final = frozenset({"global id", "local id", "id", "opaque id"})
#: Of a request of a person; other URLs are signed, or of a person's own work.
_REQUEST_URLS: Final = frozenset({"url", "referrer", "request_url", "redirect_url"})
#: Texts of an education record that are no prose.
_is_short = re.compile(r"(?:old_)?(?:[a-z]+_)?(?:grade|status)").fullmatch


def rule_for(facts: "FieldFacts", parent: str, profile: Profile, *, keyed: bool) -> Rule:
    """The rule of a field; those of the fields inside it are added to it later.

    Args:
        parent: the key of the object that it is in; "" if it is in none.
        keyed: True if there is a key for pseudonyms.
    """
    if facts.record is not None and (profile == "analytics" or facts.marks.privacy != "education"):
        return Rule("inside", "kept", facts.marks.meaning)
    rule = _analytics(facts, parent)
    if profile == "strict":
        rule = _strict(facts, rule, keyed=keyed)
    typed_by = TYPED.get(facts.key, ())
    if not typed_by or rule.fate != "kept" or facts.kind not in _IDS:
        return rule
    of_user = (
        USER if facts.kind != "opaque id" else _pseudonym("sis" if "sis" in facts.key else "uuid")
    )
    if not keyed:
        of_user = HIDDEN
    return replace(rule, typed_by=typed_by, of_user=of_user)


def _analytics(facts: "FieldFacts", parent: str) -> Rule:
    match facts.marks.privacy:
        case "identifier":
            return _identifier(facts, parent)
        case "secret":
            return _secret(facts, parent)
        case "education" if facts.kind == "object":
            return Rule("drop", "dropped", "part of an education record, of any content")
        case "education" if facts.kind == "text" and not _is_short(facts.key):
            return Rule("drop", "dropped", "text of a person, may contain names")
        case _:
            return _kept(facts)


def _kept(facts: "FieldFacts") -> Rule:
    why = _WHY.get(facts.marks.privacy, _HARMLESS)
    values = frozenset(value for value in facts.marks.values if isinstance(value, str))
    if facts.kind in {"object", "text or object"}:
        return Rule("rest", "kept", "any content, without what looks personal", values=values)
    if facts.kind == "text" and not values and facts.marks.privacy == "none":
        return Rule("text", "kept", "a text, without what looks personal")
    if facts.kind == "opaque id":
        return Rule("text", "kept", why, values=values)
    return Rule("text" if facts.kind == "text" else "plain", "kept", why, facts.kind, values)


def _identifier(facts: "FieldFacts", parent: str) -> Rule:
    key = facts.key
    if (key, parent) == ("id", "membership"):
        return replace(USER, why="contains the id of a person")
    if (key, parent) == ("id", "actor"):
        return replace(USER, why=f"{USER.why}; of software, host and path of its URL are left")
    if key in _QUASI:
        return _QUASI[key]
    if key in _KINDS:
        return _pseudonym(_KINDS[key])
    if facts.kind == "opaque id":
        return _pseudonym("sis" if "sis" in key else "uuid")
    return USER if facts.kind in _IDS else DROPPED


def _secret(facts: "FieldFacts", parent: str) -> Rule:
    if facts.key == "session_id" or (facts.key, parent) == ("id", "session"):
        return _pseudonym("session")
    if facts.key in _REQUEST_URLS or (facts.key, parent) == ("id", "referrer"):
        return Rule("url", "shortened", "host and path are left, with * for names and words")
    return Rule("drop", "dropped", "secret")


def _pseudonym(kind: PseudonymKind) -> Rule:
    return Rule("pseudonym", "replaced", "identifies a person", pseudonym=kind)


def _strict(facts: "FieldFacts", rule: Rule, *, keyed: bool) -> Rule:
    """Only what is listed as harmless is left; with a key, pseudonyms of identifiers, too."""
    privacy = facts.marks.privacy
    if privacy == "identifier" and rule.fate == "replaced":
        return rule if keyed else HIDDEN
    if rule.fate == "dropped":
        return rule
    if privacy != "none":
        do: Action = "hidden" if rule.do in {"pseudonym", "address"} else "drop"
        return Rule(do, "dropped", _WHY[privacy])
    return _harmless(facts, rule)


def _harmless(facts: "FieldFacts", rule: Rule) -> Rule:
    of, kind = facts.marks.of, facts.kind
    if kind in _IDS:
        if of and of not in SHARED:
            return replace(DROPPED, why="id of something that belongs to one person, or may")
        if not of and TYPED.get(facts.key, TYPED["id"]) == TYPED["id"]:
            return replace(rule, do="word", kind="thing", why=_THING)
        return replace(rule, do="word", kind="opaque id" if kind == "opaque id" else "id")
    # The type of a Caliper entity comes from a list, too.
    if (
        kind in {"text", "text or object"}
        and (not rule.values or facts.key == "description")
        and facts.key != "type"
    ):
        return replace(_UNLISTED, why="any text")
    return _UNLISTED if kind == "object" else replace(rule, do="word", why=_HARMLESS)


def unlisted(profile: Profile) -> Rule:
    """The rule of a field that the catalog does not list."""
    if profile == "strict":
        return replace(_UNLISTED, why="not in the catalog")
    return Rule("rest", "kept", "not in the catalog; without what looks personal")
