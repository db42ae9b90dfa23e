"""Samples in Caliper format: the same facts as in Canvas format, in Caliper's words."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from consumer.events.caliper import forms_of
from consumer.events.catalog import model_of
from consumer.events.catalog.describe import fields_of
from consumer.events.samples import assets
from consumer.events.samples.caliper_object import object_of, urn
from consumer.events.samples.canvas import referrer_of
from consumer.events.samples.university import HOST
from consumer.events.samples.values import written

if TYPE_CHECKING:
    from consumer.events.catalog.base import Record
    from consumer.events.samples.scene import Scene

_CONTEXT: Final = "http://purl.imsglobal.org/ctx/caliper/v1p1"
#: What Canvas calls itself where no request names a host.
_NOWHERE: Final = "www.canvaslms.com"


def caliper_envelope(scene: Scene) -> dict[str, Any]:
    """The envelope with the event; the scene's body is made already.

    Raises `KeyError` for an event that has no form in Caliper.
    """
    return {
        "sensor": _site(scene),
        "sendTime": written(scene.time),
        "dataVersion": _CONTEXT,
        "data": [_event(scene)],
    }


def _site(scene: Scene) -> str:
    return f"http://{HOST}/" if scene.cause.job is None else _NOWHERE


@cache
def _models(name: str) -> dict[str, type[Record]]:
    """The models of the objects in the event."""
    model = model_of(name, "caliper")
    if model is None:
        raise KeyError(name)
    return {facts.key: facts.record for facts in fields_of(model) if facts.record is not None}


def _event(scene: Scene) -> dict[str, Any]:
    models, form = _models(scene.name), forms_of(scene.name)[0]
    thing: dict[str, Any]
    if form.object_kind:
        thing = object_of(models["object"], scene, form.object_type, form.object_kind)
    elif scene.name == "asset_accessed":
        object_type, kind = assets.caliper_type_of(scene)
        thing = object_of(models["object"], scene, object_type, kind)
    else:
        thing = object_of(models["object"], scene, "SoftwareApplication", "") | {"id": _site(scene)}
    event = {
        "@context": _CONTEXT,
        "id": f"urn:uuid:{scene.dice.uuid()}",
        "type": form.type,
        "actor": _actor(scene),
        "action": form.action,
        "object": thing,
        "eventTime": written(scene.time),
        "edApp": {"id": _site(scene), "type": "SoftwareApplication"},
    }
    if "generated" in models:
        event["generated"] = object_of(models["generated"], scene, "Score", "submission")
    return event | (_of_request(scene) if scene.cause.job is None else _of_job(scene))


def _actor(scene: Scene) -> dict[str, Any]:
    university, user, cause = scene.university, scene.cause.actor, scene.cause
    if cause.job is not None:
        return {"id": _site(scene), "type": "SoftwareApplication"}
    if cause.anonymous:
        return {"id": "urn:instructure:canvas:user:0", "type": "Person"}
    told = {
        "user_login": user.login,
        "user_sis_id": user.sis_id,
        "root_account_id": str(university.global_id(university.root.id)),
        "root_account_lti_guid": university.lti_guid,
        "root_account_uuid": university.uuid,
        "entity_id": str(university.global_id(user.id)),
    }
    if user.sis_id is None:
        del told["user_sis_id"]  # there are no nulls in this format
    return {"id": urn(scene, "user", user.id), "type": "Person", "extensions": _extensions(told)}


def _of_job(scene: Scene) -> dict[str, Any]:
    job = {"job_id": scene.cause.id, "job_tag": scene.cause.job, "version": "1.0.0"}
    return {"extensions": _extensions(job)}


def _of_request(scene: Scene) -> dict[str, Any]:
    cause, user = scene.cause, scene.cause.actor
    request = {
        "hostname": HOST,
        "request_id": cause.id,
        "user_agent": "python-requests/2.32.3" if cause.by_token else user.browser,
        "client_ip": user.ip,
        "request_url": f"https://{HOST}{cause.path}",
        "version": "1.0.0",
    }
    told: dict[str, Any] = {"extensions": _extensions(request)}
    referrer = referrer_of(scene)
    if referrer is not None:
        told["referrer"] = referrer
    if not cause.by_token:
        told["session"] = {"id": f"urn:instructure:canvas:session:{user.session}",
                           "type": "Session"}  # fmt: skip
    if cause.context == "Course":
        told |= _of_course(scene)
    return told


def _of_course(scene: Scene) -> dict[str, Any]:
    course, user = scene.course, scene.cause.actor
    group = urn(scene, "course", course.id)
    context = {
        "context_type": "Course",
        "entity_id": str(scene.university.global_id(course.id)),
    }
    told: dict[str, Any] = {
        "group": {"id": group, "type": "CourseOffering", "extensions": _extensions(context)}
    }
    if scene.cause.anonymous:
        return told
    roles = {"StudentEnrollment": "Learner", "TeacherEnrollment": "Instructor"}
    role = roles.get(scene.role() or "", "user")
    number = scene.university.global_id(user.id)
    told["membership"] = {
        "id": f"{group}:{role}:{number}",
        "type": "Membership",
        "member": {"id": urn(scene, "user", user.id), "type": "Person"},
        "organization": {"id": group, "type": "CourseOffering"},
        "roles": [role],
    }
    return told


def _extensions(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"com.instructure.canvas": values}
