"""The models of events in Caliper format, under the class names of those in Canvas format.

Each is loaded on first use. `Envelope` is a whole message, `CaliperEvent` any event in it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from consumer.events.catalog.caliper.entities import (
    Actor,
    CourseGroup,
    Entity,
    Membership,
    Organization,
    Person,
    Session,
    SoftwareApplication,
    Thing,
    Urn,
)
from consumer.events.catalog.caliper.envelope import CaliperEvent, Envelope
from consumer.events.catalog.index import CALIPER, category_of, class_name

if TYPE_CHECKING:
    from consumer.events.catalog.caliper.asset import AssetAccessed
    from consumer.events.catalog.caliper.assignment import (
        AssignmentCreated,
        AssignmentOverrideCreated,
        AssignmentOverrideUpdated,
        AssignmentUpdated,
    )
    from consumer.events.catalog.caliper.attachment import (
        AttachmentCreated,
        AttachmentDeleted,
        AttachmentUpdated,
    )
    from consumer.events.catalog.caliper.course import CourseCreated, CourseUpdated
    from consumer.events.catalog.caliper.discussion import (
        DiscussionEntryCreated,
        DiscussionTopicCreated,
    )
    from consumer.events.catalog.caliper.enrollment import (
        EnrollmentCreated,
        EnrollmentStateCreated,
        EnrollmentStateUpdated,
        EnrollmentUpdated,
    )
    from consumer.events.catalog.caliper.grade import GradeChange
    from consumer.events.catalog.caliper.group import (
        GroupCategoryCreated,
        GroupCreated,
        GroupMembershipCreated,
    )
    from consumer.events.catalog.caliper.logged import LoggedIn, LoggedOut
    from consumer.events.catalog.caliper.quiz import QuizCreated, QuizSubmitted, QuizUpdated
    from consumer.events.catalog.caliper.submission import SubmissionCreated, SubmissionUpdated
    from consumer.events.catalog.caliper.syllabus import SyllabusUpdated
    from consumer.events.catalog.caliper.user import UserAccountAssociationCreated
    from consumer.events.catalog.caliper.wiki import (
        WikiPageCreated,
        WikiPageDeleted,
        WikiPageUpdated,
    )

__all__ = [
    "Actor",
    "AssetAccessed",
    "AssignmentCreated",
    "AssignmentOverrideCreated",
    "AssignmentOverrideUpdated",
    "AssignmentUpdated",
    "AttachmentCreated",
    "AttachmentDeleted",
    "AttachmentUpdated",
    "CaliperEvent",
    "CourseCreated",
    "CourseGroup",
    "CourseUpdated",
    "DiscussionEntryCreated",
    "DiscussionTopicCreated",
    "EnrollmentCreated",
    "EnrollmentStateCreated",
    "EnrollmentStateUpdated",
    "EnrollmentUpdated",
    "Entity",
    "Envelope",
    "GradeChange",
    "GroupCategoryCreated",
    "GroupCreated",
    "GroupMembershipCreated",
    "LoggedIn",
    "LoggedOut",
    "Membership",
    "Organization",
    "Person",
    "QuizCreated",
    "QuizSubmitted",
    "QuizUpdated",
    "Session",
    "SoftwareApplication",
    "SubmissionCreated",
    "SubmissionUpdated",
    "SyllabusUpdated",
    "Thing",
    "Urn",
    "UserAccountAssociationCreated",
    "WikiPageCreated",
    "WikiPageDeleted",
    "WikiPageUpdated",
]

#: Where each event is.
_MODULES = {class_name(name): category_of(name) for name in CALIPER}


def __getattr__(name: str) -> Any:
    """Load a model when it is asked for."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
