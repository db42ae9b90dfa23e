"""Reads the `handlers` list: in each entry, the one key that is not a common one is its type."""

import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from consumer.config.entries import HandlerSettings
from consumer.config.layers import Sources
from consumer.config.problems import PLACEHOLDER, KeyPath, nearest, shown, shown_key, unknown_key

ENTRY_POINT_GROUP: Final = "canvas_live_events.handlers"

_COMMON: Final = frozenset(HandlerSettings.model_fields) - {"type", "options"}
#: The built-in types, and the option that people write in place of all options.
_MAIN_OPTION: Final = {
    "archive": "directory", "command": "run", "eventbridge": "bus", "http": "url", "log": "",
    "postgres": "connection", "python": "target", "s3": "bucket", "sqlite": "file",
    "sqs": "queue_url",
}  # fmt: skip
_ENTRY_EXAMPLE: Final = '- {name: archive, events: ["*"], archive: {}}'


def read_handlers(raw: Any, sources: Sources) -> list[dict[str, Any]]:
    """Each entry with `type` and `options`; "" is the type of one with an error, now reported."""
    if not isinstance(raw, (list, tuple)):
        error = f"{shown(raw)}: must be a list of entries, such as {_ENTRY_EXAMPLE}"
        sources.add(("handlers",), error)
        return []
    first: dict[str, int] = {}
    for index, entry in enumerate(raw):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str) and first.setdefault(name, index) != index:
            error = f"handlers[{first[name]}] has this name, too; each needs its own"
            sources.add(("handlers", index, "name"), f"{shown(name)}: {error}")
    return [_entry(entry, ("handlers", index), sources) for index, entry in enumerate(raw)]


def _entry(entry: Any, path: KeyPath, sources: Sources) -> dict[str, Any]:
    if not isinstance(entry, dict):
        sources.add(path, f"{shown(entry)}: must be a mapping, such as {_ENTRY_EXAMPLE}")
        return {"name": "none", "type": ""}
    _warn_of_placeholders(entry, path, sources)
    common = {key: entry[key] for key in entry if key in _COMMON and entry[key] is not None}
    kind = _type({key: entry[key] for key in entry if key not in _COMMON}, path, sources)
    options = entry[kind] if kind else {}
    if options is not None and not isinstance(options, dict):
        main = _MAIN_OPTION.get(kind)
        example = f"{kind}: {{{main}: {shown(options)}}}" if main else f"{kind}: {{}}"
        sources.add((*path, kind), f"must be a mapping of options, such as {example}")
        options = {}
    return {**common, "type": kind, "options": options or {}}


def _type(rest: Mapping[str, Any], path: KeyPath, sources: Sources) -> str:
    """The key that names the type, or "" after reporting that there is not exactly one."""
    types = [key for key in rest if key in _MAIN_OPTION]
    if not types:
        types = [key for key in rest if not _is_misspelt(key)]
        if len(types) > 1:
            types = []
    others = [key for key in rest if key not in types]
    valid = _COMMON if types else _COMMON | _MAIN_OPTION.keys()
    for key in others:
        sources.add((*path, shown_key(key)), unknown_key(key, valid))
    if len(types) > 1:
        sources.add(path, f"{' and '.join(types)}: one handler has one type; make two entries")
    elif not types and not others:
        names = ", ".join(_MAIN_OPTION)
        sources.add(path, f"has no type; add one of {names}, such as archive: {{}}")
    return types[0] if len(types) == 1 and not others else ""


def _is_misspelt(key: str) -> bool:
    near = nearest(key, _COMMON | _MAIN_OPTION.keys())
    return bool(near) and not entry_points(group=ENTRY_POINT_GROUP, name=key)


def _warn_of_placeholders(value: Any, path: KeyPath, sources: Sources) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _warn_of_placeholders(item, (*path, key), sources)
    elif isinstance(value, list):
        for item in value:
            _warn_of_placeholders(item, path, sources)
    elif isinstance(value, str) and (found := re.search(PLACEHOLDER, value)):
        text = f"{found[0]}: variables are not expanded here; the text is used as it stands"
        sources.warn(path, text)
