"""The python handler: a user's function or registry, named "package.module:attribute"."""

import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from consumer.errors import ConfigurationError
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.loading.importing import TARGET_EXAMPLE, load_target, shown_place
from consumer.handlers.registering.checks import inner_function, without_partials
from consumer.handlers.registering.handler import Handler, handler_of
from consumer.handlers.registering.models import annotation_of, is_data
from consumer.handlers.registering.registry import REGISTRIES, Registry


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Options: target, "package.module:attribute": a function, or a `Registry`.

    The handlers of a registry are named NAME.FUNCTION. A function that was added to a registry is
    the handler that it is there. Any other gets every event, or those of the models in its
    annotation, in batches if a batch size is configured.
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
    module = vars(sys.modules[target.partition(":")[0]])
    nearby = {key: value for key, value in module.items() if isinstance(value, Registry)}
    _check_target(target, found, nearby)
    handlers = _handlers_of(found, nearby.values())
    if not handlers:
        handlers = [_unregistered(name, target, found, environment)]
    elif len(handlers) == 1:
        handlers = [replace(handlers[0], name=name)]
    else:
        handlers = [replace(handler, name=f"{name}.{handler.name}") for handler in handlers]
    registry.adopt(handlers)
    return registry


def _handlers_of(function: Any, nearby: Iterable[Registry]) -> list[Handler]:
    """The handlers that a function, or one inside of its decorators, was registered as.

    The function knows its registries; other callables are looked up in those of their module.
    """
    layers = [function]
    while (inner := getattr(layers[-1], "__wrapped__", None)) is not None and len(layers) < 100:
        layers.append(inner)
    plain = [getattr(layer, "__func__", layer) for layer in layers]
    registries = [
        registry
        for layer in plain
        if isinstance(layer, FunctionType)
        for registry in vars(layer).get(REGISTRIES, ())
    ]
    found = dict.fromkeys(h for registry in (*registries, *nearby) for h in registry.handlers)
    return [handler for handler in found if handler.function in layers]


def _unregistered(name: str, target: str, found: Any, environment: HandlerEnvironment) -> Handler:
    """A function that was added to no registry, but may name models in its annotation."""
    models = annotation_of(found).classes
    patterns = () if models and all(map(is_data, models)) else "*"
    try:
        handler = handler_of(found, patterns, {"name": name, "batch": environment.batch_size})
    except ConfigurationError as error:
        code = getattr(inner_function(found), "__code__", None)
        place = f" ({shown_place(code.co_filename, code.co_firstlineno)})" if code else ""
        raise ConfigurationError(f"{error}{place}") from error
    if patterns and not environment.names_events:
        environment.warn(
            f'handler "{name}" gets every event, because {target} does not say which it takes: '
            'decorate it with @registry.on("grade_change"), or name them: events: [grade_change] '
            f'in the file, "{target}=grade_change" on the command line; "*" if all are meant'
        )
    return handler


def _check_target(target: str, found: Any, nearby: Iterable[str]) -> None:
    """Refuse what can be called with an event but does nothing with it: the event would be lost."""
    module = target.partition(":")[0]
    near = "".join(f'; did you mean "{module}:{name}"?' for name in list(nearby)[:1])
    if isinstance(found, ModuleType):
        raise ConfigurationError(f'"{target}" is a module: name a function or registry in it{near}')
    found = without_partials(found)
    if isinstance(getattr(found, "__self__", None), Registry):
        raise ConfigurationError(
            f'"{target}" is a method of a registry: name the registry itself{near}'
        )
    if inspect.isclass(found) or not callable(found):
        return  # `handler_of` reports it
    home = str(getattr(found, "__module__", None)).partition(".")[0]
    if home == "consumer" or inspect.isbuiltin(found) or home in sys.stdlib_module_names:
        owner = "this package" if home == "consumer" else "Python itself"
        raise ConfigurationError(
            f'"{target}" is a part of {owner}, not a handler: write a function that calls it{near}'
        )
