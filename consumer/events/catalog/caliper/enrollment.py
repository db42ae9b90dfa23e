"""Enrollments and their states, in Caliper format."""

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
from consumer.events.catalog.fields import Flag, GlobalId, Text, Time, about


class EnrollmentExtra(Extra):
    """Who is enrolled, in what, and as what."""

    entity_id: GlobalId = about("The number in the URN of the enrollment.", of="enrollment")
    course_id: Urn = about("The course, as a URN.", of="course")
    course_section_id: Urn = about(
        "The section, as a URN behind that of its course.", of="course_section"
    )
    user_id: Urn = about("Who is enrolled, as a URN.", of="user", privacy="identifier")
    user_name: Text = about("Their full name.", privacy="identifier")
    type: Text = about(
        "As what.",
        values=(
            "StudentEnrollment",
            "TeacherEnrollment",
            "TaEnrollment",
            "DesignerEnrollment",
            "ObserverEnrollment",
            "StudentViewEnrollment",
        ),
    )
    limit_privileges_to_course_section: Flag = about(
        "Whether they see people of their own section only."
    )
    workflow_state: Text = about(
        "Where it stands.",
        values=("active", "invited", "creation_pending", "completed", "inactive", "deleted"),
    )


class EnrollmentExtensions(Extensions):
    """Who is enrolled, in what, and as what."""

    canvas: EnrollmentExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Enrollment(Thing):
    """Somebody's place in a course."""

    id: Urn = about("The enrollment, as a URN.", of="enrollment")
    type: Text = about("What it is, in Caliper's words.", values=("Entity",))
    date_created: Time = about("When it was made.")
    date_modified: Time = about("When it was last changed.")
    extensions: EnrollmentExtensions | None = about("Who, in what, as what.")


class EnrollmentCreated(CaliperEvent):
    """Somebody was enrolled in a course."""

    event_name: ClassVar[str] = "enrollment_created"

    object: Enrollment | None = about("The enrollment.")


class EnrollmentUpdated(CaliperEvent):
    """Somebody's enrollment changed: accepted, ended, deleted."""

    event_name: ClassVar[str] = "enrollment_updated"

    object: Enrollment | None = about("The enrollment.")


class EnrollmentStateExtra(Extra):
    """What an enrollment allows at present."""

    entity_id: GlobalId = about("The number in the URN of the enrollment.", of="enrollment")
    state: Text = about(
        "The state, after dates and publication were considered.",
        values=(
            "active",
            "invited",
            "pending_active",
            "pending_invited",
            "completed",
            "inactive",
            "deleted",
        ),
    )
    state_is_current: Flag = about("False while the state has to be worked out again.")
    state_valid_until: Time = about("When the state ends by itself; absent for never.")
    restricted_access: Flag = about("Whether the course is closed to them for now.")
    access_is_current: Flag = about("False while the access has to be worked out again.")


class EnrollmentStateExtensions(Extensions):
    """What an enrollment allows at present."""

    canvas: EnrollmentStateExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class EnrollmentState(Thing):
    """What an enrollment allows at present."""

    id: Urn = about("The enrollment, as a URN.", of="enrollment")
    type: Text = about("What it is, in Caliper's words.", values=("Entity",))
    started_at_time: Time = about("When the state began.")
    extensions: EnrollmentStateExtensions | None = about("The state.")


class EnrollmentStateCreated(CaliperEvent):
    """An enrollment got its first state."""

    event_name: ClassVar[str] = "enrollment_state_created"

    object: EnrollmentState | None = about("The enrollment.")


class EnrollmentStateUpdated(CaliperEvent):
    """An enrollment got another state, by somebody or because its time came."""

    event_name: ClassVar[str] = "enrollment_state_updated"

    object: EnrollmentState | None = about("The enrollment.")
