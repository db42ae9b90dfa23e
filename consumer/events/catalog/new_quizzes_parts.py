"""What several events of New Quizzes have in common, and the objects in them."""

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


class QuizCloneJob(NewQuizzes):
    """What the events about the copying of a quiz have in common."""

    entity: ClassVar[tuple[str, str]] = ("quizzes.quiz_clone_job", "id")

    id: OpaqueId = about("The copying.", of="quiz_clone_job")
    original_quiz_id: OpaqueId = about("The quiz that is copied, in New Quizzes.", of="new_quiz")
    status: Text = about("Where it stands.")


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
