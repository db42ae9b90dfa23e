"""The names of all events that Canvas is known to send, and their models, loaded on first use.

Canvas keeps adding events: one that is not listed here is ordinary, and is never refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final

from consumer.messages import Format

if TYPE_CHECKING:
    from consumer.events.catalog.base import EventData

#: Generated from the models (see tests/events/shapes.py), so that names and fields can be looked up
#: without loading a model.
TABLE_FILE: Final = Path(__file__).parent / "shapes.json"
#: By category: the module of its models, where it does not have the name of the category.
_MODULES: Final = {
    "asset": "content", "attachment": "content", "conversation": "content", "discussion": "content",
    "final": "submission", "grade": "submission", "group": "enrollment", "logged": "account",
    "lti": "content", "master": "content", "module": "course", "outcome": "learning",
    "plagiarism": "submission", "quiz": "assignment", "rubric": "submission", "sis": "account",
    "syllabus": "course", "user": "account", "wiki": "course",
}  # fmt: skip


@cache
def table() -> Mapping[str, Any]:
    """The content of the file. Any thread may call it."""
    found: Mapping[str, Any] = json.loads(TABLE_FILE.read_bytes())
    return found


@cache
def categories() -> Mapping[str, tuple[str, ...]]:
    """All names by category."""
    return {category: tuple(found) for category, found in table()["canvas"].items()}


@cache
def _category_by_name() -> Mapping[str, str]:
    return {name: category for category, found in categories().items() for name in found}


def names(event_format: Format = "canvas") -> tuple[str, ...]:
    """All known names in this format, in the order of the categories."""
    return tuple(_category_by_name() if event_format == "canvas" else table()["caliper"])


def category_of(name: str) -> str | None:
    """The category of an event, or None if the catalog does not list it."""
    return _category_by_name().get(name)


def module_of(name: str) -> str:
    """The module of the models of a known event, in either format."""
    category = _category_by_name()[name]
    return _MODULES.get(category, category)


def is_known(name: str, event_format: Format = "canvas") -> bool:
    """True if Canvas is known to send this event in this format."""
    return name in (_category_by_name() if event_format == "canvas" else table()["caliper"])


def matches_any(pattern: str) -> bool:
    """True if a handler's pattern, a name or a glob, matches a known event."""
    return is_known(pattern) or any(fnmatchcase(name, pattern) for name in names())


def nearest(name: str, count: int = 3) -> tuple[str, ...]:
    """Known names that are similar to an unknown one, the most similar first."""
    near = get_close_matches(name, names(), n=count, cutoff=0.5)
    # Add those that begin alike: other course events for "course_deleted".
    start = re.split(r"[^a-z0-9]", name, maxsplit=1)[0]
    alike = [known for known in names() if start and known.startswith(start + "_")]
    return tuple(dict.fromkeys([*near, *alike]))[:count]


def class_name(name: str) -> str:
    """The name of the model's class: SubmissionCreated for "submission_created"."""
    return "".join(part.capitalize() for part in re.split(r"[._-]", name))


def model_of(name: str, event_format: Format = "canvas") -> type[EventData] | None:
    """The model of an event in this format, or None if the catalog does not list it."""
    if not is_known(name, event_format):
        return None
    package = f"{__package__}.caliper" if event_format == "caliper" else __package__
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
