"""Grades: of submissions, of courses, and overridden ones."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import (
    Flag,
    GlobalId,
    LocalId,
    Number,
    OpaqueId,
    Text,
    Time,
    about,
)


class GradeChange(CanvasBody):
    """The grade of a submission changed."""

    event_name: ClassVar[str] = "grade_change"
    entity: ClassVar[tuple[str, str]] = ("submission", "submission_id")

    submission_id: GlobalId = about("The submission.", of="submission")
    assignment_id: GlobalId = about("The assignment.", of="assignment")
    assignment_name: Text = about("What the assignment is called.")
    student_id: GlobalId = about("The student.", of="user", privacy="identifier")
    student_sis_id: OpaqueId = about(
        "The student in the student information system.", of="sis", privacy="identifier"
    )
    user_id: GlobalId = about("The student, once more.", of="user", privacy="identifier")
    grader_id: GlobalId = about(
        "Who graded; null if a quiz or a tool did.", of="user", privacy="identifier"
    )
    grade: Text = about("The grade now, such as 7 or A-.", privacy="education")
    old_grade: Text = about("The grade before.", privacy="education")
    score: Number = about("The points now.", privacy="education")
    old_score: Number = about("The points before.", privacy="education")
    points_possible: Number = about("The points that the assignment is worth.")
    old_points_possible: Number = about("The points that it was worth before.")
    grading_complete: Flag = about("Nothing is left to be graded by hand.")
    muted: Flag = about("The student does not see the grade yet.")


class CourseGradeChange(CanvasBody):
    """The grade that a student has in a course as a whole changed."""

    event_name: ClassVar[str] = "course_grade_change"

    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    current_score: Number = about("Percent of what is graded and posted.", privacy="education")
    old_current_score: Number = about("The same, before.", privacy="education")
    final_score: Number = about(
        "Percent of everything posted; what is missing counts zero.", privacy="education"
    )
    old_final_score: Number = about("The same, before.", privacy="education")
    unposted_current_score: Number = about(
        "Percent of what is graded, posted or not.", privacy="education"
    )
    old_unposted_current_score: Number = about("The same, before.", privacy="education")
    unposted_final_score: Number = about(
        "Percent of everything, posted or not.", privacy="education"
    )
    old_unposted_final_score: Number = about("The same, before.", privacy="education")
    created_at: Time = about("When the student's total was first computed.")
    updated_at: Time = about("When it changed.")
    workflow_state: Text = about("Where it stands.", values=("active", "deleted"))


class GradeOverride(CanvasBody):
    """A teacher set a student's grade in a course by hand, or took that back."""

    event_name: ClassVar[str] = "grade_override"
    entity: ClassVar[tuple[str, str]] = ("score", "score_id")

    score_id: LocalId = about("The final grade.", of="score")
    enrollment_id: LocalId = about("The enrollment that it belongs to.", of="enrollment")
    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    grading_period_id: LocalId = about("The grading period, if it is of one.", of="grading_period")
    override_score: Number = about("Percent set by hand; null for none.", privacy="education")
    old_override_score: Number = about("The same, before.", privacy="education")
    updated_at: Time = about("When it was set.")
