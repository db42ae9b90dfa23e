"""What makes events happen in samples: a request that somebody sent, or a background job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from consumer.events.catalog import index

if TYPE_CHECKING:
    from consumer.events.samples.university import Course, User

#: Who acts. "self": a student, and the event is about them.
Cast = Literal["self", "teacher", "admin"]
#: Where it happens, as metadata have it.
Context = Literal["Course", "Account", "User", "Group", ""]

_SELF = (
    "asset_accessed", "conversation_created", "conversation_forwarded",
    "conversation_message_created", "course_completed", "course_progress",
    "discussion_entry_created", "discussion_entry_submitted", "group_membership_created",
    "logged_in", "logged_out", "plagiarism_resubmit", "quiz_submitted", "submission_created",
    "user_updated",
)  # fmt: skip
_ADMIN = (
    "account_created", "account_notification_created", "account_updated", "course_created",
    "course_section_created", "course_section_updated", "course_updated", "enrollment_created",
    "heartbeat", "outcome_calculation_method_created", "outcome_calculation_method_updated",
    "outcome_proficiency_created", "outcome_proficiency_updated", "sis_batch_created",
    "sis_batch_updated", "user_account_association_created", "user_created",
)  # fmt: skip
_ACCOUNT = (
    "account_notification_created", "outcome_calculation_method_created",
    "outcome_calculation_method_updated", "outcome_proficiency_created",
    "outcome_proficiency_updated", "sis_batch_created", "sis_batch_updated", "user_created",
)  # fmt: skip
_NOWHERE = (
    "account_created", "account_updated", "conversation_created", "conversation_forwarded",
    "conversation_message_created", "course_created", "heartbeat", "logged_in", "logged_out",
    "user_account_association_created", "user_updated",
)  # fmt: skip

IMPORT = "SIS::CSV::ImportRefactored#run_parallel_importer"
COPY = "ContentMigration#import_content"
_OUTCOMES = "RubricAssessment#update_outcomes_for_assessment"
_BLUEPRINT = "MasterCourses::MasterMigration#perform_exports"
#: By the job, the share of cases in which it is the cause, and what it causes.
_JOBS = (
    (1.0, COPY, ("content_migration_started", "content_migration_completed")),
    (0.5, COPY, ("module_created", "learning_outcome_group_created")),
    (1.0, _BLUEPRINT, ("master_migration_started", "master_migration_completed")),
    (1.0, _OUTCOMES, ("learning_outcome_result_created", "learning_outcome_result_updated")),
    (0.7, IMPORT, ("user_account_association_created", "enrollment_updated")),
    (1.0, "EnrollmentState.process_account_states_in_ranges", ("enrollment_state_updated",)),
    (0.7, "ContextModuleProgression#evaluate!", ("course_progress", "course_completed")),
    (0.3, "Canvas::Migration::Worker::CourseCopyWorker#perform", ("discussion_topic_created",)),
    (0.5, "Account.api_create", ("account_created",)),
    (1.0, "Quizzes::QuizExport#perform", ("quiz_export_complete", "content_export_created")),
)
JOBS = {name: (share, tag) for share, tag, names in _JOBS for name in names}

_READS = {"course_progress", "course_completed", "heartbeat", "asset_accessed"}
#: Where the request goes; else to the course, or the account.
_PATHS = {
    "attachment_created": "/api/v1/files/{thing}/create_success?uuid={uuid}",
    "assignment_created": "/api/v1/courses/{course}/assignments",
    "assignment_updated": "/api/v1/courses/{course}/assignments/{assignment}",
    "conversation_created": "/conversations",
    "conversation_message_created": "/conversations/{thing}/add_message",
    "course_created": "/api/v1/accounts/{account}/courses",
    # Scripts send their token in the address; so it is in what Canvas reports. It opens no door.
    "course_updated": "/api/v1/courses/{course}?access_token={shard}~{secret}&include[]=term",
    "course_section_created": "/api/v1/courses/{course}/sections?access_token={shard}~{secret}",
    "discussion_entry_created": "/api/v1/courses/{course}/discussion_topics/{topic}/entries",
    "discussion_topic_created": "/api/v1/courses/{course}/discussion_topics",
    "enrollment_created": "/courses/{course}/enroll_users",
    "enrollment_state_created": "/courses/{course}/enroll_users",
    "grade_change": "/courses/{course}/gradebook/update_submission",
    "group_membership_created": "/api/v1/groups/{group}/memberships",
    "logged_in": "/login/canvas",
    "logged_out": "/logout",
    "quiz_submitted": "/courses/{course}/quizzes/{quiz}/submissions?user_id={user}",
    "sis_batch_created": "/api/v1/accounts/self/sis_imports.json?access_token={shard}~{secret}",
    "submission_comment_created": "/courses/{course}/assignments/{assignment}/submissions/{user}",
    "submission_created": "/courses/{course}/assignments/{assignment}/submissions",
    "submission_updated": "/courses/{course}/gradebook/update_submission",
    "user_created": "/api/v1/accounts/{account}/users",
    "wiki_page_updated": "/api/v1/courses/{course}/pages/week-{week}",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One request, or one job: all events of one cause share its id."""

    actor: User
    context: Context
    method: str
    #: Path and query of the request.
    path: str
    #: Of the request, or of the job.
    id: str
    #: None for a request.
    job: str | None = None
    #: Nobody was logged in.
    anonymous: bool = False

    @property
    def by_token(self) -> bool:
        """True for a script with an access token: without a web session."""
        return "access_token=" in self.path


def cast_of(name: str) -> Cast:
    """Who acts in an event of this name."""
    if name in _SELF:
        return "self"
    return "admin" if name in _ADMIN else "teacher"


def context_of(name: str) -> Context:
    """Where an event of this name happens."""
    if name in _NOWHERE:
        return ""
    return "Account" if name in _ACCOUNT else "Course"


def method_of(name: str) -> str:
    """The HTTP method of the request behind it."""
    if name in _READS:
        return "GET"
    if name.endswith("_deleted"):
        return "DELETE"
    return "PUT" if name.endswith("_updated") else "POST"


def path_of(name: str, course: Course, **numbers: object) -> str:
    """Path and query of the request behind it."""
    usual = "/accounts/{account}" if context_of(name) == "Account" else "/courses/{course}"
    if index.category_of(name) == "new_quizzes":
        usual = "/api/quizzes/{quiz}"
    path = _PATHS.get(name, usual)
    return path.format(course=course.id, account=course.account.id, **numbers)
