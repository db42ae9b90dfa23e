"""Who did what, where: the view of an event that reads the same from both formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: What became of a thing; `consumer.events.changes` derives it. No event of today's Canvas says
#: that something was restored: that comes as an update.
Change = Literal["created", "updated", "deleted", "restored"]

SHARD_SIZE = 10**13


@dataclass(frozen=True, slots=True)
class CanvasId:
    """An id of Canvas in both of its forms: within its shard, and with the shard in front."""

    local_id: int
    #: None if neither the id nor the event told it.
    shard: int | None

    @property
    def global_id(self) -> int | None:
        """With the shard in front; None if the shard is not known."""
        return None if self.shard is None else self.shard * SHARD_SIZE + self.local_id


@dataclass(frozen=True, slots=True)
class Subject:
    """The ids that nearly every event has, each None where the event does not tell it.

    No id appears in a repr: with the institution's data it tells who a person is.
    """

    #: Who caused it; None for a background job and for somebody who is not logged in. For what a
    #: tool hands in or the store of files takes in the name of somebody, it is that person.
    user_id: CanvasId | None = field(default=None, repr=False)
    #: The course that it happened in, or that it is about.
    course_id: CanvasId | None = field(default=None, repr=False)
    #: The root account: the institution.
    account_id: CanvasId | None = field(default=None, repr=False)
    #: What it is about, in Canvas's words such as "submission" or "wiki_page"; "" for nothing.
    entity_kind: str = ""
    entity_id: CanvasId | None = field(default=None, repr=False)
