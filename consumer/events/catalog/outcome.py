"""How results at outcomes are computed, and outcomes of copied courses."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Integer, LocalId, OpaqueId, Text, Time, about


class OutcomeCalculationMethod(CanvasBody):
    """What the events about how results are computed have in common."""

    entity: ClassVar[tuple[str, str]] = (
        "outcome_calculation_method",
        "outcome_calculation_method_id",
    )

    outcome_calculation_method_id: LocalId = about("The method.", of="outcome_calculation_method")
    context_id: LocalId = about("Where it is used; `context_type` says in what.", of="context")
    context_type: Text = about("What it is used in.", values=("Account", "Course"))
    calculation_method: Text = about(
        "How several results become one.",
        values=("decaying_average", "n_mastery", "highest", "latest", "average"),
    )
    calculation_int: Integer = about("The figure of that method, such as the weight of the last.")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class OutcomeCalculationMethodCreated(OutcomeCalculationMethod):
    """An account or a course got its own way to compute results at outcomes."""

    event_name: ClassVar[str] = "outcome_calculation_method_created"


class OutcomeCalculationMethodUpdated(OutcomeCalculationMethod):
    """The way in which results at outcomes are computed changed."""

    event_name: ClassVar[str] = "outcome_calculation_method_updated"

    updated_at: Time = about("When it was changed.")


class OutcomesRetryOutcomeAlignmentClone(CanvasBody):
    """The alignments of New Quizzes with outcomes are to be copied to a copied course again."""

    event_name: ClassVar[str] = "outcomes.retry_outcome_alignment_clone"

    original_course_uuid: OpaqueId = about("The course that was copied.", of="course")
    new_course_uuid: OpaqueId = about("The copy.", of="course")
    new_course_resource_link_id: OpaqueId = about("The copy, as LTI tools know it.", of="course")
    original_assignment_resource_link_id: OpaqueId = about(
        "The assignment that was copied, as LTI tools know it.", of="assignment"
    )
    new_assignment_resource_link_id: OpaqueId = about(
        "Its copy, as LTI tools know it.", of="assignment"
    )
    domain: Text = about("The institution's host name.")
    status: Text = about("Where it stands.", values=("outcome_alignment_cloning",))
