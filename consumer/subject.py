"""Who did what, where: a view of an event that is the same for both formats."""

from dataclasses import dataclass, field
from typing import Literal

#: What happened to a thing; `consumer.events.typed` derives it. Canvas is not known to send an
#: event for "restored": it sends an update.
Change = Literal["created", "updated", "deleted", "restored"]

SHARD_SIZE = 10**13


@dataclass(frozen=True, slots=True)
class CanvasId:
    """An id of Canvas in both forms: within its shard, and with the shard in front."""

    local_id: int
    #: None if neither the id nor the event contains it.
    shard: int | None

    @property
    def global_id(self) -> int | None:
        """With the shard in front; None if the shard is not known."""
        return None if self.shard is None else self.shard * SHARD_SIZE + self.local_id


@dataclass(frozen=True, slots=True)
class Subject:
    """The ids that nearly every event has, each None if the event does not contain it.

    A repr contains no ids, because together with the institution's data they identify a person.
    """

    #: The user who caused it; None for a background job and for a user who is not logged in. For a
    #: tool or file storage that acts on behalf of a user, it is that user.
    user_id: CanvasId | None = field(default=None, repr=False)
    #: The course where it happened, or that it is about.
    course_id: CanvasId | None = field(default=None, repr=False)
    #: The root account: the institution.
    account_id: CanvasId | None = field(default=None, repr=False)
    #: What it is about, as Canvas calls it, such as "submission" or "wiki_page"; "" for nothing.
    entity_kind: str = ""
    entity_id: CanvasId | None = field(default=None, repr=False)
    #: In place of the user's id, if the event was redacted: the same for the same person.
    user_pseudonym: str | None = field(default=None, repr=False)
