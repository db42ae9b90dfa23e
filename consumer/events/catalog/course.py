"""Courses, their sections, modules, pages and syllabus, and the progress of students."""

import json
from typing import Annotated

from pydantic import BeforeValidator

from .base import CanvasBody, Record
from .fields import AnyId, Flag, GlobalId, Int, Is, LocalId, OpaqueId, Text, Time, about


def _joined(value: object) -> object:
    """The names in a list that was received as pieces of its JSON text."""
    text = ",".join(map(str, value)) if isinstance(value, list) else value
    if isinstance(text, str) and text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return value
    return value


#: Also a JSON text, or that text split at its commas: '["name"', ' "course_id"]'.
_FieldNames = Annotated[list[str] | None, BeforeValidator(_joined), Is("text")]


class Course(CanvasBody, abstract=True):
    course_id: GlobalId = about("The course.", of="course")
    uuid: OpaqueId = about("UUID of the course.", of="course")
    account_id: GlobalId = about("The account of the course.", of="account")
    account_uuid: OpaqueId = about("UUID of that account.", of="account")
    name: Text = about("Name.")
    created_at: Time = about("When it was created.")
    updated_at: Time = about("When it was last changed.")
    workflow_state: Text = about(
        "State: claimed is unpublished, available is published.",
        values="created claimed available completed deleted",
    )


class CourseCreated(Course):
    """A course was created."""


class CourseUpdated(Course):
    """A course changed: renamed, published, concluded, deleted, or saved for another reason."""


class CourseSection(CanvasBody, abstract=True):
    course_section_id: LocalId = about("The section.", of="course_section")
    course_id: LocalId = about("The current course of the section.", of="course")
    nonxlist_course_id: LocalId = about("The original course, if it was moved.", of="course")
    root_account_id: LocalId = about("The root account (the institution).", of="account")
    enrollment_term_id: LocalId = about("The term.", of="enrollment_term")
    name: Text = about("Name.")
    default_section: Flag = about("True if it was created with the course.")
    accepting_enrollments: Flag = about("True if users can be enrolled in it.")
    can_manually_enroll: Flag = about("True if users can be enrolled in it manually.")
    start_at: Time = about("Start of participation, if not that of the course.")
    end_at: Time = about("End of participation, if not that of the course.")
    restrict_enrollments_to_section_dates: Flag = about("True if they override the course's.")
    sis_source_id: OpaqueId = about("SIS ID of the section.", of="sis")
    sis_batch_id: AnyId = about("The SIS import that last changed it.", of="sis_batch")
    integration_id: OpaqueId = about("ID of the section in another system.", of="sis")
    stuck_sis_fields: _FieldNames = about("Fields that SIS imports keep.", values="name course_id")
    workflow_state: Text = about("State.", values="active deleted")


class CourseSectionCreated(CourseSection):
    """A section of a course was created."""


class CourseSectionUpdated(CourseSection):
    """A section changed, was moved to another course, or was deleted."""


class ProgressError(Record):
    """Why there is no progress."""

    message: Text = about("The reason.")


class Progress(Record):
    """The progress of a student in a course."""

    requirement_count: Int = about("Number of requirements in the course.")
    requirement_completed_count: Int = about("Number of these completed.", privacy="education")
    next_requirement_url: Text = about("URL of the next one; null for none.", privacy="secret")
    completed_at: Time = about("When all were completed, or null.", privacy="education")
    error: ProgressError | None = about("Replaces the other fields if there is no progress.")


class ProgressUser(Record):
    """The student."""

    id: LocalId = about("The student.", of="user", privacy="identifier")
    name: Text = about("Name.", privacy="identifier")
    email: Text = about("E-mail address.", privacy="identifier")


class ProgressCourse(Record):
    """The course."""

    id: LocalId = about("The course.", of="course")
    name: Text = about("Name.")
    account_id: LocalId = about("The account of the course.", of="account")
    sis_source_id: OpaqueId = about("SIS ID of the course.", of="sis")


class CourseProgression(CanvasBody, abstract=True, entity=("course", "course")):
    """Common fields of events about a student's progress."""

    progress: Progress | None = about("The progress of the student.", privacy="education")
    user: ProgressUser | None = about("The student.", privacy="identifier")
    course: ProgressCourse | None = about("The course.")


class CourseProgress(CourseProgression):
    """A student completed a module requirement of a course; sent some minutes later."""


class CourseCompleted(CourseProgression):
    """A student completed the last module requirement of a course."""


class Module(CanvasBody, abstract=True):
    module_id: LocalId = about("The module.", of="module")
    context_id: LocalId = about("The course.", of="course")
    context_type: Text = about("Type of `context_id`.", values="Course")
    name: Text = about("Name.")
    position: Int = about("Position among the modules, from 1.")
    workflow_state: Text = about("State.", values="active unpublished deleted")


class ModuleCreated(Module):
    """A module was created."""


class ModuleUpdated(Module):
    """A module changed, or was deleted."""


class ModuleItem(CanvasBody, abstract=True):
    module_item_id: LocalId = about("The item.", of="module_item")
    module_id: LocalId = about("The module.", of="module")
    context_id: LocalId = about("The course.", of="course")
    context_type: Text = about("Type of `context_id`.", values="Course")
    position: Int = about("Position in the module, from 1.")
    workflow_state: Text = about("State.", values="active unpublished deleted")


class ModuleItemCreated(ModuleItem):
    """An item was added to a module."""


class ModuleItemUpdated(ModuleItem):
    """An item of a module changed, was moved, or was removed."""


class SyllabusUpdated(CanvasBody):
    """The syllabus of a course changed."""

    course_id: GlobalId = about("The course.", of="course")
    syllabus_body: Text = about("New text, as HTML.", truncated=True)
    old_syllabus_body: Text = about("Previous text, as HTML.", truncated=True)


class WikiPage(CanvasBody, abstract=True):
    wiki_page_id: GlobalId = about("The page.", of="wiki_page")
    title: Text = about("Title.", privacy="education", truncated=True)


class WikiPageCreated(WikiPage):
    """A page was created."""

    body: Text = about("Text, as HTML.", privacy="education", truncated=True)


class WikiPageUpdated(WikiPage):
    """The title or the text of a page changed, or the page was deleted."""

    body: Text = about("New text, as HTML.", privacy="education", truncated=True)
    workflow_state: Text = about("State. Newer versions only.", values="active unpublished deleted")
    old_title: Text = about("Previous title, if it changed.", privacy="education", truncated=True)
    old_body: Text = about("Previous text, if it changed.", privacy="education", truncated=True)


class WikiPageDeleted(WikiPage):
    """A page was deleted."""
