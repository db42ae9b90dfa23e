"""Assignments and their overrides, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import (
    CANVAS_KEY,
    Extensions,
    Extra,
    Thing,
    Urn,
)
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import (
    AnyId,
    Day,
    Flag,
    GlobalId,
    LocalId,
    Number,
    Text,
    Time,
    about,
)


class AssignmentExtra(Extra):
    """What Canvas tells of an assignment besides."""

    entity_id: GlobalId = about("The number in the URN of the assignment.", of="assignment")
    lock_at: Time = about("When it closes.")
    workflow_state: Text = about(
        "Where it stands.", values=("published", "unpublished", "deleted", "duplicating")
    )


class AssignmentExtensions(Extensions):
    """What Canvas tells of an assignment besides."""

    canvas: AssignmentExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Assignment(Thing):
    """An assignment."""

    id: Urn = about("The assignment, as a URN.", of="assignment")
    type: Text = about("What it is, in Caliper's words.", values=("AssignableDigitalResource",))
    name: Text = about("Its title.", truncated=True)
    description: Text = about("What to do, as HTML.", privacy="education", truncated=True)
    date_created: Time = about("When it was made; only when it was created.")
    date_modified: Time = about("When it was last changed; only when it was updated.")
    date_to_show: Time = about("When it opens.")
    date_to_submit: Time = about("When it is due.")
    max_score: Number = about("The points that it is worth.")
    extensions: AssignmentExtensions | None = about("What Canvas tells besides.")


class AssignmentCreated(CaliperEvent):
    """Somebody made an assignment."""

    event_name: ClassVar[str] = "assignment_created"

    object: Assignment | None = about("The assignment.")


class AssignmentUpdated(CaliperEvent):
    """An assignment changed."""

    event_name: ClassVar[str] = "assignment_updated"

    object: Assignment | None = about("The assignment.")


class AssignmentOverrideExtra(Extra):
    """What Canvas tells of an override besides."""

    entity_id: AnyId = about("The number in the URN of the override.", of="assignment_override")
    assignment_id: LocalId = about("The assignment.", of="assignment")
    lock_at: Time = about("When it closes for them.")
    all_day: Flag = about("Due at any time of the day.")
    all_day_date: Day = about("The day on which it is due.")
    type: Text = about("Whom it is for.", values=("ADHOC", "CourseSection", "Group"))
    course_section_id: Urn = about("The section, if it is for one.", of="course_section")
    group_id: Urn = about("The group, if it is for one.", of="group")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class AssignmentOverrideExtensions(Extensions):
    """What Canvas tells of an override besides."""

    canvas: AssignmentOverrideExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class AssignmentOverride(Thing):
    """Other dates of an assignment for some students."""

    id: Urn = about("The override, as a URN.", of="assignment_override")
    type: Text = about("What it is, in Caliper's words.", values=("Entity",))
    date_to_show: Time = about("When the assignment opens for them.")
    date_to_submit: Time = about("When it is due for them.")
    extensions: AssignmentOverrideExtensions | None = about("What Canvas tells besides.")


class AssignmentOverrideCreated(CaliperEvent):
    """Some students got other dates for an assignment."""

    event_name: ClassVar[str] = "assignment_override_created"

    object: AssignmentOverride | None = about("The override.")


class AssignmentOverrideUpdated(CaliperEvent):
    """The other dates of some students for an assignment changed."""

    event_name: ClassVar[str] = "assignment_override_updated"

    object: AssignmentOverride | None = about("The override.")
