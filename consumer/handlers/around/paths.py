"""Reads one value of an event, by the name that a configuration gives it."""

import json
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError
from consumer.messages import Event
from consumer.printable import shown
from consumer.subject import CanvasId

Getter = Callable[[Event], Any]

#: The common view: the same from both formats. Ids are `CanvasId`.
COMMON: Final[Mapping[str, Getter]] = {
    "name": lambda event: event.name,
    "format": lambda event: event.format,
    "change": lambda event: event.change,
    "triggered_by_job": lambda event: event.triggered_by_job,
    "user_id": lambda event: event.subject.user_id,
    "course_id": lambda event: event.subject.course_id,
    "account_id": lambda event: event.subject.account_id,
    "entity_id": lambda event: event.subject.entity_id,
    "entity_kind": lambda event: event.subject.entity_kind or None,
}
#: What else a path can begin with: the parts of an event as it was received.
_PARTS: Final[Mapping[str, Getter]] = {
    "metadata": lambda event: event.metadata,
    "body": lambda event: event.body,
}


def getter_of(path: str, label: str) -> Getter:
    """Reads the value at a path, such as "course_id" or "body.workflow_state"; None if absent.

    A null of the payload is None, too. A key may contain dots:
    "body.extensions.com.instructure.canvas.hostname". In a list of objects, the path leads to the
    values of all of them, as a list. Raises `ConfigurationError`, which begins with the label.
    """
    part, dot, rest = path.partition(".")
    if dot and rest and part in _PARTS:
        whole, keys = _PARTS[part], rest.split(".")
        if len(keys) == 1:  # nearly always, and faster
            return lambda event: whole(event).get(rest)
        return lambda event: _inside(whole(event), keys)
    if path in COMMON:
        return COMMON[path]
    # Imported here, because it loads the catalog.
    from consumer.handlers.around.known_fields import field_named  # noqa: PLC0415

    field = None if path in _PARTS else field_named(path)
    hint = (f'did you mean "{field}"?' if field else did_you_mean(path, COMMON)) or (
        f"there are {', '.join(COMMON)}, and fields, written as body.FIELD or metadata.FIELD"
    )
    raise ConfigurationError(f"{label}: there is no {shown(path)}: {hint}")


def hashable(value: Any) -> Hashable:
    """A value that `getter_of` reads, as the key of a group; None for none."""
    if value is None or isinstance(value, str | int | float | CanvasId):
        return value
    return json.dumps(value, sort_keys=True, default=str)


def _inside(value: Any, keys: list[str]) -> Any:
    """The value at these keys, where one key may be several of them with dots between."""
    if not keys:
        return value
    if isinstance(value, list):
        found = [_inside(item, keys) for item in value if isinstance(item, Mapping)]
        return [item for item in found if item is not None] or None
    if not isinstance(value, Mapping):
        return None
    for length in range(1, len(keys) + 1):
        name = ".".join(keys[:length])
        if name in value and (found := _inside(value[name], keys[length:])) is not None:
            return found
    return None
