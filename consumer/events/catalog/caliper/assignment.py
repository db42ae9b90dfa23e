"""Assignments, their overrides, and classic quizzes, in Caliper format."""

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

from .entities import AssignedQuiz, Attempt, AttemptExtra, Extensions, Extra, Thing, Urn
from .envelope import EventAbout


class Assignable(Thing):
    """Common fields of assignments and quizzes."""

    name: Text = about("Title.", truncated=True)
    description: Text = about("Description, as HTML.", truncated=True)
    date_created: Time = about("When it was created. Only if it was created.")
    date_modified: Time = about("When it was last changed. Only if it was updated.")
    date_to_show: Time = about("When it opens.")
    date_to_submit: Time = about("Due date.")
    max_score: Number = about("Maximum points.")


class AssignmentExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the assignment.", of="assignment")
    lock_at: Time = about("When it closes.")
    workflow_state: Text = about("State.", values="published unpublished deleted duplicating")


class Assignment(Assignable):
    """An assignment."""

    id: Urn = about("The assignment, as a URN.", of="assignment")
    type: Text = about("Caliper type.", values="AssignableDigitalResource")
    extensions: Extensions[AssignmentExtra] | None = about("Additional fields.")


class AssignmentCreated(EventAbout[Assignment]):
    """An assignment was created."""


class AssignmentUpdated(EventAbout[Assignment]):
    """An assignment changed."""


class AssignmentOverrideExtra(Extra):
    entity_id: AnyId = about("Number in the URN of the override.", of="assignment_override")
    assignment_id: LocalId = about("The assignment.", of="assignment")
    lock_at: Time = about("When it closes.")
    all_day: Flag = about("True if it is due at the end of a day.")
    all_day_date: Day = about("The day on which it is due.")
    type: Text = about("Who it is for.", values="ADHOC CourseSection Group")
    course_section_id: Urn = about("The section, if it is for one.", of="course_section")
    group_id: Urn = about("The group, if it is for one.", of="group")
    workflow_state: Text = about("State.", values="active deleted")


class AssignmentOverride(Thing):
    """Different dates of an assignment for some students."""

    id: Urn = about("The override, as a URN.", of="assignment_override")
    type: Text = about("Caliper type.", values="Entity")
    date_to_show: Time = about("When the assignment opens.")
    date_to_submit: Time = about("Due date.")
    extensions: Extensions[AssignmentOverrideExtra] | None = about("Additional fields.")


class AssignmentOverrideCreated(EventAbout[AssignmentOverride]):
    """Some students got different dates for an assignment."""


class AssignmentOverrideUpdated(EventAbout[AssignmentOverride]):
    """The different dates of some students for an assignment changed."""


class QuizExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the quiz.", of="quiz")
    quiz_type: Text = about("Type.", values="assignment practice_quiz graded_survey survey")
    time_limit: Number = about("Time limit in minutes; absent for none.", values=(30, 60))
    access_code: Flag = about("True if an access code is required.")
    workflow_state: Text = about("State.", values="created edited available unpublished deleted")


class Quiz(Assignable):
    """A classic quiz."""

    id: Urn = about("The quiz, as a URN.", of="quiz")
    type: Text = about("Caliper type.", values="Assessment")
    extensions: Extensions[QuizExtra] | None = about("Additional fields.")


class QuizCreated(EventAbout[Quiz]):
    """A classic quiz was created."""


class QuizUpdated(EventAbout[Quiz]):
    """The settings of a classic quiz changed."""


class QuizAttempt(Attempt):
    """An attempt of a student at a classic quiz."""

    assignable: AssignedQuiz | None = about("The quiz.")
    extensions: Extensions[AttemptExtra] | None = about("Additional fields.")


class QuizSubmitted(EventAbout[QuizAttempt]):
    """A student submitted a classic quiz."""
