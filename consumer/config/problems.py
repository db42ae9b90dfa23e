"""How a fault is told: where, which key, the value (never a secret's) and what would be right."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Final

from consumer.did_you_mean import closest
from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A place inside the configuration: keys, and positions in lists.
KeyPath = tuple[str | int, ...]

#: What stands in place of a value that must not be told.
HIDDEN: Final = "(not shown)"

_LONGEST = 120
# Somebody's key in the wrong line must not end up in a journal.
_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")
_KEY = re.compile(r"(?<![\w/+])(?=[^A-Z]*[A-Z])(?=\D*\d)[A-Za-z0-9+][A-Za-z0-9/+]{39}(?![\w/+])")
_USER_INFO = re.compile(r"//[^/?#\s]*@")


_SECRET_NAME = re.compile(
    r"secret|passw|token|credential|(?:api|access|private)_?key", re.IGNORECASE
)


class Problems:
    """Collects every fault, so that all are told at once."""

    def __init__(self) -> None:
        self._faults: list[tuple[str, str]] = []
        self.warnings: list[str] = []

    def add(self, where: str, key: str, fault: str) -> None:
        """Note a fault of `key` at `where`; either may be empty."""
        self._faults.append((where, _line(where, key, fault)))

    def warn(self, where: str, key: str, text: str) -> None:
        """Note what is allowed, but probably not meant."""
        self.warnings.append(_line(where, key, text))

    def __bool__(self) -> bool:
        """True if there is a fault."""
        return bool(self._faults)

    def raise_if_any(self) -> None:
        """Raises: `ConfigurationError` with one line for each fault."""
        if self._faults:
            in_order = sorted(self._faults, key=lambda fault: _line_number(fault[0]))
            raise ConfigurationError("\n".join(dict.fromkeys(line for _, line in in_order)))


def _line_number(where: str) -> int:
    number = where.rpartition(":")[2]
    return int(number) if number.isdecimal() else sys.maxsize


def _line(where: str, key: str, text: str) -> str:
    line = ": ".join(part for part in (where, key, text) if part)
    # A key or a variable can have any name, but a fault is one line.
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)


def dotted(path: KeyPath) -> str:
    """`("handlers", 0, "name")` as a person writes it: handlers[0].name."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def looks_secret(path: KeyPath) -> bool:
    """True if any key on the way has a name that people give to secrets (but to no file name)."""
    return any(
        isinstance(part, str) and _SECRET_NAME.search(part) and not part.endswith("_file")
        for part in path
    )


def has_credentials(text: str) -> bool:
    """True if there is what looks like an AWS key, or a password in a URL."""
    return any(pattern.search(text) for pattern in (_KEY_ID, _KEY, _USER_INFO))


def shown(value: object) -> str:
    """The value for an error: short, on one line, and without anything that looks like a key."""
    match value:
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case None | bool():
            return json.dumps(value)
        case str():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    if has_credentials(text):
        return HIDDEN
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def shown_key(key: str) -> str:
    """An unknown key for an error. Without a space after the colon the value is part of it."""
    told = key.partition(":")[0]
    return HIDDEN if has_credentials(key) else f"{told[:_LONGEST]}..."[: len(told)]


def nearest(key: str, valid: Iterable[str]) -> str | None:
    """The valid key that was probably meant, or None."""
    names, wanted = sorted(valid), key.lower().replace("-", "_")
    longer = [name for name in names if len(wanted) > 2 and name.startswith(wanted)]
    close = closest(wanted, names)
    return next(iter(longer if len(longer) == 1 else close), None)


def did_you_mean(key: str, valid: Iterable[str]) -> str:
    """The end of the sentence "unknown key": the nearest one, else all there are."""
    names = sorted(valid)
    near = nearest(key, names)
    return f"did you mean {near}?" if near else f"valid here: {', '.join(names)}"
