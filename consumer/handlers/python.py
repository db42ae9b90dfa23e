"""The python handler: a function or registry of one's own, named "package.module:attribute"."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from consumer.errors import ConfigurationError
from consumer.handlers.loading.importing import TARGET_EXAMPLE, load_target, shown_place
from consumer.handlers.loading.options import Options
from consumer.handlers.registering.annotations import annotation_of
from consumer.handlers.registering.expecting import says_models
from consumer.handlers.registering.registry import Registry
from consumer.handlers.registering.remembered import forget, handlers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.handlers.loading.environment import HandlerEnvironment


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Options: target, "package.module:attribute": a function, or a `Registry`.

    The handlers of a registry are named NAME.FUNCTION. A function that was added to a registry is
    the handler that it is there, with its events, limits and middleware. Any other function gets
    every event, or those of the models that its annotation says; it takes batches if a batch size
    is configured. The module is looked up on `sys.path`, to which the command `consume` adds the
    current directory.
    """
    read = Options(name, options)
    target = read.text("target")
    read.end()
    if target is None:
        raise read.wrong("target", f"given: {TARGET_EXAMPLE}")
    found = load_target(target)
    registry = Registry()
    if isinstance(found, Registry):
        registry.include(found, prefix=f"{name}.")
        return registry
    beside = _registries(sys.modules[target.partition(":")[0]])
    _refuse_what_is_no_handler(target, found, beside)
    handlers = handlers_of(found, beside.values())
    if len(handlers) > 1:
        registry.adopt([replace(h, name=f"{name}.{h.name}") for h in handlers])
    elif handlers:
        registry.adopt([replace(handlers[0], name=name)])
    else:
        _add(registry, name, target, found, environment)
    return registry


def _add(
    registry: Registry, name: str, target: str, found: Any, environment: HandlerEnvironment
) -> None:
    """Add a function that says nothing of itself, but perhaps by its annotation."""
    patterns = () if says_models(annotation_of(found)) else "*"
    try:
        registry.add(found, patterns, name=name, batch=environment.batch_size)
    except ConfigurationError as error:
        place = _place_of_function(found)
        raise ConfigurationError(f"{error} ({place})" if place else str(error)) from error
    forget(found, registry)  # another entry may name it, too
    if patterns and not environment.names_events:
        environment.warn(
            f'handler "{name}" gets every event, because {target} does not say which it takes: '
            'decorate it with @registry.on("grade_change"), or name them: events: [grade_change] '
            f'in the file, "{target}=grade_change" on the command line; "*" if all are meant'
        )


def _registries(module: ModuleType) -> dict[str, Registry]:
    return {name: found for name, found in vars(module).items() if isinstance(found, Registry)}


def _refuse_what_is_no_handler(target: str, found: Any, beside: Mapping[str, Registry]) -> None:
    """What can be called, but would do nothing with an event, handles all events by losing them."""
    module = target.partition(":")[0]
    near = "".join(f'; did you mean "{module}:{name}"?' for name in list(beside)[:1])
    if isinstance(found, ModuleType):
        raise ConfigurationError(f'"{target}" is a module: name a function or registry in it{near}')
    while isinstance(found, partial):
        found = found.func
    owner = getattr(found, "__self__", None)
    if isinstance(owner, Registry):
        raise ConfigurationError(
            f'"{target}" is a method of a registry: name the registry itself{near}'
        )
    home = str(getattr(found, "__module__", None)).partition(".")[0]
    if inspect.isclass(found) or not callable(found):
        return  # `Registry.add` says what it is
    if home == "consumer" or inspect.isbuiltin(found) or home in sys.stdlib_module_names:
        whose = "this package" if home == "consumer" else "Python itself"
        raise ConfigurationError(
            f'"{target}" is a part of {whose}, and no handler: write a function that calls it{near}'
        )


def _place_of_function(found: Any) -> str:
    """Where a function was written; "" for what has no code of its own."""
    while isinstance(found, partial):
        found = found.func
    if not inspect.isroutine(found):
        found = getattr(type(found), "__call__", None)  # noqa: B004 - where it is written
    code = getattr(inspect.unwrap(found) if found else None, "__code__", None)
    return shown_place(code.co_filename, code.co_firstlineno) if code else ""
