"""Samples in Canvas format: the body from the model of the event, the metadata from its cause."""

from typing import Any

from consumer.events.catalog import index, model_of
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import HOST, TIME_ZONE
from consumer.events.samples.values import local_time, record_of, written


def body_of(scene: Scene) -> dict[str, Any]:
    """The body of the scene's event."""
    if scene.name == "asset_accessed":
        return _asset_body(scene)
    model = model_of(scene.name)
    return {} if model is None else record_of(model, scene)


def canvas_event(scene: Scene) -> dict[str, Any]:
    """The whole event. The scene has its body already."""
    return {"metadata": _metadata(scene), "body": scene.body}


def _asset_body(scene: Scene) -> dict[str, Any]:
    asset, thing = scene.asset, scene.thing(scene.asset.type)
    role = "GroupMembership" if asset.context == "Group" else scene.role()
    body = {
        "asset_name": thing.name,
        "asset_type": asset.type,
        "asset_id": str(scene.university.global_id(thing.id)),
        "asset_subtype": asset.subtype,
        "category": asset.category,
        "role": None if scene.dice.chance(0.2) else role,
        "level": "participate" if asset.type == "web_conference" else None,
    }
    if asset.type == "attachment":
        body |= {"filename": thing.name.replace(" ", "+"), "display_name": thing.name}
    if asset.type == "context_external_tool":
        domain = "tool.example.com"
        body |= {"domain": domain, "url": f"https://{domain}/launch/{thing.id}"}
    if role == "StudentEnrollment":
        body |= {
            "enrollment_id": str(scene.number("enrollment")),
            "section_id": str(scene.section.id),
        }
    return body


def _metadata(scene: Scene) -> dict[str, Any]:
    """Events of a request and of a job have different keys."""
    university, cause = scene.university, scene.cause
    metadata: dict[str, Any] = {
        "event_name": scene.name,
        "event_time": written(scene.time),
        "root_account_uuid": university.uuid,
    }
    if index.category_of(scene.name) == "new_quizzes":  # a separate service, with few metadata
        return metadata | {"producer": "quizzes"}
    if scene.name == "course_updated" and cause.job is not None:
        metadata["event_time"] = local_time(scene.time)
    metadata |= {
        "producer": "canvas",
        "root_account_id": str(university.global_id(university.root.id)),
        "root_account_lti_guid": university.lti_guid,
    }
    if cause.job is not None:
        return metadata | {"job_id": cause.id, "job_tag": cause.job}
    return metadata | _of_request(scene)


def _of_request(scene: Scene) -> dict[str, Any]:
    cause, actor, university = scene.cause, scene.cause.actor, scene.university
    metadata: dict[str, Any] = {
        "client_ip": actor.ip,
        "hostname": HOST,
        "http_method": cause.method,
        "referrer": referrer_of(scene),
        "request_id": cause.id,
        "session_id": None if cause.by_token else actor.session,
        "url": f"https://{HOST}{cause.path}",
        "user_agent": user_agent_of(scene),
    }
    if "/api/v1/" in cause.path:
        metadata["developer_key_id"] = "170000000000056"
    if cause.context:
        metadata |= _context(scene)
    if scene.name != "heartbeat":
        metadata |= {
            "time_zone": TIME_ZONE,
            "user_account_id": str(university.global_id(university.root.id)),
            "user_id": str(university.global_id(actor.id)),
            "user_login": actor.login,
            "user_sis_id": actor.sis_id,
        }
    return metadata


def _context(scene: Scene) -> dict[str, Any]:
    university, course, context = scene.university, scene.course, scene.cause.context
    account = str(university.global_id(course.account.id))
    return {
        "context_type": context,
        "context_id": str(university.global_id(scene.number("context"))),
        "context_account_id": None if context == "User" else account,
        "context_sis_source_id": course.sis_id if context == "Course" else None,
        "context_role": scene.role(),
    }


def user_agent_of(scene: Scene) -> str:
    """The program that sent the request."""
    return "python-requests/2.32.3" if scene.cause.by_token else scene.cause.actor.browser


def referrer_of(scene: Scene) -> str | None:
    """The page before the request; None for a script."""
    cause = scene.cause
    if cause.by_token or "/api/v1/files" in cause.path:
        return None
    is_course = cause.context in {"Course", "Group"}
    return f"https://{HOST}/" + (f"courses/{scene.course.id}/modules" if is_course else "")
