"""Events of New Quizzes, a service of its own: its ids are of no other table of Canvas.

What is known of them comes from those who receive them; of all their payloads only one example of
`quizzes.quiz_graded` was ever published, in 2018. They come in Canvas format, `quiz_caliper.*` too:
that name is of the source inside of New Quizzes. Those tell of the request (address, host, browser)
in their metadata, as Canvas does; the others tell of no request. What `quizzes.quiz_session_graded`
holds nobody has told: it is taken to be like the other events of an attempt.
"""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, Integer, Number, OpaqueId, Open, Text, Time, about


class NewQuizzes(CanvasBody):
    """An event of New Quizzes, whose fields are known from those who receive it only."""

    documented: ClassVar[bool] = False


class Item(NewQuizzes):
    """What the events about a question have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.item", "id")

    id: OpaqueId = about("The question, in New Quizzes.", of="item")
    title: Text = about("What it is called.")
    label: Text = about("What it is called beside the quiz.")
    item_body: Text = about("The question, as HTML.")
    user_response_type: Text = about("What kind of answer it takes.", values=("Text", "Uuid"))
    properties: Open = about("How it is shown: editor, limits of words, order of answers.")
    interaction_data: Open = about("The answers to choose from, and how one answers.")
    scoring_data: Open = about("Which answers are right.", privacy="secret")
    scoring_algorithm: Text = about("How points are given.", values=("Equivalence", "None"))
    outcome_alignment_set_guid: OpaqueId = about("The outcomes that it is about.", of="outcomes")


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


class QuizCloneJob(NewQuizzes):
    """What the events about the copying of a quiz have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz_clone_job", "id")

    id: OpaqueId = about("The copying.", of="quiz_clone_job")
    original_quiz_id: OpaqueId = about("The quiz that is copied, in New Quizzes.", of="new_quiz")
    status: Text = about("Where it stands.")


class QuizzesQuizCloneJobCreated(QuizCloneJob):
    """A quiz began to be copied in New Quizzes."""

    event_name: ClassVar[str] = "quizzes.quiz_clone_job_created"


class QuizzesQuizCloneJobUpdated(QuizCloneJob):
    """The copying of a quiz in New Quizzes went on, ended, or failed."""

    event_name: ClassVar[str] = "quizzes.quiz_clone_job_updated"

    cloned_quiz_id: OpaqueId = about("The copy, in New Quizzes.", of="new_quiz")


class NewQuiz(NewQuizzes):
    """What the events about a quiz in New Quizzes have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz", "id")

    id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    title: Text = about("What it is called.")
    instructions: Text = about("What is to be done, as HTML.")
    context_id: OpaqueId = about("The course, in New Quizzes.", of="new_context")
    owner: OpaqueId = about(
        "Who made it, or the place that it belongs to.", of="owner", privacy="identifier"
    )
    has_time_limit: Flag = about("A student has so much time only.")
    session_time_limit_in_seconds: Integer = about("How much, in seconds.")
    due_at: Time = about("When it is due.")
    lock_at: Time = about("Until when it can be taken.")
    shuffle_questions: Flag = about("Questions are shown in any order.")
    shuffle_answers: Flag = about("Answers are shown in any order.")
    status: Text = about("Where it stands.")
    outcome_alignment_set_guid: OpaqueId = about("The outcomes that it is about.", of="outcomes")


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


class Session(NewQuizzes):
    """What the events about a student's attempt in New Quizzes have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz_session", "id")

    id: OpaqueId = about("The attempt, in New Quizzes.", of="quiz_session")
    quiz_id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    attempt: Integer = about("Which attempt it is, from 1.")
    status: Text = about("Where it stands.", values=("submitted", "in_progress", "graded"))
    authoritative_result_id: OpaqueId = about("The result that counts.", of="quiz_session_result")
    points_possible: Number = about("Points that can be reached.")
    session_items_count: Integer = about("How many questions it has.")
    allow_backtracking: Flag = about("A question can be seen again.")
    one_at_a_time_type: Text = about("Whether questions are shown one by one.", values=("none",))
    exclude_from_stats: Flag = about("It does not count in statistics.")
    accepted_student_access_code_at: Time = about("When the student gave the right code.")
    invalidated_student_access_code_at: Time = about("When that was no longer enough.")
    start_at: Time = about("When it began.")
    end_at: Time = about("When time is up.")
    submitted_at: Time = about("When it was handed in.")
    created_at: Time = about("When it was made.")
    updated_at: Time = about("When it was last changed.")
    grade_passback_guid: OpaqueId = about(
        "By which the grade is given to Canvas.", of="passback", privacy="secret"
    )
    passback_url: Text = about("The address that the grade is given to.", privacy="secret")
    graded_url: Text = about("The address at which the result is seen.", privacy="secret")


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


class SeenQuiz(NewQuizzes):
    """What the events of what somebody did with a quiz have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz", "id")

    id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    title: Text = about("What it is called.")


class SeenItem(NewQuizzes):
    """What the events of what somebody did with a question have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.item", "id")

    id: OpaqueId = about("The question, in New Quizzes.", of="item")
    title: Text = about("What it is called.")
    label: Text = about("What it is called beside the quiz.")


class SeenSession(NewQuizzes):
    """What the events of what somebody did with an attempt have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz_session", "id")

    id: OpaqueId = about("The attempt, in New Quizzes.", of="quiz_session")
    status: Text = about("Where it stands.")
    created_at: Time = about("When it was made.")
    start_at: Time = about("When it began.")
    end_at: Time = about("When time is up.")
    submitted_at: Time = about("When it was handed in.")


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
