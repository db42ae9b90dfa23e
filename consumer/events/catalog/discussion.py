"""Discussions and conversations."""

from .base import CanvasBody
from .fields import Flag, GlobalId, LocalId, Text, Time, about


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
    title: Text = about("Title.", truncated=True)
    body: Text = about("Text, as HTML.", truncated=True)
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
