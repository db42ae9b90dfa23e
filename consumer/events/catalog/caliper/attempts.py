"""What somebody handed in, as events about submissions, quizzes and grades name it."""

from __future__ import annotations

from consumer.events.catalog.caliper.entities import (
    CANVAS_KEY,
    Entity,
    Extensions,
    Extra,
    Person,
    Thing,
    Urn,
)
from consumer.events.catalog.fields import GlobalId, OpaqueId, Text, about


class AssignedAssignment(Entity):
    """The assignment that was answered."""

    id: Urn = about("The assignment, as a URN.", of="assignment")
    type: Text = about("What it is, in Caliper's words.", values=("AssignableDigitalResource",))


class AssignedQuiz(Entity):
    """The quiz that was answered."""

    id: Urn = about("The quiz, as a URN.", of="quiz")
    type: Text = about("What it is, in Caliper's words.", values=("Assessment",))


class StudentExtra(Extra):
    """The student, as others know them."""

    sis_id: OpaqueId = about(
        "Their id in the student information system.", of="user", privacy="identifier"
    )


class StudentExtensions(Extensions):
    """The student, as others know them."""

    canvas: StudentExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Student(Person):
    """The student who was graded."""

    extensions: StudentExtensions | None = about("The student, as others know them.")


class Attempt(Thing):
    """One attempt of one student."""

    id: Urn = about("The submission, as a URN.", of="submission")
    type: Text = about("What it is, in Caliper's words.", values=("Attempt",))
    assignee: Person | None = about("The student.")


class SubmissionId(Extra):
    """The submission as a number."""

    entity_id: GlobalId = about("The number in the URN of the submission.", of="submission")
