"""Discussions: topics, announcements, entries."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Flag, GlobalId, LocalId, Text, Time, about


class DiscussionEntry(CanvasBody):
    """What the events about an entry in a discussion have in common."""

    entity: ClassVar[tuple[str, str]] = ("discussion_entry", "discussion_entry_id")

    discussion_entry_id: LocalId = about("The entry.", of="discussion_entry")
    discussion_topic_id: LocalId = about("The discussion.", of="discussion_topic")
    parent_discussion_entry_id: LocalId = about(
        "The entry that it answers; absent for none.", of="discussion_entry"
    )
    user_id: LocalId = about("Who wrote it.", of="user", privacy="identifier")
    text: Text = about("What it says, as HTML.", privacy="education", truncated=True)
    created_at: Time = about("When it was written.")


class DiscussionEntryCreated(DiscussionEntry):
    """Somebody wrote in a discussion."""

    event_name: ClassVar[str] = "discussion_entry_created"


class DiscussionEntrySubmitted(DiscussionEntry):
    """Somebody wrote in a discussion that is graded."""

    event_name: ClassVar[str] = "discussion_entry_submitted"

    assignment_id: LocalId = about("The assignment that it counts for.", of="assignment")
    submission_id: LocalId = about("The submission that it became.", of="submission")


class DiscussionTopic(CanvasBody):
    """What the events about a discussion have in common."""

    entity: ClassVar[tuple[str, str]] = ("discussion_topic", "discussion_topic_id")

    discussion_topic_id: GlobalId = about("The discussion.", of="discussion_topic")
    is_announcement: Flag = about("It is an announcement.")
    title: Text = about("What it is called.", truncated=True)
    body: Text = about("What it asks or announces, as HTML.", truncated=True)
    assignment_id: LocalId = about("The assignment, if it is graded.", of="assignment")
    context_id: LocalId = about("Where it is; `context_type` says in what.", of="context")
    context_type: Text = about("What it is in.", values=("Course", "Group"))
    lock_at: Time = about("Until when one can write in it.")
    updated_at: Time = about("When it was last changed.")
    workflow_state: Text = about(
        "Where it stands.", values=("active", "unpublished", "post_delayed", "deleted")
    )


class DiscussionTopicCreated(DiscussionTopic):
    """A discussion or an announcement was made."""

    event_name: ClassVar[str] = "discussion_topic_created"


class DiscussionTopicUpdated(DiscussionTopic):
    """A discussion or an announcement changed, or was deleted."""

    event_name: ClassVar[str] = "discussion_topic_updated"
