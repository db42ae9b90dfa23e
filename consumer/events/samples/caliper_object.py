"""The objects in samples in Caliper format, from their models and the body in Canvas format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from consumer.events.catalog.base import Record
from consumer.events.catalog.describe import FieldFacts, fields_of
from consumer.events.samples.scene import Scene
from consumer.events.samples.values import written
from consumer.events.timestamps import parse_time

#: Kinds that have another name in URNs.
_URN_KINDS: Final = {
    "discussion_entry": "discussionEntry",
    "discussion_topic": "discussion",
    "group_category": "groupCategory",
    "group_membership": "groupMembership",
    "wiki_page": "wikiPage",
}
_OF_URN: Final = {urn_kind: kind for kind, urn_kind in _URN_KINDS.items()}
#: In discussion_entry_created, the URNs of these have local ids.
_LOCAL: Final = ("discussion_entry", "discussion_topic")
#: The name of the field in Canvas format: the first that the body has.
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
    """The object that fields are made for."""

    #: In Caliper.
    type: str
    #: In Canvas.
    kind: str
    number: int
    #: The field that it is in; "" for the object of the event.
    key: str = ""


def urn(scene: Scene, kind: str, number: int) -> str:
    """`urn:instructure:canvas:user:21070000000000123`."""
    is_local = kind in _LOCAL and scene.name == "discussion_entry_created"
    written_id = number if is_local else scene.university.global_id(number)
    return f"urn:instructure:canvas:{_URN_KINDS.get(kind, kind)}:{written_id}"


def object_of(model: type[Record], scene: Scene, object_type: str, urn_kind: str) -> dict[str, Any]:
    """The object of an event; `urn_kind` is "" if its id is not a URN."""
    kind = _OF_URN.get(urn_kind, urn_kind)
    is_asset = scene.name == "asset_accessed"
    number = scene.number(scene.asset.type if is_asset else kind)
    return _filled(model, scene, _Thing(object_type, kind, number))


def _filled(model: type[Record], scene: Scene, thing: _Thing) -> dict[str, Any]:
    made = {facts.key: _value(facts, scene, thing) for facts in _fields(model)}
    # There are no nulls in this format.
    return {key: value for key, value in made.items() if value is not None and value != {}}


_fields = cache(fields_of)


def _value(facts: FieldFacts, scene: Scene, thing: _Thing) -> Any:
    key = facts.key
    if facts.record is not None:
        return _inner(facts.record, key, scene, thing, many=facts.many)
    if key == "type" and scene.body.get(key) in facts.marks.values:
        return scene.body[key]  # of the enrollment or the override, in the extensions
    if key in _OWN:
        return _OWN[key](scene, thing)
    if key == "name":
        return _name(facts, scene, thing)
    if facts.kind == "id" and key.endswith("_id"):
        return _urn_field(key, scene)
    return _from_body(facts, scene)


def _urn_field(key: str, scene: Scene) -> str | None:
    """In extensions: the URN of the thing whose id is in the body."""
    if scene.body.get(key) is None:
        return None
    kind = key.removesuffix("_id")
    if kind == "course_section":
        section = scene.university.global_id(scene.section.id)
        return f"{urn(scene, 'course', scene.course.id)}:section:{section}"
    return urn(scene, kind, scene.number(kind))


def _from_body(facts: FieldFacts, scene: Scene) -> Any:
    key, body = facts.key, scene.body
    # Without created_at, the body has the time of this change only.
    other_change = "dateModified" if scene.name.endswith("_created") else "dateCreated"
    if key == other_change and "created_at" not in body:
        return None
    found = [body[name] for name in _IN_BODY.get(key, (key,)) if body.get(name) is not None]
    if not found:
        return None
    if facts.kind == "timestamp":  # they all have the same form here
        time = parse_time(found[0])
        return found[0] if time is None else written(time)
    return str(found[0]) if facts.kind.endswith("id") else found[0]


def _name(facts: FieldFacts, scene: Scene, thing: _Thing) -> Any:
    if facts.marks.values:
        return facts.marks.values[0]
    if thing.key == "isPartOf":
        return scene.body.get("group_category_name")
    if scene.name == "asset_accessed":
        listed = scene.body.get("asset_subtype") or scene.body.get("asset_type")
        return listed if thing.type == "Entity" else None
    return _from_body(facts, scene)


#: Fields that the object or the cause says.
_OWN: Final[Mapping[str, Callable[[Scene, _Thing], Any]]] = {
    "id": lambda scene, thing: urn(scene, thing.kind, thing.number),
    "type": lambda _, thing: thing.type,
    "entity_id": lambda scene, thing: urn(scene, thing.kind, thing.number).rpartition(":")[2],
    "scoredBy": lambda scene, _: urn(scene, "user", scene.cause.actor.id),
    "http_method": lambda scene, _: scene.cause.method or None,
    "context_account_id": lambda scene, _: str(scene.university.global_id(scene.course.account.id)),
}


def _inner(
    record: type[Record], key: str, scene: Scene, thing: _Thing, *, many: bool
) -> dict[str, Any] | list[dict[str, Any]]:
    fields = {facts.key: facts for facts in _fields(record)}
    if "id" not in fields:  # extensions belong to the thing that they are in
        return _filled(record, scene, thing)
    kind = fields["id"].marks.of or thing.kind
    types = fields["type"].marks.values if "type" in fields else ()
    number = scene.number("actor" if key == "creators" else kind)
    inner = _Thing(types[0] if types else "Entity", kind, number, key)
    made = _filled(record, scene, inner)
    return [made] if many else made
