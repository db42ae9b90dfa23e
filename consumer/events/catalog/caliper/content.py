"""Access to content, files, and discussions, in Caliper format."""

from consumer.events.catalog.fields import AnyId, Flag, GlobalId, Text, Time, about

from .entities import Entity, Extensions, Extra, Thing, Urn
from .envelope import EventAbout


class AssetExtra(Extra):
    entity_id: GlobalId = about("Number in the URN.")
    asset_type: Text = about(
        "Type, as in Canvas.",
        values="course assignment wiki_page attachment discussion_topic quizzes:quiz "
        "context_external_tool content_tag account calendar_event collaboration enrollment group "
        "learning_outcome lti/tool_proxy user web_conference",
    )
    asset_subtype: Text = about(
        "The list that was viewed; absent if it was a single thing.",
        values="announcements assignments calendar_feed collaborations conferences files grades "
        "home modules outcomes pages quizzes roster speed_grader syllabus topics",
    )
    asset_name: Text = about("Name or title; for a user, their name.", privacy="identifier")
    context_account_id: GlobalId = about("The account of the context.", of="account")
    http_method: Text = about("HTTP method.", values="GET POST PUT")
    developer_key_id: GlobalId = about("Developer key of an API request.", of="developer_key")
    filename: Text = about("For a file: name in storage.", privacy="education", truncated=True)
    display_name: Text = about("For a file: its display name.", privacy="education", truncated=True)
    domain: Text = about("For an external tool: its domain.")
    url: Text = about("For an external tool: its URL.", privacy="secret")


class Asset(Thing):
    """What was viewed: a thing, or a list of things in it."""

    id: Urn = about("The thing, as a URN.")
    type: Text = about(
        "Caliper type; Entity if there is no other.",
        values="Entity AssignableDigitalResource Page Thread CourseOffering Assessment",
    )
    name: Text = about("Type of the thing or list, not its title. Only if `type` is Entity.")
    extensions: Extensions[AssetExtra] | None = about("Additional fields.")


class AssetAccessed(EventAbout[Asset]):
    """A user viewed something: a page, a file, a list of assignments."""


class AttachmentExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the file.", of="attachment")
    context_id: GlobalId = about("The owner of the file (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Group User")
    folder_id: GlobalId = about("The folder.", of="folder")
    filename: Text = about("Name in file storage.", privacy="education", truncated=True)


class Attachment(Thing):
    """A file."""

    id: Urn = about("The file, as a URN.", of="attachment")
    type: Text = about("Caliper type.", values="Document")
    name: Text = about("Display name.", privacy="education", truncated=True)
    media_type: Text = about("MIME type.", values="application/pdf image/png text/csv text/html")
    date_created: Time = about("When it was uploaded. Only if it was created.")
    date_modified: Time = about("When it was last changed. Only if it was updated or deleted.")
    extensions: Extensions[AttachmentExtra] | None = about("Additional fields.")


class AttachmentCreated(EventAbout[Attachment]):
    """A file was uploaded."""


class AttachmentUpdated(EventAbout[Attachment]):
    """A file was renamed or moved, or its availability changed."""


class AttachmentDeleted(EventAbout[Attachment]):
    """A file was deleted."""


class DiscussionEntryExtra(Extra):
    entity_id: AnyId = about("Number in its URN, without shard.", of="discussion_entry")


class Thread(Entity):
    """A discussion."""

    id: Urn = about("The discussion, as a URN without the shard.", of="discussion_topic")
    type: Text = about("Caliper type.", values="Thread")


class DiscussionEntry(Thing):
    """An entry in a discussion."""

    id: Urn = about("The entry, as a URN without the shard.", of="discussion_entry")
    type: Text = about("Caliper type.", values="Message")
    body: Text = about("Text, as HTML.", privacy="education", truncated=True)
    is_part_of: Thread | None = about("The discussion.")
    extensions: Extensions[DiscussionEntryExtra] | None = about("Additional fields.")


class DiscussionEntryCreated(EventAbout[DiscussionEntry]):
    """An entry was posted in a discussion."""


class DiscussionTopicExtra(Extra):
    entity_id: GlobalId = about("Number in the URN of the discussion.", of="discussion_topic")
    is_announcement: Flag = about("True for an announcement.")


class DiscussionTopic(Thing):
    """A discussion, or an announcement."""

    id: Urn = about("The discussion, as a URN.", of="discussion_topic")
    type: Text = about("Caliper type.", values="Thread")
    name: Text = about("Title.", privacy="education", truncated=True)
    extensions: Extensions[DiscussionTopicExtra] | None = about("Additional fields.")


class DiscussionTopicCreated(EventAbout[DiscussionTopic]):
    """A discussion or an announcement was created."""
