"""How Canvas writes certain fields: shapes of times, ids as numbers, what is absent or null."""

from __future__ import annotations

from datetime import timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

#: Fields of who acts.
ACTOR_KEYS: Final = frozenset({"author_id", "grader_id"})
#: Here the user is who acts, not whom it is about.
ACTOR_IDS: Final = frozenset({("submission_comment_created", "user_id")})
#: Events whose ids Canvas writes as numbers.
INTEGER_IDS: Final = frozenset(
    {
        "account_created", "account_updated",
        "assignment_override_created", "assignment_override_updated",
    }
)  # fmt: skip

_DENVER: Final = timezone(timedelta(hours=-6))
_LOCAL_TIME, _OFFSET = "%Y-%m-%d %H:%M:%S -0600", "%Y-%m-%dT%H:%M:%S-06:00"
#: Times that Canvas writes in another shape than the others.
SHAPES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("course_updated", "updated_at"): _LOCAL_TIME,
        ("enrollment_state_created", "state_started_at"): _LOCAL_TIME,
        ("enrollment_state_updated", "state_started_at"): _LOCAL_TIME,
        ("conversation_forwarded", "updated_at"): _OFFSET,
        ("outcome_calculation_method_updated", "updated_at"): _OFFSET,
        ("outcome_proficiency_updated", "updated_at"): _OFFSET,
    }
)
#: Days from the begin of the term.
IN_TERM: Final = {"start_at": 0, "state_started_at": 0, "end_at": 112, "state_valid_until": 112}
#: Days from when the assignment is due.
AROUND_DUE: Final = {"due_at": 0, "all_day_date": 0, "lock_at": 7, "unlock_at": -14}
#: Before the event.
BEFORE: Final = frozenset(
    {"graded_at", "submitted_at", "artifact_created_at", "artifact_updated_at", "assessed_at"}
)

#: The share of events that have the field, where not all do.
PRESENT: Final = {
    "associated_integration_id": 0.05,
    "associated_integration_ids": 0.05,
    "assignment_id_duplicated_from": 0.1,
    "domain_duplicated_from": 0.1,
    "lti_resource_link_id_duplicated_from": 0.1,
    "old_body": 0.7,
    "old_display_name": 0.6,
    "old_title": 0.4,
    "parent_discussion_entry_id": 0.5,
    "source_course_uuid": 0.8,
}
#: The share of events in which the field is null.
NULL: Final = {
    "asset_subtype": 0.5,
    "associated_user_id": 0.9,
    "can_manually_enroll": 0.7,
    "accepting_enrollments": 0.1,
    "completed_at": 0.4,
    "enrollment_term_id": 0.1,
    "group_id": 0.7,
    "hide_results": 0.7,
    "hide_correct_answers_at": 0.8,
    "integration_data": 0.8,
    "integration_id": 0.8,
    "ip_filter": 0.9,
    "lock_at": 0.4,
    "lti_user_id": 0.1,
    "nonxlist_course_id": 0.9,
    "old_grade": 0.5,
    "old_score": 0.5,
    "parent_account_id": 0.1,
    "parent_discussion_entry_id": 0.3,
    "posted_at": 0.4,
    "show_correct_answers_at": 0.8,
    "sis_source_id": 0.2,
    "sis_batch_id": 0.5,
    "state_valid_until": 0.4,
    "student_sis_id": 0.1,
    "time_limit": 0.4,
    "unlock_at": 0.4,
    "url": 0.6,
    "vendor_guid": 0.4,
}


def local_time(time: datetime, shape: str) -> str:
    """The time in one of these shapes."""
    return time.astimezone(_DENVER).strftime(shape)
