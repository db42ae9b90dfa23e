"""The effective configuration for people: every value with its origin, secrets masked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from consumer.config.fields import SINGLE
from consumer.config.problems import dotted, has_credentials, looks_secret

if TYPE_CHECKING:
    from consumer.config.loading import Loaded
    from consumer.config.models import HandlerSettings, Section
    from consumer.config.problems import KeyPath

MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class Effective:
    """One value as plain data, and where it came from."""

    value: Any
    origin: str


#: Sections and entries as mappings and lists; an `Effective` wherever a value stands.
Tree = dict[str, Any]


def effective(loaded: Loaded) -> Tree:
    """Every setting in the shape of the file. A secret that is set is `MASK`."""
    tree: Tree = {}
    for name in type(loaded.settings).model_fields:
        value = getattr(loaded.settings, name)
        if name == "handlers":
            tree[name] = [_handler(loaded, i, handler) for i, handler in enumerate(value)]
        elif name in SINGLE:
            tree[name] = Effective(str(value), loaded.origins[name])
        else:
            tree[name] = _section(loaded, value, (name,))
    return tree


def _section(loaded: Loaded, section: Section, path: KeyPath) -> Tree:
    return {
        key: _leaf(loaded, getattr(section, key), (*path, key))
        for key in type(section).model_fields
    }


def _handler(loaded: Loaded, index: int, handler: HandlerSettings) -> Tree:
    path: KeyPath = ("handlers", index)
    tree: Tree = {}
    for key in type(handler).model_fields:
        if key == "retry" and handler.retry:
            tree[key] = {
                inner: _leaf(loaded, value, (*path, key, inner))
                for inner, value in asdict(handler.retry).items()
            }
        elif key not in ("type", "options"):
            tree[key] = _leaf(loaded, getattr(handler, key), (*path, key))
    tree[handler.type] = {
        str(option): _leaf(loaded, value, (*path, handler.type, str(option)))
        for option, value in handler.options.items()
    }
    return tree


def _leaf(loaded: Loaded, value: Any, path: KeyPath) -> Effective:
    return Effective(_plain(value, path), loaded.origins[dotted(path)])


def _plain(value: Any, path: KeyPath) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, path) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, SecretStr) or looks_secret(path) or has_credentials(str(value)):
        return MASK
    return value if isinstance(value, (int, float)) else str(value)
