"""Grades, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.attempts import (
    AssignedAssignment,
    Attempt,
    Student,
    SubmissionId,
)
from consumer.events.catalog.caliper.entities import (
    CANVAS_KEY,
    Extensions,
    Thing,
    Urn,
)
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import Number, Text, about


class GradeExtra(SubmissionId):
    """The grade."""

    grade: Text = about("The grade as it is shown, such as 7 or A-.", privacy="education")


class GradeExtensions(Extensions):
    """The grade."""

    canvas: GradeExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class GradedAttempt(Attempt):
    """A submission that was graded."""

    name: Text = about("A name of it; mostly absent.", privacy="education")
    assignee: Student | None = about("The student.")
    assignable: AssignedAssignment | None = about("The assignment.")
    extensions: GradeExtensions | None = about("The grade.")


class Score(Thing):
    """The points."""

    id: Urn = about("The submission, as a URN.", of="submission")
    type: Text = about("What it is, in Caliper's words.", values=("Score",))
    attempt: GradedAttempt | None = about("What the points are for.")
    max_score: Number = about("The points that the assignment is worth.")
    score_given: Number = about("The points that were given.", privacy="education")
    scored_by: Urn = about(
        "Who graded it, as a URN; absent if Canvas did.", of="user", privacy="identifier"
    )
    extensions: GradeExtensions | None = about("The grade.")


class GradeChange(CaliperEvent):
    """A submission got a grade, or another one."""

    event_name: ClassVar[str] = "grade_change"

    object: GradedAttempt | None = about("What was graded.")
    generated: Score | None = about("The points that were given.")
