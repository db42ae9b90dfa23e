"""The objects in samples in Caliper format, from their models and the body in Canvas format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from consumer.events.catalog.describe import fields_of
from consumer.events.samples.values import ABSENT, maker_for, written
from consumer.events.timestamps import parse_time

if TYPE_CHECKING:
    from consumer.events.catalog.base import Record
    from consumer.events.catalog.describe import FieldFacts
    from consumer.events.samples.scene import Scene

#: Kinds that URNs call otherwise than Canvas does.
_URN_KINDS: Final = {
    "discussion_entry": "discussionEntry",
    "discussion_topic": "discussion",
    "group_category": "groupCategory",
    "group_membership": "groupMembership",
    "wiki_page": "wikiPage",
}
_OF_URN: Final = {urn_kind: kind for kind, urn_kind in _URN_KINDS.items()}
#: In an event about the first, URNs of both have the local id.
_LOCAL: Final = ("discussion_entry", "discussion_topic")
#: What the field is called in Canvas's format: the first that the body has.
_IN_BODY: Final = {
    "name": ("title", "display_name", "name", "group_name", "group_category_name"),
    "dateCreated": ("created_at", "updated_at", "submitted_at"),
    "dateModified": ("updated_at",),
    "dateToShow": ("unlock_at",),
    "dateToSubmit": ("due_at",),
    "startedAtTime": ("state_started_at",),
    "maxScore": ("points_possible",),
    "scoreGiven": ("score",),
    "mediaType": ("content_type",),
    "count": ("attempt",),
    "sis_id": ("student_sis_id",),
    "body": ("body", "text", "syllabus_body"),
}


@dataclass(frozen=True, slots=True)
class _Thing:
    """The object that fields are made for: its types, and where it stands."""

    type: str
    #: As Canvas calls it.
    kind: str
    number: int
    #: The field that it stands in; "" at the top.
    key: str = ""


_Maker = Callable[["Scene", _Thing], Any]


def urn(scene: Scene, kind: str, number: int) -> str:
    """`urn:instructure:canvas:user:21070000000000123`."""
    local = kind in _LOCAL and scene.name.startswith(_LOCAL[0])
    written = number if local else scene.university.global_id(number)
    return f"urn:instructure:canvas:{_URN_KINDS.get(kind, kind)}:{written}"


def object_of(model: type[Record], scene: Scene, object_type: str, urn_kind: str) -> dict[str, Any]:
    """The object of an event; `urn_kind` is "" for one whose id is no URN."""
    kind = _OF_URN.get(urn_kind, urn_kind)
    number = scene.asset_number() if scene.name == "asset_accessed" else scene.number(kind)
    return _filled(model, scene, _Thing(object_type, kind, number))


def _filled(model: type[Record], scene: Scene, thing: _Thing) -> dict[str, Any]:
    made = {}
    for key, make in _plan(model):
        value = make(scene, thing)
        if value is not None and value is not ABSENT and value != {}:
            made[key] = value  # there are no nulls in this format
    return made


@cache
def _plan(model: type[Record]) -> tuple[tuple[str, _Maker], ...]:
    return tuple((facts.key, _maker(facts)) for facts in fields_of(model))


def _maker(facts: FieldFacts) -> _Maker:
    key = facts.key
    if facts.record is not None:
        return _inner(facts)
    # In extensions it is that of the enrollment or of the exception, as in the body.
    in_body = key == "type" and {"StudentEnrollment", "ADHOC"} & {*facts.marks.values}
    if key in _OWN and not in_body:
        return _OWN[key]
    if key == "name":
        return _name(facts)
    if key in {"dateCreated", "dateModified"}:
        return _date(facts)
    if facts.kind == "id" and key.endswith("_id"):
        return _urn_field(key)
    return _from_body(facts)


#: What is told by the object itself, or by the cause.
_OWN: Final[Mapping[str, _Maker]] = MappingProxyType(
    {
        "id": lambda scene, thing: urn(scene, thing.kind, thing.number),
        "type": lambda _, thing: thing.type,
        "entity_id": lambda scene, thing: urn(scene, thing.kind, thing.number).rpartition(":")[2],
        "scoredBy": lambda scene, _: urn(scene, "user", scene.cause.actor.id),
        "http_method": lambda scene, _: scene.cause.method or None,
        "roles": lambda _, __: ABSENT,
    }
)


def _urn_field(key: str) -> _Maker:
    """Inside of extensions: the URN of what the body has the id of."""

    def make(scene: Scene, _: _Thing) -> str | None:
        if scene.body.get(key) is None:
            return None
        match key:
            case "course_section_id":
                course = urn(scene, "course", scene.course.id)
                return f"{course}:section:{scene.university.global_id(scene.section.id)}"
            case _:
                kind = key.removesuffix("_id")
                return urn(scene, kind, scene.number(kind))

    return make


def _from_body(facts: FieldFacts) -> _Maker:
    key = facts.key
    names = _IN_BODY.get(key, (key,))
    # What Canvas's own format does not have for this event.
    fallback = maker_for(facts, "") if key == "context_account_id" else None
    is_time = facts.kind == "timestamp"
    is_id = facts.kind in {"global id", "local id", "id", "opaque id"}

    def make(scene: Scene, _: _Thing) -> Any:
        for name in names:
            value = scene.body.get(name)
            if value is not None:
                return _moment(value) if is_time else str(value) if is_id else value
        return ABSENT if fallback is None else fallback(scene)

    return make


def _name(facts: FieldFacts) -> _Maker:
    usual, values = _from_body(facts), facts.marks.values

    def make(scene: Scene, thing: _Thing) -> Any:
        if thing.key == "isPartOf":
            return scene.body.get("group_category_name")
        if scene.name == "asset_accessed":
            listed = scene.body.get("asset_subtype") or scene.body.get("asset_type")
            return listed if thing.type == "Entity" else ABSENT
        return values[0] if values else usual(scene, thing)

    return make


def _date(facts: FieldFacts) -> _Maker:
    """Both only for what tells both in Canvas's own format; else that of what was done."""
    usual, of_creation = _from_body(facts), facts.key == "dateCreated"

    def make(scene: Scene, thing: _Thing) -> Any:
        created = scene.name.endswith("_created")
        both = "created_at" in scene.body
        return usual(scene, thing) if both or created == of_creation else ABSENT

    return make


def _moment(text: str) -> str:
    """In this format all times have the same shape."""
    time = parse_time(text)
    return text if time is None else written(time)


def _inner(facts: FieldFacts) -> _Maker:
    record, key, many = facts.record, facts.key, facts.many
    assert record is not None  # noqa: S101 - for the type checker
    named = {inner.key: inner for inner in fields_of(record)}
    if "id" not in named:  # extensions: they are of the thing that they stand in
        return lambda scene, thing: _filled(record, scene, thing)
    kind = named["id"].marks.of
    types = named["type"].marks.values if "type" in named else ()

    def make(scene: Scene, thing: _Thing) -> Any:
        inner_kind = kind or thing.kind
        number = scene.number(inner_kind)
        if key == "creators":
            number = scene.cause.actor.id
        inner = _Thing(types[0] if types else "Entity", inner_kind, number, key)
        made = _filled(record, scene, inner)
        return [made] if many else made

    return make
