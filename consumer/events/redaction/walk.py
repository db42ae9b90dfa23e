"""Applies rules to the fields of one event."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from consumer.events.redaction import texts
from consumer.events.redaction.fits import is_time
from consumer.events.redaction.rules import DROPPED, SHARED, USER, Rule
from consumer.events.redaction.values import GONE, Values

#: What is nested more deeply is dropped.
_DEEPEST: Final = 24
_LEAVES: Final[Mapping[str, Callable[[Values, Rule, Any], Any]]] = {
    "plain": Values.plain, "word": Values.word, "text": Values.text, "user": Values.user,
    "member": Values.member, "pseudonym": Values.pseudonym, "address": Values.address,
    "url": Values.url, "browser": Values.browser, "hidden": Values.hidden,
}  # fmt: skip
_capital = re.compile(r"(?<=[a-z0-9])[A-Z]")


class Walk:
    """Redacts the objects of one event. Never raises because of the values.

    Args:
        other: the rule of a field that the catalog does not list.
    """

    def __init__(self, values: Values, other: Rule) -> None:
        self._values = values
        self._other = other
        self._strict = other.do == "drop"

    def object(self, holder: Mapping[str, Any], rules: Mapping[str, Rule], depth: int = 0) -> Any:
        """The object with its fields redacted."""
        kept = {}
        for key, value in holder.items():
            rule = rules.get(key)
            if rule is None:
                result = self._unlisted(key, value, depth)
            else:
                if rule.typed_by:
                    rule = self._by_type(rule, holder)
                result = self._applied(rule, value, depth)
            if result is not GONE:
                kept[key] = result
        return kept

    def _by_type(self, rule: Rule, holder: Mapping[str, Any]) -> Rule:
        """The rule of an id, by what the fields next to it say that it identifies."""
        kinds = [kind for key in rule.typed_by if isinstance(kind := holder.get(key), str)]
        if any(kind.casefold() in {"user", "person", "profile"} for kind in kinds):
            return rule.of_user or DROPPED
        if not self._strict or rule.kind == "thing" or any(_snake(k) in SHARED for k in kinds):
            return rule
        return DROPPED

    def _applied(self, rule: Rule, value: Any, depth: int) -> Any:
        if value is None:
            return None
        if rule.do == "drop" or depth > _DEEPEST:
            return GONE
        if isinstance(value, list):
            kept = list(self._each(rule, value, depth + 1))
            return GONE if rule.do == "hidden" else kept
        if rule.do == "inside":
            return self._inside(rule, value, depth)
        if rule.do == "rest" or (rule.do in {"plain", "text"} and not isinstance(value, str)):
            return self._rest(rule, value, depth)
        return _LEAVES[rule.do](self._values, rule, value)

    def _each(self, rule: Rule, values: list[Any], depth: int) -> Iterator[Any]:
        for value in values:
            result = self._applied(rule, value, depth)
            if result is not GONE:
                yield result

    def _inside(self, rule: Rule, value: Any, depth: int) -> Any:
        rules = rule.inner or {}
        if isinstance(value, Mapping):
            return self.object(value, rules, depth + 1)
        if isinstance(value, str) and "id" in rules:  # Caliper allows the id alone
            return self._applied(rules["id"], value, depth + 1)
        return GONE

    def _rest(self, rule: Rule, value: Any, depth: int) -> Any:
        """A value of any type, without what looks personal."""
        if isinstance(value, Mapping):
            return self.object(value, {}, depth + 1)
        if not isinstance(value, str):
            return self._values.number(value)
        if is_time(value):
            return value
        return self._values.text(rule, value) if texts.is_word(value) else GONE

    def _unlisted(self, key: str, value: Any, depth: int) -> Any:
        if self._strict or self._values.free(key) is GONE:
            return GONE
        match texts.judged(key):
            case "":
                return self._applied(self._other, value, depth)
            case "user id" if isinstance(value, str | int | list):
                return self._applied(USER, value, depth)
            case _:
                return GONE


def _snake(word: str) -> str:
    return _capital.sub(lambda found: f"_{found[0]}", word).lower()
