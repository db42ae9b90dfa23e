"""The names of all events that Canvas is known to send, by category. Light: it loads no model.

Names keep appearing: what is not here is ordinary, and never refused.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from consumer.did_you_mean import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.messages import Format

#: By category, which is the name of the module with the models.
CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "account": ("account_created", "account_updated", "account_notification_created"),
        "asset": ("asset_accessed",),
        "assignment": (
            "assignment_created",
            "assignment_updated",
            "assignment_group_created",
            "assignment_group_updated",
            "assignment_override_created",
            "assignment_override_updated",
        ),
        "attachment": ("attachment_created", "attachment_updated", "attachment_deleted"),
        "content": ("content_migration_started", "content_migration_completed"),
        "conversation": (
            "conversation_created",
            "conversation_forwarded",
            "conversation_message_created",
        ),
        "course": (
            "course_created",
            "course_updated",
            "course_section_created",
            "course_section_updated",
            "course_progress",
            "course_completed",
        ),
        "discussion": (
            "discussion_entry_created",
            "discussion_entry_submitted",
            "discussion_topic_created",
            "discussion_topic_updated",
        ),
        "enrollment": (
            "enrollment_created",
            "enrollment_updated",
            "enrollment_state_created",
            "enrollment_state_updated",
        ),
        "final": ("final_grade_custom_status",),
        "grade": ("grade_change", "course_grade_change", "grade_override"),
        "group": (
            "group_created",
            "group_updated",
            "group_category_created",
            "group_category_updated",
            "group_membership_created",
            "group_membership_updated",
        ),
        "learning": (
            "learning_outcome_created",
            "learning_outcome_updated",
            "learning_outcome_group_created",
            "learning_outcome_group_updated",
            "learning_outcome_link_created",
            "learning_outcome_link_updated",
            "learning_outcome_result_created",
            "learning_outcome_result_updated",
            "outcome_proficiency_created",
            "outcome_proficiency_updated",
        ),
        "logged": ("logged_in", "logged_out"),
        "lti": ("lti_resource_link_created", "lti_resource_link_updated"),
        "master": ("master_migration_started",),
        "module": (
            "module_created",
            "module_updated",
            "module_item_created",
            "module_item_updated",
        ),
        "outcome": (
            "outcome_calculation_method_created",
            "outcome_calculation_method_updated",
            "outcomes.retry_outcome_alignment_clone",
        ),
        "plagiarism": ("plagiarism_resubmit",),
        "quiz": ("quiz_submitted", "quiz_created", "quiz_updated"),
        "rubric": ("rubric_assessed",),
        "sis": ("sis_batch_created", "sis_batch_updated"),
        "submission": (
            "submission_created",
            "submission_updated",
            "submission_comment_created",
            "submission_custom_grade_status",
        ),
        "syllabus": ("syllabus_updated",),
        "user": ("user_created", "user_updated", "user_account_association_created"),
        "wiki": ("wiki_page_created", "wiki_page_updated", "wiki_page_deleted"),
        # Sent by Canvas's code, without a published payload.
        "undocumented": (
            "blueprint_restrictions_updated",
            "blueprint_subscription_created",
            "blueprint_subscription_deleted",
            "content_export_created",
            "default_blueprint_restrictions_updated",
            "heartbeat",
            "master_migration_completed",
            "master_template_created",
            "outcome_friendly_description_created",
            "outcome_friendly_description_updated",
            "quiz_export_complete",
            "quizzes_next_migration_urls_complete",
            "quizzes_next_quiz_duplicated",
        ),
        # Sent by New Quizzes, a service of its own with ids of its own.
        "new_quizzes": (
            "quizzes.item_created",
            "quizzes.item_updated",
            "quizzes.qti_import_completed",
            "quizzes.quiz_clone_job_created",
            "quizzes.quiz_clone_job_updated",
            "quizzes.quiz_created",
            "quizzes.quiz_graded",
            "quizzes.quiz_session_graded",
            "quizzes.quiz_session_submitted",
            "quizzes.quiz_session_ungraded",
            "quizzes.quiz_updated",
            "quizzes-lti.grade_changed",
            "quiz_caliper.asset_accessed",
            "quiz_caliper.item_created",
            "quiz_caliper.item_updated",
            "quiz_caliper.quiz_created",
            "quiz_caliper.quiz_session_created",
            "quiz_caliper.quiz_session_updated",
            "quiz_caliper.quiz_started",
            "quiz_caliper.quiz_submitted",
            "quiz_caliper.quiz_updated",
        ),
    }
)

#: The events that Canvas sends in Caliper's format, too, when that is chosen.
CALIPER: Final = frozenset(
    {
        "asset_accessed",
        "assignment_created",
        "assignment_updated",
        "assignment_override_created",
        "assignment_override_updated",
        "attachment_created",
        "attachment_updated",
        "attachment_deleted",
        "course_created",
        "course_updated",
        "discussion_entry_created",
        "discussion_topic_created",
        "enrollment_created",
        "enrollment_updated",
        "enrollment_state_created",
        "enrollment_state_updated",
        "grade_change",
        "group_category_created",
        "group_created",
        "group_membership_created",
        "logged_in",
        "logged_out",
        "quiz_created",
        "quiz_submitted",
        "quiz_updated",
        "submission_created",
        "submission_updated",
        "syllabus_updated",
        "user_account_association_created",
        "wiki_page_created",
        "wiki_page_updated",
        "wiki_page_deleted",
    }
)

_CATEGORY_OF: Final = {name: category for category, names in CATEGORIES.items() for name in names}


def names(event_format: Format = "canvas") -> tuple[str, ...]:
    """All names that are known in this format, in the order of the categories."""
    known = tuple(_CATEGORY_OF)
    return known if event_format == "canvas" else tuple(n for n in known if n in CALIPER)


def category_of(name: str) -> str | None:
    """The category of an event, or None if the catalog does not know it."""
    return _CATEGORY_OF.get(name)


def is_known(name: str, event_format: Format = "canvas") -> bool:
    """True if Canvas is known to send this event in this format."""
    return name in _CATEGORY_OF if event_format == "canvas" else name in CALIPER


def matches_any(pattern: str) -> bool:
    """True if a handler's pattern, a name or a glob, matches an event that is known."""
    return pattern in _CATEGORY_OF or any(fnmatchcase(name, pattern) for name in _CATEGORY_OF)


def nearest(name: str, count: int = 3) -> tuple[str, ...]:
    """Known names that somebody who wrote `name` may have meant, the nearest first."""
    near = closest(name, _CATEGORY_OF, count=count, cutoff=0.5)
    # Half right is near, too: "course_deleted" may have meant one of the other course events.
    start = re.split(r"[^a-z0-9]", name, maxsplit=1)[0]
    alike = [known for known in _CATEGORY_OF if start and known.startswith(start + "_")]
    return tuple(dict.fromkeys([*near, *alike]))[:count]


def class_name(name: str) -> str:
    """The name of the model's class: SubmissionCreated for "submission_created"."""
    return "".join(part.capitalize() for part in re.split(r"[._-]", name))
