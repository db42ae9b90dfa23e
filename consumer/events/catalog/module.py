"""Modules of courses, and what is in them."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.fields import Integer, LocalId, Text, about


class Module(CanvasBody):
    """What the events about a module have in common."""

    entity: ClassVar[tuple[str, str]] = ("module", "module_id")

    module_id: LocalId = about("The module.", of="module")
    context_id: LocalId = about("The course.", of="course")
    context_type: Text = about("What it is in.", values=("Course",))
    name: Text = about("What it is called.")
    position: Integer = about("Its place among the modules, from 1.")
    workflow_state: Text = about("Where it stands.", values=("active", "unpublished", "deleted"))


class ModuleCreated(Module):
    """A module was made."""

    event_name: ClassVar[str] = "module_created"


class ModuleUpdated(Module):
    """A module changed, or was deleted."""

    event_name: ClassVar[str] = "module_updated"


class ModuleItem(CanvasBody):
    """What the events about something in a module have in common."""

    entity: ClassVar[tuple[str, str]] = ("module_item", "module_item_id")

    module_item_id: LocalId = about("The item.", of="module_item")
    module_id: LocalId = about("The module.", of="module")
    context_id: LocalId = about("The course.", of="course")
    context_type: Text = about("What it is in.", values=("Course",))
    position: Integer = about("Its place in the module, from 1.")
    workflow_state: Text = about("Where it stands.", values=("active", "unpublished", "deleted"))


class ModuleItemCreated(ModuleItem):
    """Something was put into a module."""

    event_name: ClassVar[str] = "module_item_created"


class ModuleItemUpdated(ModuleItem):
    """Something in a module changed, was moved, or taken out."""

    event_name: ClassVar[str] = "module_item_updated"
