"""Courses, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import (
    CANVAS_KEY,
    Extensions,
    Extra,
    Thing,
    Urn,
)
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import GlobalId, Text, about


class CourseExtra(Extra):
    """What Canvas tells of a course besides."""

    entity_id: GlobalId = about("The number in the URN of the course.", of="course")
    workflow_state: Text = about(
        "Where it stands; created and claimed are not yet published.",
        values=("created", "claimed", "available", "completed", "deleted"),
    )


class CourseExtensions(Extensions):
    """What Canvas tells of a course besides."""

    canvas: CourseExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Course(Thing):
    """A course."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("What it is, in Caliper's words.", values=("CourseOffering",))
    name: Text = about("Its name.")
    extensions: CourseExtensions | None = about("What Canvas tells besides.")


class CourseCreated(CaliperEvent):
    """A course was made."""

    event_name: ClassVar[str] = "course_created"

    object: Course | None = about("The course.")


class CourseUpdated(CaliperEvent):
    """A course changed: published, renamed, set up otherwise."""

    event_name: ClassVar[str] = "course_updated"

    object: Course | None = about("The course.")
