"""The typed views of an event: its model of the catalog, and its subject. Loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.errors import DataError
from consumer.events.changes import change_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.events.catalog import EventData
    from consumer.messages import Event, Format
    from consumer.subject import Change, Subject


class TypedReader:
    """Makes them. Any thread may use it.

    Args:
        on_misfit: told of each event that does not fit its model; to count them.
    """

    __slots__ = ("_on_misfit",)

    def __init__(self, on_misfit: Callable[[Event], None] | None = None) -> None:
        self._on_misfit = on_misfit

    def data(self, event: Event) -> Any:
        """The model of the event. Raises `DataError`."""
        # Here, because most daemons never ask: the models cost time and memory.
        from pydantic import ValidationError  # noqa: PLC0415

        from consumer.events.catalog import model_of  # noqa: PLC0415

        model = model_of(event.name, event.format) or _any_model(event.format)
        try:
            return model.model_validate(event.body)
        except ValidationError as error:
            if self._on_misfit is not None:
                self._on_misfit(event)
            found = error.errors(include_url=False, include_context=False, include_input=False)
            known = {f"{'.'.join(map(_place, e['loc']))}: {e['msg']}": None for e in found}
            raise DataError(event.name, tuple(known)) from None

    def subject(self, event: Event) -> Subject:
        """The subject of the event; it never raises for what the event says."""
        from consumer.events.subjects import subject_of  # noqa: PLC0415

        return subject_of(event)

    def change(self, event: Event) -> Change | None:
        """The change that the event tells; it never raises for what the event says."""
        return change_of(event)


def _any_model(event_format: Format) -> type[EventData]:
    """The model of an event whose name the catalog does not know."""
    from consumer.events import catalog  # noqa: PLC0415

    return catalog.caliper.CaliperEvent if event_format == "caliper" else catalog.EventData


def _place(part: int | str) -> str:
    return str(part)


#: For events that nobody counts.
READER = TypedReader()
