"""Imports what a configuration names, and reports failures with the user's file and line."""

import importlib
import os
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any, Final

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError, ConsumerError
from consumer.events.privacy import scrub_text

TARGET_EXAMPLE: Final = '"package.module:function" or "package.module:registry"'

#: Their texts quote names, hardly ever a value: the text of a ValueError may be a password.
_QUOTABLE: Final = (KeyError, ImportError, SyntaxError, NameError, AttributeError)
_LONGEST: Final = 300
#: Where `os.environ[...]` raises; the module may be frozen into the interpreter.
_OS: Final = (os.__file__, "<frozen os>")
#: This package and generated code; Python's own library; installed packages.
_PACKAGE: Final = (f"{Path(__file__).parents[2]}{os.sep}", "<")
_LIBRARY: Final = f"{Path(os.__file__).parent}{os.sep}"
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def load_target(target: str) -> Any:
    """What "package.module:attribute" names; the attribute may be dotted.

    Raises ConfigurationError: no such module, no such attribute, or where importing it failed.
    """
    module_name, separator, path = target.partition(":")
    if not separator or not module_name.strip() or not path.strip():
        raise ConfigurationError(f'"{target}" names no handler: write {TARGET_EXAMPLE}')
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
    except (Exception, SystemExit) as error:
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
        return shown_place(error.filename, error.lineno or 1)
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    return shown_place(*max(reversed(frames), key=lambda frame: _rank(frame[0])))


def shown_place(file: str, line: int) -> str:
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
