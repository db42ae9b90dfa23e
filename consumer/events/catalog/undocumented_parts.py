"""What several events without a published payload have in common, and the objects in them."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody, Record
from consumer.events.catalog.fields import GlobalId, LocalId, Number, OpaqueId, Text, about


class Undocumented(CanvasBody):
    """An event whose fields are known from Canvas's code only."""

    documented: ClassVar[bool] = False


class BlueprintSubscription(Undocumented):
    """What the events about a course that follows a blueprint have in common."""

    entity: ClassVar[tuple[str, str]] = ("child_subscription", "child_subscription_id")

    child_subscription_id: LocalId = about("The tie.", of="child_subscription")
    child_course_uuid: OpaqueId = about("The course, as other services know it.", of="course")
    child_course_account_uuid: OpaqueId = about(
        "Its account, as other services know it.", of="account"
    )
    master_template_id: LocalId = about("The blueprint.", of="master_template")
    master_course_uuid: OpaqueId = about(
        "The blueprint course, as other services know it.", of="course"
    )
    master_template_account_uuid: OpaqueId = about(
        "The account of that, as other services know it.", of="account"
    )


class OutcomeFriendlyDescription(Undocumented):
    """What the events about an outcome's friendly description have in common."""

    entity: ClassVar[tuple[str, str]] = (
        "outcome_friendly_description",
        "outcome_friendly_description_id",
    )

    outcome_friendly_description_id: LocalId = about(
        "The description.", of="outcome_friendly_description"
    )
    learning_outcome_id: LocalId = about("The outcome that it describes.", of="learning_outcome")
    learning_outcome_context_uuid: OpaqueId = about(
        "Where the outcome is, as other services know it.", of="context"
    )
    context_id: LocalId = about("Where it is used; `context_type` says in what.", of="context")
    context_type: Text = about("What it is used in.", values=("Account", "Course"))
    root_account_id: LocalId = about("The institution.", of="account")
    description: Text = about("What the outcome means, in plain words.")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class ExportedAssignment(Record):
    """The assignment that a quiz becomes in New Quizzes."""

    resource_link_id: OpaqueId = about(
        "The assignment, as LTI tools know it.", of="lti_resource_link"
    )
    assignment_id: GlobalId = about("The assignment.", of="assignment")
    title: Text = about("What it is called.")
    context_title: Text = about("What its course is called.")
    course_uuid: OpaqueId = about("Its course, as other services know it.", of="course")
    points_possible: Number = about("The points that it is worth.")


class QtiExport(Record):
    """The file with the exported quiz."""

    url: Text = about("A signed address of the file.", privacy="secret")


class Duplication(Undocumented):
    """What the events about copied New Quizzes have in common."""

    original_course_uuid: OpaqueId = about("The course that was copied.", of="course")
    new_course_uuid: OpaqueId = about("The copy.", of="course")
    domain: Text = about("The institution's host name.")
    resource_map_url: Text = about(
        "A signed address with old and new ids of what was copied.", privacy="secret"
    )
