"""Applies rules to the fields of one event."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from consumer.events.redaction import texts
from consumer.events.redaction.fits import is_time
from consumer.events.redaction.rules import DROPPED, SHARED, TYPED, USER, Rule
from consumer.events.redaction.values import GONE, Values

#: Types of persons.
_USERS: Final = frozenset({"user", "person", "profile"})
#: What is nested more deeply is dropped.
_DEEPEST: Final = 24
#: What is cached must not be long.
_LONGEST_KIND: Final = 100
_LEAVES: Final[Mapping[str, Callable[[Values, Rule, Any], Any]]] = {
    "plain": Values.plain, "word": Values.word, "text": Values.text, "user": Values.user,
    "pseudonym": Values.pseudonym, "address": Values.address,
    "url": Values.url, "browser": Values.browser, "hidden": Values.hidden,
}  # fmt: skip
_capital = re.compile(r"(?<=[a-z0-9])[A-Z]")
_id_of = re.compile(r"(.*?)_?(?:[uU]u)?[iI]d").fullmatch


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
                result = self._unlisted(key, value, holder, depth)
            else:
                if rule.typed_by:
                    rule = self._by_type(rule, holder)
                leaf = _LEAVES.get(rule.do) if isinstance(value, str) else None
                if leaf is not None:  # as for nearly all
                    result = leaf(self._values, rule, value)
                else:
                    result = self._applied(rule, value, depth)
            if result is not GONE:
                kept[key] = result
        return kept

    def _by_type(self, rule: Rule, holder: Mapping[str, Any]) -> Rule:
        """The rule of an id, by what the fields next to it say that it identifies."""
        kinds = _kinds(holder, rule.typed_by)
        if not _USERS.isdisjoint(kinds):
            return rule.of_user or DROPPED
        if not self._strict or rule.typed_by == TYPED["id"] or rule.kind == "thing":
            return rule
        return rule if kinds and kinds[0] in SHARED else DROPPED

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
        if isinstance(value, dict):
            return self.object(value, rules, depth + 1)
        if isinstance(value, str) and "id" in rules:  # Caliper allows the id alone
            return self._applied(rules["id"], value, depth + 1)
        return GONE

    def _rest(self, rule: Rule, value: Any, depth: int) -> Any:
        """A value of any type, without what looks personal."""
        if isinstance(value, dict):
            return self.object(value, {}, depth + 1)
        if not isinstance(value, str):
            return self._values.number(rule, value)
        if is_time(value):
            return value
        return self._values.text(rule, value) if texts.is_word(value) else GONE

    def _unlisted(self, key: str, value: Any, holder: Mapping[str, Any], depth: int) -> Any:
        if self._strict or self._values.free(key) is GONE:
            return GONE
        judged = texts.judged(key)
        if not judged and (found := _id_of(key)) is not None:
            typed_by = TYPED.get(key) or (f"{found[1]}_type", f"{found[1]}Type")
            if not _USERS.isdisjoint(_kinds(holder, typed_by)):
                judged = "user id"
        match judged:
            case "":
                return self._applied(self._other, value, depth)
            case "user id" if isinstance(value, str | int | list):
                return self._applied(USER, value, depth)
            case _:
                return GONE


def _kinds(holder: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """What the fields with these keys say that something is."""
    found = (holder.get(key) for key in keys)
    return [_snake(kind.strip()[:_LONGEST_KIND]) for kind in found if isinstance(kind, str)]


@lru_cache(maxsize=1_000)
def _snake(kind: str) -> str:
    """`wiki_page` for `WikiPage`, `quiz` for `Quizzes::Quiz`."""
    word = kind.rpartition(":")[2]
    return _capital.sub(lambda found: f"_{found[0]}", word).lower()
