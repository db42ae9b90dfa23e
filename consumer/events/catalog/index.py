"""The names of all events that Canvas is known to send, by category. Light: it loads no model.

Names keep appearing: what is not here is ordinary, and never refused.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from consumer.did_you_mean import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.messages import Format

#: Made from the models (see `shapes.py`), so that no model is loaded for a name or a field.
TABLE_FILE: Final = Path(__file__).parent / "shapes.json"


@cache
def table() -> Mapping[str, Any]:
    """What the file says. Any thread may call it."""
    found: Mapping[str, Any] = json.loads(TABLE_FILE.read_bytes())
    return found


@cache
def categories() -> Mapping[str, tuple[str, ...]]:
    """All names by category, which is the name of the module with their models."""
    return {category: tuple(found) for category, found in table()["canvas"].items()}


@cache
def _category_by_name() -> Mapping[str, str]:
    return {name: category for category, found in categories().items() for name in found}


def names(event_format: Format = "canvas") -> tuple[str, ...]:
    """All names that are known in this format, in the order of the categories."""
    return tuple(_category_by_name() if event_format == "canvas" else table()["caliper"])


def category_of(name: str) -> str | None:
    """The category of an event, or None if the catalog does not know it."""
    return _category_by_name().get(name)


def is_known(name: str, event_format: Format = "canvas") -> bool:
    """True if Canvas is known to send this event in this format."""
    return name in (_category_by_name() if event_format == "canvas" else table()["caliper"])


def matches_any(pattern: str) -> bool:
    """True if a handler's pattern, a name or a glob, matches an event that is known."""
    return pattern in _category_by_name() or any(
        fnmatchcase(name, pattern) for name in _category_by_name()
    )


def nearest(name: str, count: int = 3) -> tuple[str, ...]:
    """Known names that somebody who wrote `name` may have meant, the nearest first."""
    near = closest(name, _category_by_name(), count=count, cutoff=0.5)
    # Half right is near, too: "course_deleted" may have meant one of the other course events.
    start = re.split(r"[^a-z0-9]", name, maxsplit=1)[0]
    alike = [known for known in _category_by_name() if start and known.startswith(start + "_")]
    return tuple(dict.fromkeys([*near, *alike]))[:count]


def class_name(name: str) -> str:
    """The name of the model's class: SubmissionCreated for "submission_created"."""
    return "".join(part.capitalize() for part in re.split(r"[._-]", name))
