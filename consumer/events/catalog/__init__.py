"""The catalog: a typed model for every Canvas Live Event. Each model is loaded on first use.

The classes here are those of events in Canvas format; `caliper` has those of the other format,
under the same names. `model_of` finds one by the name of its event.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from consumer.events.catalog.index import CATEGORIES, class_name, names
from consumer.events.catalog.lookup import model_of

if TYPE_CHECKING:
    from consumer.events.catalog import caliper
    from consumer.events.catalog.account import (
        AccountCreated,
        AccountNotificationCreated,
        AccountUpdated,
    )
    from consumer.events.catalog.asset import (
        AssetAccessed,
    )
    from consumer.events.catalog.assignment import (
        AssignmentCreated,
        AssignmentGroupCreated,
        AssignmentGroupUpdated,
        AssignmentOverrideCreated,
        AssignmentOverrideUpdated,
        AssignmentUpdated,
    )
    from consumer.events.catalog.attachment import (
        AttachmentCreated,
        AttachmentDeleted,
        AttachmentUpdated,
    )
    from consumer.events.catalog.base import CanvasBody, EventData, Record
    from consumer.events.catalog.content import (
        ContentMigrationCompleted,
        ContentMigrationStarted,
    )
    from consumer.events.catalog.conversation import (
        ConversationCreated,
        ConversationForwarded,
        ConversationMessageCreated,
    )
    from consumer.events.catalog.course import (
        CourseCompleted,
        CourseCreated,
        CourseProgress,
        CourseSectionCreated,
        CourseSectionUpdated,
        CourseUpdated,
    )
    from consumer.events.catalog.discussion import (
        DiscussionEntryCreated,
        DiscussionEntrySubmitted,
        DiscussionTopicCreated,
        DiscussionTopicUpdated,
    )
    from consumer.events.catalog.enrollment import (
        EnrollmentCreated,
        EnrollmentStateCreated,
        EnrollmentStateUpdated,
        EnrollmentUpdated,
    )
    from consumer.events.catalog.final import (
        FinalGradeCustomStatus,
    )
    from consumer.events.catalog.grade import (
        CourseGradeChange,
        GradeChange,
        GradeOverride,
    )
    from consumer.events.catalog.group import (
        GroupCategoryCreated,
        GroupCategoryUpdated,
        GroupCreated,
        GroupMembershipCreated,
        GroupMembershipUpdated,
        GroupUpdated,
    )
    from consumer.events.catalog.learning import (
        LearningOutcomeCreated,
        LearningOutcomeGroupCreated,
        LearningOutcomeGroupUpdated,
        LearningOutcomeLinkCreated,
        LearningOutcomeLinkUpdated,
        LearningOutcomeResultCreated,
        LearningOutcomeResultUpdated,
        LearningOutcomeUpdated,
        OutcomeProficiencyCreated,
        OutcomeProficiencyUpdated,
    )
    from consumer.events.catalog.logged import (
        LoggedIn,
        LoggedOut,
    )
    from consumer.events.catalog.lti import (
        LtiResourceLinkCreated,
        LtiResourceLinkUpdated,
    )
    from consumer.events.catalog.master import (
        MasterMigrationStarted,
    )
    from consumer.events.catalog.metadata import Metadata
    from consumer.events.catalog.module import (
        ModuleCreated,
        ModuleItemCreated,
        ModuleItemUpdated,
        ModuleUpdated,
    )
    from consumer.events.catalog.new_quizzes import (
        QuizCaliperAssetAccessed,
        QuizCaliperItemCreated,
        QuizCaliperItemUpdated,
        QuizCaliperQuizCreated,
        QuizCaliperQuizSessionCreated,
        QuizCaliperQuizSessionUpdated,
        QuizCaliperQuizStarted,
        QuizCaliperQuizSubmitted,
        QuizCaliperQuizUpdated,
        QuizzesItemCreated,
        QuizzesItemUpdated,
        QuizzesLtiGradeChanged,
        QuizzesQtiImportCompleted,
        QuizzesQuizCloneJobCreated,
        QuizzesQuizCloneJobUpdated,
        QuizzesQuizCreated,
        QuizzesQuizGraded,
        QuizzesQuizSessionGraded,
        QuizzesQuizSessionSubmitted,
        QuizzesQuizSessionUngraded,
        QuizzesQuizUpdated,
    )
    from consumer.events.catalog.outcome import (
        OutcomeCalculationMethodCreated,
        OutcomeCalculationMethodUpdated,
        OutcomesRetryOutcomeAlignmentClone,
    )
    from consumer.events.catalog.plagiarism import (
        PlagiarismResubmit,
    )
    from consumer.events.catalog.quiz import (
        QuizCreated,
        QuizSubmitted,
        QuizUpdated,
    )
    from consumer.events.catalog.rubric import (
        RubricAssessed,
    )
    from consumer.events.catalog.sis import (
        SisBatchCreated,
        SisBatchUpdated,
    )
    from consumer.events.catalog.submission import (
        SubmissionCommentCreated,
        SubmissionCreated,
        SubmissionCustomGradeStatus,
        SubmissionUpdated,
    )
    from consumer.events.catalog.syllabus import (
        SyllabusUpdated,
    )
    from consumer.events.catalog.undocumented import (
        BlueprintRestrictionsUpdated,
        BlueprintSubscriptionCreated,
        BlueprintSubscriptionDeleted,
        ContentExportCreated,
        DefaultBlueprintRestrictionsUpdated,
        Heartbeat,
        MasterMigrationCompleted,
        MasterTemplateCreated,
        OutcomeFriendlyDescriptionCreated,
        OutcomeFriendlyDescriptionUpdated,
        QuizExportComplete,
        QuizzesNextMigrationUrlsComplete,
        QuizzesNextQuizDuplicated,
    )
    from consumer.events.catalog.user import (
        UserAccountAssociationCreated,
        UserCreated,
        UserUpdated,
    )
    from consumer.events.catalog.wiki import (
        WikiPageCreated,
        WikiPageDeleted,
        WikiPageUpdated,
    )

__all__ = [
    # The events
    "AccountCreated",
    "AccountNotificationCreated",
    "AccountUpdated",
    "AssetAccessed",
    "AssignmentCreated",
    "AssignmentGroupCreated",
    "AssignmentGroupUpdated",
    "AssignmentOverrideCreated",
    "AssignmentOverrideUpdated",
    "AssignmentUpdated",
    "AttachmentCreated",
    "AttachmentDeleted",
    "AttachmentUpdated",
    "BlueprintRestrictionsUpdated",
    "BlueprintSubscriptionCreated",
    "BlueprintSubscriptionDeleted",
    # What all of them are
    "CanvasBody",
    "ContentExportCreated",
    "ContentMigrationCompleted",
    "ContentMigrationStarted",
    "ConversationCreated",
    "ConversationForwarded",
    "ConversationMessageCreated",
    "CourseCompleted",
    "CourseCreated",
    "CourseGradeChange",
    "CourseProgress",
    "CourseSectionCreated",
    "CourseSectionUpdated",
    "CourseUpdated",
    "DefaultBlueprintRestrictionsUpdated",
    "DiscussionEntryCreated",
    "DiscussionEntrySubmitted",
    "DiscussionTopicCreated",
    "DiscussionTopicUpdated",
    "EnrollmentCreated",
    "EnrollmentStateCreated",
    "EnrollmentStateUpdated",
    "EnrollmentUpdated",
    "EventData",
    "FinalGradeCustomStatus",
    "GradeChange",
    "GradeOverride",
    "GroupCategoryCreated",
    "GroupCategoryUpdated",
    "GroupCreated",
    "GroupMembershipCreated",
    "GroupMembershipUpdated",
    "GroupUpdated",
    "Heartbeat",
    "LearningOutcomeCreated",
    "LearningOutcomeGroupCreated",
    "LearningOutcomeGroupUpdated",
    "LearningOutcomeLinkCreated",
    "LearningOutcomeLinkUpdated",
    "LearningOutcomeResultCreated",
    "LearningOutcomeResultUpdated",
    "LearningOutcomeUpdated",
    "LoggedIn",
    "LoggedOut",
    "LtiResourceLinkCreated",
    "LtiResourceLinkUpdated",
    "MasterMigrationCompleted",
    "MasterMigrationStarted",
    "MasterTemplateCreated",
    "Metadata",
    "ModuleCreated",
    "ModuleItemCreated",
    "ModuleItemUpdated",
    "ModuleUpdated",
    "OutcomeCalculationMethodCreated",
    "OutcomeCalculationMethodUpdated",
    "OutcomeFriendlyDescriptionCreated",
    "OutcomeFriendlyDescriptionUpdated",
    "OutcomeProficiencyCreated",
    "OutcomeProficiencyUpdated",
    "OutcomesRetryOutcomeAlignmentClone",
    "PlagiarismResubmit",
    "QuizCaliperAssetAccessed",
    "QuizCaliperItemCreated",
    "QuizCaliperItemUpdated",
    "QuizCaliperQuizCreated",
    "QuizCaliperQuizSessionCreated",
    "QuizCaliperQuizSessionUpdated",
    "QuizCaliperQuizStarted",
    "QuizCaliperQuizSubmitted",
    "QuizCaliperQuizUpdated",
    "QuizCreated",
    "QuizExportComplete",
    "QuizSubmitted",
    "QuizUpdated",
    "QuizzesItemCreated",
    "QuizzesItemUpdated",
    "QuizzesLtiGradeChanged",
    "QuizzesNextMigrationUrlsComplete",
    "QuizzesNextQuizDuplicated",
    "QuizzesQtiImportCompleted",
    "QuizzesQuizCloneJobCreated",
    "QuizzesQuizCloneJobUpdated",
    "QuizzesQuizCreated",
    "QuizzesQuizGraded",
    "QuizzesQuizSessionGraded",
    "QuizzesQuizSessionSubmitted",
    "QuizzesQuizSessionUngraded",
    "QuizzesQuizUpdated",
    "Record",
    "RubricAssessed",
    "SisBatchCreated",
    "SisBatchUpdated",
    "SubmissionCommentCreated",
    "SubmissionCreated",
    "SubmissionCustomGradeStatus",
    "SubmissionUpdated",
    "SyllabusUpdated",
    "UserAccountAssociationCreated",
    "UserCreated",
    "UserUpdated",
    "WikiPageCreated",
    "WikiPageDeleted",
    "WikiPageUpdated",
    "caliper",
    "model_of",
    "names",
]

#: Where each class is.
_MODULES = {
    class_name(name): category for category, found in CATEGORIES.items() for name in found
} | {"Metadata": "metadata", "CanvasBody": "base", "EventData": "base", "Record": "base"}


def __getattr__(name: str) -> Any:
    """Load a model when it is asked for: most daemons need few of them, or none."""
    if name == "caliper":
        return import_module("consumer.events.catalog.caliper")
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"consumer.events.catalog.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
