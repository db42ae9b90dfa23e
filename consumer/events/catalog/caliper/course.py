"""Courses, their pages and syllabus, in Caliper format."""

from consumer.events.catalog.caliper.entities import Extensions, Extra, Person, Thing, Urn
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import GlobalId, Text, about


class CourseExtra(Extra):
    """Additional fields of a course."""

    entity_id: GlobalId = about("Number in the URN of the course.", of="course")
    workflow_state: Text = about(
        "State: created and claimed are unpublished.",
        values="created claimed available completed deleted",
    )


class Course(Thing):
    """A course."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("Caliper type.", values="CourseOffering")
    name: Text = about("Name.")
    extensions: Extensions[CourseExtra] | None = about("Additional fields.")


class CourseCreated(CaliperEvent):
    """A course was created."""

    object: Course | None = about("The course.")


class CourseUpdated(CaliperEvent):
    """A course changed: published, renamed, other settings."""

    object: Course | None = about("The course.")


class Syllabus(Thing):
    """The syllabus of a course."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("Caliper type.", values="Document")
    name: Text = about("Name of the document.", values="Syllabus")
    creators: list[Person] | None = about("The authors.")
    body: Text = about("Text, as HTML.", privacy="education", truncated=True)


class SyllabusUpdated(CaliperEvent):
    """The syllabus of a course changed."""

    object: Syllabus | None = about("The syllabus.")


class WikiPageExtra(Extra):
    """Additional fields of a page."""

    entity_id: GlobalId = about("Number in the URN of the page.", of="wiki_page")
    body: Text = about(
        "Text, as HTML; absent if it was deleted.", privacy="education", truncated=True
    )


class WikiPage(Thing):
    """A page."""

    id: Urn = about("The page, as a URN.", of="wiki_page")
    type: Text = about("Caliper type.", values="Page")
    name: Text = about("Title.", privacy="education", truncated=True)
    extensions: Extensions[WikiPageExtra] | None = about("Additional fields.")


class WikiPageEvent(CaliperEvent, abstract=True):
    """Common fields of events about a page."""

    object: WikiPage | None = about("The page.")


class WikiPageCreated(WikiPageEvent):
    """A page was created."""


class WikiPageUpdated(WikiPageEvent):
    """The title or the text of a page changed."""


class WikiPageDeleted(WikiPageEvent):
    """A page was deleted."""
