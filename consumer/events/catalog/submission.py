"""Submissions: handing in, grading, comments."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import (
    AnyId,
    Flag,
    GlobalId,
    Ids,
    Integer,
    LocalId,
    Number,
    OpaqueId,
    Text,
    Time,
    about,
)


class Submission(CanvasBody):
    """What the events about one attempt of one student at one assignment have in common."""

    entity: ClassVar[tuple[str, str]] = ("submission", "submission_id")

    submission_id: GlobalId = about("The submission.", of="submission")
    assignment_id: GlobalId = about("The assignment that it answers.", of="assignment")
    user_id: GlobalId = about("The student.", of="user", privacy="identifier")
    group_id: AnyId = about("The group that handed it in together.", of="group")
    attempt: Integer = about("Which attempt it is, from 1; null before the first.")
    submission_type: Text = about(
        "How it was handed in.",
        values=("online_text_entry", "online_upload", "online_url", "online_quiz"),
    )
    submitted_at: Time = about("When it was handed in.")
    graded_at: Time = about("When it was last graded.")
    posted_at: Time = about("When the grade became visible to the student.")
    updated_at: Time = about("When it was last changed.")
    body: Text = about("What the student wrote, as HTML.", privacy="education", truncated=True)
    url: Text = about("The address that the student handed in.", privacy="education")
    score: Number = about("Points, before any letter or percentage.", privacy="education")
    grade: Text = about("The grade as it is shown, such as 7 or A-.", privacy="education")
    late: Flag = about("Handed in after the due date.", privacy="education")
    missing: Flag = about("Not handed in, although due.", privacy="education")
    workflow_state: Text = about(
        "Where it stands.", values=("submitted", "graded", "pending_review", "unsubmitted")
    )
    lti_assignment_id: OpaqueId = about("The assignment, as LTI tools know it.", of="assignment")
    lti_user_id: OpaqueId = about(
        "The student, as LTI tools know them.", of="user", privacy="identifier"
    )
    associated_integration_id: OpaqueId = about("The plagiarism checker in charge.", of="tool")
    associated_integration_ids: Ids = about("The same under its old and its new name.", of="tool")


class SubmissionCreated(Submission):
    """A student handed in an attempt."""

    event_name: ClassVar[str] = "submission_created"


class SubmissionUpdated(Submission):
    """A submission changed: graded, handed in again, or any other save of it."""

    event_name: ClassVar[str] = "submission_updated"


class SubmissionCommentCreated(CanvasBody):
    """Somebody commented on a submission."""

    event_name: ClassVar[str] = "submission_comment_created"
    entity: ClassVar[tuple[str, str]] = ("submission_comment", "submission_comment_id")

    submission_comment_id: LocalId = about("The comment.", of="submission_comment")
    submission_id: LocalId = about("The submission it belongs to.", of="submission")
    user_id: LocalId = about("Who wrote it.", of="user", privacy="identifier")
    created_at: Time = about("When it was written.")
    body: Text = about("The comment.", privacy="education", truncated=True)
    attachment_ids: Ids = about("Files that were attached.", of="attachment")


class SubmissionCustomGradeStatus(CanvasBody):
    """A submission got another custom status, or lost it."""

    event_name: ClassVar[str] = "submission_custom_grade_status"
    entity: ClassVar[tuple[str, str]] = ("submission", "submission_id")

    assignment_id: LocalId = about("The assignment.", of="assignment")
    submission_id: LocalId = about("The submission.", of="submission")
    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    submission_status: Text = about("The status now.", privacy="education")
    submission_status_id: LocalId = about('Its id; "" for none.', of="custom_grade_status")
    old_submission_status: Text = about("The status before.", privacy="education")
    old_submission_status_id: LocalId = about('Its id; "" for none.', of="custom_grade_status")
    updated_at: Time = about("When it changed.")
