"""Events of New Quizzes, a separate service whose ids are not those of Canvas.

Their fields are known from receivers; the only payload ever published is an example of
`quizzes.quiz_graded`, in 2018. All of them come in Canvas format, also `quiz_caliper.*`, which is
the name of the source inside New Quizzes. The metadata of those describes the request (URL, host,
browser), as in Canvas; that of the others does not. The fields of `quizzes.quiz_session_graded` are
not known: they are assumed to be those of other events about an attempt.
"""

from .base import CanvasBody
from .fields import Flag, Int, Number, OpaqueId, Open, Text, Time, about


class NewQuizzes(CanvasBody, abstract=True, documented=False):
    """An event of New Quizzes, whose fields are known from receivers only."""


class Item(NewQuizzes, abstract=True, entity=("quizzes.item", "id")):
    id: OpaqueId = about("The question, in New Quizzes.", of="item")
    title: Text = about("Title.")
    label: Text = about("Label in the quiz.")
    item_body: Text = about("The question, as HTML.")
    user_response_type: Text = about("Type of the answer.", values="Text Uuid")
    properties: Open = about("Display settings: editor, word limits, order of answers.")
    interaction_data: Open = about("The choices, and how they are answered.")
    scoring_data: Open = about("The correct answers.", privacy="secret")
    scoring_algorithm: Text = about("How points are calculated.", values="Equivalence None")
    outcome_alignment_set_guid: OpaqueId = about("The aligned outcomes.", of="outcomes")


class QuizzesItemCreated(Item, event_name="quizzes.item_created"):
    """A question was created in New Quizzes."""


class QuizzesItemUpdated(Item, event_name="quizzes.item_updated"):
    """A question changed in New Quizzes."""


class QuizzesQtiImportCompleted(
    NewQuizzes, event_name="quizzes.qti_import_completed", entity=("quizzes.quiz", "quiz_id")
):
    """A quiz was imported into New Quizzes."""

    quiz_id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    qti_type: Text = about("Type of the imported file.")
    success: Flag = about("True if it succeeded.")


class QuizCloneJob(NewQuizzes, abstract=True, entity=("quizzes.quiz_clone_job", "id")):
    id: OpaqueId = about("The copy job.", of="quiz_clone_job")
    original_quiz_id: OpaqueId = about("The copied quiz, in New Quizzes.", of="new_quiz")
    status: Text = about("State.")


class QuizzesQuizCloneJobCreated(QuizCloneJob, event_name="quizzes.quiz_clone_job_created"):
    """Copying a quiz in New Quizzes started."""


class QuizzesQuizCloneJobUpdated(QuizCloneJob, event_name="quizzes.quiz_clone_job_updated"):
    """Copying a quiz in New Quizzes progressed, finished, or failed."""

    cloned_quiz_id: OpaqueId = about("The new quiz, in New Quizzes.", of="new_quiz")


class NewQuiz(NewQuizzes, abstract=True, entity=("quizzes.quiz", "id")):
    id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    title: Text = about("Title.")
    instructions: Text = about("Instructions, as HTML.")
    context_id: OpaqueId = about("The course, in New Quizzes.", of="new_context")
    owner: OpaqueId = about("The creator or the course.", of="owner", privacy="identifier")
    has_time_limit: Flag = about("True if there is a time limit.")
    session_time_limit_in_seconds: Int = about("Time limit in seconds.")
    due_at: Time = about("Due date.")
    lock_at: Time = about("Available until this time.")
    shuffle_questions: Flag = about("True if questions are shown in random order.")
    shuffle_answers: Flag = about("True if answers are shown in random order.")
    status: Text = about("State.")
    outcome_alignment_set_guid: OpaqueId = about("The aligned outcomes.", of="outcomes")


class QuizzesQuizCreated(NewQuiz, event_name="quizzes.quiz_created"):
    """A quiz was created in New Quizzes."""


class QuizzesQuizUpdated(NewQuiz, event_name="quizzes.quiz_updated"):
    """A quiz changed in New Quizzes."""


class QuizzesQuizGraded(
    NewQuizzes, event_name="quizzes.quiz_graded", entity=("quizzes.quiz_session", "quiz_session_id")
):
    """A student's submission was graded in New Quizzes."""

    quiz_session_id: OpaqueId = about("The attempt, in New Quizzes.", of="quiz_session")
    quiz_session_result_id: OpaqueId = about("The result.", of="quiz_session_result")
    grader_id: OpaqueId = about('The grader; "" for none.', of="new_user", privacy="identifier")
    grading_method: Text = about("How it was graded.", values="autograde manual")
    status: Text = about("State.", values="graded")
    score: Number = about("Points.", privacy="education")
    fudge_points: Number = about("Additional points; null for none.", privacy="education")
    points_possible: Number = about("Maximum points.")
    percentage: Number = about("`score` / `points_possible`.", privacy="education")
    created_at: Time = about("When it was first graded.")
    updated_at: Time = about("When the grade was last changed.")


class Session(NewQuizzes, abstract=True, entity=("quizzes.quiz_session", "id")):
    id: OpaqueId = about("The attempt, in New Quizzes.", of="quiz_session")
    quiz_id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    attempt: Int = about("Number of the attempt, from 1.")
    status: Text = about("State.", values="submitted in_progress graded")
    authoritative_result_id: OpaqueId = about("The result that counts.", of="quiz_session_result")
    points_possible: Number = about("Maximum points.")
    session_items_count: Int = about("Number of questions.")
    allow_backtracking: Flag = about("True if students can return to a question.")
    one_at_a_time_type: Text = about("If questions are shown one at a time.", values="none")
    exclude_from_stats: Flag = about("True if statistics do not include it.")
    accepted_student_access_code_at: Time = about("When the access code was accepted.")
    invalidated_student_access_code_at: Time = about("When the access code expired.")
    start_at: Time = about("When it was started.")
    end_at: Time = about("When the time is up.")
    submitted_at: Time = about("When it was submitted.")
    created_at: Time = about("When it was created.")
    updated_at: Time = about("When it was last changed.")
    grade_passback_guid: OpaqueId = about("For sending the grade.", of="passback", privacy="secret")
    passback_url: Text = about("URL to which the grade is sent.", privacy="secret")
    graded_url: Text = about("URL of the result.", privacy="secret")


class QuizzesQuizSessionGraded(Session, event_name="quizzes.quiz_session_graded"):
    """A student's attempt was graded in New Quizzes."""


class QuizzesQuizSessionSubmitted(Session, event_name="quizzes.quiz_session_submitted"):
    """A student submitted a quiz in New Quizzes."""


class QuizzesQuizSessionUngraded(Session, event_name="quizzes.quiz_session_ungraded"):
    """A student's attempt in New Quizzes must be graded again."""


class QuizzesLtiGradeChanged(
    NewQuizzes, event_name="quizzes-lti.grade_changed", entity=("quizzes.quiz", "quiz_id")
):
    """New Quizzes sent a student's grade to Canvas."""

    user_uuid: OpaqueId = about("UUID of the student.", of="user", privacy="identifier")
    quiz_id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    score_to_keep: Number = about("The score that counts.", privacy="education")


class QuizCaliperAssetAccessed(
    NewQuizzes, event_name="quiz_caliper.asset_accessed", entity=("", "")
):
    """A user viewed something in New Quizzes."""

    id: OpaqueId = about("What was viewed, in New Quizzes; its type is not known.", of="asset")
    title: Text = about("Title.")


class SeenItem(NewQuizzes, abstract=True, entity=("quizzes.item", "id")):
    id: OpaqueId = about("The question, in New Quizzes.", of="item")
    title: Text = about("Title.")
    label: Text = about("Label in the quiz.")


class QuizCaliperItemCreated(SeenItem, event_name="quiz_caliper.item_created"):
    """A user created a question in New Quizzes."""


class QuizCaliperItemUpdated(SeenItem, event_name="quiz_caliper.item_updated"):
    """A user changed a question in New Quizzes."""


class SeenQuiz(NewQuizzes, abstract=True, entity=("quizzes.quiz", "id")):
    id: OpaqueId = about("The quiz, in New Quizzes.", of="new_quiz")
    title: Text = about("Title.")


class SeenSession(NewQuizzes, abstract=True, entity=("quizzes.quiz_session", "id")):
    id: OpaqueId = about("The attempt, in New Quizzes.", of="quiz_session")
    status: Text = about("State.")
    created_at: Time = about("When it was created.")
    start_at: Time = about("When it was started.")
    end_at: Time = about("When the time is up.")
    submitted_at: Time = about("When it was submitted.")


class QuizCaliperQuizCreated(SeenQuiz, event_name="quiz_caliper.quiz_created"):
    """A user created a quiz in New Quizzes."""


class QuizCaliperQuizSessionCreated(SeenSession, event_name="quiz_caliper.quiz_session_created"):
    """An attempt was created for a user in New Quizzes."""


class QuizCaliperQuizSessionUpdated(SeenSession, event_name="quiz_caliper.quiz_session_updated"):
    """A user's attempt changed in New Quizzes."""


class QuizCaliperQuizStarted(SeenQuiz, event_name="quiz_caliper.quiz_started"):
    """A user started to take a quiz in New Quizzes."""


class QuizCaliperQuizSubmitted(SeenQuiz, event_name="quiz_caliper.quiz_submitted"):
    """A user submitted a quiz in New Quizzes, reported as a user's action."""


class QuizCaliperQuizUpdated(SeenQuiz, event_name="quiz_caliper.quiz_updated"):
    """A user changed a quiz in New Quizzes."""
