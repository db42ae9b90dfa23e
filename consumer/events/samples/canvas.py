"""Samples in Canvas format: the body from the model of the event, the metadata from its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.events.catalog import index, model_of
from consumer.events.samples import assets, habits
from consumer.events.samples.university import HOST
from consumer.events.samples.values import record_of, written

if TYPE_CHECKING:
    from consumer.events.samples.scene import Scene

#: Not of these: only they come from a person who can be anybody, or from a machine.
_WITHOUT_USER = frozenset({"heartbeat"})


def body_of(scene: Scene) -> dict[str, Any]:
    """The body of the event that the scene is at."""
    if scene.name == "asset_accessed":
        return assets.body_of(scene)
    model = model_of(scene.name)
    return {} if model is None else record_of(model, scene)


def canvas_event(scene: Scene) -> dict[str, Any]:
    """The whole event. The scene's body is made already."""
    return {"metadata": metadata_of(scene), "body": scene.body}


def time_of(scene: Scene) -> str:
    """The event's time; that of a course from an import is in the shape of a local time."""
    shape = habits.SHAPES.get((scene.name, "updated_at"))
    if scene.name == "course_updated" and scene.cause.job is not None and shape is not None:
        return habits.local_time(scene.time, shape)
    return written(scene.time)


def metadata_of(scene: Scene) -> dict[str, Any]:
    """What Canvas tells of the cause: other keys for a request than for a job."""
    university = scene.university
    told: dict[str, Any] = {
        "event_name": scene.name,
        "event_time": time_of(scene),
        "root_account_uuid": university.uuid,
    }
    if index.category_of(scene.name) == "new_quizzes":  # a service of its own, which tells little
        return told | {"producer": "quizzes"}
    told |= {
        "producer": "canvas",
        "root_account_id": str(university.global_id(university.root.id)),
        "root_account_lti_guid": university.lti_guid,
    }
    told |= _of_request(scene) if scene.cause.job is None else _of_job(scene)
    return {key: value for key, value in told.items() if value is not None or not scene.compact}


def _of_job(scene: Scene) -> dict[str, Any]:
    return {"job_id": scene.cause.id, "job_tag": scene.cause.job}


def _of_request(scene: Scene) -> dict[str, Any]:
    cause, actor, university = scene.cause, scene.cause.actor, scene.university
    told: dict[str, Any] = {
        "client_ip": actor.ip,
        "hostname": HOST,
        "http_method": cause.method,
        "referrer": referrer_of(scene),
        "request_id": cause.id,
        "session_id": None if cause.by_token else actor.session,
        "url": f"https://{HOST}{cause.path}",
        "user_agent": "python-requests/2.32.3" if cause.by_token else actor.browser,
    }
    if "/api/v1/" in cause.path:
        told["developer_key_id"] = "170000000000056"
    if cause.context:
        told |= _context(scene)
    if not cause.anonymous and scene.name not in _WITHOUT_USER:
        told |= {
            "time_zone": actor.time_zone,
            "user_account_id": str(university.global_id(university.root.id)),
            "user_id": str(university.global_id(actor.id)),
            "user_login": actor.login,
            "user_sis_id": actor.sis_id,
        }
    return told


def _context(scene: Scene) -> dict[str, Any]:
    university, course = scene.university, scene.course
    told: dict[str, Any] = {
        "context_type": scene.cause.context,
        "context_id": str(university.global_id(scene.context_number())),
        "context_account_id": str(university.global_id(course.account.id)),
        "context_sis_source_id": None,
    }
    if scene.cause.context == "Course":
        told["context_sis_source_id"] = course.sis_id
        if not scene.cause.anonymous:
            told["context_role"] = scene.role()
    if scene.cause.context == "User":
        told["context_account_id"] = None
    return told


def referrer_of(scene: Scene) -> str | None:
    """Where who acts came from; None for a script."""
    cause = scene.cause
    if cause.by_token or "/api/v1/files" in cause.path:
        return None
    if cause.context in {"Course", "Group"}:
        return f"https://{HOST}/courses/{scene.course.id}/modules"
    return f"https://{HOST}/accounts/1" if cause.context == "Account" else f"https://{HOST}/"
