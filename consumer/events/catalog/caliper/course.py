"""Courses, their pages and syllabus, in Caliper format."""

from consumer.events.catalog.fields import GlobalId, Text, about

from .entities import Extensions, Extra, Person, Thing, Urn
from .envelope import EventAbout


class CourseExtra(Extra):
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


class CourseCreated(EventAbout[Course]):
    """A course was created."""


class CourseUpdated(EventAbout[Course]):
    """A course changed: published, renamed, other settings."""


class Syllabus(Thing):
    """The syllabus of a course."""

    id: Urn = about("The course, as a URN.", of="course")
    type: Text = about("Caliper type.", values="Document")
    name: Text = about("Name of the document.", values="Syllabus")
    creators: list[Person] | None = about("The authors.")
    body: Text = about("Text, as HTML.", privacy="education", truncated=True)


class SyllabusUpdated(EventAbout[Syllabus]):
    """The syllabus of a course changed."""


class WikiPageExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the page.", of="wiki_page")
    body: Text = about("Text, as HTML; absent if deleted.", privacy="education", truncated=True)


class WikiPage(Thing):
    """A page."""

    id: Urn = about("The page, as a URN.", of="wiki_page")
    type: Text = about("Caliper type.", values="Page")
    name: Text = about("Title.", privacy="education", truncated=True)
    extensions: Extensions[WikiPageExtra] | None = about("Additional fields.")


class WikiPageCreated(EventAbout[WikiPage]):
    """A page was created."""


class WikiPageUpdated(EventAbout[WikiPage]):
    """The title or the text of a page changed."""


class WikiPageDeleted(EventAbout[WikiPage]):
    """A page was deleted."""
