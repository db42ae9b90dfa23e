"""Learning outcomes: what is to be learned, and how well it was."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody, Record
from consumer.events.catalog.fields import (
    Flag,
    Integer,
    LocalId,
    Number,
    OpaqueId,
    Text,
    Time,
    about,
)


class CriterionRating(Record):
    """A step of a scale."""

    id: OpaqueId = about("The step.", of="rating")
    description: Text = about("What it takes.")
    points: Number = about("What it is worth.")


class RubricCriterion(Record):
    """The scale on which an outcome is rated."""

    description: Text = about("What is rated.")
    mastery_points: Number = about("From how many points it is mastered.")
    points_possible: Number = about("The most points.")
    ratings: list[CriterionRating] | None = about("The steps of the scale, the best first.")


class LearningOutcome(CanvasBody):
    """What the events about a learning outcome have in common."""

    entity: ClassVar[tuple[str, str]] = ("learning_outcome", "learning_outcome_id")

    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    context_id: LocalId = about("Where it is; `context_type` says in what.", of="context")
    context_type: Text = about(
        "What it is in; null for all of Canvas.", values=("Course", "Account")
    )
    context_uuid: OpaqueId = about("Where it is, as other services know it.", of="context")
    title: Text = about("What it is called.")
    display_name: Text = about("What students read instead.")
    short_description: Text = about("The same as the title.")
    description: Text = about("What is to be learned, as HTML.")
    vendor_guid: OpaqueId = about("The outcome in the collection that it came from.", of="vendor")
    calculation_method: Text = about(
        "How several results become one.",
        values=("decaying_average", "n_mastery", "highest", "latest", "average"),
    )
    calculation_int: Integer = about("The figure of that method, such as the weight of the last.")
    rubric_criterion: RubricCriterion | None = about("The scale on which it is rated.")
    copied_from_outcome_id: LocalId = about("The outcome it is a copy of.", of="learning_outcome")
    original_outcome_root_account_uuid: OpaqueId = about(
        "The institution of that outcome, if it is another one.", of="account"
    )
    workflow_state: Text = about("Where it stands.", values=("active", "retired", "deleted"))


class LearningOutcomeCreated(LearningOutcome):
    """A learning outcome was made."""

    event_name: ClassVar[str] = "learning_outcome_created"


class LearningOutcomeUpdated(LearningOutcome):
    """A learning outcome changed, or was deleted."""

    event_name: ClassVar[str] = "learning_outcome_updated"

    updated_at: Time = about("When it was changed.")


class LearningOutcomeGroup(CanvasBody):
    """What the events about a group of learning outcomes have in common."""

    entity: ClassVar[tuple[str, str]] = ("learning_outcome_group", "learning_outcome_group_id")

    learning_outcome_group_id: LocalId = about("The group.", of="learning_outcome_group")
    parent_outcome_group_id: LocalId = about("The group above it.", of="learning_outcome_group")
    parent_outcome_group_context_uuid: OpaqueId = about(
        "Where that group is, as other services know it.", of="context"
    )
    context_id: LocalId = about("Where it is; `context_type` says in what.", of="context")
    context_type: Text = about(
        "What it is in; null for all of Canvas.", values=("Course", "Account")
    )
    context_uuid: OpaqueId = about("Where it is, as other services know it.", of="context")
    title: Text = about("What it is called.")
    description: Text = about("What it is for, as HTML.")
    vendor_guid: OpaqueId = about("The group in the collection that it came from.", of="vendor")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class LearningOutcomeGroupCreated(LearningOutcomeGroup):
    """A group of learning outcomes was made."""

    event_name: ClassVar[str] = "learning_outcome_group_created"


class LearningOutcomeGroupUpdated(LearningOutcomeGroup):
    """A group of learning outcomes changed, or was deleted."""

    event_name: ClassVar[str] = "learning_outcome_group_updated"

    updated_at: Time = about("When it was changed.")


class LearningOutcomeLink(CanvasBody):
    """What the events about an outcome in a place have in common."""

    entity: ClassVar[tuple[str, str]] = ("learning_outcome_link", "learning_outcome_link_id")

    learning_outcome_link_id: LocalId = about("The link.", of="learning_outcome_link")
    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    learning_outcome_context_uuid: OpaqueId = about(
        "Where the outcome is, as other services know it.", of="context"
    )
    learning_outcome_group_id: LocalId = about(
        "The group that it is put in.", of="learning_outcome_group"
    )
    learning_outcome_group_context_uuid: OpaqueId = about(
        "Where that group is, as other services know it.", of="context"
    )
    context_id: LocalId = about("Where it is used; `context_type` says in what.", of="context")
    context_type: Text = about("What it is used in.", values=("Course", "Account"))
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class LearningOutcomeLinkCreated(LearningOutcomeLink):
    """An outcome was put into a course or an account."""

    event_name: ClassVar[str] = "learning_outcome_link_created"


class LearningOutcomeLinkUpdated(LearningOutcomeLink):
    """An outcome's place in a course or an account changed, or it was taken out."""

    event_name: ClassVar[str] = "learning_outcome_link_updated"

    updated_at: Time = about("When it was changed.")


class LearningOutcomeResult(CanvasBody):
    """What the events about a student's result at an outcome have in common."""

    entity: ClassVar[tuple[str, str]] = ("learning_outcome_result", "id")

    id: LocalId = about("The result; not sent by every version.", of="learning_outcome_result")
    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    learning_outcome_context_uuid: OpaqueId = about(
        "Where the outcome is, as other services know it.", of="context"
    )
    user_uuid: OpaqueId = about(
        "The student, as other services know them.", of="user", privacy="identifier"
    )
    title: Text = about("Who was rated at what, as a text.", privacy="identifier")
    result_context_id: LocalId = about("Where it was rated.", of="context")
    result_context_type: Text = about("What kind of place that is.", values=("Course",))
    result_context_uuid: OpaqueId = about("That place, as other services know it.", of="context")
    mastery: Flag = about("The outcome is mastered.", privacy="education")
    score: Number = about("Points reached.", privacy="education")
    possible: Number = about("Points that could be reached.")
    percent: Number = about("The first by the second, from 0 to 1.", privacy="education")
    attempt: Integer = about("Which attempt it is, from 1.")
    original_mastery: Flag = about("Mastered at the first attempt.", privacy="education")
    original_score: Number = about("Points reached at the first attempt.", privacy="education")
    original_possible: Number = about("Points that could be reached then.")
    artifact_id: LocalId = about("What was rated; `artifact_type` says as what.", of="artifact")
    artifact_type: Text = about(
        "What it was rated by.",
        values=("RubricAssessment", "Quizzes::QuizSubmission", "Submission"),
    )
    artifact_created_at: Time = about("When that was made.")
    artifact_updated_at: Time = about("When that was last changed.")
    associated_asset_id: LocalId = about("The task that it was rated in.", of="asset")
    associated_asset_type: Text = about(
        "What kind of task.", values=("Assignment", "Quizzes::Quiz", "AssessmentQuestion")
    )
    assessed_at: Time = about("When it was rated.")
    created_at: Time = about("When it was first recorded.")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class LearningOutcomeResultCreated(LearningOutcomeResult):
    """A student was rated at a learning outcome."""

    event_name: ClassVar[str] = "learning_outcome_result_created"


class LearningOutcomeResultUpdated(LearningOutcomeResult):
    """A student's result at a learning outcome changed, or was deleted."""

    event_name: ClassVar[str] = "learning_outcome_result_updated"

    updated_at: Time = about("When it was changed.")


class ProficiencyRating(Record):
    """A step of an institution's scale."""

    outcome_proficiency_rating_id: LocalId = about("The step.", of="outcome_proficiency_rating")
    description: Text = about("What it is called.", values=("Mastery", "Near Mastery"))
    points: Number = about("What it is worth.")
    mastery: Flag = about("From here on an outcome is mastered.")
    color: Text = about("Its color, as six hexadecimal digits.", values=("03893D", "FAB901"))
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class OutcomeProficiency(CanvasBody):
    """What the events about the scale of an account or a course have in common."""

    entity: ClassVar[tuple[str, str]] = ("outcome_proficiency", "outcome_proficiency_id")

    outcome_proficiency_id: LocalId = about("The scale.", of="outcome_proficiency")
    context_id: LocalId = about("Where it is used; `context_type` says in what.", of="context")
    context_type: Text = about("What it is used in.", values=("Account", "Course"))
    outcome_proficiency_ratings: list[ProficiencyRating] | None = about(
        "The steps of the scale, the best first."
    )
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class OutcomeProficiencyCreated(OutcomeProficiency):
    """An account or a course got a scale for its outcomes."""

    event_name: ClassVar[str] = "outcome_proficiency_created"


class OutcomeProficiencyUpdated(OutcomeProficiency):
    """The scale for the outcomes of an account or a course changed."""

    event_name: ClassVar[str] = "outcome_proficiency_updated"

    updated_at: Time = about("When it was changed.")
