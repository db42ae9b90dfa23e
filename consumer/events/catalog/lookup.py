"""Finds models by the name of the event or of the class, and loads them on first use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from consumer.events.catalog.index import class_name, is_known, module_of, names

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData
    from consumer.messages import Format

_CATALOG = "consumer.events.catalog"


def model_of(name: str, event_format: Format = "canvas") -> type[EventData] | None:
    """The model of an event in this format, or None if the catalog does not list it."""
    if not is_known(name, event_format):
        return None
    package = f"{_CATALOG}.caliper" if event_format == "caliper" else _CATALOG
    module = import_module(f"{package}.{module_of(name)}")
    model: type[EventData] = getattr(module, class_name(name))
    return model


@cache
def class_of(package: str, name: str) -> Any:
    """The model with this class name, for `__getattr__` of a package. Raises `AttributeError`.

    For the model of an event, only its own module is loaded. Otherwise the modules are searched,
    those without models of events first.
    """
    if name[:1].isupper():
        by_class = {class_name(event): module_of(event) for event in names()}
        modules = [m.name for m in iter_modules(import_module(package).__path__) if not m.ispkg]
        modules.sort(key=lambda module: module in by_class.values())
        for module in modules if name not in by_class else {by_class[name]} & {*modules}:
            found = vars(import_module(f"{package}.{module}")).get(name)
            if isinstance(found, type) and found.__module__ == f"{package}.{module}":
                return found
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
