"""Discussions, in Caliper format."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.caliper.entities import (
    CANVAS_KEY,
    Entity,
    Extensions,
    Extra,
    Thing,
    Urn,
)
from consumer.events.catalog.caliper.envelope import CaliperEvent
from consumer.events.catalog.fields import AnyId, Flag, GlobalId, Text, about


class DiscussionEntryExtra(Extra):
    """What Canvas tells of a post besides."""

    entity_id: AnyId = about(
        "The number in the URN of the post: without the shard.", of="discussion_entry"
    )


class DiscussionEntryExtensions(Extensions):
    """What Canvas tells of a post besides."""

    canvas: DiscussionEntryExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class Thread(Entity):
    """A discussion."""

    id: Urn = about("The discussion, as a URN without the shard.", of="discussion_topic")
    type: Text = about("What it is, in Caliper's words.", values=("Thread",))


class DiscussionEntry(Thing):
    """A post in a discussion."""

    id: Urn = about("The post, as a URN without the shard.", of="discussion_entry")
    type: Text = about("What it is, in Caliper's words.", values=("Message",))
    body: Text = about("What it says, as HTML.", privacy="education", truncated=True)
    is_part_of: Thread | None = about("The discussion.")
    extensions: DiscussionEntryExtensions | None = about("What Canvas tells besides.")


class DiscussionEntryCreated(CaliperEvent):
    """Somebody posted in a discussion."""

    event_name: ClassVar[str] = "discussion_entry_created"

    object: DiscussionEntry | None = about("The post.")


class DiscussionTopicExtra(Extra):
    """What Canvas tells of a discussion besides."""

    entity_id: GlobalId = about("The number in the URN of the discussion.", of="discussion_topic")
    is_announcement: Flag = about("Whether it is an announcement.")


class DiscussionTopicExtensions(Extensions):
    """What Canvas tells of a discussion besides."""

    canvas: DiscussionTopicExtra | None = about("What Canvas adds.", alias=CANVAS_KEY)


class DiscussionTopic(Thing):
    """A discussion, or an announcement."""

    id: Urn = about("The discussion, as a URN.", of="discussion_topic")
    type: Text = about("What it is, in Caliper's words.", values=("Thread",))
    name: Text = about("Its title.", privacy="education", truncated=True)
    extensions: DiscussionTopicExtensions | None = about("What Canvas tells besides.")


class DiscussionTopicCreated(CaliperEvent):
    """Somebody opened a discussion, or made an announcement."""

    event_name: ClassVar[str] = "discussion_topic_created"

    object: DiscussionTopic | None = about("The discussion.")
