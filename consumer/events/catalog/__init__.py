"""The catalog: a typed model for every Canvas Live Event. Each model is loaded on first use.

The classes here are the models of events in Canvas format; `caliper` has those in Caliper format,
with the same class names. `model_of` finds a model by the name of its event. `__init__.pyi` lists
all of them for type checkers.
"""

from importlib import import_module
from typing import Any

from .index import class_name, class_of, names
from .index import model_of as model_of


def __getattr__(name: str) -> Any:
    return import_module(f"{__name__}.caliper") if name == "caliper" else class_of(__name__, name)


def __dir__() -> list[str]:
    return sorted(["caliper", "model_of", "names", *map(class_name, names())])
