"""The python handler: a function or registry of one's own, named "package.module:attribute"."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError, describe
from consumer.handlers.loading.options import Options
from consumer.handlers.registering.annotations import annotation_of
from consumer.handlers.registering.expecting import says_models
from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from consumer.handlers.loading.environment import HandlerEnvironment

_EXAMPLE = '"package.module:function" or "package.module:registry"'


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Options: target, "package.module:attribute": a function, or a `Registry`.

    A function becomes one handler of this name, for a batch if a batch size is configured; it gets
    every event, or those of the models that its annotation says. The
    handlers of a registry are named NAME.FUNCTION. The module is looked up on `sys.path`, to which
    the command `consume` adds the current directory.
    """
    read = Options(name, options)
    target = read.text("target")
    read.end()
    if target is None:
        raise read.wrong("target", f"given: {_EXAMPLE}")
    found = load_target(target)
    registry = Registry()
    if isinstance(found, Registry):
        registry.include(found, prefix=f"{name}.")
    else:
        patterns = () if says_models(annotation_of(found)) else "*"
        registry.add(found, patterns, name=name, batch=environment.batch_size)
    return registry


def load_target(target: str) -> Any:
    """What "package.module:attribute" names; the attribute may be dotted.

    Raises ConfigurationError, and says whether there is no such module, whether the module is there
    but fails when it is imported (and where), or whether it has no such attribute.
    """
    module_name, separator, path = target.partition(":")
    if not separator or not module_name.strip() or not path.strip():
        raise ConfigurationError(f'"{target}" names no handler: write {_EXAMPLE}')
    module = import_module(module_name, target)
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            hint = did_you_mean(part, [n for n in dir(found) if not n.startswith("__")])
            raise ConfigurationError(
                f'"{target}": module {module_name} was imported, but has no "{part}"'
                + (f"; {hint}" if hint else "")
            )
        found = getattr(found, part)
    return found


def import_module(name: str, target: str) -> ModuleType:
    """Import a module for a handler; ConfigurationError as in `load_target`."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and _is_part_of(error.name, name):
            raise ConfigurationError(
                f'"{target}": there is no module "{error.name}"; is it installed in this '
                "environment, or does its file lie in the current directory?"
            ) from error
        # Python's own words for a broken import quote code at most; others may quote anything.
        own_words = isinstance(error, ImportError | SyntaxError)
        text = f": {error}" if own_words else ""
        raise ConfigurationError(
            f'"{target}": the module {name} is there, but importing it failed with '
            f"{type(error).__name__}{text} ({place_of(error)})"
        ) from error


def place_of(error: BaseException) -> str:
    """Where an exception was raised: "my_handlers.py:12 in make"."""
    return describe(error)["error_at"].rpartition(" > ")[2]


def _is_part_of(missing: str | None, name: str) -> bool:
    """True if what is missing is the module itself or a package that it is said to be in."""
    return missing is not None and (name == missing or name.startswith(f"{missing}."))
