"""The IMS Caliper 1.1 format: events in an envelope, and the Canvas names of the events."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from consumer.errors import DecodeError
from consumer.events.identifiers import URN
from consumer.events.timestamps import as_written, time_of
from consumer.messages import ARCHIVED_KEY, Event, Reader, ReceivedMessage, new_event

_CANVAS = "com.instructure.canvas"
#: URLs of Canvas, and its name in a background job.
_is_canvas_host = re.compile(
    r"(?:https?://)?(?:[a-z0-9-]+\.)*(?:instructure\.com|canvaslms\.com)(?:[:/].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
).fullmatch
_PARTS = ("actor", "object", "group", "membership", "session")
_ENVELOPE = frozenset({"sensor", "sendTime", "dataVersion"})
_LONGEST_KEY = 200

#: By type and action: the only event that Canvas sends with them, for any object. Other
#: systems use them, too, so the event must show that it is from Canvas.
_BY_ACTION = {
    ("NavigationEvent", "NavigatedTo"): "asset_accessed",
    ("SessionEvent", "LoggedIn"): "logged_in",
    ("SessionEvent", "LoggedOut"): "logged_out",
    ("Event", "LoggedIn"): "logged_in",
    ("Event", "LoggedOut"): "logged_out",
}

#: By type, action, type of the object, and kind in the object's URN. Only what is documented,
#: because other services send Caliper, too.
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

#: Events that differ from those of enrollments only by the key `state` of the object.
_WITH_STATE = {
    "enrollment_created": "enrollment_state_created",
    "enrollment_updated": "enrollment_state_updated",
}


def is_envelope(payload: Mapping[str, Any]) -> bool:
    """True for an object with the keys of an envelope: `data` and at least one other."""
    return "data" in payload and not _ENVELOPE.isdisjoint(payload)


def events_of(
    payload: Mapping[str, Any], message: ReceivedMessage, reader: Reader
) -> tuple[Event, ...]:
    """All events of an envelope. Entities, which it may also contain, are skipped.

    Raises `DecodeError` if there is no event, or if one is malformed.
    """
    data = payload["data"]
    entries = data if isinstance(data, list) else [data]
    sent_name = message.message_attributes.get("event_name")
    events = _events_among(entries, sent_name)
    archived_key = message.attributes.get(ARCHIVED_KEY, "")
    if len(events) > 1:
        sent_name = None  # the message has one name, which is not that of each event
        archived_key = ""
    skipped = len(entries) - len(events)
    envelope = {key: value for key, value in payload.items() if key != "data"}
    return tuple(
        new_event(
            name=sent_name or name_of(entry),
            format="caliper",
            time=time_of(entry.get("eventTime"), message),
            metadata=envelope,
            body=entry,
            message_id=message.message_id,
            raw=message.body,
            payload=entry,
            time_text=as_written(entry.get("eventTime")),
            index=index,
            count=len(events),
            skipped=skipped,
            _key=archived_key or _key_of(entry),
            _reader=reader,
        )
        for index, entry in enumerate(events)
    )


def _events_among(entries: list[Any], sent_name: str | None) -> list[Mapping[str, Any]]:
    if not entries:
        reason = '"data" contains no event'
        raise DecodeError(reason)
    if not all(isinstance(entry, dict) for entry in entries):
        reason = '"data" is neither an event nor a list of events'
        raise DecodeError(reason)
    events = [entry for entry in entries if "action" in entry or not _is_entity(entry)]
    if not events and sent_name:
        return entries  # the sender calls it an event
    if not events:
        reason = '"data" contains only entities, and no event'
        raise DecodeError(reason)
    return events


def _is_entity(entry: Mapping[str, Any]) -> bool:
    """True for the description of a thing, if there is no action."""
    kind = entry.get("type")
    return isinstance(kind, str) and kind != "" and not kind.endswith("Event")


def _key_of(entry: Mapping[str, Any]) -> str:
    """The id of an event, mostly urn:uuid:...; "" if logs and databases may not accept it."""
    key = entry.get("id")
    if isinstance(key, str) and len(key) <= _LONGEST_KEY and key.isprintable() and key.strip():
        return key
    return ""


def name_of(event: Mapping[str, Any]) -> str:
    """The Canvas name of a Caliper event, which follows from its type, action and object.

    If the tables do not list it: `Type.Action.ObjectType`, with Entity for an object without a
    type. Raises `DecodeError` without type or action.
    """
    kind, action = event.get("type"), event.get("action")
    if not isinstance(kind, str) or not isinstance(action, str) or not kind or not action:
        reason = 'an event in "data" has no "type" or no "action"'
        raise DecodeError(reason)
    thing = object_in(event, "object")
    object_type = thing.get("type")
    if not isinstance(object_type, str) or not object_type:
        object_type = "Entity"
    name = _BY_ACTION.get((kind, action))
    if name is None or not _is_from_canvas(event):
        name = _BY_OBJECT.get((kind, action, object_type, _urn_kind(thing.get("id"))))
    if name in _WITH_STATE and "state" in extra_of(thing):
        return _WITH_STATE[name]
    return name or f"{kind}.{action}.{object_type}"


def _is_from_canvas(event: Mapping[str, Any]) -> bool:
    """True if the event has an extension or a URN of Canvas, or Canvas is the application."""
    if _CANVAS in object_in(event, "extensions"):
        return True
    for part in _PARTS:
        thing = event.get(part)
        urn = thing.get("id") if isinstance(thing, dict) else thing
        if isinstance(urn, str) and urn.startswith(URN):
            return True
        if _CANVAS in object_in(object_in(event, part), "extensions"):
            return True
    app = event.get("edApp")
    url = app.get("id") if isinstance(app, dict) else app
    return isinstance(url, str) and _is_canvas_host(url) is not None


def object_in(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object with this key; empty if there is none."""
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def extra_of(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields that Canvas adds to a Caliper object."""
    return object_in(object_in(thing, "extensions"), _CANVAS)


def _urn_kind(urn: object) -> str:
    """`user` for `urn:instructure:canvas:user:1`; a kind may contain "/" and ":"."""
    if not isinstance(urn, str) or not urn.startswith(URN):
        return ""
    return urn[len(URN) :].rpartition(":")[0]


class Form(NamedTuple):
    """What identifies an event in Caliper format."""

    type: str
    action: str
    #: The type of the object, and the kind in its URN; "" for any.
    object_type: str = ""
    object_kind: str = ""


def forms_of(name: str) -> tuple[Form, ...]:
    """The forms of the event with this Canvas name in Caliper, the most common first.

    Empty if Canvas does not send it in this format.
    """
    without_state = {with_state: without for without, with_state in _WITH_STATE.items()}
    name = without_state.get(name, name)
    by_action = [Form(*key) for key, known in _BY_ACTION.items() if known == name]
    return (*by_action, *(Form(*key) for key, known in _BY_OBJECT.items() if known == name))
