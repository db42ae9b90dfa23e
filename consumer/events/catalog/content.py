"""Content, access to it, discussions, files, imports, LTI links, and blueprint courses."""

from .base import CanvasBody
from .fields import AnyId, Flag, GlobalId, LocalId, OpaqueId, Text, Time, about


class AssetAccessed(CanvasBody):
    """A user viewed something: a page, a file, a quiz, a list. By far the most frequent event."""

    asset_id: GlobalId = about("What was viewed (see `asset_type`).", of="asset")
    asset_type: Text = about(
        "Type of `asset_id`; with `asset_subtype`, the type of what contains the list.",
        values="course wiki_page attachment assignment quizzes:quiz discussion_topic "
        "context_external_tool group user",
    )
    asset_name: Text = about("Name or title; for a user, their name.", privacy="identifier")
    asset_subtype: Text = about(
        "The list that was viewed; null if it was a single thing.",
        values="home modules files assignments grades roster topics",
    )
    category: Text = about(
        "Area of Canvas.", values="wiki files assignments quizzes topics external_tools home"
    )
    role: Text = about(
        "Role that gives the user access.",
        values="StudentEnrollment TeacherEnrollment TaEnrollment GroupMembership",
    )
    level: Text = about("Level of participation.", values="participate submit")
    enrollment_id: LocalId = about("The enrollment of the user.", of="enrollment")
    section_id: LocalId = about("The section of that enrollment.", of="course_section")
    domain: Text = about("For an external tool: its domain.")
    url: Text = about("For an external tool: its URL.", privacy="secret")
    filename: Text = about("For a file: its name in file storage.", privacy="education")
    display_name: Text = about("For a file: its display name.", privacy="education")


class Attachment(CanvasBody, abstract=True):
    attachment_id: GlobalId = about("The file.", of="attachment")
    user_id: GlobalId = about("Who uploaded it.", of="user", privacy="identifier")
    context_id: GlobalId = about("The owner of the file (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Group User")
    display_name: Text = about("Display name.", privacy="education", truncated=True)
    filename: Text = about("Name in storage, URL-encoded.", privacy="education", truncated=True)
    content_type: Text = about("MIME type.", values="application/pdf text/csv image/png text/html")
    folder_id: GlobalId = about("The folder.", of="folder")
    unlock_at: Time = about("Available from this time.")
    lock_at: Time = about("Available until this time.")
    locked: Flag = about("True if it is not available. Newer versions only.")
    updated_at: Time = about("When it was last changed.")
    associated_integration_id: OpaqueId = about("The plagiarism checker.", of="tool")


class AttachmentCreated(Attachment):
    """A file was uploaded or copied to a course, a group, or a user's files."""


class AttachmentUpdated(Attachment):
    """A file was renamed or moved, or its dates changed."""

    old_display_name: Text = about("Previous, if renamed.", privacy="education", truncated=True)


class AttachmentDeleted(Attachment):
    """A file was deleted."""


class ContentMigration(CanvasBody, abstract=True):
    content_migration_id: GlobalId = about("The copy or import.", of="content_migration")
    context_id: GlobalId = about("The destination (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Account Group")
    context_uuid: OpaqueId = about("UUID of the destination.", of="context")
    migration_type: Text = about(
        "Type of the copy or import.",
        values="course_copy_importer canvas_cartridge_importer common_cartridge_importer "
        "master_course_import",
    )
    import_quizzes_next: Flag = about("True if quizzes are converted to New Quizzes.")
    lti_context_id: OpaqueId = about("LTI ID of the destination.", of="context")
    source_course_lti_id: OpaqueId = about("LTI ID of the source course.", of="course")
    source_course_uuid: OpaqueId = about("UUID of the source course.", of="course")
    destination_course_lti_id: OpaqueId = about("Same as `lti_context_id`.", of="course")
    resource_map_url: Text = about("Signed URL of a map from old to new IDs.", privacy="secret")
    domain: Text = about("Host name of the institution.")


class ContentMigrationStarted(ContentMigration, in_source=False):
    """A course copy or import started."""


class ContentMigrationCompleted(ContentMigration):
    """A course copy or import finished."""


class LtiResourceLink(CanvasBody, abstract=True):
    resource_link_id: GlobalId = about("The link.", of="lti_resource_link")
    resource_link_uuid: OpaqueId = about("LTI ID.", of="lti_resource_link", privacy="secret")
    lookup_uuid: OpaqueId = about("ID for its launches.", of="lti_resource_link", privacy="secret")
    context_id: GlobalId = about("What contains the link (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Assignment Account")
    context_external_tool_id: GlobalId = about("The tool.", of="context_external_tool")
    url: Text = about("Launch URL.", privacy="secret")
    title: Text = about("Title.")
    workflow_state: Text = about("State.", values="active deleted")


class LtiResourceLinkCreated(LtiResourceLink):
    """A link to an LTI tool was created."""


class LtiResourceLinkUpdated(LtiResourceLink):
    """A link to an LTI tool changed, or was deleted."""


class MasterMigration(CanvasBody, abstract=True):
    master_migration_id: AnyId = about("The synchronization.", of="master_migration")
    master_template_id: AnyId = about("The blueprint.", of="master_template")
    account_id: GlobalId = about("The account of the blueprint course.", of="account")
    account_uuid: OpaqueId = about("UUID of that account.", of="account")
    blueprint_course_id: GlobalId = about("The blueprint course.", of="course")
    blueprint_course_uuid: OpaqueId = about("UUID of the blueprint course.", of="course")


class MasterMigrationStarted(MasterMigration, in_source=False):
    """The synchronization of a blueprint course started."""


class Conversation(CanvasBody, abstract=True):
    conversation_id: LocalId = about("The conversation.", of="conversation")
    updated_at: Time = about("When it was last changed.")


class ConversationCreated(Conversation):
    """A conversation was started."""


class ConversationForwarded(Conversation):
    """A user was added to a conversation."""


class ConversationMessageCreated(CanvasBody):
    """A message was sent in a conversation. The event does not contain its text."""

    message_id: LocalId = about("The message.", of="conversation_message")
    conversation_id: LocalId = about("The conversation.", of="conversation")
    author_id: LocalId = about("The author.", of="user", privacy="identifier")
    created_at: Time = about("When it was created.")


class DiscussionEntry(CanvasBody, abstract=True):
    discussion_entry_id: LocalId = about("The entry.", of="discussion_entry")
    discussion_topic_id: LocalId = about("The discussion.", of="discussion_topic")
    parent_discussion_entry_id: LocalId = about("The entry it replies to.", of="discussion_entry")
    user_id: LocalId = about("The author.", of="user", privacy="identifier")
    text: Text = about("Text, as HTML.", privacy="education", truncated=True)
    created_at: Time = about("When it was created.")


class DiscussionEntryCreated(DiscussionEntry):
    """An entry was posted in a discussion."""


class DiscussionEntrySubmitted(DiscussionEntry):
    """An entry was posted in a graded discussion."""

    assignment_id: LocalId = about("The assignment of the discussion.", of="assignment")
    submission_id: LocalId = about("The submission of the author.", of="submission")


class DiscussionTopic(CanvasBody, abstract=True):
    discussion_topic_id: GlobalId = about("The discussion.", of="discussion_topic")
    is_announcement: Flag = about("True for an announcement.")
    title: Text = about("Title.", privacy="education", truncated=True)
    body: Text = about("Text, as HTML.", privacy="education", truncated=True)
    assignment_id: LocalId = about("The assignment, if it is graded.", of="assignment")
    context_id: LocalId = about("The course or group (see `context_type`).", of="context")
    context_type: Text = about("Type of `context_id`.", values="Course Group")
    lock_at: Time = about("When it closes.")
    updated_at: Time = about("When it was last changed.")
    workflow_state: Text = about("State.", values="active unpublished post_delayed deleted")


class DiscussionTopicCreated(DiscussionTopic):
    """A discussion or an announcement was created."""


class DiscussionTopicUpdated(DiscussionTopic):
    """A discussion or an announcement changed, or was deleted."""
