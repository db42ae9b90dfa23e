"""How an error is reported: where, which key, its value (never a secret's), what would be right."""

import json
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from operator import itemgetter
from typing import Final

from consumer.errors import ConfigurationError
from consumer.printable import printable

#: A place inside the configuration: keys, and positions in lists.
KeyPath = tuple[str | int, ...]

#: Shown instead of a value that must stay secret.
HIDDEN: Final = "(not shown)"

#: ${VAR} anywhere, or nothing but $VAR.
PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}?|^\$\w+$")

_LONGEST: Final = 120
# A key in the wrong line must not end up in a journal.
_KEY_ID: Final = r"(?:AKIA|ASIA)[A-Z0-9]{12,}"
_KEY: Final = r"(?<![\w/+])(?=[^A-Z]*[A-Z])(?=\D*\d)[A-Za-z0-9+][A-Za-z0-9/+]{39}(?![\w/+])"
#: As in the connection text of a database, also in its URI.
_CONNECTION: Final = r"(?i:passw(?:or)?d\s*=)"
_CREDENTIALS: Final = re.compile(rf"{_KEY_ID}|{_KEY}|//[^/?#\s]*@|{_CONNECTION}")
_SECRET_NAME: Final = re.compile(
    r"secret|passw|token|credential|authorization|cookie"
    r"|(?:api|access|private|subscription)[_-]?key",
    re.IGNORECASE,
)


class Problems:
    """Collects all errors, so that one run reports every one of them."""

    def __init__(self) -> None:
        self._errors: list[tuple[int, str]] = []
        self.warnings: list[str] = []

    def add(self, where: str, key: str, error: str) -> None:
        """Add an error of `key` at `where`; either may be empty."""
        number = where.rpartition(":")[2]
        line_number = int(number) if number.isdecimal() else sys.maxsize
        self._errors.append((line_number, _line(where, key, error)))

    def warn(self, where: str, key: str, text: str) -> None:
        """Add what is allowed, but probably not meant."""
        self.warnings.append(_line(where, key, text))

    def __bool__(self) -> bool:
        """True if there is an error."""
        return bool(self._errors)

    def raise_if_any(self) -> None:
        """Raises: `ConfigurationError` with one line for each error, in the order of the file."""
        if self._errors:
            in_order = sorted(self._errors, key=itemgetter(0))
            raise ConfigurationError("\n".join(dict.fromkeys(line for _, line in in_order)))


def _line(where: str, key: str, text: str) -> str:
    return printable(": ".join(part for part in (where, key, text) if part))


def dotted(path: KeyPath) -> str:
    """`("handlers", 0, "name")` as a person writes it: handlers[0].name."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def looks_secret(path: KeyPath) -> bool:
    """True if any key on the way is named like a secret (but not like a secret's file).

    Also the URLs of pings and of webhooks: their paths are often secrets.
    """
    return (
        path == ("ping", "url")
        or path[2:] == ("http", "url")
        or any(
            isinstance(part, str) and _SECRET_NAME.search(part) and not part.endswith("_file")
            for part in path
        )
    )


def has_credentials(text: str) -> bool:
    """True if it contains what looks like an AWS key, or a password in a URL or connection text."""
    return bool(_CREDENTIALS.search(text))


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
    """An unknown key for an error. Without a space after the colon it contains the value."""
    name = key.partition(":")[0]
    return HIDDEN if has_credentials(key) else f"{name[:_LONGEST]}..."[: len(name)]


def nearest(key: str, valid: Iterable[str]) -> str | None:
    """The valid key that was probably meant, or None."""
    names, wanted = sorted(valid), key.lower().replace("-", "_")
    longer = [name for name in names if len(wanted) > 2 and name.startswith(wanted)]
    close = get_close_matches(wanted, names, n=1)
    return next(iter(longer if len(longer) == 1 else close), None)


def unknown_key(key: str, valid: Iterable[str]) -> str:
    """The error of an unknown key: the nearest valid one, else all of them."""
    names = sorted(valid)
    near = nearest(key, names)
    hint = f"did you mean {near}?" if near else f"valid here: {', '.join(names)}"
    return f"unknown key; {hint}"
