"""Submissions, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.attempts import AssignedAssignment, Attempt, SubmissionId
from consumer.events.catalog.caliper.entities import CANVAS_KEY, Extensions
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import Integer, Text, Time, about


class SubmissionExtra(SubmissionId):
    """What Canvas tells of a submission besides."""

    submission_type: Text = about(
        "How it was handed in.",
        values=(
            "online_text_entry",
            "online_upload",
            "online_url",
            "online_quiz",
            "discussion_topic",
            "media_recording",
            "basic_lti_launch",
        ),
    )
    url: Text = about("The address that the student handed in.", privacy="education")


class SubmissionExtensions(Extensions):
    """What Canvas tells of a submission besides."""

    canvas: SubmissionExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Submission(Attempt):
    """One attempt of one student at an assignment."""

    assignable: AssignedAssignment | None = about("The assignment.")
    count: Integer = about("Which attempt it is, from 1.")
    body: Text = about("What the student wrote, as HTML.", privacy="education", truncated=True)
    date_created: Time = about("When it was handed in; only when it was created.")
    date_modified: Time = about("When it was last changed; only when it was updated.")
    extensions: SubmissionExtensions | None = about("What Canvas tells besides.")


class SubmissionCreated(CaliperEvent):
    """A student handed in an attempt."""

    event_name: ClassVar[str] = "submission_created"

    object: Submission | None = about("The attempt.")


class SubmissionUpdated(CaliperEvent):
    """A submission changed: graded, handed in again, or any other save of it."""

    event_name: ClassVar[str] = "submission_updated"

    object: Submission | None = about("The attempt.")
