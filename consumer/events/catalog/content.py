"""Content that is copied or imported into a course."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, GlobalId, OpaqueId, Text, about


class ContentMigration(CanvasBody):
    """What the events about a copy or an import have in common."""

    entity: ClassVar[tuple[str, str]] = ("content_migration", "content_migration_id")

    content_migration_id: GlobalId = about("The copy or import.", of="content_migration")
    context_id: GlobalId = about("Where the content goes.", of="context")
    context_type: Text = about("What kind of place that is.", values=("Course", "Account", "Group"))
    context_uuid: OpaqueId = about("That place, as other services know it.", of="context")
    migration_type: Text = about(
        "How it comes.",
        values=(
            "course_copy_importer",
            "canvas_cartridge_importer",
            "common_cartridge_importer",
            "master_course_import",
        ),
    )
    import_quizzes_next: Flag = about("Quizzes become New Quizzes.")
    lti_context_id: OpaqueId = about("Where it goes, as LTI tools know it.", of="context")
    source_course_lti_id: OpaqueId = about(
        "Where it comes from, as LTI tools know it.", of="course"
    )
    source_course_uuid: OpaqueId = about(
        "Where it comes from, as other services know it.", of="course"
    )
    destination_course_lti_id: OpaqueId = about("The same as `lti_context_id`.", of="course")
    resource_map_url: Text = about(
        "A signed address with old and new ids of what was copied.", privacy="secret"
    )
    domain: Text = about("The institution's host name.")


class ContentMigrationStarted(ContentMigration):
    """A copy or an import of course content began."""

    event_name: ClassVar[str] = "content_migration_started"
    in_source: ClassVar[bool] = False


class ContentMigrationCompleted(ContentMigration):
    """A copy or an import of course content is done."""

    event_name: ClassVar[str] = "content_migration_completed"
