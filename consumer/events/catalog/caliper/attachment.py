"""Files, in Caliper format."""

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
from consumer.events.catalog.fields import GlobalId, Text, Time, about


class AttachmentExtra(Extra):
    """What Canvas tells of a file besides."""

    entity_id: GlobalId = about("The number in the URN of the file.", of="attachment")
    context_id: GlobalId = about("Where it belongs: a course, a group or a user.", of="context")
    context_type: Text = about("Which kind of context.", values=("Course", "Group", "User"))
    folder_id: GlobalId = about("The folder that it is in.", of="folder")
    filename: Text = about("Its name in the store.", privacy="education", truncated=True)


class AttachmentExtensions(Extensions):
    """What Canvas tells of a file besides."""

    canvas: AttachmentExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Attachment(Thing):
    """A file."""

    id: Urn = about("The file, as a URN.", of="attachment")
    type: Text = about("What it is, in Caliper's words.", values=("Document",))
    name: Text = about("Its name as it is shown.", privacy="education", truncated=True)
    media_type: Text = about(
        "What kind of file.", values=("application/pdf", "image/png", "text/csv", "text/html")
    )
    date_created: Time = about("When it was uploaded; only when it was created.")
    date_modified: Time = about("When it was last changed; only when it was updated or deleted.")
    extensions: AttachmentExtensions | None = about("What Canvas tells besides.")


class AttachmentEvent(CaliperEvent):
    """Something happened to a file."""

    object: Attachment | None = about("The file.")


class AttachmentCreated(AttachmentEvent):
    """A file was uploaded."""

    event_name: ClassVar[str] = "attachment_created"


class AttachmentUpdated(AttachmentEvent):
    """A file got another name, folder or availability."""

    event_name: ClassVar[str] = "attachment_updated"


class AttachmentDeleted(AttachmentEvent):
    """A file was deleted."""

    event_name: ClassVar[str] = "attachment_deleted"
