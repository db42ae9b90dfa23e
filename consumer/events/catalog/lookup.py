"""Finds models by the name of their event or of their class, and loads them when asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from consumer.events.catalog.index import categories, category_of, class_name, is_known, names

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData
    from consumer.messages import Format

_CATALOG = "consumer.events.catalog"
_CALIPER = f"{_CATALOG}.caliper"


def model_of(name: str, event_format: Format = "canvas") -> type[EventData] | None:
    """The model of the event with this name in this format; None if the catalog has none."""
    if not is_known(name, event_format):
        return None
    package = _CALIPER if event_format == "caliper" else _CATALOG
    model: type[EventData] = getattr(
        import_module(f"{package}.{category_of(name)}"), class_name(name)
    )
    return model


@cache
def class_of(package: str, name: str) -> Any:
    """The model that is called so, for `__getattr__` of a package with models.

    That of an event loads its own module only; any other is looked for in all modules, last in
    those of events. Raises `AttributeError`.
    """
    if name[:1].isupper():
        by_class = {class_name(event): category_of(event) for event in names()}
        modules = [m.name for m in iter_modules(import_module(package).__path__) if not m.ispkg]
        modules.sort(key=lambda module: module in categories())
        for module in modules if name not in by_class else {by_class[name]} & {*modules}:
            found = vars(import_module(f"{package}.{module}")).get(name)
            if isinstance(found, type) and found.__module__ == f"{package}.{module}":
                return found
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
