"""Assignments, their groups, and their exceptions."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import (
    Day,
    Flag,
    GlobalId,
    Ids,
    Integer,
    LocalId,
    Number,
    OpaqueId,
    Open,
    Text,
    Time,
    about,
)


class Assignment(CanvasBody):
    """What the events about an assignment have in common."""

    entity: ClassVar[tuple[str, str]] = ("assignment", "assignment_id")

    assignment_id: GlobalId = about("The assignment.", of="assignment")
    assignment_group_id: GlobalId = about(
        "The group of assignments that it counts in.", of="assignment_group"
    )
    context_id: GlobalId = about("The course that it is in.", of="course")
    context_type: Text = about("What kind of thing it is in.", values=("Course",))
    context_uuid: OpaqueId = about("The course, as other services know it.", of="course")
    title: Text = about("What it is called.", truncated=True)
    description: Text = about("The task, as HTML.", truncated=True)
    due_at: Time = about("When it is due for everybody without an exception.")
    unlock_at: Time = about("From when it can be handed in.")
    lock_at: Time = about("Until when it can be handed in.")
    updated_at: Time = about("When it was last changed.")
    points_possible: Number = about("The points that it is worth.")
    submission_types: Text = about(
        "How it may be handed in, joined by commas.",
        values=("online_text_entry", "online_upload,online_url", "external_tool", "on_paper"),
    )
    anonymous_grading: Flag = about("Graders do not see whose work they grade.")
    anonymous_participants: Flag = about("Students do not see whose work it is. Newer versions.")
    workflow_state: Text = about("Where it stands.", values=("published", "unpublished", "deleted"))
    created_on_blueprint_sync: Flag = about("A blueprint course brought it here.")
    lti_assignment_id: OpaqueId = about("The assignment, as LTI tools know it.", of="assignment")
    lti_assignment_description: Text = about("The same as the description.", truncated=True)
    lti_resource_link_id: OpaqueId = about("Its link to an LTI tool.", of="lti_resource_link")
    lti_resource_link_id_duplicated_from: OpaqueId = about(
        "That link of the assignment that it is a copy of.", of="lti_resource_link"
    )
    assignment_id_duplicated_from: GlobalId = about(
        "The assignment that it is a copy of.", of="assignment"
    )
    domain: Text = about("The institution's host name.")
    domain_duplicated_from: Text = about("The host name of where the copied one is.")
    resource_map: Text = about(
        "An address with old and new ids of what was copied.", privacy="secret"
    )
    associated_integration_id: OpaqueId = about("The plagiarism checker in charge.", of="tool")
    associated_integration_ids: Ids = about("The same under its old and its new name.", of="tool")


class AssignmentCreated(Assignment):
    """An assignment was made."""

    event_name: ClassVar[str] = "assignment_created"


class AssignmentUpdated(Assignment):
    """An assignment changed, or was deleted."""

    event_name: ClassVar[str] = "assignment_updated"

    # So it stands in a payload that Instructure has published, with two underscores.
    assignment_id_duplicated__from: GlobalId = about(
        "The assignment that it is a copy of, under another spelling.", of="assignment"
    )


class AssignmentGroup(CanvasBody):
    """What the events about a group of assignments have in common."""

    entity: ClassVar[tuple[str, str]] = ("assignment_group", "assignment_group_id")

    assignment_group_id: LocalId = about("The group of assignments.", of="assignment_group")
    context_id: LocalId = about("The course that it is in.", of="course")
    context_type: Text = about("What kind of thing it is in.", values=("Course",))
    name: Text = about("What it is called.")
    position: Integer = about("Its place among the groups, from 1.")
    group_weight: Number = about("Its share of the final grade, in percent.")
    rules: Text = about(
        "Which scores do not count, a rule per line.", values=("drop_lowest:1\n", "never_drop:123")
    )
    sis_source_id: OpaqueId = about("The group in the student information system.", of="sis")
    integration_data: Open = about("What another system keeps with it.")
    workflow_state: Text = about("Where it stands.", values=("available", "deleted"))


class AssignmentGroupCreated(AssignmentGroup):
    """A group of assignments was made."""

    event_name: ClassVar[str] = "assignment_group_created"


class AssignmentGroupUpdated(AssignmentGroup):
    """A group of assignments changed, or was deleted."""

    event_name: ClassVar[str] = "assignment_group_updated"


class AssignmentOverride(CanvasBody):
    """What the events about an exception from an assignment's dates have in common."""

    entity: ClassVar[tuple[str, str]] = ("assignment_override", "assignment_override_id")

    assignment_override_id: LocalId = about("The exception.", of="assignment_override")
    assignment_id: LocalId = about("The assignment.", of="assignment")
    type: Text = about(
        "For whom: a section, a group, or students one by one.",
        values=("CourseSection", "Group", "ADHOC"),
    )
    course_section_id: LocalId = about("The section, if it is for one.", of="course_section")
    group_id: LocalId = about("The group, if it is for one.", of="group")
    due_at: Time = about("When it is due for them.")
    all_day: Flag = about("Due at the end of a day rather than at an hour.")
    all_day_date: Day = about("The day on which it is due.")
    unlock_at: Time = about("From when they can hand in.")
    lock_at: Time = about("Until when they can hand in.")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class AssignmentOverrideCreated(AssignmentOverride):
    """An assignment got other dates for a section, a group, or some students."""

    event_name: ClassVar[str] = "assignment_override_created"


class AssignmentOverrideUpdated(AssignmentOverride):
    """The exception from an assignment's dates changed, or was deleted."""

    event_name: ClassVar[str] = "assignment_override_updated"
