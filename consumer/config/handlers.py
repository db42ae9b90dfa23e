"""Reads the `handlers` list: each entry's common keys, and the one key that names its type."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from consumer.config.models import HandlerSettings, RetryKeys
from consumer.config.problems import did_you_mean, dotted, nearest, shown, shown_key
from consumer.config.validation import PLACEHOLDER, validate
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.config.problems import KeyPath, Problems

ENTRY_POINT_GROUP: Final = "canvas_live_events.handlers"

_COMMON: Final = frozenset(HandlerSettings.model_fields) - {"type", "options"}
#: The built-in types, and the option that people put in place of all options.
_MAIN_OPTION: Final = {"archive": "directory", "log": "", "python": "target"}
_TYPES: Final = ", ".join(_MAIN_OPTION)
_ENTRY_EXAMPLE: Final = '- {name: archive, events: ["*"], archive: {}}'


def read_handlers(
    raw: Any, where: Callable[[KeyPath], str], problems: Problems
) -> tuple[HandlerSettings, ...]:
    """The entries that are right; every fault of the others goes to `problems`.

    An entry is a mapping as in the file, or one with `type` and `options`, or `HandlerSettings`.
    """
    if not isinstance(raw, (list, tuple)):
        fault = f"{shown(raw)}: must be a list of entries, such as {_ENTRY_EXAMPLE}"
        problems.add(where(("handlers",)), "handlers", fault)
        return ()
    read = [_Entry(("handlers", i), where, problems).read(entry) for i, entry in enumerate(raw)]
    first: dict[str, int] = {}
    for index, handler in enumerate(read):
        if handler and first.setdefault(handler.name, index) != index:
            other = f"handlers[{first[handler.name]}] has this name, too; each needs its own"
            path = ("handlers", index, "name")
            problems.add(where(path), dotted(path), f"{shown(handler.name)}: {other}")
    return tuple(handler for handler in read if handler)


class _Entry:
    """One entry of the list."""

    def __init__(self, path: KeyPath, where: Callable[[KeyPath], str], problems: Problems) -> None:
        self._path = path
        self._where = where
        self._problems = problems

    def read(self, entry: Any) -> HandlerSettings | None:
        if isinstance(entry, HandlerSettings):
            return entry
        if not isinstance(entry, dict):
            self._add((), f"{shown(entry)}: must be a mapping, such as {_ENTRY_EXAMPLE}")
            return None
        self._warn_of_placeholders(entry, ())
        raw: dict[str, Any] = {
            key: value for key, value in entry.items() if key in _COMMON and value is not None
        }
        made = self._typed({key: value for key, value in entry.items() if key not in _COMMON})
        # Also without a type: the faults of the other keys are told in the same go.
        raw |= made or {"type": ""}
        if isinstance(raw.get("retry"), dict):
            raw["retry"] = self._retry(raw["retry"])
        handler = validate(HandlerSettings, raw, self._path, self._where, self._problems)
        return handler if made else None

    def _retry(self, raw: dict[str, Any]) -> RetryPolicy | None:
        path = (*self._path, "retry")
        keys = validate(RetryKeys, raw, path, self._where, self._problems)
        if keys is None:
            return None
        base, longest = keys.base_seconds, keys.max_seconds
        if base > longest:
            fault = f"{base:g}: must not be more than max_seconds ({longest:g})"
            self._add(("retry", "base_seconds"), fault)
            return None
        return RetryPolicy(base, longest)

    def _typed(self, rest: dict[str, Any]) -> dict[str, Any] | None:
        """`{"archive": {...}}` as type and options, or None after telling what is wrong."""
        if set(rest) == {"type", "options"} and isinstance(rest["type"], str):
            return rest
        types = [key for key in rest if key in _MAIN_OPTION]
        others = [key for key in rest if key not in _MAIN_OPTION]
        if not types:
            types = [key for key in others if not self._misspelt(key)]
            others = [key for key in others if key not in types]
            if len(types) > 1:
                types, others = [], list(rest)
        for key in others:
            valid = _COMMON | (frozenset() if types else _MAIN_OPTION.keys())
            self._add((shown_key(key),), f"unknown key; {did_you_mean(key, valid)}")
        if len(types) > 1:
            self._add((), f"{' and '.join(types)}: one handler has one type; make two entries")
        elif not types and not others:
            self._add((), f"has no type; add one of {_TYPES}, such as archive: {{}}")
        if len(types) != 1 or others:
            return None
        return self._options(types[0], rest[types[0]])

    @staticmethod
    def _misspelt(key: str) -> bool:
        near = nearest(key, _COMMON | _MAIN_OPTION.keys())
        return bool(near) and not entry_points(group=ENTRY_POINT_GROUP, name=key)

    def _options(self, kind: str, options: Any) -> dict[str, Any] | None:
        if options is None:
            options = {}
        if isinstance(options, dict):
            return {"type": kind, "options": options}
        main = _MAIN_OPTION.get(kind)
        example = f"{kind}: {{{main}: {shown(options)}}}" if main else f"{kind}: {{}}"
        self._add((kind,), f"must be a mapping of options, such as {example}")
        return None

    def _warn_of_placeholders(self, value: Any, inner: KeyPath) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self._warn_of_placeholders(item, (*inner, key))
        elif isinstance(value, list):
            for item in value:
                self._warn_of_placeholders(item, inner)
        elif isinstance(value, str) and (found := re.search(PLACEHOLDER, value)):
            path = (*self._path, *inner)
            text = f"{found[0]}: variables are not expanded here; the text is used as it stands"
            self._problems.warn(self._where(path), dotted(path), text)

    def _add(self, inner: KeyPath, fault: str) -> None:
        path = (*self._path, *inner)
        self._problems.add(self._where(path), dotted(path), fault)
