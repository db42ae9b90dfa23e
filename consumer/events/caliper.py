"""The IMS Caliper 1.1 format: an envelope with events, and the Canvas names that they lack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from consumer.errors import DecodeError
from consumer.events.canvas import fallback_time
from consumer.events.timestamps import as_written, parse_time
from consumer.messages import new_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.messages import Event, Reader, ReceivedMessage

_CANVAS = "com.instructure.canvas"
_URN = "urn:instructure:canvas:"
#: Where Canvas is: its own addresses, and what it calls itself in a background job.
_is_canvas_host = re.compile(
    r"(?:https?://)?(?:[a-z0-9-]+\.)*(?:instructure\.com|canvaslms\.com)(?:[:/].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
).fullmatch
_PARTS = ("actor", "object", "group", "membership", "session")
_ENVELOPE = frozenset({"sensor", "sendTime", "dataVersion"})
_LONGEST_KEY = 200

#: (type, action) of which Canvas has one event only, whatever the object is. In other systems
#: they are common, too: an event must show that it is Canvas's.
_BY_ACTION = {
    ("NavigationEvent", "NavigatedTo"): "asset_accessed",
    ("SessionEvent", "LoggedIn"): "logged_in",
    ("SessionEvent", "LoggedOut"): "logged_out",
    ("Event", "LoggedIn"): "logged_in",
    ("Event", "LoggedOut"): "logged_out",
}

#: (type, action, type of the object, kind in the object's URN). Exactly what is documented: other
#: services send Caliper, too, and what is none of these shall not pass for one.
_BY_OBJECT = {
    ("Event", "Created", "AssignableDigitalResource", "assignment"): "assignment_created",
    ("Event", "Modified", "AssignableDigitalResource", "assignment"): "assignment_updated",
    ("Event", "Created", "Entity", "assignment_override"): "assignment_override_created",
    ("Event", "Modified", "Entity", "assignment_override"): "assignment_override_updated",
    ("Event", "Created", "Document", "attachment"): "attachment_created",
    ("Event", "Modified", "Document", "attachment"): "attachment_updated",
    ("Event", "Deleted", "Document", "attachment"): "attachment_deleted",
    ("Event", "Created", "CourseOffering", "course"): "course_created",
    ("Event", "Modified", "CourseOffering", "course"): "course_updated",
    ("MessageEvent", "Posted", "Message", "discussionEntry"): "discussion_entry_created",
    ("MessageEvent", "Created", "Message", "discussionEntry"): "discussion_entry_created",
    ("ThreadEvent", "Created", "Thread", "discussion"): "discussion_topic_created",
    ("Event", "Created", "Thread", "discussion"): "discussion_topic_created",
    ("Event", "Created", "Entity", "enrollment"): "enrollment_created",
    ("Event", "Modified", "Entity", "enrollment"): "enrollment_updated",
    ("GradeEvent", "Graded", "Attempt", "submission"): "grade_change",
    ("Event", "Created", "Entity", "groupCategory"): "group_category_created",
    ("Event", "Created", "Group", "group"): "group_created",
    ("Event", "Created", "Membership", "groupMembership"): "group_membership_created",
    ("AssessmentEvent", "Submitted", "Attempt", "submission"): "quiz_submitted",
    ("Event", "Created", "Assessment", "quiz"): "quiz_created",
    ("Event", "Modified", "Assessment", "quiz"): "quiz_updated",
    ("AssignableEvent", "Submitted", "Attempt", "submission"): "submission_created",
    ("Event", "Modified", "Attempt", "submission"): "submission_updated",
    ("Event", "Modified", "Document", "course"): "syllabus_updated",
    ("Event", "Created", "Entity", "account"): "user_account_association_created",
    ("Event", "Created", "Page", "wikiPage"): "wiki_page_created",
    ("Event", "Modified", "Page", "wikiPage"): "wiki_page_updated",
    ("Event", "Deleted", "Page", "wikiPage"): "wiki_page_deleted",
}

#: Enrollments and their states look alike but for one key of the object.
_WITH_STATE = {
    "enrollment_created": "enrollment_state_created",
    "enrollment_updated": "enrollment_state_updated",
}


def recognises(payload: Mapping[str, Any]) -> bool:
    """True for an object with the keys of a Caliper envelope; one beside `data` is enough."""
    return "data" in payload and not _ENVELOPE.isdisjoint(payload)


def events_of(
    payload: Mapping[str, Any], message: ReceivedMessage, reader: Reader
) -> tuple[Event, ...]:
    """All events of an envelope, without the entities that may stand beside them.

    Raises `DecodeError` if one of them is none, or there is none.
    """
    data = payload["data"]
    entries = data if isinstance(data, list) else [data]
    if not entries:
        reason = '"data" holds no event'
        raise DecodeError(reason)
    if not all(isinstance(entry, dict) for entry in entries):
        reason = '"data" is neither an event nor a list of events'
        raise DecodeError(reason)
    events = [entry for entry in entries if "action" in entry or not _is_entity(entry)]
    if not events and message.message_attributes.get("event_name"):
        events = entries  # whatever it looks like: who sent the message calls it an event
    if not events:
        reason = '"data" holds entities only, and no event'
        raise DecodeError(reason)
    skipped = len(entries) - len(events)
    envelope = {key: value for key, value in payload.items() if key != "data"}
    # The message has one name; in an envelope of several it can't be that of each.
    told = message.message_attributes.get("event_name") if len(events) == 1 else None
    return tuple(
        _event_of(entry, envelope, message, told, reader, place=(index, len(events), skipped))
        for index, entry in enumerate(events)
    )


def _is_entity(entry: Mapping[str, Any]) -> bool:
    """True for the description of a thing; of what has no action."""
    kind = entry.get("type")
    return isinstance(kind, str) and kind != "" and not kind.endswith("Event")


def _event_of(
    entry: Mapping[str, Any],
    envelope: Mapping[str, Any],
    message: ReceivedMessage,
    told: str | None,
    reader: Reader,
    *,
    place: tuple[int, int, int],
) -> Event:
    index, count, skipped = place
    written = entry.get("eventTime")
    key = entry.get("id")
    return new_event(
        name=told or name_of(entry),
        format="caliper",
        time=parse_time(written) or fallback_time(message),
        metadata=envelope,
        body=entry,
        message_id=message.message_id,
        raw=message.body,
        payload=entry,
        time_text=written if isinstance(written, str) else as_written(written),
        index=index,
        count=count,
        skipped=skipped,
        _key=key if _is_key(key) else "",
        _reader=reader,
    )


def _is_key(value: object) -> TypeGuard[str]:
    """True for an id that any log, file and database takes; mostly urn:uuid:..."""
    if not isinstance(value, str) or len(value) > _LONGEST_KEY:
        return False
    return value.isprintable() and bool(value.strip())


def name_of(event: Mapping[str, Any]) -> str:
    """The Canvas name of a Caliper event, by its type, its action, and what its object is.

    What the tables lack is called by its parts, `Type.Action.ObjectType`; an object that does not
    say its type is an Entity, as everything is in Caliper. Raises `DecodeError` without type or
    action.
    """
    kind, action = event.get("type"), event.get("action")
    if not isinstance(kind, str) or not isinstance(action, str) or not kind or not action:
        reason = 'an event in "data" has no "type" or no "action"'
        raise DecodeError(reason)
    thing = _object(event.get("object"))
    object_type = thing.get("type")
    if not isinstance(object_type, str) or not object_type:
        object_type = "Entity"
    name = _BY_ACTION.get((kind, action))
    if name is None or not _is_of_canvas(event):
        name = _BY_OBJECT.get((kind, action, object_type, _urn_kind(thing.get("id"))))
    if name in _WITH_STATE and "state" in _object(_object(thing.get("extensions")).get(_CANVAS)):
        return _WITH_STATE[name]
    return name or f"{kind}.{action}.{object_type}"


def _is_of_canvas(event: Mapping[str, Any]) -> bool:
    """True if Canvas shows itself: by its extension, by a URN, or as the application."""
    if _CANVAS in _object(event.get("extensions")):
        return True
    for part in _PARTS:
        thing = event.get(part)
        urn = thing.get("id") if isinstance(thing, dict) else thing
        if isinstance(urn, str) and urn.startswith(_URN):
            return True
        if _CANVAS in _object(_object(thing).get("extensions")):
            return True
    app = event.get("edApp")
    address = app.get("id") if isinstance(app, dict) else app
    return isinstance(address, str) and _is_canvas_host(address) is not None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _urn_kind(urn: object) -> str:
    """`user` of `urn:instructure:canvas:user:1`; kinds may hold "/" and ":" themselves."""
    if not isinstance(urn, str) or not urn.startswith(_URN):
        return ""
    return urn[len(_URN) :].rpartition(":")[0]


class Form(NamedTuple):
    """What tells an event in Caliper format."""

    type: str
    action: str
    #: The type of the object, and the kind in its URN; "" where they may be any.
    object_type: str = ""
    object_kind: str = ""


def forms_of(name: str) -> tuple[Form, ...]:
    """The forms that the event with this Canvas name has in Caliper; none if it has no name there.

    The usual one first.
    """
    alike = {with_state: without for without, with_state in _WITH_STATE.items()}
    name = alike.get(name, name)
    by_action = [Form(*key) for key, known in _BY_ACTION.items() if known == name]
    return (*by_action, *(Form(*key) for key, known in _BY_OBJECT.items() if known == name))
