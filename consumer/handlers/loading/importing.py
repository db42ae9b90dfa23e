"""Imports what a configuration names, and says what went wrong with the user's file and line."""

from __future__ import annotations

import importlib
import os
import sysconfig
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError, ConsumerError
from consumer.events.privacy import scrub_text

if TYPE_CHECKING:
    from types import ModuleType

TARGET_EXAMPLE: Final = '"package.module:function" or "package.module:registry"'

#: Their texts quote names, hardly ever a value: that of a ValueError may be a password.
_TELLING: Final = (KeyError, ImportError, SyntaxError, NameError, AttributeError)
_LONGEST: Final = 300
#: Where `os.environ[...]` raises; the module may be frozen into the interpreter.
_OS: Final = (os.__file__, "<frozen os>")
_PACKAGE: Final = f"{Path(__file__).parents[2]}{os.sep}"
_LIBRARY: Final = tuple(
    f"{path}{os.sep}"
    for path in {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        Path(os.__file__).parent,
    }
)
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def load_target(target: str) -> Any:
    """What "package.module:attribute" names; the attribute may be dotted.

    Raises ConfigurationError, and says whether there is no such module, whether the module is there
    but fails when it is imported (and where), or whether it has no such attribute.
    """
    module_name, separator, path = target.partition(":")
    if not separator or not module_name.strip() or not path.strip():
        raise ConfigurationError(f'"{target}" names no handler: write {TARGET_EXAMPLE}')
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
        if isinstance(error, ConsumerError):  # our own sentence, about what it registers
            raise ConfigurationError(f'"{target}": {error} ({place_of(error)})') from error
        raise ConfigurationError(
            f'"{target}": the module {name} is there, but importing it failed with '
            f"{_told(error)} ({place_of(error)})"
        ) from error


def place_of(error: BaseException) -> str:
    """Where a user's code was when it failed: "my_handlers.py:12", relative to where one stands.

    The innermost line that is neither this package's nor Python's own.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return shown_place(error.filename, error.lineno or 1)
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    outside = [frame for frame in frames if not _is_plumbing(frame[0])]
    own = [frame for frame in outside if not any(part in frame[0] for part in _INSTALLED)]
    return shown_place(*(own or outside or frames)[-1])


def shown_place(file: str, line: int) -> str:
    """A file and a line, as editors and terminals open them."""
    path = Path(file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}"


def _told(error: BaseException) -> str:
    """The type of the exception; and its text, where that says a name."""
    name = type(error).__name__
    if not isinstance(error, _TELLING):
        return name
    *_, (frame, _line) = walk_tb(error.__traceback__)
    if isinstance(error, KeyError) and frame.f_code.co_filename in _OS:
        return f"{name}: the environment variable {error} is not set"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{name}: {scrub_text(' '.join(text.split())[:_LONGEST])}"


def _is_plumbing(file: str) -> bool:
    if file.startswith((_PACKAGE, "<")):
        return True
    return file.startswith(_LIBRARY) and not any(part in file for part in _INSTALLED)


def _is_part_of(missing: str | None, name: str) -> bool:
    """True if what is missing is the module itself or a package that it is said to be in."""
    return missing is not None and (name == missing or name.startswith(f"{missing}."))
