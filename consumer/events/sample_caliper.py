"""Sample events in Caliper format: the envelope with one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.events.sample_scene import ACCOUNT_UUID, BROWSER, HOST, global_id, long_page

if TYPE_CHECKING:
    from consumer.events.sample_scene import Scene

_CONTEXT = "http://purl.imsglobal.org/ctx/caliper/v1p1"
#: What Canvas calls itself where no request names a host.
_NOWHERE = "www.canvaslms.com"

#: Event type, action, object type, kind in the object's URN.
FORMS = {
    "asset_accessed": ("NavigationEvent", "NavigatedTo", "Page", "wikiPage"),
    "attachment_created": ("Event", "Created", "Document", "attachment"),
    "course_created": ("Event", "Created", "CourseOffering", "course"),
    "course_updated": ("Event", "Modified", "CourseOffering", "course"),
    "discussion_entry_created": ("MessageEvent", "Posted", "Message", "discussionEntry"),
    "enrollment_created": ("Event", "Created", "Entity", "enrollment"),
    "enrollment_state_created": ("Event", "Created", "Entity", "enrollment"),
    "enrollment_state_updated": ("Event", "Modified", "Entity", "enrollment"),
    "grade_change": ("GradeEvent", "Graded", "Attempt", "submission"),
    "logged_in": ("SessionEvent", "LoggedIn", "SoftwareApplication", ""),
    "logged_out": ("SessionEvent", "LoggedOut", "SoftwareApplication", ""),
    "quiz_submitted": ("AssessmentEvent", "Submitted", "Attempt", "submission"),
    "submission_created": ("AssignableEvent", "Submitted", "Attempt", "submission"),
    "submission_updated": ("Event", "Modified", "Attempt", "submission"),
    "wiki_page_updated": ("Event", "Modified", "Page", "wikiPage"),
}


def caliper_envelope(scene: Scene) -> dict[str, Any]:
    """The envelope as Canvas sends it. Raises `KeyError` for a name that is not in `FORMS`."""
    return {
        "sensor": _site(scene),
        "sendTime": scene.stamp,
        "dataVersion": _CONTEXT,
        "data": [_event(scene)],
    }


def _site(scene: Scene) -> str:
    return f"http://{HOST}/" if scene.job is None else _NOWHERE


def _event(scene: Scene) -> dict[str, Any]:
    kind, action, _, _ = FORMS[scene.name]
    event = {
        "@context": _CONTEXT,
        "id": scene.event_id,
        "type": kind,
        "actor": _actor(scene),
        "action": action,
        "object": _object(scene),
        "eventTime": scene.stamp,
        "edApp": {"id": _site(scene), "type": "SoftwareApplication"},
    }
    if scene.name == "grade_change":
        event["generated"] = {
            "id": _urn(f"submission:{global_id(scene.thing)}"),
            "type": "Score",
            "maxScore": 100,
            "scoreGiven": scene.score,
            "scoredBy": _urn(f"user:{global_id(99)}"),
        }
    event |= _of_request(scene) if scene.job is None else _of_job(scene)
    return event


def _actor(scene: Scene) -> dict[str, Any]:
    if scene.job is not None:
        return {"id": _site(scene), "type": "SoftwareApplication"}
    person = {
        "user_login": scene.login,
        "user_sis_id": scene.sis_id,
        "root_account_id": global_id(1),
        "root_account_lti_guid": f"{ACCOUNT_UUID}.{HOST}",
        "root_account_uuid": ACCOUNT_UUID,
        "entity_id": global_id(scene.user),
    }
    user = _urn(f"user:{global_id(scene.user)}")
    return {"id": user, "type": "Person", "extensions": _extensions(person)}


def _of_job(scene: Scene) -> dict[str, Any]:
    job = {"job_id": global_id(scene.thing * 31), "job_tag": scene.job, "version": "1.0.0"}
    return {"extensions": _extensions(job)}


def _of_request(scene: Scene) -> dict[str, Any]:
    user, course = _urn(f"user:{global_id(scene.user)}"), f"course:{global_id(scene.course)}"
    request = {
        "hostname": HOST,
        "request_id": scene.request_id,
        "user_agent": BROWSER,
        "client_ip": scene.client_ip,
        "request_url": scene.url,
        "version": "1.0.0",
    }
    context = {"context_type": "Course", "entity_id": global_id(scene.course)}
    return {
        "referrer": scene.referrer,
        "group": {
            "id": _urn(course),
            "type": "CourseOffering",
            "extensions": _extensions(context),
        },
        "membership": {
            "id": _urn(f"{course}:Learner:{global_id(scene.user)}"),
            "type": "Membership",
            "member": {"id": user, "type": "Person"},
            "organization": {"id": _urn(course), "type": "CourseOffering"},
            "roles": ["Learner"],
        },
        "session": {"id": _urn(f"session:{scene.session_id}"), "type": "Session"},
        "extensions": _extensions(request),
    }


def _object(scene: Scene) -> dict[str, Any]:
    _, _, object_type, urn_kind = FORMS[scene.name]
    if not urn_kind:
        home = {"redirect_url": f"https://{HOST}/"}
        return {"id": _site(scene), "type": object_type, "extensions": _extensions(home)}
    number = global_id(scene.course if urn_kind == "course" else scene.thing)
    return {
        "id": _urn(f"{urn_kind}:{number}"),
        "type": object_type,
        **_details(scene, object_type),
        "extensions": _extensions({**_extras(scene), "entity_id": number}),
    }


def _details(scene: Scene, object_type: str) -> dict[str, Any]:
    """What Caliper itself has a field for."""
    if object_type == "Attempt":
        assignment = _urn(f"assignment:{global_id(scene.assignment)}")
        return {
            "assignee": {"id": _urn(f"user:{global_id(scene.user)}"), "type": "Person"},
            "assignable": {"id": assignment, "type": "AssignableDigitalResource"},
            "count": scene.thing % 3 + 1,
        }
    if object_type == "Page":
        body = {"body": long_page()} if scene.name == "wiki_page_updated" else {}
        return {"name": f"Week {scene.week}: reading list", **body}
    if object_type == "Message":
        return {"body": long_page(2)}
    return {}


def _extras(scene: Scene) -> dict[str, Any]:
    """What only Canvas knows of the object; `state` is what tells a state from an enrollment."""
    match scene.name:
        case "asset_accessed":
            return {"asset_type": "wiki_page", "asset_name": f"Week {scene.week}: reading list"}
        case "enrollment_created":
            return {"workflow_state": "active", "type": "StudentEnrollment"}
        case "enrollment_state_created" | "enrollment_state_updated":
            return {"state": "active", "state_is_current": True, "restricted_access": False}
        case "grade_change" | "submission_updated":
            return {"grade": str(scene.score)}
        case _:
            return {}


def _urn(rest: str) -> str:
    return f"urn:instructure:canvas:{rest}"


def _extensions(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"com.instructure.canvas": values}
