"""Custom statuses of final grades."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import LocalId, Text, Time, about


class FinalGradeCustomStatus(CanvasBody):
    """A final grade got another custom status, or lost it."""

    event_name: ClassVar[str] = "final_grade_custom_status"
    entity: ClassVar[tuple[str, str]] = ("score", "score_id")

    score_id: LocalId = about("The final grade.", of="score")
    enrollment_id: LocalId = about("The enrollment that it belongs to.", of="enrollment")
    user_id: LocalId = about("The student.", of="user", privacy="identifier")
    course_id: LocalId = about("The course.", of="course")
    grading_period_id: LocalId = about("The grading period, if it is of one.", of="grading_period")
    override_status: Text = about("The status now.", privacy="education")
    override_status_id: LocalId = about('Its id; "" for none.', of="custom_grade_status")
    old_override_status: Text = about("The status before.", privacy="education")
    old_override_status_id: LocalId = about('Its id; "" for none.', of="custom_grade_status")
    updated_at: Time = about("When it changed.")
