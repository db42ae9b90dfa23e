"""Courses, their sections, and how far students have come."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from consumer.events.catalog.base import CanvasBody, Record
from consumer.events.catalog.fields import (
    AnyId,
    Flag,
    GlobalId,
    Integer,
    Is,
    LocalId,
    OpaqueId,
    Text,
    Time,
    about,
)


def _repaired(value: object) -> object:
    """The names in a list that was sent as the pieces of its own text."""
    text = ",".join(map(str, value)) if isinstance(value, list) else value
    if isinstance(text, str) and text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return value
    return value


#: Also as one text, or as that text cut at its commas: '["name"', ' "course_id"]'.
_FieldNames = Annotated[list[str] | None, BeforeValidator(_repaired), Is("text")]


class Course(CanvasBody):
    """What the events about a course have in common."""

    entity: ClassVar[tuple[str, str]] = ("course", "course_id")

    course_id: GlobalId = about("The course.", of="course")
    uuid: OpaqueId = about("The course, as other services know it.", of="course")
    account_id: GlobalId = about("The account that it is in.", of="account")
    account_uuid: OpaqueId = about("That account, as other services know it.", of="account")
    name: Text = about("What it is called.")
    created_at: Time = about("When it was made.")
    updated_at: Time = about("When it was last changed.")
    workflow_state: Text = about(
        "Where it stands: claimed is not published, available is.",
        values=("created", "claimed", "available", "completed", "deleted"),
    )


class CourseCreated(Course):
    """A course was made."""

    event_name: ClassVar[str] = "course_created"


class CourseUpdated(Course):
    """A course changed: renamed, published, concluded, deleted, or any other save of it."""

    event_name: ClassVar[str] = "course_updated"


class CourseSection(CanvasBody):
    """What the events about a section of a course have in common."""

    entity: ClassVar[tuple[str, str]] = ("course_section", "course_section_id")

    course_section_id: LocalId = about("The section.", of="course_section")
    course_id: LocalId = about("The course that it is in now.", of="course")
    nonxlist_course_id: LocalId = about(
        "The course that it came from, if it was moved to another.", of="course"
    )
    root_account_id: LocalId = about("The institution.", of="account")
    enrollment_term_id: LocalId = about("The term.", of="enrollment_term")
    name: Text = about("What it is called.")
    default_section: Flag = about("It came with the course.")
    accepting_enrollments: Flag = about("People can be enrolled in it.")
    can_manually_enroll: Flag = about("People can be enrolled in it by hand.")
    start_at: Time = about("From when its members can take part, if not as the course.")
    end_at: Time = about("Until when its members can take part, if not as the course.")
    restrict_enrollments_to_section_dates: Flag = about("These dates go before the course's.")
    sis_source_id: OpaqueId = about("The section in the student information system.", of="sis")
    sis_batch_id: AnyId = about("The SIS import that last touched it.", of="sis_batch")
    integration_id: OpaqueId = about("The section in yet another system.", of="sis")
    stuck_sis_fields: _FieldNames = about(
        "Fields changed by hand, which SIS imports leave alone.", values=("name", "course_id")
    )
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class CourseSectionCreated(CourseSection):
    """A section was made in a course."""

    event_name: ClassVar[str] = "course_section_created"


class CourseSectionUpdated(CourseSection):
    """A section changed, was moved to another course, or was deleted."""

    event_name: ClassVar[str] = "course_section_updated"


class ProgressError(Record):
    """Why there is no progress to tell."""

    message: Text = about("The reason.")


class Progress(Record):
    """How far somebody has come in a course."""

    requirement_count: Integer = about("Requirements in the course.")
    requirement_completed_count: Integer = about("Those that are met.", privacy="education")
    next_requirement_url: Text = about(
        "The address of the next one; null if none is left.", privacy="secret"
    )
    completed_at: Time = about("When all were met; null before.", privacy="education")
    error: ProgressError | None = about("Instead of all others: why there is nothing to tell.")


class ProgressUser(Record):
    """Who has come that far."""

    id: LocalId = about("The student.", of="user", privacy="identifier")
    name: Text = about("The student's name.", privacy="identifier")
    email: Text = about("The student's e-mail address.", privacy="identifier")


class ProgressCourse(Record):
    """The course of that progress."""

    id: LocalId = about("The course.", of="course")
    name: Text = about("What it is called.")
    account_id: LocalId = about("The account that it is in.", of="account")
    sis_source_id: OpaqueId = about("The course in the student information system.", of="sis")


class CourseProgression(CanvasBody):
    """What the events about a student's progress have in common."""

    entity: ClassVar[tuple[str, str]] = ("course", "course")

    progress: Progress | None = about("How far the student has come.", privacy="education")
    user: ProgressUser | None = about("The student.", privacy="identifier")
    course: ProgressCourse | None = about("The course.")


class CourseProgress(CourseProgression):
    """A student met a requirement of a course's modules; sent some minutes later."""

    event_name: ClassVar[str] = "course_progress"


class CourseCompleted(CourseProgression):
    """A student met the last requirement of a course's modules."""

    event_name: ClassVar[str] = "course_completed"
