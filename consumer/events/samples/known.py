"""What is known of certain fields beyond their declaration: values that must agree."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from consumer.events.samples import words
from consumer.events.samples.university import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.events.samples.scene import Scene


def _graded(scene: Scene) -> bool:
    """Whether the submission has a grade by now."""
    return scene.name != "submission_created"


def _points(scene: Scene) -> float:
    return scene.item("assignment").points * scene.score / 100


def _grade(scene: Scene) -> str:
    points = _points(scene)
    return f"{points:g}"


def _only_graded(make: Callable[[Scene], Any]) -> Callable[[Scene], Any]:
    return lambda scene: make(scene) if _graded(scene) else None


def _attempt(scene: Scene) -> int:
    return scene.once("attempt", lambda dice: dice.between(1, 3))


def _way(scene: Scene) -> str:
    """How it was handed in."""
    return scene.once(
        "way", lambda dice: dice.pick(("online_upload", "online_text_entry", "online_url"))
    )


def _sis_fields(scene: Scene) -> list[str]:
    # An array that was made a text and split again.
    broken = ['["course_id"', ' "name"]']
    return broken if scene.dice.chance(0.5) else ["course_id", "name"]


def _workflow(created: str, *others: str) -> Callable[[Scene], str]:
    return lambda scene: (
        created if scene.name.endswith("_created") else scene.dice.pick((created, *others))
    )


def _body(scene: Scene) -> str | None:
    if _way(scene) != "online_text_entry":
        return None
    return scene.once("text", lambda dice: words.some_html(dice, mostly=6, long_share=0.03))


def _link(scene: Scene) -> str | None:
    if _way(scene) != "online_url":
        return None
    return f"https://portfolio.example.com/{scene.subject.id}/{scene.number('assignment')}"


def _file(scene: Scene) -> str:
    return scene.item("attachment").title


def _type_of_file(scene: Scene) -> str:
    ending = _file(scene).rpartition(".")[2]
    return dict(words.FILE_TYPES)[ending]


def _page(scene: Scene) -> str:
    return words.some_html(scene.dice, mostly=12, long_share=0.35)


def _old_score(scene: Scene) -> float | None:
    return scene.once("old score", lambda dice: _points(scene) / 2 if dice.chance(0.4) else None)


def _old_grade(scene: Scene) -> str | None:
    score = _old_score(scene)
    return None if score is None else f"{score:g}"


_POINTS = ((4, "Exceeds Mastery", "02672D"), (3, "Mastery", "03893D"),
           (2, "Near Mastery", "FAB901"), (1, "Below Mastery", "E0061F"))  # fmt: skip

#: By event (or the object that the field is in; "" for any) and field. These facts agree with each
#: other, or with the scene.
VALUES: Final[Mapping[tuple[str, str], Callable[[Scene], Any]]] = MappingProxyType(
    {
        ("", "context_type"): lambda scene: scene.context_type(),
        ("", "context_role"): lambda scene: scene.role(),
        ("", "context_uuid"): lambda scene: scene.university.token("course", scene.course.id),
        ("", "lti_context_id"): lambda scene: scene.university.hash("course", scene.course.id),
        ("", "destination_course_lti_id"): lambda scene: scene.university.hash(
            "course", scene.course.id
        ),
        ("", "uuid"): lambda scene: scene.university.token(*scene.entity()),
        ("", "domain"): lambda _: HOST,
        ("", "domain_duplicated_from"): lambda _: HOST,
        ("", "lti_assignment_id"): lambda scene: scene.university.guid(
            "assignment", scene.number("assignment")
        ),
        ("", "lti_user_id"): lambda scene: scene.university.hash("user", scene.subject.id),
        ("", "user_uuid"): lambda scene: scene.university.token("user", scene.subject.id),
        ("", "root_account_uuid"): lambda scene: scene.university.uuid,
        ("", "account_uuid"): lambda scene: scene.university.token(
            "account", scene.course.account.id
        ),
        ("", "user_name"): lambda scene: scene.subject.name,
        ("", "short_name"): lambda scene: scene.subject.name.partition(" ")[0],
        ("", "sortable_name"): lambda scene: ", ".join(scene.subject.name.split(" ")[::-1]),
        ("", "user_login"): lambda scene: scene.subject.login,
        ("", "email"): lambda scene: scene.subject.login,
        ("", "user_sis_id"): lambda scene: scene.subject.sis_id,
        ("", "student_sis_id"): lambda scene: scene.subject.sis_id,
        ("user", "id"): lambda scene: str(scene.subject.id),
        ("user", "name"): lambda scene: scene.subject.name,
        ("course", "id"): lambda scene: str(scene.course.id),
        ("course", "name"): lambda scene: scene.course.name,
        ("course", "sis_source_id"): lambda scene: scene.course.sis_id,
        ("", "sis_source_id"): lambda scene: f"{scene.course.sis_id}-{scene.section.id}",
        ("progress", "requirement_count"): lambda scene: scene.university.shard % 7 + 9,
        ("progress", "requirement_completed_count"): lambda scene: (
            scene.university.shard % 7 + 9
            if scene.name == "course_completed"
            else scene.dice.between(1, 8)
        ),
        ("progress", "next_requirement_url"): lambda scene: (
            f"https://{HOST}/courses/{scene.course.id}/modules/items/{scene.item('module').id}"
        ),
        ("", "redirect_url"): lambda scene: (
            f"https://{HOST}/courses/{scene.course.id}?login_success=1"
        ),
        ("", "default_time_zone"): lambda _: "America/Denver",
        ("", "default_locale"): lambda _: "en",
        ("", "stuck_sis_fields"): _sis_fields,
        ("", "points_possible"): lambda scene: scene.item("assignment").points,
        ("", "old_points_possible"): lambda scene: scene.item("assignment").points,
        ("", "score"): _only_graded(_points),
        ("", "grade"): _only_graded(_grade),
        ("", "old_score"): _old_score,
        ("", "old_grade"): _old_grade,
        ("", "attempt"): _attempt,
        ("", "submission_type"): _way,
        ("", "submission_types"): lambda _: "online_text_entry,online_upload",
        ("submission_created", "workflow_state"): lambda _: "submitted",
        ("submission_updated", "workflow_state"): lambda _: "graded",
        ("submission_created", "graded_at"): lambda _: None,
        ("submission_created", "body"): _body,
        ("submission_updated", "body"): _body,
        ("submission_created", "url"): _link,
        ("submission_updated", "url"): _link,
        ("submission_comment_created", "body"): lambda scene: words.sentence(scene.dice),
        ("grade_change", "grading_complete"): lambda _: True,
        ("grade_change", "muted"): lambda scene: scene.dice.chance(0.1),
        ("", "late"): lambda scene: scene.dice.chance(0.1),
        ("", "missing"): lambda _: False,
        ("", "access_is_current"): lambda _: True,
        ("", "state_is_current"): lambda _: True,
        ("", "restricted_access"): lambda scene: scene.dice.chance(0.1),
        ("", "is_announcement"): lambda scene: scene.dice.chance(0.2),
        ("", "display_name"): lambda scene: scene.title(),
        ("", "filename"): lambda scene: _file(scene).replace(" ", "+"),
        ("", "content_type"): _type_of_file,
        ("", "old_display_name"): lambda scene: f"old-{_file(scene)}",
        ("wiki_page_created", "body"): _page,
        ("wiki_page_updated", "body"): _page,
        ("wiki_page_updated", "old_body"): _page,
        ("wiki_page_updated", "old_title"): lambda scene: f"Draft of {scene.title().lower()}",
        ("", "group_name"): lambda scene: scene.item("group").title,
        ("", "group_category_name"): lambda _: "Project groups",
        ("", "integration_data"): lambda _: {"provider": "example"},
        ("", "color"): lambda scene: _POINTS[scene.index % 4][2],
        ("ratings", "points"): lambda scene: _POINTS[scene.index % 4][0],
        ("ratings", "description"): lambda scene: _POINTS[scene.index % 4][1],
        ("outcome_proficiency_ratings", "points"): lambda scene: float(_POINTS[scene.index % 4][0]),
        ("outcome_proficiency_ratings", "description"): lambda scene: _POINTS[scene.index % 4][1],
        ("outcome_proficiency_ratings", "mastery"): lambda scene: scene.index % 4 == 1,
        ("outcome_proficiency_ratings", "outcome_proficiency_rating_id"): lambda scene: str(
            scene.number("outcome_proficiency") * 10 + scene.index % 4
        ),
        ("", "mastery_points"): lambda _: 3,
        ("", "percent"): lambda scene: scene.score / 100,
        ("", "percentage"): lambda scene: scene.score / 100,
        ("", "calculation_int"): lambda _: 65,
        ("", "ip_filter"): lambda _: "192.0.2.0/24",
        ("course_created", "workflow_state"): _workflow("claimed"),
        ("course_updated", "workflow_state"): _workflow("available", "claimed", "completed"),
        # The Caliper form does not tell it: a deletion would be one in one format only.
        ("wiki_page_updated", "workflow_state"): _workflow("active", "unpublished"),
        ("user_created", "workflow_state"): _workflow("pre_registered"),
        ("", "content_export_id"): lambda scene: f"content-export-{scene.number('content_export')}",
    }
)
