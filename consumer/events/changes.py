"""What became of the thing that an event is about: the same from both formats.

Knows names, actions and states, and no more; whatever the payload is, nothing is raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from consumer.messages import Event
    from consumer.subject import Change

#: Fields with the state of the thing; of an enrollment's state it is called `state`.
STATE_FIELDS: Final = frozenset({"workflow_state", "state"})
#: Canvas keeps what was deleted, in this state, and sends that as an update.
DELETED: Final = "deleted"

_named = re.compile(r"[._-](created|updated|deleted|restored)\Z").search
#: What Caliper calls it. Restored is of Caliper 1.2; of Canvas it is not known.
_ACTIONS: Final[Mapping[object, Change]] = {
    "Created": "created",
    "Modified": "updated",
    "Deleted": "deleted",
    "Restored": "restored",
}


def change_of(event: Event) -> Change | None:
    """The change that an event in either format tells. Any thread may call it.

    The name says it, for an unnamed Caliper event its action; an update of what is deleted then is
    its deletion. None for what is no such change: an access, a login, a grade.
    """
    change, told, action = change_named(event.name), event.body, None
    if event.format == "caliper":
        action = event.body.get("action")
        if change is None and isinstance(action, str):
            change = _ACTIONS.get(action)
        thing = event.body.get("object")
        for key in ("extensions", "com.instructure.canvas"):
            thing = thing.get(key) if isinstance(thing, Mapping) else None
        told = thing if isinstance(thing, Mapping) else {}
    if change == "updated" and (
        action == "Deleted" or any(told.get(field) == DELETED for field in STATE_FIELDS)
    ):
        return "deleted"
    return change


def change_named(name: str) -> Change | None:
    """What the name alone says: "updated" for `course_updated`, None for `grade_change`."""
    found = _named(name)
    return cast("Change", found[1]) if found else None
