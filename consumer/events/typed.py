"""The typed views of an event: its model in the catalog, and its subject. Loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.errors import DataError
from consumer.events.changes import change_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.messages import Event
    from consumer.subject import Change, Subject


class TypedReader:
    """Makes the typed views. Any thread may use it.

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
        """The change that the event reports. Never raises because of the payload."""
        return change_of(event)


#: Does not count misfits.
READER = TypedReader()
