"""Files of courses, groups and people."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, GlobalId, OpaqueId, Text, Time, about


class Attachment(CanvasBody):
    """What the events about a file have in common."""

    entity: ClassVar[tuple[str, str]] = ("attachment", "attachment_id")

    attachment_id: GlobalId = about("The file.", of="attachment")
    user_id: GlobalId = about("Whose upload it is.", of="user", privacy="identifier")
    context_id: GlobalId = about("Where it belongs; `context_type` says to what.", of="context")
    context_type: Text = about("What it belongs to.", values=("Course", "Group", "User"))
    display_name: Text = about("Its name as it is shown.", privacy="education", truncated=True)
    filename: Text = about(
        "Its name in the store of files, encoded for URLs.", privacy="education", truncated=True
    )
    content_type: Text = about(
        "Its MIME type.", values=("application/pdf", "text/csv", "image/png", "text/html")
    )
    folder_id: GlobalId = about("The folder that it is in.", of="folder")
    unlock_at: Time = about("From when it can be opened.")
    lock_at: Time = about("Until when it can be opened.")
    locked: Flag = about("It can't be opened. Newer versions only.")
    updated_at: Time = about("When it was last changed.")
    associated_integration_id: OpaqueId = about("The plagiarism checker in charge.", of="tool")


class AttachmentCreated(Attachment):
    """A file was uploaded or copied into a course, a group, or a person's files."""

    event_name: ClassVar[str] = "attachment_created"


class AttachmentUpdated(Attachment):
    """A file was renamed, moved, or got other dates."""

    event_name: ClassVar[str] = "attachment_updated"

    old_display_name: Text = about(
        "The name before, if it was renamed.", privacy="education", truncated=True
    )


class AttachmentDeleted(Attachment):
    """A file was deleted."""

    event_name: ClassVar[str] = "attachment_deleted"
