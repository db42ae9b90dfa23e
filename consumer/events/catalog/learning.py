"""Learning outcomes, results, and how they are calculated."""

from .base import CanvasBody, Record
from .fields import Flag, Int, LocalId, Number, OpaqueId, Text, Time, about


class CriterionRating(Record):
    """A rating of a rubric criterion."""

    id: OpaqueId = about("The rating.", of="rating")
    description: Text = about("Description.")
    points: Number = about("Points.")


class RubricCriterion(Record):
    """The rating scale of an outcome."""

    description: Text = about("Description.")
    mastery_points: Number = about("Points required for mastery.")
    points_possible: Number = about("Maximum points.")
    ratings: list[CriterionRating] | None = about("The ratings, best first.")


class LearningOutcome(CanvasBody, abstract=True):
    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`; null if global.", values="Course Account")
    context_uuid: OpaqueId = about("UUID of the course or account.", of="context")
    title: Text = about("Title.")
    display_name: Text = about("Title that students see instead.")
    short_description: Text = about("Same as `title`.")
    description: Text = about("Description, as HTML.")
    vendor_guid: OpaqueId = about("ID in the collection it was imported from.", of="vendor")
    calculation_method: Text = about(
        "How several results are combined.",
        values="decaying_average n_mastery highest latest average",
    )
    calculation_int: Int = about("Parameter of that method, such as the weight of the latest.")
    rubric_criterion: RubricCriterion | None = about("Rating scale.")
    copied_from_outcome_id: LocalId = about("The original, if a copy.", of="learning_outcome")
    original_outcome_root_account_uuid: OpaqueId = about("UUID of its root account.", of="account")
    workflow_state: Text = about("State.", values="active retired deleted")


class LearningOutcomeCreated(LearningOutcome):
    """A learning outcome was created."""


class LearningOutcomeUpdated(LearningOutcome):
    """A learning outcome changed, or was deleted."""

    updated_at: Time = about("When it was changed.")


class LearningOutcomeGroup(CanvasBody, abstract=True):
    learning_outcome_group_id: LocalId = about("The group.", of="learning_outcome_group")
    parent_outcome_group_id: LocalId = about("The parent group.", of="learning_outcome_group")
    parent_outcome_group_context_uuid: OpaqueId = about("UUID of its context.", of="context")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`; null if global.", values="Course Account")
    context_uuid: OpaqueId = about("UUID of the course or account.", of="context")
    title: Text = about("Title.")
    description: Text = about("Description, as HTML.")
    vendor_guid: OpaqueId = about("ID in the collection it was imported from.", of="vendor")
    workflow_state: Text = about("State.", values="active deleted")


class LearningOutcomeGroupCreated(LearningOutcomeGroup):
    """A group of learning outcomes was created."""


class LearningOutcomeGroupUpdated(LearningOutcomeGroup):
    """A group of learning outcomes changed, or was deleted."""

    updated_at: Time = about("When it was changed.")


class LearningOutcomeLink(CanvasBody, abstract=True):
    learning_outcome_link_id: LocalId = about("The link.", of="learning_outcome_link")
    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    learning_outcome_context_uuid: OpaqueId = about("UUID of its context.", of="context")
    learning_outcome_group_id: LocalId = about("Group of the link.", of="learning_outcome_group")
    learning_outcome_group_context_uuid: OpaqueId = about("UUID of its context.", of="context")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Account")
    workflow_state: Text = about("State.", values="active deleted")


class LearningOutcomeLinkCreated(LearningOutcomeLink):
    """An outcome was added to a course or an account."""


class LearningOutcomeLinkUpdated(LearningOutcomeLink):
    """An outcome was moved in a course or an account, or removed from it."""

    updated_at: Time = about("When it was changed.")


class LearningOutcomeResult(CanvasBody, abstract=True):
    id: LocalId = about("The result. Not in every version.", of="learning_outcome_result")
    learning_outcome_id: LocalId = about("The outcome.", of="learning_outcome")
    learning_outcome_context_uuid: OpaqueId = about("UUID of its context.", of="context")
    user_uuid: OpaqueId = about("UUID of the student.", of="user", privacy="identifier")
    title: Text = about("Student and outcome, as a text.", privacy="identifier")
    result_context_id: LocalId = about("The course of the assessment.", of="context")
    result_context_type: Text = about("Type of `result_context_id`.", values="Course")
    result_context_uuid: OpaqueId = about("UUID of that course.", of="context")
    mastery: Flag = about("True if the outcome is mastered.", privacy="education")
    score: Number = about("Points.", privacy="education")
    possible: Number = about("Maximum points.")
    percent: Number = about("`score` / `possible`, from 0 to 1.", privacy="education")
    attempt: Int = about("Number of the attempt, from 1.")
    original_mastery: Flag = about("`mastery` of the first attempt.", privacy="education")
    original_score: Number = about("`score` of the first attempt.", privacy="education")
    original_possible: Number = about("`possible` of the first attempt.")
    artifact_id: LocalId = about("What was assessed (see `artifact_type`).", of="artifact")
    artifact_type: Text = about(
        "Type of `artifact_id`.", values="RubricAssessment Quizzes::QuizSubmission Submission"
    )
    artifact_created_at: Time = about("When the artifact was created.")
    artifact_updated_at: Time = about("When the artifact was last changed.")
    associated_asset_id: LocalId = about("The assignment, quiz or question.", of="asset")
    associated_asset_type: Text = about(
        "Type of `associated_asset_id`.", values="Assignment Quizzes::Quiz AssessmentQuestion"
    )
    assessed_at: Time = about("When it was assessed.")
    created_at: Time = about("When it was created.")
    workflow_state: Text = about("State.", values="active deleted")


class LearningOutcomeResultCreated(LearningOutcomeResult):
    """A student got a result for a learning outcome."""


class LearningOutcomeResultUpdated(LearningOutcomeResult):
    """A student's result for a learning outcome changed, or was deleted."""

    updated_at: Time = about("When it was changed.")


class ProficiencyRating(Record):
    """A rating of a proficiency scale."""

    outcome_proficiency_rating_id: LocalId = about("The rating.", of="outcome_proficiency_rating")
    description: Text = about("Name.", values=("Mastery", "Near Mastery"))
    points: Number = about("Points.")
    mastery: Flag = about("True for the lowest rating that counts as mastery.")
    color: Text = about("Color, as six hexadecimal digits.", values="03893D FAB901")
    workflow_state: Text = about("State.", values="active deleted")


class OutcomeProficiency(CanvasBody, abstract=True):
    outcome_proficiency_id: LocalId = about("The scale.", of="outcome_proficiency")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Account Course")
    outcome_proficiency_ratings: list[ProficiencyRating] | None = about("The ratings, best first.")
    workflow_state: Text = about("State.", values="active deleted")


class OutcomeProficiencyCreated(OutcomeProficiency):
    """The proficiency scale of an account or a course was created."""


class OutcomeProficiencyUpdated(OutcomeProficiency):
    """The proficiency scale of an account or a course changed."""

    updated_at: Time = about("When it was changed.")


class OutcomeCalculationMethod(CanvasBody, abstract=True):
    outcome_calculation_method_id: LocalId = about("The method.", of="outcome_calculation_method")
    context_id: LocalId = about("The course or account (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Account Course")
    calculation_method: Text = about(
        "How several results are combined.",
        values="decaying_average n_mastery highest latest average",
    )
    calculation_int: Int = about("Parameter of that method, such as the weight of the latest.")
    workflow_state: Text = about("State.", values="active deleted")


class OutcomeCalculationMethodCreated(OutcomeCalculationMethod):
    """An account or a course got its own method to calculate outcome results."""


class OutcomeCalculationMethodUpdated(OutcomeCalculationMethod):
    """The method to calculate outcome results changed."""

    updated_at: Time = about("When it was changed.")


class OutcomesRetryOutcomeAlignmentClone(
    CanvasBody, event_name="outcomes.retry_outcome_alignment_clone", entity=("", "")
):
    """Copying the outcome alignments of New Quizzes to a copied course is retried."""

    original_course_uuid: OpaqueId = about("UUID of the copied course.", of="course")
    new_course_uuid: OpaqueId = about("UUID of the copy.", of="course")
    new_course_resource_link_id: OpaqueId = about("LTI ID of the copy.", of="course")
    original_assignment_resource_link_id: OpaqueId = about("LTI ID of the source.", of="assignment")
    new_assignment_resource_link_id: OpaqueId = about("LTI ID of the copy.", of="assignment")
    domain: Text = about("Host name of the institution.")
    status: Text = about("State.", values="outcome_alignment_cloning")
