"""Sample events in both formats, for the demo, tests and benchmarks. Everybody in them is made up."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from consumer.events.identifiers import SHARD_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.messages import Format

_SHARD = 2107
_HOST = "canvas.example.edu"
_ACCOUNT_UUID = "lmYz4bXqW2bUeKvpJ0cTn8RrGd1HsAo5fZxQy7Ei"
_BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 Safari/537.36"
)
_CALIPER = "http://purl.imsglobal.org/ctx/caliper/v1p1"
_PARAGRAPH = "<p>Read the chapter, write down two questions, and bring them to the seminar.</p> "

#: The kinds, and how often each comes in a hundred: reading makes most of the events of a course.
SHARES = {
    "asset_accessed": 55,
    "submission_created": 8,
    "submission_updated": 8,
    "grade_change": 6,
    "logged_in": 6,
    "logged_out": 2,
    "enrollment_created": 4,
    "enrollment_state_created": 3,
    "discussion_entry_created": 3,
    "attachment_created": 2,
    "course_updated": 1,
    "wiki_page_updated": 1,
    "user_created": 1,
}
#: Events that have no Caliper form.
CANVAS_ONLY = frozenset({"user_created"})

# Caliper: event type, action, object type, kind in the object's URN.
_CALIPER_FORMS = {
    "asset_accessed": ("NavigationEvent", "NavigatedTo", "Page", "wikiPage"),
    "submission_created": ("AssignableEvent", "Submitted", "Attempt", "submission"),
    "submission_updated": ("Event", "Modified", "Attempt", "submission"),
    "grade_change": ("GradeEvent", "Graded", "Attempt", "submission"),
    "logged_in": ("SessionEvent", "LoggedIn", "SoftwareApplication", ""),
    "logged_out": ("SessionEvent", "LoggedOut", "SoftwareApplication", ""),
    "enrollment_created": ("Event", "Created", "Entity", "enrollment"),
    "enrollment_state_created": ("Event", "Created", "Entity", "enrollment"),
    "discussion_entry_created": ("MessageEvent", "Posted", "Message", "discussionEntry"),
    "attachment_created": ("Event", "Created", "Document", "attachment"),
    "course_updated": ("Event", "Modified", "CourseOffering", "course"),
    "wiki_page_updated": ("Event", "Modified", "Page", "wikiPage"),
}


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message as Canvas sends it: the body, and the message attributes."""

    body: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Scene:
    """Who did what where: the ids that one event's parts have in common."""

    name: str
    stamp: str
    user: int
    course: int
    thing: int
    score: int
    request_id: str
    session_id: str
    event_id: str


def sample_message(
    event_name: str,
    *,
    format: Format,
    rng: Random,
    time: datetime,  # noqa: A002
) -> SampleMessage:
    """One event. The same state of `rng` gives the same bytes.

    Raises `ValueError` for a name that is not in `SHARES`, or that the format does not have.
    """
    if event_name not in SHARES or (format == "caliper" and event_name in CANVAS_ONLY):
        message = f"there is no sample of {event_name!r} in {format} format"
        raise ValueError(message)
    stamp = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    scene = _Scene(
        event_name,
        stamp,
        user=rng.randrange(100, 9_000),
        course=rng.randrange(500, 900),
        thing=rng.randrange(1_000, 9_000_000),
        score=rng.randrange(0, 101),
        request_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        session_id=f"{rng.getrandbits(128):032x}",
        event_id=uuid.UUID(int=rng.getrandbits(128), version=4).urn,
    )
    payload = _canvas(scene) if format == "canvas" else _caliper(scene)
    body = json.dumps(payload, separators=(",", ":"))
    return SampleMessage(body, {"event_name": event_name, "event_time": stamp})


def sample_messages(
    count: int,
    *,
    seed: int,
    formats: Sequence[Format] = ("canvas", "caliper"),
    start: datetime,
) -> Iterator[SampleMessage]:
    """`count` events, a few milliseconds apart from `start` on; the same seed, the same bytes."""
    rng = Random(seed)
    names, weights = list(SHARES), list(SHARES.values())
    for number in range(count):
        name = rng.choices(names, weights)[0]
        usable: list[Format] = [f for f in formats if f == "canvas" or name not in CANVAS_ONLY]
        chosen: Format = rng.choice(usable) if usable else "canvas"
        time = start + timedelta(milliseconds=7 * number)
        yield sample_message(name, format=chosen, rng=rng, time=time)


def _global(local: int) -> str:
    return str(_SHARD * SHARD_SIZE + local)


def _url(scene: _Scene) -> str:
    return f"https://{_HOST}/courses/{scene.course}/pages/week-{scene.thing % 16}"


def _canvas(scene: _Scene) -> dict[str, Any]:
    return {"metadata": _canvas_metadata(scene), "body": _canvas_body(scene)}


def _canvas_metadata(scene: _Scene) -> dict[str, Any]:
    return {
        "client_ip": f"192.0.2.{scene.user % 250 + 1}",
        "context_account_id": _global(12),
        "context_id": _global(scene.course),
        "context_role": "StudentEnrollment",
        "context_sis_source_id": f"2026-FALL-{scene.course}",
        "context_type": "Course",
        "event_name": scene.name,
        "event_time": scene.stamp,
        "hostname": _HOST,
        "http_method": "GET" if scene.name == "asset_accessed" else "POST",
        "producer": "canvas",
        "referrer": f"https://{_HOST}/courses/{scene.course}/modules",
        "request_id": scene.request_id,
        "root_account_id": _global(1),
        "root_account_lti_guid": f"{_ACCOUNT_UUID}.{_HOST}",
        "root_account_uuid": _ACCOUNT_UUID,
        "session_id": scene.session_id,
        "time_zone": "America/Denver",
        "url": _url(scene),
        "user_account_id": _global(1),
        "user_agent": _BROWSER,
        "user_id": _global(scene.user),
        "user_login": f"student{scene.user:05}@example.edu",
        "user_sis_id": f"S{scene.user:07}",
    }


def _canvas_body(scene: _Scene) -> dict[str, Any]:
    user, course, thing = _global(scene.user), _global(scene.course), _global(scene.thing)
    named = {"user_id": user, "course_id": course, "workflow_state": "active"}
    submission = {
        "assignment_id": _global(scene.thing % 1200),
        "attempt": scene.thing % 3 + 1,
        "grade": str(scene.score),
        "late": False,
        "missing": False,
        "score": scene.score + 0.5,
        "submission_id": thing,
        "submission_type": "online_text_entry",
        "submitted_at": scene.stamp,
        "updated_at": scene.stamp,
        "user_id": user,
        "workflow_state": "submitted",
    }
    bodies: dict[str, dict[str, Any]] = {
        "asset_accessed": {
            "asset_id": thing,
            "asset_name": f"Week {scene.thing % 16}: reading list",
            "asset_subtype": None,
            "asset_type": "wiki_page",
            "category": "wiki",
            "level": None,
            "role": "StudentEnrollment",
        },
        "submission_created": submission,
        "submission_updated": {**submission, "workflow_state": "graded"},
        "grade_change": {
            "assignment_id": _global(scene.thing % 1200),
            "grade": str(scene.score),
            "grader_id": _global(99),
            "old_grade": None,
            "points_possible": 100.0,
            "score": scene.score,
            "student_id": user,
            "student_sis_id": f"S{scene.user:07}",
            "submission_id": thing,
            "user_id": user,
        },
        "logged_in": {"redirect_url": f"https://{_HOST}/"},
        "logged_out": {},
        "enrollment_created": {
            **named,
            "enrollment_id": thing,
            "created_at": scene.stamp,
            "type": "StudentEnrollment",
            "user_name": f"Student {scene.user}",
        },
        "enrollment_state_created": {
            "access_is_current": True,
            "enrollment_id": thing,
            "restricted_access": False,
            "state": "active",
            "state_is_current": True,
            "state_started_at": "2026-08-24 00:00:00 -0600",
        },
        "discussion_entry_created": {
            "created_at": scene.stamp,
            "discussion_entry_id": str(scene.thing),
            "discussion_topic_id": str(scene.thing % 300),
            "text": _PARAGRAPH.strip(),
            "user_id": str(scene.user),
        },
        "attachment_created": {
            "attachment_id": thing,
            "content_type": "application/pdf",
            "context_id": course,
            "context_type": "Course",
            "display_name": f"essay-{scene.thing}.pdf",
            "filename": f"essay-{scene.thing}.pdf",
            "user_id": user,
        },
        "course_updated": {
            "account_id": _global(12),
            "course_id": course,
            "name": f"Seminar {scene.course}",
            "updated_at": "2026-09-01 07:38:00 -0600",
            "workflow_state": "available",
        },
        "wiki_page_updated": {
            "body": cut(_PARAGRAPH * 120),
            "title": f"Week {scene.thing % 16}",
            "wiki_page_id": thing,
        },
        "user_created": {
            "created_at": scene.stamp,
            "name": f"Student {scene.user}",
            "user_id": user,
            "user_login": f"student{scene.user:05}@example.edu",
            "workflow_state": "pre_registered",
        },
    }
    return bodies[scene.name]


def cut(text: str) -> str:
    """As Canvas cuts a long text: at a blank, with three dots, at most 8,192 characters in all."""
    limit = 8192 - len("...")
    return text if len(text) <= 8192 else text[: limit + 1].rpartition(" ")[0] + "..."  # noqa: PLR2004


def _caliper(scene: _Scene) -> dict[str, Any]:
    site = f"http://{_HOST}/"
    return {
        "sensor": site,
        "sendTime": scene.stamp,
        "dataVersion": _CALIPER,
        "data": [_caliper_event(scene, site)],
    }


def _caliper_event(scene: _Scene, site: str) -> dict[str, Any]:
    kind, action, _, _ = _CALIPER_FORMS[scene.name]
    user, course = f"user:{_global(scene.user)}", f"course:{_global(scene.course)}"
    event = {
        "@context": _CALIPER,
        "id": scene.event_id,
        "type": kind,
        "actor": {
            "id": _urn(user),
            "type": "Person",
            "extensions": _extensions(
                user_login=f"student{scene.user:05}@example.edu",
                user_sis_id=f"S{scene.user:07}",
                root_account_id=_global(1),
                root_account_lti_guid=f"{_ACCOUNT_UUID}.{_HOST}",
                root_account_uuid=_ACCOUNT_UUID,
                entity_id=_global(scene.user),
            ),
        },
        "action": action,
        "object": _caliper_object(scene, site),
        "eventTime": scene.stamp,
        "referrer": f"https://{_HOST}/courses/{scene.course}/modules",
        "edApp": {"id": site, "type": "SoftwareApplication"},
        "group": {
            "id": _urn(course),
            "type": "CourseOffering",
            "extensions": _extensions(context_type="Course", entity_id=_global(scene.course)),
        },
        "membership": {
            "id": _urn(f"{course}:Learner:{_global(scene.user)}"),
            "type": "Membership",
            "member": {"id": _urn(user), "type": "Person"},
            "organization": {"id": _urn(course), "type": "CourseOffering"},
            "roles": ["Learner"],
        },
        "session": {"id": _urn(f"session:{scene.session_id}"), "type": "Session"},
        "extensions": _extensions(
            hostname=_HOST,
            request_id=scene.request_id,
            user_agent=_BROWSER,
            client_ip=f"192.0.2.{scene.user % 250 + 1}",
            request_url=_url(scene),
            version="1.0.0",
        ),
    }
    if scene.name == "grade_change":
        event["generated"] = {
            "id": _urn(f"submission:{_global(scene.thing)}"),
            "type": "Score",
            "maxScore": 100,
            "scoreGiven": scene.score,
            "scoredBy": _urn(f"user:{_global(99)}"),
        }
    return event


def _caliper_object(scene: _Scene, site: str) -> dict[str, Any]:
    _, _, object_type, urn_kind = _CALIPER_FORMS[scene.name]
    if not urn_kind:
        return {"id": site, "type": object_type, "extensions": _extensions(redirect_url=site)}
    number = scene.course if urn_kind == "course" else scene.thing
    details: dict[str, Any] = {"entity_id": _global(number)}
    if scene.name == "enrollment_state_created":
        details |= {"state": "active", "state_is_current": True}
    elif urn_kind == "enrollment":
        details |= {"workflow_state": "active", "type": "StudentEnrollment"}
    elif urn_kind == "submission":
        details |= {"grade": str(scene.score)}
    elif scene.name == "wiki_page_updated":
        details |= {"body": cut(_PARAGRAPH * 120)}
    return {
        "id": _urn(f"{urn_kind}:{_global(number)}"),
        "type": object_type,
        "extensions": _extensions(**details),
    }


def _urn(rest: str) -> str:
    return f"urn:instructure:canvas:{rest}"


def _extensions(**values: Any) -> dict[str, dict[str, Any]]:
    return {"com.instructure.canvas": values}
