"""The python handler: imports a function or a registry that a configuration names."""

import importlib
import inspect
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from traceback import walk_tb
from types import FunctionType, ModuleType
from typing import Any, Final

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError, ConsumerError
from consumer.events.privacy import scrub_text
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.registering.checks import inner_function, without_partials
from consumer.handlers.registering.handler import Handler, handler_of
from consumer.handlers.registering.models import annotation_of, is_data
from consumer.handlers.registering.registry import REGISTRIES, Registry

_EXAMPLE: Final = '"package.module:function" or "package.module:registry"'

#: Their texts quote names, hardly ever a value: the text of a ValueError may be a password.
_QUOTABLE: Final = (KeyError, ImportError, SyntaxError, NameError, AttributeError)
_LONGEST: Final = 300
#: Where `os.environ[...]` raises; the module may be frozen into the interpreter.
_OS: Final = (os.__file__, "<frozen os>")
#: This package and generated code; Python's own library; installed packages.
_PACKAGE: Final = (f"{Path(__file__).parents[1]}{os.sep}", "<")
_LIBRARY: Final = f"{Path(os.__file__).parent}{os.sep}"
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


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
        raise read.wrong("target", f"given: {_EXAMPLE}")
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
        place = f" ({_shown_place(code.co_filename, code.co_firstlineno)})" if code else ""
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


def is_dotted(text: str) -> bool:
    """True for a name, or names with dots between them."""
    return all(part.isidentifier() for part in text.split("."))


def load_target(target: str) -> Any:
    """What "package.module:attribute" names; the attribute may be dotted.

    Raises ConfigurationError: no such module, no such attribute, or where importing it failed.
    """
    module_name, separator, path = target.partition(":")
    if not (separator and is_dotted(module_name.strip()) and is_dotted(path.strip())):
        raise ConfigurationError(f'"{target}" names no handler: write {_EXAMPLE}')
    found: Any = _import_module(module_name, target)
    for part in path.split("."):
        if not hasattr(found, part):
            hint = did_you_mean(part, [n for n in dir(found) if not n.startswith("__")])
            raise ConfigurationError(
                f'"{target}": module {module_name} was imported, but has no "{part}"'
                + (f"; {hint}" if hint else "")
            )
        found = getattr(found, part)
    return found


def _import_module(name: str, target: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):  # itself, or a package that it is in
            raise ConfigurationError(
                f'"{target}": there is no module "{missing}"; is it installed in this '
                "environment, or is its file in the current directory?"
            ) from error
        if isinstance(error, ConsumerError):  # our own sentence, about what it registers
            raise ConfigurationError(f'"{target}": {error} ({place_of(error)})') from error
        raise ConfigurationError(
            f'"{target}": the module {name} exists, but importing it failed with '
            f"{_description(error)} ({place_of(error)})"
        ) from error


def place_of(error: BaseException) -> str:
    """Where the user's code was when it failed: "my_handlers.py:12"."""
    if isinstance(error, SyntaxError) and error.filename:
        return _shown_place(error.filename, error.lineno or 1)
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    return _shown_place(*max(reversed(frames), key=lambda frame: _rank(frame[0])))


def _shown_place(file: str, line: int) -> str:
    """A file and a line, relative to the current directory, as editors and terminals open them."""
    path = Path(file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}"


def _rank(file: str) -> int:
    """2 for the user's own code, 1 for an installed package, 0 for this package and Python's."""
    if not file.startswith(_PACKAGE) and any(part in file for part in _INSTALLED):
        return 1
    return 0 if file.startswith((*_PACKAGE, _LIBRARY)) else 2


def _description(error: BaseException) -> str:
    """The type of the exception; and its text if that quotes nothing but a name."""
    name = type(error).__name__
    if not isinstance(error, _QUOTABLE):
        return name
    *_, (frame, _line) = walk_tb(error.__traceback__)
    if isinstance(error, KeyError) and frame.f_code.co_filename in _OS:
        return f"{name}: the environment variable {error} is not set"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{name}: {scrub_text(' '.join(text.split())[:_LONGEST])}"
