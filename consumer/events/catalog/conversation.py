"""Messages between people, without what they say."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import LocalId, Time, about


class ConversationCreated(CanvasBody):
    """Somebody began a conversation."""

    event_name: ClassVar[str] = "conversation_created"
    entity: ClassVar[tuple[str, str]] = ("conversation", "conversation_id")

    conversation_id: LocalId = about("The conversation.", of="conversation")
    updated_at: Time = about("When it was last changed.")


class ConversationForwarded(CanvasBody):
    """Somebody was brought into a conversation."""

    event_name: ClassVar[str] = "conversation_forwarded"
    entity: ClassVar[tuple[str, str]] = ("conversation", "conversation_id")

    conversation_id: LocalId = about("The conversation.", of="conversation")
    updated_at: Time = about("When it was last changed.")


class ConversationMessageCreated(CanvasBody):
    """Somebody wrote a message in a conversation."""

    event_name: ClassVar[str] = "conversation_message_created"
    entity: ClassVar[tuple[str, str]] = ("conversation_message", "message_id")

    message_id: LocalId = about("The message.", of="conversation_message")
    conversation_id: LocalId = about("The conversation.", of="conversation")
    author_id: LocalId = about("Who wrote it.", of="user", privacy="identifier")
    created_at: Time = about("When it was written.")
