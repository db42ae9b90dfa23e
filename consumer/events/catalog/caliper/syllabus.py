"""The syllabus, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import Person, Thing, Urn
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import Text, about


class Syllabus(Thing):
    """The syllabus of a course."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("What it is, in Caliper's words.", values=("Document",))
    name: Text = about("What the document is called.", values=("Syllabus",))
    creators: list[Person] | None = about("Who wrote it.")
    body: Text = about("What it says, as HTML.", privacy="education", truncated=True)


class SyllabusUpdated(CaliperEvent):
    """The syllabus of a course changed."""

    event_name: ClassVar[str] = "syllabus_updated"

    object: Syllabus | None = about("The syllabus.")
