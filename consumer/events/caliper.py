"""The IMS Caliper 1.1 format: an envelope with events, and the Canvas names that they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.errors import DecodeError
from consumer.events.canvas import fallback_time
from consumer.events.timestamps import parse_time
from consumer.messages import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.messages import ReceivedMessage

_CANVAS = "com.instructure.canvas"
_ENVELOPE = ("sensor", "sendTime", "dataVersion")
_SUFFIXES = {"Created": "created", "Modified": "updated", "Deleted": "deleted"}

#: Type and action that name the Canvas event by themselves; `Event/...` needs the object's kind.
_BY_TYPE = {
    ("NavigationEvent", "NavigatedTo"): "asset_accessed",
    ("MessageEvent", "Posted"): "discussion_entry_created",
    ("MessageEvent", "Created"): "discussion_entry_created",
    ("ThreadEvent", "Created"): "discussion_topic_created",
    ("GradeEvent", "Graded"): "grade_change",
    ("SessionEvent", "LoggedIn"): "logged_in",
    ("SessionEvent", "LoggedOut"): "logged_out",
    ("Event", "LoggedIn"): "logged_in",
    ("Event", "LoggedOut"): "logged_out",
    ("AssessmentEvent", "Submitted"): "quiz_submitted",
    ("AssignableEvent", "Submitted"): "submission_created",
}

#: Kind in the object's URN, and its type: what the Canvas event is about.
_BY_KIND = {
    ("assignment", "AssignableDigitalResource"): "assignment",
    ("assignment_override", "Entity"): "assignment_override",
    ("attachment", "Document"): "attachment",
    ("course", "CourseOffering"): "course",
    ("course", "Document"): "syllabus",
    ("discussion", "Thread"): "discussion_topic",
    ("discussionEntry", "Message"): "discussion_entry",
    ("groupCategory", "Entity"): "group_category",
    ("group", "Group"): "group",
    ("groupMembership", "Membership"): "group_membership",
    ("quiz", "Assessment"): "quiz",
    ("submission", "Attempt"): "submission",
    ("account", "Entity"): "user_account_association",
    ("wikiPage", "Page"): "wiki_page",
}


def recognises(payload: Mapping[str, Any]) -> bool:
    """True for an object with the keys of a Caliper envelope."""
    return "data" in payload and any(key in payload for key in _ENVELOPE)


def events_of(payload: Mapping[str, Any], message: ReceivedMessage) -> tuple[Event, ...]:
    """All events of an envelope. Raises `DecodeError` if one of them is none, or there is none."""
    data = payload["data"]
    entries = data if isinstance(data, list) else [data]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        reason = '"data" is not a list of events' if entries else '"data" holds no event'
        raise DecodeError(reason)
    envelope = {key: value for key, value in payload.items() if key != "data"}
    # The message has one name; in an envelope of several it can't be that of each.
    told = message.message_attributes.get("event_name") if len(entries) == 1 else None
    return tuple(
        _event_of(entry, envelope, message, told, (index, len(entries)))
        for index, entry in enumerate(entries)
    )


def _event_of(
    entry: Mapping[str, Any],
    envelope: Mapping[str, Any],
    message: ReceivedMessage,
    told: str | None,
    place: tuple[int, int],
) -> Event:
    text = entry.get("eventTime")
    key = entry.get("id")
    return Event(
        name=told or name_of(entry),
        format="caliper",
        time=parse_time(text) or fallback_time(message),
        metadata=envelope,
        body=entry,
        message_id=message.message_id,
        raw=message.body,
        payload=entry,
        time_text=text if isinstance(text, str) else "",
        index=place[0],
        count=place[1],
        _key=key if isinstance(key, str) else "",
    )


def name_of(event: Mapping[str, Any]) -> str:
    """The Canvas name of a Caliper event, by its type, action, and what its object is.

    What is not in the tables gets a name made of them: `Type.Action.ObjectType`. Raises
    `DecodeError` if it has neither type nor action.
    """
    kind, action = event.get("type"), event.get("action")
    if not isinstance(kind, str) or not isinstance(action, str) or not kind or not action:
        reason = 'an event in "data" has no "type" or no "action"'
        raise DecodeError(reason)
    known = _BY_TYPE.get((kind, action))
    if known is not None:
        return known
    thing = event.get("object")
    if not isinstance(thing, dict):
        thing = {}
    object_type = thing.get("type")
    if not isinstance(object_type, str):
        object_type = "Entity"
    subject = _subject(thing, object_type)
    suffix = _SUFFIXES.get(action)
    if subject is not None and suffix is not None and kind in ("Event", "ThreadEvent"):
        return f"{subject}_{suffix}"
    return f"{kind}.{action}.{object_type}"


def _subject(thing: Mapping[str, Any], object_type: str) -> str | None:
    """What the object is, in Canvas's words; None if it is nothing that the table knows."""
    urn_kind = _urn_kind(thing.get("id"))
    if urn_kind == "enrollment" and object_type == "Entity":
        extensions = thing.get("extensions")
        ours = extensions.get(_CANVAS) if isinstance(extensions, dict) else None
        has_state = isinstance(ours, dict) and "state" in ours
        return "enrollment_state" if has_state else "enrollment"
    return _BY_KIND.get((urn_kind, object_type))


def _urn_kind(urn: object) -> str:
    """`user` of `urn:instructure:canvas:user:1`; kinds may hold "/" and ":" themselves."""
    prefix = "urn:instructure:canvas:"
    if not isinstance(urn, str) or not urn.startswith(prefix):
        return ""
    return urn[len(prefix) :].rpartition(":")[0]
