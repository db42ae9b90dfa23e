"""Assignments, their groups and overrides; classic quizzes."""

from .base import CanvasBody
from .fields import (
    Day,
    Flag,
    GlobalId,
    Ids,
    Int,
    LocalId,
    Number,
    OpaqueId,
    Open,
    Text,
    Time,
    about,
)


class Assignment(CanvasBody, abstract=True):
    assignment_id: GlobalId = about("The assignment.", of="assignment")
    assignment_group_id: GlobalId = about("The assignment group.", of="assignment_group")
    context_id: GlobalId = about("The course.", of="course")
    context_type: Text = about("Type of `context_id`.", values="Course")
    context_uuid: OpaqueId = about("UUID of the course.", of="course")
    title: Text = about("Title.", truncated=True)
    description: Text = about("Description, as HTML.", truncated=True)
    due_at: Time = about("Due date for everyone without an override.")
    unlock_at: Time = about("Accepts submissions from this time.")
    lock_at: Time = about("Accepts submissions until this time.")
    updated_at: Time = about("When it was last changed.")
    points_possible: Number = about("Maximum points.")
    submission_types: Text = about(
        "Allowed types of submission, separated by commas.",
        values="online_text_entry online_upload,online_url external_tool on_paper",
    )
    anonymous_grading: Flag = about("True if graders do not see the names of students.")
    anonymous_participants: Flag = about("True if students don't see names. Newer versions only.")
    workflow_state: Text = about("State.", values="published unpublished deleted")
    created_on_blueprint_sync: Flag = about("True if a blueprint synchronization created it.")
    lti_assignment_id: OpaqueId = about("LTI ID of the assignment.", of="assignment")
    lti_assignment_description: Text = about("Same as `description`.", truncated=True)
    lti_resource_link_id: OpaqueId = about("LTI ID of its link.", of="lti_resource_link")
    lti_resource_link_id_duplicated_from: OpaqueId = about("The original.", of="lti_resource_link")
    assignment_id_duplicated_from: GlobalId = about("The original, if copied.", of="assignment")
    domain: Text = about("Host name of the institution.")
    domain_duplicated_from: Text = about("Host name of where it was copied from.")
    resource_map: Text = about("URL of a map from old IDs to new ones.", privacy="secret")
    associated_integration_id: OpaqueId = about("The plagiarism checker.", of="tool")
    associated_integration_ids: Ids = about("The same, under all its IDs.", of="tool")


class AssignmentCreated(Assignment):
    """An assignment was created."""


class AssignmentUpdated(Assignment):
    """An assignment changed, or was deleted."""

    # A payload published by Instructure has two underscores.
    assignment_id_duplicated__from: GlobalId = about("The original, too.", of="assignment")


class AssignmentGroup(CanvasBody, abstract=True):
    assignment_group_id: LocalId = about("The assignment group.", of="assignment_group")
    context_id: LocalId = about("The course.", of="course")
    context_type: Text = about("Type of `context_id`.", values="Course")
    name: Text = about("Name.")
    position: Int = about("Position among the assignment groups, from 1.")
    group_weight: Number = about("Percentage of the final grade.")
    rules: Text = about("Rules for dropping scores.", values=("drop_lowest:1\n", "never_drop:123"))
    sis_source_id: OpaqueId = about("SIS ID of the group.", of="sis")
    integration_data: Open = about("Data stored by an integration.")
    workflow_state: Text = about("State.", values="available deleted")


class AssignmentGroupCreated(AssignmentGroup):
    """An assignment group was created."""


class AssignmentGroupUpdated(AssignmentGroup):
    """An assignment group changed, or was deleted."""


class AssignmentOverride(CanvasBody, abstract=True):
    assignment_override_id: LocalId = about("The override.", of="assignment_override")
    assignment_id: LocalId = about("The assignment.", of="assignment")
    type: Text = about("Who it is for.", values="CourseSection Group ADHOC")
    course_section_id: LocalId = about("The section, if it is for one.", of="course_section")
    group_id: LocalId = about("The group, if it is for one.", of="group")
    due_at: Time = about("Due date.")
    all_day: Flag = about("True if it is due at the end of a day.")
    all_day_date: Day = about("The day on which it is due.")
    unlock_at: Time = about("Accepts submissions from this time.")
    lock_at: Time = about("Accepts submissions until this time.")
    workflow_state: Text = about("State.", values="active deleted")


class AssignmentOverrideCreated(AssignmentOverride):
    """An assignment got different dates for a section, a group, or some students."""


class AssignmentOverrideUpdated(AssignmentOverride):
    """An override of an assignment's dates changed, or was deleted."""


class QuizSubmitted(CanvasBody):
    """A student submitted a classic quiz."""

    submission_id: GlobalId = about("The quiz submission.", of="quiz_submission")
    quiz_id: GlobalId = about("The quiz.", of="quiz")


class Quiz(CanvasBody, abstract=True, in_source=False):
    quiz_id: GlobalId = about("The quiz.", of="quiz")
    assignment_id: GlobalId = about("The assignment, if it is graded.", of="assignment")
    context_id: GlobalId = about("The course.", of="course")
    context_type: Text = about("Type of `context_id`.", values="Course")
    context_uuid: OpaqueId = about("UUID of the course.", of="course")
    title: Text = about("Title.", truncated=True)
    description: Text = about("Description, as HTML.", truncated=True)
    quiz_type: Text = about("Type.", values="assignment practice_quiz graded_survey survey")
    points_possible: Number = about("Maximum points.")
    due_at: Time = about("Due date.")
    unlock_at: Time = about("Available from this time.")
    lock_at: Time = about("Available until this time.")
    time_limit: Int = about("Time limit in minutes; null for none.")
    access_code: Flag = about("True if an access code is required.")
    ip_filter: Text = about("Addresses from which it can be taken.", privacy="identifier")
    shuffle_answers: Flag = about("True if answers are shown in random order.")
    allowed_attempts: Int = about("Number of allowed attempts; -1 for no limit.")
    scoring_policy: Text = about(
        "Attempt that counts.", values="keep_highest keep_latest keep_average"
    )
    hide_results: Text = about(
        "When students can't see their answers; null for never.",
        values="always until_after_last_attempt",
    )
    show_correct_answers: Flag = about("True if students can see the correct answers.")
    show_correct_answers_at: Time = about("Correct answers are shown from this time.")
    hide_correct_answers_at: Time = about("Correct answers are shown until this time.")
    show_correct_answers_last_attempt: Flag = about("True if only after the last attempt.")
    one_question_at_a_time: Flag = about("True if questions are shown one at a time.")
    cant_go_back: Flag = about("True if students can't return to a question.")
    one_time_results: Flag = about("True if students can see their results only once.")
    anonymous_submissions: Flag = about("True if submissions are anonymous.")
    require_lockdown_browser: Flag = about("True if it requires a lockdown browser.")
    require_lockdown_browser_for_results: Flag = about("True if its results require one, too.")
    disable_timer_autosubmission: Flag = about("True if it is not submitted when time is up.")
    only_visible_to_overrides: Flag = about("True if only students with an override see it.")
    workflow_state: Text = about("State.", values="created unpublished available deleted")
    updated_at: Time = about("When it was last changed.")


class QuizCreated(Quiz):
    """A classic quiz was created."""


class QuizUpdated(Quiz):
    """A classic quiz changed, was published, or was deleted."""
