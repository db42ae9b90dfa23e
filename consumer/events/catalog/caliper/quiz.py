"""Classic quizzes, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.attempts import AssignedQuiz, Attempt, SubmissionId
from consumer.events.catalog.caliper.entities import CANVAS_KEY, Extensions, Extra, Thing, Urn
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import Flag, GlobalId, Number, Text, Time, about


class QuizExtra(Extra):
    """What Canvas tells of a quiz besides."""

    entity_id: GlobalId = about("The number in the URN of the quiz.", of="quiz")
    quiz_type: Text = about(
        "What it is for.", values=("assignment", "practice_quiz", "graded_survey", "survey")
    )
    time_limit: Number = about("Minutes for one attempt; absent for no limit.", values=(30, 60))
    access_code: Flag = about("Whether a code is needed to take it.")
    workflow_state: Text = about(
        "Where it stands.", values=("created", "edited", "available", "unpublished", "deleted")
    )


class QuizExtensions(Extensions):
    """What Canvas tells of a quiz besides."""

    canvas: QuizExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Quiz(Thing):
    """A classic quiz."""

    id: Urn = about("The quiz, as a URN.", of="quiz")
    type: Text = about("What it is, in Caliper's words.", values=("Assessment",))
    name: Text = about("Its title.", truncated=True)
    description: Text = about(
        "What to know before taking it, as HTML.", privacy="education", truncated=True
    )
    date_created: Time = about("When it was made; only when it was created.")
    date_modified: Time = about("When it was last changed; only when it was updated.")
    date_to_show: Time = about("When it opens.")
    date_to_submit: Time = about("When it is due.")
    max_score: Number = about("The points that it is worth.")
    extensions: QuizExtensions | None = about("What Canvas tells besides.")


class QuizCreated(CaliperEvent):
    """Somebody made a classic quiz."""

    event_name: ClassVar[str] = "quiz_created"

    object: Quiz | None = about("The quiz.")


class QuizUpdated(CaliperEvent):
    """The settings of a classic quiz changed."""

    event_name: ClassVar[str] = "quiz_updated"

    object: Quiz | None = about("The quiz.")


class QuizAttemptExtensions(Extensions):
    """The submission as a number."""

    canvas: SubmissionId | None = about("What Canvas adds.", alias=CANVAS_KEY)


class QuizAttempt(Attempt):
    """One attempt of one student at a classic quiz."""

    assignable: AssignedQuiz | None = about("The quiz.")
    extensions: QuizAttemptExtensions | None = about("What Canvas tells besides.")


class QuizSubmitted(CaliperEvent):
    """A student handed in a classic quiz."""

    event_name: ClassVar[str] = "quiz_submitted"

    object: QuizAttempt | None = about("The attempt.")
