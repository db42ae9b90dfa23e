"""Discussions, in Caliper format."""

from consumer.events.catalog.fields import AnyId, Flag, GlobalId, Text, about

from .entities import Entity, Extensions, Extra, Thing, Urn
from .envelope import EventAbout


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
