"""Who did what, where: read from the payload of an event, the same for both formats.

Never raises because of the payload.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from consumer.events.caliper import extra_of, object_in
from consumer.events.catalog.index import is_known
from consumer.events.identifiers import URN, canvas_id, shard_of
from consumer.messages import Event
from consumer.subject import CanvasId, Subject

_course_urn = re.compile(r"urn:instructure:canvas:course:([0-9]+)(?::|$)").match
_capital = re.compile(r"(?<=[a-z0-9])[A-Z]")
#: A kind is shown where ids are not: it must not contain a long number.
_is_kind = re.compile(r"(?!.*[0-9]{5})[A-Za-z][A-Za-z0-9_/:-]{0,63}").fullmatch

#: Kinds in URNs that have another name in Canvas, even in snake case.
_WORDS = {"discussion": "discussion_topic", "section": "course_section"}
#: Where a Caliper object refers to other things.
_PARTS = ("assignable", "assignee", "member", "organization", "isPartOf")
#: Events caused by requests of tools and of file storage on behalf of a user. The request has no
#: user, but the body has; in Caliper format that user is the actor.
_ON_BEHALF = frozenset({"attachment_created", "submission_created"})
#: Kinds that have the URNs of another kind.
_SHARED_URN = {"quiz_submission": "submission"}


def subject_of(event: Event) -> Subject:
    """The subject of an event in either format. Any thread may call it.

    An id without a shard has the shard of the event: that of the root account, otherwise of the
    context. What is not an id is None, and so is id 0, which stands for no user.
    """
    if event.format == "caliper":
        return _of_caliper(event.name, event.body)
    return _of_canvas(event.name, event.metadata, event.body)


def shard_of_event(event: Event) -> int | None:
    """The shard of an event, which ids in it have that are written without one; None if unknown."""
    if event.format == "canvas":
        return _canvas_shard(event.metadata)
    root = extra_of(object_in(event.body, "actor")).get("root_account_id")
    context = extra_of(object_in(event.body, "group"))
    return _shard(root, context.get("entity_id")) or _shard(*_courses(event.body))


def user_of(event: Event, shard: int | None) -> CanvasId | None:
    """The user of its subject, without the rest; `shard` is that of the event."""
    if event.format == "caliper":
        return _caliper_user(event.body, shard)
    return _canvas_user(event.name, event.metadata, event.body, shard)


def _of_canvas(name: str, metadata: Mapping[str, Any], body: Mapping[str, Any]) -> Subject:
    root, context = metadata.get("root_account_id"), metadata.get("context_id")
    shard = _canvas_shard(metadata)
    if name == "asset_accessed":
        kind, entity = _kind(body.get("asset_type")), body.get("asset_id")
    else:
        kind, field = _entity_of(name)
        entity = body.get(field, body.get(kind)) if kind else None
        if isinstance(entity, Mapping):
            entity = entity.get("id")
    # New Quizzes has its own ids, which belong to no shard of Canvas.
    entity_id = _id(entity, None if kind.startswith("quizzes.") else shard)
    course_id = _first(
        shard,
        entity_id if kind == "course" else None,
        body.get("course_id"),
        object_in(body, "course").get("id"),
        body.get("context_id") if body.get("context_type") == "Course" else None,
        context if metadata.get("context_type") == "Course" else None,
    )
    return Subject(
        user_id=_canvas_user(name, metadata, body, shard),
        course_id=course_id,
        account_id=_id(root),
        entity_kind=kind,
        entity_id=entity_id,
    )


def _canvas_user(
    name: str, metadata: Mapping[str, Any], body: Mapping[str, Any], shard: int | None
) -> CanvasId | None:
    user = metadata.get("user_id")
    if user is None and name in _ON_BEHALF:
        user = body.get("user_id")
    return None if "job_id" in metadata else _id(user, shard)


def _of_caliper(name: str, body: Mapping[str, Any]) -> Subject:
    actor, thing, group = (object_in(body, key) for key in ("actor", "object", "group"))
    root = extra_of(actor).get("root_account_id")
    context, extra = extra_of(group), extra_of(thing)
    courses = _courses(body)
    shard = _shard(root, context.get("entity_id"), *courses)
    kind, entity = _caliper_entity(name, thing, extra)
    entity_id = _id(entity, shard)
    course_id = _first(
        shard,
        entity_id if kind == "course" else None,
        _course_in(extra.get("course_id")),
        extra.get("context_id") if extra.get("context_type") == "Course" else None,
        *courses,
        context.get("entity_id") if context.get("context_type") == "Course" else None,
    )
    return Subject(
        user_id=_caliper_user(body, shard),
        course_id=course_id,
        account_id=_id(root),
        entity_kind=kind,
        entity_id=entity_id,
    )


def _caliper_entity(
    name: str, thing: Mapping[str, Any], extra: Mapping[str, Any]
) -> tuple[str, object]:
    """What the event is about: its kind as in Canvas, and a value that contains the id."""
    urn = thing.get("id")
    urn_kind = kind_in(urn)
    number = urn if urn_kind else extra.get("entity_id")
    if name == "asset_accessed":
        return _kind(extra.get("asset_type")) or urn_kind, number
    if not is_known(name, "caliper"):
        return urn_kind, number if urn_kind else None
    kind, field = _entity_of(name)
    if not kind:
        return "", None
    if urn_kind in {kind, _SHARED_URN.get(kind)}:
        return kind, urn
    parts = (object_in(thing, part).get("id") for part in _PARTS)
    named = next((part for part in parts if kind_in(part) == kind), None)
    return kind, extra.get(field) or named or (None if urn_kind else extra.get("entity_id"))


def _caliper_user(body: Mapping[str, Any], shard: int | None) -> CanvasId | None:
    """The actor; None for software, whose id is a URL."""
    if "job_id" in extra_of(body):
        return None
    actor = object_in(body, "actor")
    urn = actor.get("id")
    kind = kind_in(urn)
    if kind == "user":
        return _id(urn, shard)
    if kind or actor.get("type") != "Person":
        return None
    return _first(shard, None, urn, extra_of(actor).get("entity_id"))


@lru_cache(maxsize=256)
def _entity_of(name: str) -> tuple[str, str]:
    """What the event is about, and the field of a Canvas body with its id; "" for nothing."""
    # Imported here, because it loads a model.
    from consumer.events.catalog import CanvasBody, model_of  # noqa: PLC0415

    model = model_of(name)
    return model.entity() if model and issubclass(model, CanvasBody) else ("", "")


def kind_in(urn: object) -> str:
    """`wiki_page` for `urn:instructure:canvas:wikiPage:1`; "" if it is not such a URN.

    For a nested one, the kind of the last id. A kind may contain "/" and ":".
    """
    if not isinstance(urn, str) or not urn.startswith(URN):
        return ""
    outer = urn[len(URN) :].rpartition(":")[0]
    kind = re.split(r":[0-9]+:", outer)[-1]
    kind = _WORDS.get(kind) or _capital.sub(lambda found: f"_{found[0]}", kind).lower()
    return _kind(kind)


def _course_in(value: object) -> object:
    """The course in the URN of a course or of a section in one; other values are unchanged."""
    if not isinstance(value, str) or not value.startswith(URN):
        return value
    found = _course_urn(value)
    return found[1] if found else None


def _kind(value: object) -> str:
    return value if isinstance(value, str) and _is_kind(value) else ""


def _id(value: object, shard: int | None = None) -> CanvasId | None:
    if value is None:  # as most of what is looked at
        return None
    found = canvas_id(value, shard)
    return found if found is not None and found.local_id else None


def _first(shard: int | None, known: CanvasId | None, *values: object) -> CanvasId | None:
    """`known`, or the first of the values that is an id."""
    for value in () if known else values:
        if (found := _id(value, shard)) is not None:
            return found
    return known


def _canvas_shard(metadata: Mapping[str, Any]) -> int | None:
    return _shard(metadata.get("root_account_id"), metadata.get("context_id"))


def _courses(body: Mapping[str, Any]) -> list[object]:
    """The courses that a Caliper event names as its place."""
    organization = object_in(object_in(body, "membership"), "organization")
    places = (
        object_in(body, "group").get("id"),
        organization.get("id"),
        object_in(organization, "subOrganizationOf").get("id"),
    )
    return [_course_in(place) for place in places if kind_in(place)]


def _shard(*values: object) -> int | None:
    """The shard of the first global id."""
    for value in values:
        if found := shard_of(value):
            return found
    return None
