"""Ratings with a rubric."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, Integer, LocalId, OpaqueId, Text, Time, about


class RubricAssessed(CanvasBody):
    """Somebody rated something with a rubric."""

    event_name: ClassVar[str] = "rubric_assessed"
    entity: ClassVar[tuple[str, str]] = ("rubric_assessment", "id")

    id: LocalId = about("The rating.", of="rubric_assessment")
    aligned_to_outcomes: Flag = about("The rubric rates learning outcomes.")
    artifact_id: LocalId = about("What was rated; `artifact_type` says as what.", of="artifact")
    artifact_type: Text = about(
        "What kind of thing was rated.", values=("Submission", "Assignment", "ModeratedGrading")
    )
    assessment_type: Text = about(
        "What for.", values=("grading", "peer_review", "provisional_grade")
    )
    context_uuid: OpaqueId = about("The course, as other services know it.", of="course")
    attempt: Integer = about("Which attempt was rated, from 1.")
    submitted_at: Time = about("When what was rated was handed in, else when it was rated.")
    created_at: Time = about("When it was first rated.")
    updated_at: Time = about("When the rating was last changed.")
