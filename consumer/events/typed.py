"""The views of an event: its model in the catalog, its subject, its change."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from consumer.errors import DataError
from consumer.events.caliper import extra_of, object_in
from consumer.messages import Event
from consumer.subject import Change, Subject

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


class TypedReader:
    """Makes the views. Any thread may use it.

    Args:
        on_misfit: called with each event that does not fit its model, to count them.
    """

    __slots__ = ("_on_misfit",)

    def __init__(self, on_misfit: Callable[[Event], None] | None = None) -> None:
        self._on_misfit = on_misfit

    def data(self, event: Event) -> Any:
        """The body as the model of the event. Raises `DataError`."""
        # Imported here, because it costs time and memory, and most daemons do not need it.
        from pydantic import ValidationError  # noqa: PLC0415

        from consumer.events import catalog  # noqa: PLC0415

        model = catalog.model_of(event.name, event.format)
        if model is None:
            is_caliper = event.format == "caliper"
            model = catalog.caliper.CaliperEvent if is_caliper else catalog.EventData
        try:
            return model.model_validate(event.body)
        except ValidationError as error:
            if self._on_misfit is not None:
                self._on_misfit(event)
            found = error.errors(include_url=False, include_context=False, include_input=False)
            known = {f"{'.'.join(map(str, e['loc']))}: {e['msg']}": None for e in found}
            raise DataError(event.name, tuple(known)) from None

    def subject(self, event: Event) -> Subject:
        """The subject of the event. Never raises because of the payload."""
        from consumer.events.subjects import subject_of  # noqa: PLC0415

        return subject_of(event)

    def change(self, event: Event) -> Change | None:
        """The change that the event reports. Never raises because of the payload.

        It follows from the name, or for an unnamed Caliper event from the action. An update to the
        state "deleted" is a deletion. None for anything else: an access, a login, a grade.
        """
        change, thing, action = change_named(event.name), event.body, None
        if event.format == "caliper":
            action = event.body.get("action")
            if change is None and isinstance(action, str):
                change = _ACTIONS.get(action)
            thing = extra_of(object_in(thing, "object"))
        if change == "updated" and (
            action == "Deleted" or any(thing.get(field) == DELETED for field in STATE_FIELDS)
        ):
            return "deleted"
        return change


def change_named(name: str) -> Change | None:
    """The change that the name alone shows: "updated" for `course_updated`; None for none."""
    found = _named(name)
    return cast("Change", found[1]) if found else None


#: Does not count misfits.
READER = TypedReader()
