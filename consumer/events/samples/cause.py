"""What causes events in samples: a request of a person or a script, or a background job.

Most requests look at something: at one of the assets.
"""

from dataclasses import dataclass
from typing import Literal

from consumer.events.samples.university import User

# By how the names of events begin; for other events it is a teacher, in a course.
_BY_STUDENT = (
    "asset_", "conversation_", "course_completed", "course_progress", "discussion_entry_",
    "group_membership_", "logged_", "plagiarism_", "quiz_submitted", "submission_created",
    "user_updated",
)  # fmt: skip
_BY_ADMIN = (
    "account_", "course_created", "course_section_", "course_updated", "enrollment_created",
    "heartbeat", "outcome_calculation_", "outcome_proficiency_", "sis_batch_", "user_",
)  # fmt: skip
_IN_ACCOUNT = (
    "account_notification_", "outcome_calculation_", "outcome_proficiency_", "sis_batch_",
    "user_created",
)  # fmt: skip
_NOWHERE = ("account_", "conversation_", "course_created", "heartbeat", "logged_", "user_")

IMPORT = "SIS::CSV::ImportRefactored#run_parallel_importer"
COPY = "ContentMigration#import_content"
_OUTCOMES = "RubricAssessment#update_outcomes_for_assessment"
_BLUEPRINT = "MasterCourses::MasterMigration#perform_exports"
#: The tag of the job, the share of cases in which it is the cause, and what it causes.
_JOBS = (
    (COPY, 1.0, ("content_migration_started", "content_migration_completed")),
    (COPY, 0.5, ("module_created", "learning_outcome_group_created")),
    (_BLUEPRINT, 1.0, ("master_migration_started", "master_migration_completed")),
    (_OUTCOMES, 1.0, ("learning_outcome_result_created", "learning_outcome_result_updated")),
    (IMPORT, 0.7, ("user_account_association_created", "enrollment_updated")),
    ("EnrollmentState.process_account_states_in_ranges", 1.0, ("enrollment_state_updated",)),
    ("ContextModuleProgression#evaluate!", 0.7, ("course_progress", "course_completed")),
)
JOBS = {name: (tag, share) for tag, share, names in _JOBS for name in names}

_READS = {"course_progress", "course_completed", "heartbeat", "asset_accessed"}
#: Path and query of requests that are not made of what the event is about. Scripts may send their
#: token in the URL, so it is in what Canvas reports; these are no real tokens.
_PATHS = {
    "attachment_created": "/api/v1/files/{number}/create_success?uuid={uuid}",
    "course_updated": "/api/v1/courses/{course}?access_token={token}&include[]=term",
    "course_section_created": "/api/v1/courses/{course}/sections?access_token={token}",
    "enrollment_state_created": "/courses/{course}/enroll_users",
    "grade_change": "/courses/{course}/gradebook/update_submission",
    "logged_in": "/login/canvas",
    "logged_out": "/logout",
    "sis_batch_created": "/api/v1/accounts/self/sis_imports.json?access_token={token}",
    "submission_updated": "/courses/{course}/gradebook/update_submission",
}
_PLURALS = {"quiz": "quizzes", "group_category": "group_categories"}


@dataclass(frozen=True, slots=True)
class Cause:
    """One request, or one job: all events of one cause share its id."""

    actor: User
    #: Of the request, or of the job.
    id: str
    #: The tag of the job; None for a request.
    job: str | None = None
    #: Where it happens, as metadata have it: "Course", "Account", "User", "Group" or "".
    context: str = ""
    method: str = ""
    #: Path and query of the request.
    path: str = ""

    @property
    def by_token(self) -> bool:
        """True for a script with an access token: it has no web session."""
        return "access_token=" in self.path


def actor_of(name: str) -> Literal["student", "teacher", "admin"]:
    """Who acts in an event of this name; a student is also whom the event is about."""
    if name.startswith(_BY_STUDENT):
        return "student"
    return "admin" if name.startswith(_BY_ADMIN) else "teacher"


def context_of(name: str) -> Literal["Course", "Account", ""]:
    """Where an event of this name happens."""
    if name.startswith(_IN_ACCOUNT):
        return "Account"
    return "" if name.startswith(_NOWHERE) else "Course"


def method_of(name: str) -> str:
    """The HTTP method of the request behind an event."""
    if name in _READS:
        return "GET"
    if name.endswith("_deleted"):
        return "DELETE"
    return "PUT" if name.endswith("_updated") else "POST"


def path_of(name: str) -> str:
    """Path and query of the request behind an event, with {course}, {account}, {number}, ..."""
    if name in _PATHS:
        return _PATHS[name]
    context = context_of(name)
    place = {"Account": "/accounts/{account}", "Course": "/courses/{course}", "": ""}[context]
    kind, _, verb = name.rpartition("_")
    if kind == context.lower():
        return place
    return f"{place}/{_PLURALS.get(kind, f'{kind}s')}" + ("" if verb == "created" else "/{number}")


@dataclass(frozen=True, slots=True)
class Asset:
    """One variant of the event: a thing, or with a subtype a list of things."""

    type: str
    #: Names the list.
    subtype: str | None
    category: str
    #: "Course", "Group", "User" or "Account".
    context: str = "Course"


#: Lists of a course, with their weights.
_LISTS = {
    "modules": 12, "home": 12, "grades": 5, "announcements": 4, "assignments": 3, "files": 2,
    "syllabus": 2, "topics": 2, "roster": 2, "quizzes": 1, "pages": 1, "outcomes": 1,
}  # fmt: skip
#: Things of a course, with their categories and weights.
_THINGS = {
    "wiki_page": ("wiki", 20), "assignment": ("assignments", 12), "attachment": ("files", 10),
    "discussion_topic": ("topics", 6), "quizzes:quiz": ("quizzes", 5),
    "context_external_tool": ("external_tools", 5), "learning_outcome": ("outcomes", 1),
    "web_conference": ("conferences", 1), "calendar_event": ("calendar", 1),
}  # fmt: skip
#: Each as often as its weight.
ASSETS = (
    *(Asset("course", name, name) for name, weight in _LISTS.items() for _ in range(weight)),
    *(Asset(kind, None, name) for kind, (name, weight) in _THINGS.items() for _ in range(weight)),
    Asset("course", "speed_grader", "grades"),
    *(Asset("group", name, name, "Group") for name in ("topics", "roster", "files")),
    Asset("user", "files", "files", "User"),
    Asset("account", "outcomes", "outcomes", "Account"),
)
