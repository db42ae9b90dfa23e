"""Reads the options of one handler, and tells what can't be right about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Options:
    """The mapping under a handler's type, read key by key; `end` refuses what nobody asked for.

    A key that is missing or null has its default. Every method raises ConfigurationError with the
    handler, the key and what would be right; never with a value, which may be a password.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._name = name
        self._options = options
        self._known: set[str] = set()

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text that is not blank."""
        value = self._value(key, default)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise self.wrong(key, "a text that is not blank")
        return value

    def whole_number(self, key: str, default: int, *, least: int) -> int:
        """A whole number from `least`."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(key, f"a whole number from {least}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def end(self) -> None:
        """Called when all keys have been asked for: any other one is a mistake."""
        for key in self._options:
            if key in self._known:
                continue
            all_there_are = f"it has {', '.join(sorted(self._known)) or 'none'}"
            hint = did_you_mean(str(key), self._known) or all_there_are
            raise ConfigurationError(f'handler "{self._name}" has no option "{key}": {hint}')

    def wrong(self, key: str, right: str) -> ConfigurationError:
        """The error to raise for the value of this key."""
        return ConfigurationError(f'handler "{self._name}": {key} must be {right}')

    def _value(self, key: str, default: Any) -> Any:
        self._known.add(key)
        value = self._options.get(key)
        return default if value is None else value
