"""Finds the model of an event by its name, and loads it when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from consumer.events.catalog.index import CALIPER, category_of, class_name

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData
    from consumer.messages import Format


def model_of(name: str, event_format: Format = "canvas") -> type[EventData] | None:
    """The model of the event with this name in this format; None if the catalog has none."""
    category = category_of(name)
    if category is None or (event_format == "caliper" and name not in CALIPER):
        return None
    where = "caliper" if event_format == "caliper" else category
    model: type[EventData] = getattr(
        import_module(f"consumer.events.catalog.{where}"), class_name(name)
    )
    return model
