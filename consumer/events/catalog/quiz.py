"""Classic quizzes."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import (
    Flag,
    GlobalId,
    Integer,
    Number,
    OpaqueId,
    Text,
    Time,
    about,
)


class QuizSubmitted(CanvasBody):
    """A student handed in a classic quiz."""

    event_name: ClassVar[str] = "quiz_submitted"
    entity: ClassVar[tuple[str, str]] = ("quiz_submission", "submission_id")

    submission_id: GlobalId = about("What was handed in.", of="quiz_submission")
    quiz_id: GlobalId = about("The quiz.", of="quiz")


class Quiz(CanvasBody):
    """What the events about a classic quiz have in common."""

    entity: ClassVar[tuple[str, str]] = ("quiz", "quiz_id")

    quiz_id: GlobalId = about("The quiz.", of="quiz")
    assignment_id: GlobalId = about("The assignment, if it is graded.", of="assignment")
    context_id: GlobalId = about("The course.", of="course")
    context_type: Text = about("What it is in.", values=("Course",))
    context_uuid: OpaqueId = about("The course, as other services know it.", of="course")
    title: Text = about("What it is called.", truncated=True)
    description: Text = about("What it is about, as HTML.", truncated=True)
    quiz_type: Text = about(
        "What it counts for.",
        values=("assignment", "practice_quiz", "graded_survey", "survey"),
    )
    points_possible: Number = about("The points that it is worth.")
    due_at: Time = about("When it is due.")
    unlock_at: Time = about("From when it can be taken.")
    lock_at: Time = about("Until when it can be taken.")
    time_limit: Integer = about("Minutes that a student has; null for no limit.")
    access_code: Flag = about("A code is needed to take it.")
    ip_filter: Text = about("From which addresses it can be taken.", privacy="identifier")
    shuffle_answers: Flag = about("Answers are shown in any order.")
    allowed_attempts: Integer = about("How often it can be taken; -1 for any number.")
    scoring_policy: Text = about(
        "Which attempt counts.", values=("keep_highest", "keep_latest", "keep_average")
    )
    hide_results: Text = about(
        "When students do not see their answers; null for never.",
        values=("always", "until_after_last_attempt"),
    )
    show_correct_answers: Flag = about("Students see which answers are right.")
    show_correct_answers_at: Time = about("From when they do.")
    hide_correct_answers_at: Time = about("Until when they do.")
    show_correct_answers_last_attempt: Flag = about("They do after the last attempt only.")
    one_question_at_a_time: Flag = about("Questions are shown one by one.")
    cant_go_back: Flag = about("A question can't be seen again.")
    one_time_results: Flag = about("Students see their results once.")
    anonymous_submissions: Flag = about("Who answered is not recorded.")
    require_lockdown_browser: Flag = about("A locked browser is needed to take it.")
    require_lockdown_browser_for_results: Flag = about("And to see the results.")
    disable_timer_autosubmission: Flag = about("It is not handed in when time is up.")
    only_visible_to_overrides: Flag = about("Only those with an exception see it.")
    workflow_state: Text = about(
        "Where it stands.", values=("created", "unpublished", "available", "deleted")
    )
    updated_at: Time = about("When it was last changed.")


class QuizCreated(Quiz):
    """A classic quiz was made."""

    event_name: ClassVar[str] = "quiz_created"
    in_source: ClassVar[bool] = False


class QuizUpdated(Quiz):
    """A classic quiz changed, was published, or was deleted."""

    event_name: ClassVar[str] = "quiz_updated"
    in_source: ClassVar[bool] = False
