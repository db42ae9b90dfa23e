"""What a course's syllabus says."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import GlobalId, Text, about


class SyllabusUpdated(CanvasBody):
    """The text of a course's syllabus changed."""

    event_name: ClassVar[str] = "syllabus_updated"
    entity: ClassVar[tuple[str, str]] = ("course", "course_id")

    course_id: GlobalId = about("The course.", of="course")
    syllabus_body: Text = about("What it says now, as HTML.", truncated=True)
    old_syllabus_body: Text = about("What it said before, as HTML.", truncated=True)
