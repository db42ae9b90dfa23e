"""Submissions and grades, in Caliper format."""

from consumer.events.catalog.fields import Int, Number, OpaqueId, Text, Time, about

from .entities import (
    AssignedAssignment,
    Attempt,
    AttemptExtra,
    Extensions,
    Extra,
    Person,
    Thing,
    Urn,
)
from .envelope import EventAbout


class SubmissionExtra(AttemptExtra):
    submission_type: Text = about(
        "Type.",
        values="online_text_entry online_upload online_url online_quiz discussion_topic "
        "media_recording basic_lti_launch",
    )
    url: Text = about("Submitted URL.", privacy="education")


class Submission(Attempt):
    """An attempt of a student at an assignment."""

    assignable: AssignedAssignment | None = about("The assignment.")
    count: Int = about("Number of the attempt, from 1.")
    body: Text = about("Submitted text, as HTML.", privacy="education", truncated=True)
    date_created: Time = about("When it was submitted. Only if it was created.")
    date_modified: Time = about("When it was last changed. Only if it was updated.")
    extensions: Extensions[SubmissionExtra] | None = about("Additional fields.")


class SubmissionCreated(EventAbout[Submission]):
    """A student submitted an attempt."""


class SubmissionUpdated(EventAbout[Submission]):
    """A submission changed: graded, resubmitted, or saved for another reason."""


class StudentExtra(Extra):
    sis_id: OpaqueId = about("SIS ID of the student.", of="sis", privacy="identifier")


class Student(Person):
    """The graded student."""

    extensions: Extensions[StudentExtra] | None = about("Additional fields.")


class GradeExtra(AttemptExtra):
    """The grade."""

    grade: Text = about("Grade as displayed, such as 7 or A-.", privacy="education")


class GradedAttempt(Attempt):
    """A graded submission."""

    name: Text = about("Name; often absent.", privacy="education")
    assignee: Student | None = about("The student.")
    assignable: AssignedAssignment | None = about("The assignment.")
    extensions: Extensions[GradeExtra] | None = about("The grade.")


class Score(Thing):
    """The points."""

    id: Urn = about("The submission, as a URN.", of="submission")
    type: Text = about("Caliper type.", values="Score")
    attempt: GradedAttempt | None = about("The graded submission.")
    max_score: Number = about("Maximum points.")
    score_given: Number = about("Points.", privacy="education")
    scored_by: Urn = about("The grader; absent if Canvas graded.", of="user", privacy="identifier")
    extensions: Extensions[GradeExtra] | None = about("The grade.")


class GradeChange(EventAbout[GradedAttempt]):
    """The grade of a submission was set or changed."""

    generated: Score | None = about("The points.")
