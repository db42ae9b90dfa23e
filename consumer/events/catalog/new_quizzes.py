"""Events of New Quizzes, a service of its own: its ids are of no other table of Canvas.

What is known of them comes from those who receive them; of all their payloads only one example of
`quizzes.quiz_graded` was ever published, in 2018. They come in Canvas format, `quiz_caliper.*` too:
that name is of the source inside of New Quizzes. Those tell of the request (address, host, browser)
in their metadata, as Canvas does; the others tell of no request. What `quizzes.quiz_session_graded`
holds nobody has told: it is taken to be like the other events of an attempt.
"""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.fields import Flag, Number, OpaqueId, Text, Time, about
from consumer.events.catalog.new_quizzes_parts import (
    Item,
    NewQuiz,
    NewQuizzes,
    QuizCloneJob,
    SeenItem,
    SeenQuiz,
    SeenSession,
    Session,
)


class QuizzesItemCreated(Item):
    """A question was made in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.item_created"


class QuizzesItemUpdated(Item):
    """A question changed in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.item_updated"


class QuizzesQtiImportCompleted(NewQuizzes):
    """A quiz was imported into New Quizzes."""

    event_name: ClassVar[str] = "quizzes.qti_import_completed"
    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz", "quiz_id")

    quiz_id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    qti_type: Text = about("From what kind of file.")
    success: Flag = about("It worked.")


class QuizzesQuizCloneJobCreated(QuizCloneJob):
    """A quiz began to be copied in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_clone_job_created"


class QuizzesQuizCloneJobUpdated(QuizCloneJob):
    """The copying of a quiz in New Quizzes went on, ended, or failed."""

    event_name: ClassVar[str] = "quizzes.quiz_clone_job_updated"

    cloned_quiz_id: OpaqueId = about("The copy, in New Quizzes.", of="new_quiz")


class QuizzesQuizCreated(NewQuiz):
    """A quiz was made in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_created"


class QuizzesQuizUpdated(NewQuiz):
    """A quiz changed in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_updated"


class QuizzesQuizGraded(NewQuizzes):
    """What a student handed in was graded in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_graded"
    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz_session", "quiz_session_id")

    quiz_session_id: OpaqueId = about("The student's attempt, in New Quizzes.", of="quiz_session")
    quiz_session_result_id: OpaqueId = about("Its result.", of="quiz_session_result")
    grader_id: OpaqueId = about(
        'Who graded, in New Quizzes; "" for nobody.', of="new_user", privacy="identifier"
    )
    grading_method: Text = about("Who or what graded.", values=("autograde", "manual"))
    status: Text = about("Where it stands.", values=("graded",))
    score: Number = about("Points reached.", privacy="education")
    fudge_points: Number = about("Points given besides; null for none.", privacy="education")
    points_possible: Number = about("Points that could be reached.")
    percentage: Number = about("The first by the last.", privacy="education")
    created_at: Time = about("When it was first graded.")
    updated_at: Time = about("When that was last changed.")


class QuizzesQuizSessionGraded(Session):
    """A student's attempt was graded in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_session_graded"


class QuizzesQuizSessionSubmitted(Session):
    """A student handed in a quiz in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_session_submitted"


class QuizzesQuizSessionUngraded(Session):
    """What a student handed in in New Quizzes is to be graded again."""

    event_name: ClassVar[str] = "quizzes.quiz_session_ungraded"


class QuizzesLtiGradeChanged(NewQuizzes):
    """New Quizzes gave a student's grade to Canvas."""

    event_name: ClassVar[str] = "quizzes-lti.grade_changed"
    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz", "quiz_id")

    user_uuid: OpaqueId = about(
        "The student, as other services know them.", of="user", privacy="identifier"
    )
    quiz_id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    score_to_keep: Number = about("The score that counts.", privacy="education")


class QuizCaliperAssetAccessed(NewQuizzes):
    """Somebody looked at something in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.asset_accessed"

    id: OpaqueId = about("What was looked at, in New Quizzes; nothing says its kind.", of="asset")
    title: Text = about("What it is called.")


class QuizCaliperItemCreated(SeenItem):
    """Somebody made a question in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.item_created"


class QuizCaliperItemUpdated(SeenItem):
    """Somebody changed a question in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.item_updated"


class QuizCaliperQuizCreated(SeenQuiz):
    """Somebody made a quiz in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.quiz_created"


class QuizCaliperQuizSessionCreated(SeenSession):
    """An attempt was made for somebody in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.quiz_session_created"


class QuizCaliperQuizSessionUpdated(SeenSession):
    """Somebody's attempt changed in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.quiz_session_updated"


class QuizCaliperQuizStarted(SeenQuiz):
    """Somebody began to take a quiz in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.quiz_started"


class QuizCaliperQuizSubmitted(SeenQuiz):
    """Somebody handed in a quiz in New Quizzes, as a thing done."""

    event_name: ClassVar[str] = "quiz_caliper.quiz_submitted"


class QuizCaliperQuizUpdated(SeenQuiz):
    """Somebody changed a quiz in New Quizzes."""

    event_name: ClassVar[str] = "quiz_caliper.quiz_updated"
