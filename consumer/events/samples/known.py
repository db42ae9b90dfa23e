"""What is known of certain fields beyond the declarations of the catalog."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from consumer.events.samples import words
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import HOST, TIME_ZONE

#: Fields that are null or absent in some events.
OPTIONAL: Final = {
    "asset_subtype", "assignment_id_duplicated_from", "associated_integration_id",
    "associated_integration_ids", "associated_user_id", "can_manually_enroll", "completed_at",
    "domain_duplicated_from", "enrollment_term_id", "group_id", "hide_correct_answers_at",
    "hide_results", "integration_data", "integration_id", "ip_filter", "lock_at",
    "lti_resource_link_id_duplicated_from", "nonxlist_course_id", "old_body", "old_display_name",
    "old_grade", "old_score", "old_title", "parent_account_id", "parent_discussion_entry_id",
    "posted_at", "show_correct_answers_at", "sis_batch_id", "source_course_uuid",
    "state_valid_until", "time_limit", "unlock_at", "url", "vendor_guid",
}  # fmt: skip

TERM_START: Final = datetime(2026, 8, 24, 6, tzinfo=UTC)
#: Days after the start of the term, and after the assignment is due.
IN_TERM: Final = {"start_at": 0, "state_started_at": 0, "end_at": 112, "state_valid_until": 112}
AROUND_DUE: Final = {"due_at": 0, "all_day_date": 0, "lock_at": 7, "unlock_at": -14}
#: Some time before the event.
BEFORE: Final = {
    "graded_at", "submitted_at", "artifact_created_at", "artifact_updated_at", "assessed_at",
}  # fmt: skip
#: Times that Canvas writes in other ways than the usual ones.
LOCAL_TIME: Final = "%Y-%m-%d %H:%M:%S -0600"
SHAPES: Final = {
    "course_updated.updated_at": LOCAL_TIME,
    "enrollment_state_created.state_started_at": LOCAL_TIME,
    "enrollment_state_updated.state_started_at": LOCAL_TIME,
    "conversation_forwarded.updated_at": "%Y-%m-%dT%H:%M:%S-06:00",
}

#: Ids of the actor, who is usually not whom the event is about.
OF_ACTOR: Final = {"author_id", "grader_id", "submission_comment_created.user_id"}
#: With these, a field is about another thing of the same kind.
OTHER: Final = ("old_", "original_", "parent_", "source_", "new_")
#: Events whose ids Canvas writes as numbers, mostly.
WITH_NUMBERS: Final = ("account_created", "account_updated", "assignment_override_")


def _grade(points: float | None) -> str | None:
    return None if points is None else f"{points:g}"


#: Values that must agree with each other, or with the scene.
#: By field; or by the event, its kind or the object that the field is in, and field.
VALUES: Final[Mapping[str, Callable[[Scene], Any]]] = {
    "context_type": lambda scene: scene.context_type(),
    "domain": lambda _: HOST,
    "default_time_zone": lambda _: TIME_ZONE,
    "ip_filter": lambda _: "192.0.2.0/24",
    "short_name": lambda scene: scene.subject.name.partition(" ")[0],
    "user_login": lambda scene: scene.subject.login,
    "email": lambda scene: scene.subject.login,
    "user_sis_id": lambda scene: scene.subject.sis_id,
    "student_sis_id": lambda scene: scene.subject.sis_id,
    "course.sis_source_id": lambda scene: scene.course.sis_id,
    "progress.requirement_count": lambda _: 9,
    "progress.requirement_completed_count": lambda scene: (
        9 if scene.name == "course_completed" else scene.dice.between(1, 8)
    ),
    "points_possible": lambda scene: scene.thing("assignment").points,
    "score": lambda scene: scene.score,
    "grade": lambda scene: _grade(scene.score),
    "old_score": lambda scene: scene.old_score,
    "old_grade": lambda scene: _grade(scene.old_score),
    "percent": lambda scene: scene.percent / 100,
    "percentage": lambda scene: scene.percent / 100,
    "attempt": lambda scene: scene.attempt,
    "submission_type": lambda scene: scene.submission_type,
    "submission_created.workflow_state": lambda _: "submitted",
    "submission_updated.workflow_state": lambda _: "graded",
    # A new submission has none of these yet.
    **dict.fromkeys(
        [f"submission_created.{key}" for key in ("score", "grade", "graded_at")], lambda _: None
    ),
    "submission.body": lambda scene: (
        scene.text if scene.submission_type == "online_text_entry" else None
    ),
    "submission.url": lambda scene: (
        f"https://{HOST}/portfolio" if scene.submission_type == "online_url" else None
    ),
    "submission_comment.body": lambda scene: scene.dice.pick(words.REMARKS),
    "filename": lambda scene: scene.thing("attachment").name.replace(" ", "+"),
    "content_type": lambda scene: words.FILE_TYPES[
        scene.thing("attachment").name.rpartition(".")[2]
    ],
    "wiki_page.body": lambda scene: words.html(scene.dice, mostly=12, long_share=0.35),
    # A deletion could not be seen in Caliper format.
    "wiki_page_updated.workflow_state": lambda scene: scene.dice.pick(("active", "unpublished")),
    "ratings.points": lambda scene: 4 - scene.index,
    "outcome_proficiency_ratings.points": lambda scene: 4.0 - scene.index,
    "outcome_proficiency_rating_id": lambda scene: str(
        scene.number("outcome_proficiency") * 10 + scene.index
    ),
}
