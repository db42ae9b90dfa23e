"""Enrollments: who is in which course as what, and from when to when."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, GlobalId, OpaqueId, Text, Time, about


class Enrollment(CanvasBody):
    """What the events about an enrollment have in common."""

    entity: ClassVar[tuple[str, str]] = ("enrollment", "enrollment_id")

    enrollment_id: GlobalId = about("The enrollment.", of="enrollment")
    course_id: GlobalId = about("The course.", of="course")
    course_uuid: OpaqueId = about("The course, as other services know it.", of="course")
    course_section_id: GlobalId = about("The section.", of="course_section")
    user_id: GlobalId = about("Who is enrolled.", of="user", privacy="identifier")
    user_uuid: OpaqueId = about(
        "Who is enrolled, as other services know them.", of="user", privacy="identifier"
    )
    user_name: Text = about("Their name.", privacy="identifier")
    type: Text = about(
        "As what.",
        values=(
            "StudentEnrollment",
            "TeacherEnrollment",
            "TaEnrollment",
            "ObserverEnrollment",
            "DesignerEnrollment",
        ),
    )
    associated_user_id: GlobalId = about(
        "For an observer: the student who is observed.", of="user", privacy="identifier"
    )
    limit_privileges_to_course_section: Flag = about("They see only people of their section.")
    created_at: Time = about("When they were enrolled.")
    updated_at: Time = about("When that was last changed.")
    workflow_state: Text = about(
        "Where it stands.",
        values=("invited", "active", "creation_pending", "completed", "inactive", "deleted"),
    )


class EnrollmentCreated(Enrollment):
    """Somebody was enrolled in a course."""

    event_name: ClassVar[str] = "enrollment_created"


class EnrollmentUpdated(Enrollment):
    """An enrollment changed: accepted, concluded, deleted."""

    event_name: ClassVar[str] = "enrollment_updated"


class EnrollmentState(CanvasBody):
    """What the events about what an enrollment amounts to, by date, have in common."""

    entity: ClassVar[tuple[str, str]] = ("enrollment", "enrollment_id")

    enrollment_id: GlobalId = about("The enrollment.", of="enrollment")
    state: Text = about(
        "What it amounts to now, with the dates of course, section and term.",
        values=(
            "active",
            "invited",
            "pending_invited",
            "pending_active",
            "completed",
            "inactive",
            "deleted",
        ),
    )
    state_started_at: Time = about("Since when.")
    state_valid_until: Time = about("Until when; null if no date ends it.")
    state_is_current: Flag = about("It has been computed anew since the last change.")
    restricted_access: Flag = about("The person is locked out by a date.")
    access_is_current: Flag = about("That has been computed anew since the last change.")


class EnrollmentStateCreated(EnrollmentState):
    """It was computed for the first time what an enrollment amounts to."""

    event_name: ClassVar[str] = "enrollment_state_created"


class EnrollmentStateUpdated(EnrollmentState):
    """What an enrollment amounts to changed: a term began, a course ended."""

    event_name: ClassVar[str] = "enrollment_state_updated"
