"""What happened to the thing that an event is about: created, updated, deleted, restored.

The same for both formats. Never raises because of the payload.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from consumer.messages import Event
    from consumer.subject import Change

#: Fields with the state of a thing; `state` is that of an enrollment.
STATE_FIELDS: Final = frozenset({"workflow_state", "state"})
#: Canvas keeps deleted things, in this state, and sends an update for a deletion.
DELETED: Final = "deleted"

_named = re.compile(r"[._-](created|updated|deleted|restored)\Z").search
#: By Caliper action. Restored is part of Caliper 1.2; Canvas is not known to send it.
_ACTIONS: Final[Mapping[object, Change]] = {
    "Created": "created",
    "Modified": "updated",
    "Deleted": "deleted",
    "Restored": "restored",
}


def change_of(event: Event) -> Change | None:
    """The change that an event in either format reports. Any thread may call it.

    It follows from the name, or for an unnamed Caliper event from the action. An update to the
    state "deleted" is a deletion. None for anything else: an access, a login, a grade.
    """
    change, thing, action = change_named(event.name), event.body, None
    if event.format == "caliper":
        action = event.body.get("action")
        if change is None and isinstance(action, str):
            change = _ACTIONS.get(action)
        for key in ("object", "extensions", "com.instructure.canvas"):
            inner = thing.get(key)
            thing = inner if isinstance(inner, Mapping) else {}
    if change == "updated" and (
        action == "Deleted" or any(thing.get(field) == DELETED for field in STATE_FIELDS)
    ):
        return "deleted"
    return change


def change_named(name: str) -> Change | None:
    """The change that the name alone shows: "updated" for `course_updated`; None for none."""
    found = _named(name)
    return cast("Change", found[1]) if found else None
