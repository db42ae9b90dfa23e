"""Samples in Caliper format: the same facts as in Canvas format, under Caliper's names."""

from functools import cache
from typing import Any, Final

from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of
from consumer.events.catalog.base import Record
from consumer.events.catalog.describe import fields_of
from consumer.events.samples.caliper_object import object_of, urn
from consumer.events.samples.canvas import referrer_of, user_agent_of
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import HOST
from consumer.events.samples.values import written

_CONTEXT: Final = "http://purl.imsglobal.org/ctx/caliper/v1p1"
#: The types of assets; the others are entities.
_ASSET_TYPES: Final = {
    "assignment": "AssignableDigitalResource",
    "discussion_topic": "Thread",
    "quizzes:quiz": "Assessment",
    "wiki_page": "Page",
}
_ROLES: Final = {"StudentEnrollment": "Learner", "TeacherEnrollment": "Instructor"}


def caliper_envelope(scene: Scene) -> dict[str, Any]:
    """The envelope with the event; the scene has its body already."""
    return {
        "sensor": _site(scene)["id"],
        "sendTime": written(scene.time),
        "dataVersion": _CONTEXT,
        "data": [_event(scene)],
    }


def _site(scene: Scene) -> dict[str, str]:
    """Canvas itself, which has another name in a job."""
    name = f"http://{HOST}/" if scene.cause.job is None else "www.canvaslms.com"
    return {"id": name, "type": "SoftwareApplication"}


@cache
def _models(name: str) -> dict[str, type[Record]]:
    """The models of the objects in the event."""
    model = model_of(name, "caliper")
    fields = [] if model is None else fields_of(model)
    return {facts.key: facts.record for facts in fields if facts.record is not None}


def _event(scene: Scene) -> dict[str, Any]:
    models, form, site = _models(scene.name), forms_of(scene.name)[0], _site(scene)
    object_type, kind = form.object_type or site["type"], form.object_kind
    if scene.name == "asset_accessed":
        kind = scene.asset.type
        object_type = _ASSET_TYPES.get(kind, "Entity")
    thing = object_of(models["object"], scene, object_type, kind)
    event = {
        "@context": _CONTEXT,
        "id": f"urn:uuid:{scene.dice.uuid()}",
        "type": form.type,
        "actor": _actor(scene),
        "action": form.action,
        "object": thing if kind else thing | site,
        "eventTime": written(scene.time),
        "edApp": site,
    }
    if "generated" in models:
        event["generated"] = object_of(models["generated"], scene, "Score", "submission")
    if scene.cause.job is None:
        return event | _of_request(scene)
    job = {"job_id": scene.cause.id, "job_tag": scene.cause.job, "version": "1.0.0"}
    return event | _extended(job)


def _actor(scene: Scene) -> dict[str, Any]:
    university, user = scene.university, scene.cause.actor
    if scene.cause.job is not None:
        return dict(_site(scene))
    extensions = {
        "user_login": user.login,
        "root_account_id": str(university.global_id(university.root.id)),
        "root_account_lti_guid": university.lti_guid,
        "root_account_uuid": university.uuid,
        "entity_id": str(university.global_id(user.id)),
    }
    if user.sis_id is not None:  # there are no nulls in this format
        extensions["user_sis_id"] = user.sis_id
    return {"id": urn(scene, "user", user.id), "type": "Person"} | _extended(extensions)


def _of_request(scene: Scene) -> dict[str, Any]:
    cause, user = scene.cause, scene.cause.actor
    found = _extended(
        {
            "hostname": HOST,
            "request_id": cause.id,
            "user_agent": user_agent_of(scene),
            "client_ip": user.ip,
            "request_url": f"https://{HOST}{cause.path}",
            "version": "1.0.0",
        }
    )
    if referrer := referrer_of(scene):
        found["referrer"] = referrer
    if not cause.by_token:
        session = f"urn:instructure:canvas:session:{user.session}"
        found["session"] = {"id": session, "type": "Session"}
    return found | (_of_course(scene) if cause.context == "Course" else {})


def _of_course(scene: Scene) -> dict[str, Any]:
    user, number = scene.cause.actor, scene.university.global_id(scene.course.id)
    offering = {"id": urn(scene, "course", scene.course.id), "type": "CourseOffering"}
    group = offering | _extended({"context_type": "Course", "entity_id": str(number)})
    role = _ROLES.get(scene.role() or "", "user")
    membership = {
        "id": f"{offering['id']}:{role}:{scene.university.global_id(user.id)}",
        "type": "Membership",
        "member": {"id": urn(scene, "user", user.id), "type": "Person"},
        "organization": offering,
        "roles": [role],
    }
    return {"group": group, "membership": membership}


def _extended(values: dict[str, Any]) -> dict[str, Any]:
    return {"extensions": {"com.instructure.canvas": values}}
