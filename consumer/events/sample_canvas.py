"""Sample events in Canvas format: the metadata of a request or a job, and the bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.events.sample_scene import ACCOUNT_UUID, BROWSER, HOST, global_id, long_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.events.sample_scene import Scene


def canvas_event(scene: Scene) -> dict[str, Any]:
    """The event as Canvas sends it. Raises `KeyError` for a name that is not in `BODIES`."""
    metadata = _always(scene) | (_of_request(scene) if scene.job is None else _of_job(scene))
    return {"metadata": dict(sorted(metadata.items())), "body": BODIES[scene.name](scene)}


def _always(scene: Scene) -> dict[str, Any]:
    return {
        "event_name": scene.name,
        "event_time": scene.stamp,
        "producer": "canvas",
        "root_account_id": global_id(1),
        "root_account_lti_guid": f"{ACCOUNT_UUID}.{HOST}",
        "root_account_uuid": ACCOUNT_UUID,
    }


def _of_job(scene: Scene) -> dict[str, Any]:
    return {"job_id": global_id(scene.thing * 31), "job_tag": scene.job}


def _of_request(scene: Scene) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "client_ip": scene.client_ip,
        "context_account_id": global_id(12),
        "context_id": global_id(scene.course),
        "context_role": "StudentEnrollment",
        "context_sis_source_id": f"2026-FALL-{scene.course}",
        "context_type": "Course",
        "hostname": HOST,
        "http_method": "GET" if scene.name == "asset_accessed" else "POST",
        "referrer": scene.referrer,
        "request_id": scene.request_id,
        "session_id": scene.session_id,
        "time_zone": "America/Denver",
        "url": scene.url,
        "user_account_id": global_id(1),
        "user_agent": BROWSER,
        "user_id": global_id(scene.user),
        "user_login": scene.login,
        "user_sis_id": scene.sis_id,
    }
    if "/api/v1/" in scene.url:
        metadata |= {"developer_key_id": "170000000000056", "referrer": None}
    return metadata


def _asset(scene: Scene) -> dict[str, Any]:
    return {
        "asset_id": global_id(scene.thing),
        "asset_name": f"Week {scene.week}: reading list",
        "asset_subtype": None,
        "asset_type": "wiki_page",
        "category": "wiki",
        "level": None,
        "role": "StudentEnrollment",
    }


def _submission(scene: Scene) -> dict[str, Any]:
    graded = scene.name == "submission_updated"
    return {
        "assignment_id": global_id(scene.assignment),
        "attempt": scene.thing % 3 + 1,
        "body": None,
        "grade": str(scene.score) if graded else None,
        "graded_at": scene.stamp if graded else None,
        "group_id": None,
        "late": False,
        "lti_assignment_id": scene.request_id,
        "lti_user_id": f"{scene.session_id}b9d4a7c1",
        "missing": False,
        "score": scene.score + 0.5 if graded else None,
        "submission_id": global_id(scene.thing),
        "submission_type": "online_upload",
        "submitted_at": scene.stamp,
        "updated_at": scene.stamp,
        "url": None,
        "user_id": global_id(scene.user),
        "workflow_state": "graded" if graded else "submitted",
    }


def _grade(scene: Scene) -> dict[str, Any]:
    return {
        "assignment_id": global_id(scene.assignment),
        "grade": str(scene.score),
        "grader_id": global_id(99),
        "grading_complete": True,
        "muted": False,
        "old_grade": None,
        "old_points_possible": 100.0,
        "old_score": None,
        "points_possible": 100.0,
        "score": scene.score,
        "student_id": global_id(scene.user),
        "student_sis_id": scene.sis_id,
        "submission_id": global_id(scene.thing),
        "user_id": global_id(scene.user),
    }


def _course(scene: Scene) -> dict[str, Any]:
    created = scene.name == "course_created"
    return {
        "account_id": global_id(12),
        "course_id": global_id(scene.course),
        "created_at": "2026-08-03T15:02:41Z",
        "name": f"Seminar {scene.course}",
        # One of the shapes that Canvas really gives to a time.
        "updated_at": "2026-08-03T15:02:41Z" if created else "2026-09-01 07:38:00 -0600",
        "uuid": f"{scene.course:04}{ACCOUNT_UUID[4:]}",
        "workflow_state": "claimed" if created else "available",
    }


def _enrollment(scene: Scene) -> dict[str, Any]:
    return {
        "associated_user_id": None,
        "course_id": global_id(scene.course),
        "course_section_id": global_id(scene.course + 7_000),
        "created_at": scene.stamp,
        "enrollment_id": global_id(scene.thing),
        "limit_privileges_to_course_section": False,
        "type": "StudentEnrollment",
        "updated_at": scene.stamp,
        "user_id": global_id(scene.user),
        "user_name": f"Student {scene.user}",
        "workflow_state": "active",
    }


def _enrollment_state(scene: Scene) -> dict[str, Any]:
    return {
        "access_is_current": True,
        "enrollment_id": global_id(scene.thing),
        "restricted_access": False,
        "state": "active",
        "state_is_current": True,
        "state_started_at": "2026-08-24 00:00:00 -0600",
        "state_valid_until": None,
    }


def _entry(scene: Scene) -> dict[str, Any]:
    """Its ids are local ones, as Canvas's are there."""
    return {
        "created_at": scene.stamp,
        "discussion_entry_id": str(scene.thing),
        "discussion_topic_id": str(scene.thing % 300 + 1),
        "text": long_page(2),
        "user_id": str(scene.user),
    }


def _attachment(scene: Scene) -> dict[str, Any]:
    return {
        "attachment_id": global_id(scene.thing),
        "content_type": "application/pdf",
        "context_id": global_id(scene.course),
        "context_type": "Course",
        "display_name": f"essay-{scene.thing}.pdf",
        "filename": f"essay-{scene.thing}.pdf",
        "folder_id": global_id(scene.course * 3),
        "lock_at": None,
        "unlock_at": None,
        "updated_at": scene.stamp,
        "user_id": global_id(scene.user),
    }


def _page(scene: Scene) -> dict[str, Any]:
    return {
        "body": long_page(),
        "old_body": long_page(),
        "title": f"Week {scene.week}: reading list",
        "wiki_page_id": global_id(scene.thing),
    }


def _user(scene: Scene) -> dict[str, Any]:
    return {
        "created_at": scene.stamp,
        "name": f"Student {scene.user}",
        "short_name": f"Student {scene.user}",
        "updated_at": scene.stamp,
        "user_id": global_id(scene.user),
        "user_login": scene.login,
        "user_sis_id": scene.sis_id,
        "uuid": f"{scene.user:04}{ACCOUNT_UUID[4:]}",
        "workflow_state": "pre_registered",
    }


#: The body of each event that there is a sample of.
BODIES: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "asset_accessed": _asset,
    "attachment_created": _attachment,
    "course_created": _course,
    "course_updated": _course,
    "discussion_entry_created": _entry,
    "enrollment_created": _enrollment,
    "enrollment_state_created": _enrollment_state,
    "enrollment_state_updated": _enrollment_state,
    "grade_change": _grade,
    "logged_in": lambda scene: {"redirect_url": f"https://{HOST}/?login_success={scene.user % 2}"},
    "logged_out": lambda _: {},
    "quiz_submitted": lambda scene: {
        "quiz_id": global_id(scene.assignment),
        "submission_id": global_id(scene.thing),
    },
    "submission_created": _submission,
    "submission_updated": _submission,
    "user_created": _user,
    "wiki_page_updated": _page,
}
