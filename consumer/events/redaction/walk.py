"""Applies rules to the fields of one event."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from consumer.events.identifiers import URN, canvas_id
from consumer.events.redaction import shortened, texts
from consumer.events.redaction.pseudonyms import Pseudonyms
from consumer.events.redaction.rules import DROPPED, SHARED, Rule
from consumer.events.subjects import kind_in

#: In place of a value that is dropped.
GONE: Final = object()
#: What is nested more deeply is dropped.
_DEEPEST: Final = 24
#: An integer with more bits is no id and no count.
_MOST_BITS: Final = 128
#: A shorter text of a person may be in any other by chance.
_LEAST_KNOWN: Final = 5
_SESSION: Final = f"{URN}session:"
#: By kind: a text that looks like its values.
_FITS: Final[Mapping[str, Callable[[str], object]]] = {
    "timestamp": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{1,20})?(?: ?UTC|Z|[+-][0-9:]{1,6})?").fullmatch,
    "number": re.compile(r"[0-9.+-][0-9.eE+-]{0,39}").fullmatch,
    "boolean": re.compile("true|false").fullmatch,
    # Also the URN of what is neither a person nor a session.
    "id": re.compile(
        rf"[0-9]{{0,40}}|{URN}(?:(?!user:|session:)[a-z][A-Za-z_/]*:[0-9]+(?::(?!\Z)|\Z))+"
    ).fullmatch,
}  # fmt: skip
_FITS_AS: Final = {"date": "timestamp", "global id": "id", "local id": "id"}
_is_word = re.compile(r"(?!.*[0-9]{5})[A-Za-z0-9_.:#/,+-]{1,64}").fullmatch
#: A text without what `cleaned` looks for.
_is_simple = re.compile(r"[A-Za-z0-9_-]{0,64}").fullmatch
_is_opaque = re.compile(r"[A-Za-z0-9_.:+/=-]{0,200}").fullmatch
_is_uuid = re.compile(r"(?:urn:uuid:)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


class Walk:
    """Redacts the objects of one event, and remembers what it found of persons.

    Never raises because of the values.

    Args:
        shard: of local ids.
        known: texts of persons, in lower case. A free text that contains one is dropped.
    """

    def __init__(
        self, pseudonyms: Pseudonyms | None, other: Rule, shard: int | None,
        known: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._pseudonyms = pseudonyms
        self._other = other
        self._strict = other.do == "drop"
        self._shard = shard
        self._known = known
        self._users: dict[str, str | None] = {}
        #: Texts of persons, as `known`; and the texts that were kept, but may contain some.
        self.found: set[str] = set()
        self.free: list[str] = []

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
                result = self._apply(rule, value, depth)
            if result is not GONE:
                kept[key] = result
        return kept

    def leaks(self) -> bool:
        """True if a kept text contains one of a person that was found elsewhere."""
        if not self.found or not self.free:
            return False
        free = "\n".join(self.free).casefold()
        return any(known in free for known in self.found)

    def user(self, value: object) -> str | None:
        """The pseudonym of a user's id; None for no user, and without a key."""
        if isinstance(value, str) and value in self._users:
            return self._users[value]
        found = canvas_id(value, self._shard)
        if found is None or not found.local_id:
            return None
        self._find(str(found.local_id))
        if found.global_id is not None:
            self._find(str(found.global_id))
        pseudonym = None if self._pseudonyms is None else self._pseudonyms.of_user(found)
        if isinstance(value, str):
            self._users[value] = pseudonym
        return pseudonym

    def _by_type(self, rule: Rule, holder: Mapping[str, Any]) -> Rule:
        kinds = [kind for key in rule.typed_by if isinstance(kind := holder.get(key), str)]
        if any(kind.casefold() in {"user", "person", "profile"} for kind in kinds):
            return rule.of_user or DROPPED
        if not self._strict or any(_snake(kind) in SHARED for kind in kinds):
            return rule
        return rule if rule.kind == "thing" else DROPPED

    def _apply(self, rule: Rule, value: Any, depth: int) -> Any:
        if value is None or rule.do == "drop":
            return value if value is None else GONE
        if depth > _DEEPEST:
            return GONE
        if isinstance(value, list):
            return list(self._each(rule, value, depth + 1))
        return _ACTIONS[rule.do](self, rule, value, depth)

    def _each(self, rule: Rule, values: list[Any], depth: int) -> Iterator[Any]:
        for value in values:
            result = self._apply(rule, value, depth)
            if result is not GONE:
                yield result

    def _plain(self, rule: Rule, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            fits = _FITS.get(_FITS_AS.get(rule.kind, rule.kind))
            return value if fits is not None and fits(value) else self._text(rule, value, depth)
        return self._rest(rule, value, depth)

    def _word(self, rule: Rule, value: Any, depth: int) -> Any:
        """Only what looks like a value of this field."""
        if not isinstance(value, str):
            return value if isinstance(value, bool | int | float) and _is_small(value) else GONE
        if value in rule.values:
            return value
        if rule.kind == "thing":
            return value if kind_in(value) in SHARED or _is_uuid(value) else GONE
        if rule.kind == "opaque id":
            return value if _is_opaque(value) else GONE
        if value.startswith(URN):
            return value if kind_in(value) in SHARED else GONE
        fits = _FITS.get(_FITS_AS.get(rule.kind, rule.kind), _is_word)
        return value if fits(value) else GONE

    def _text(self, rule: Rule, value: Any, depth: int) -> Any:
        if not isinstance(value, str):
            return self._rest(rule, value, depth)
        if value in rule.values:
            return value
        if not _is_simple(value):
            value = texts.cleaned(value, self.user, self._session)
        return self._free(value)

    def _rest(self, rule: Rule, value: Any, depth: int) -> Any:
        """A value of any type, without what looks personal."""
        if isinstance(value, str):
            if value in rule.values or _FITS["timestamp"](value):
                return value
            return self._text(rule, value, depth) if texts.is_word(value) else GONE
        if isinstance(value, Mapping):
            return GONE if self._strict or depth > _DEEPEST else self.object(value, {}, depth + 1)
        if isinstance(value, bool | float):
            return value
        if not isinstance(value, int) or not _is_small(value):
            return GONE
        return value if self._free(str(value)) is not GONE else GONE

    def _unlisted(self, key: str, value: Any, depth: int) -> Any:
        if self._other.do == "drop" or self._free(key) is GONE:
            return GONE
        match texts.judged(key):
            case "":
                return self._apply(self._other, value, depth)
            case "user id" if isinstance(value, str | int | list):
                return self._apply(_UNLISTED_USER, value, depth)
            case _:
                return GONE

    def _inside(self, rule: Rule, value: Any, depth: int) -> Any:
        rules = rule.inner or {}
        if isinstance(value, Mapping):
            return self.object(value, rules, depth + 1)
        if isinstance(value, str) and "id" in rules:  # Caliper allows the id alone
            return self._apply(rules["id"], value, depth + 1)
        return GONE

    def _user(self, rule: Rule, value: Any, depth: int) -> Any:
        if isinstance(value, str) and value.startswith(URN):
            return texts.urn(value, self.user, self._session)
        pseudonym = self.user(value)
        if pseudonym is not None or not isinstance(value, str):
            return pseudonym or GONE
        if value.startswith(("http://", "https://")):  # software
            return GONE if self._strict else shortened.url(value, self.user) or GONE
        return GONE if canvas_id(value) is not None else self._pseudonym(rule, value, depth)

    def _member(self, rule: Rule, value: Any, depth: int) -> Any:
        where, colon, number = value.rpartition(":") if isinstance(value, str) else ("", "", "")
        pseudonym = self.user(number)
        return f"{where}{colon}{pseudonym}" if where.startswith(URN) and pseudonym else GONE

    def _pseudonym(self, rule: Rule, value: Any, depth: int) -> Any:
        if isinstance(value, bool | float) or not isinstance(value, str | int):
            return GONE
        text = str(value) if isinstance(value, str) or _is_small(value) else ""
        if not text.strip() or self._pseudonyms is None:
            return GONE
        prefix = ""
        if rule.pseudonym == "session" and text.startswith(_SESSION):
            prefix, text = _SESSION, text[len(_SESSION) :]
        self._find(text)
        return prefix + self._pseudonyms.of(rule.pseudonym, text)

    def _address(self, rule: Rule, value: Any, depth: int) -> Any:
        if not isinstance(value, str):
            return GONE
        self._find(value)
        return shortened.address(value) or GONE

    def _url(self, rule: Rule, value: Any, depth: int) -> Any:
        found = shortened.url(value, self.user) if isinstance(value, str) else None
        return GONE if found is None else self._free(found)

    def _browser(self, rule: Rule, value: Any, depth: int) -> Any:
        return (shortened.browser(value) if isinstance(value, str) else None) or GONE

    def _session(self, text: str) -> str:
        self._find(text)
        return "*" if self._pseudonyms is None else self._pseudonyms.of("session", text)

    def _find(self, text: str) -> None:
        text = text.strip().casefold()
        if len(text) >= _LEAST_KNOWN:
            self.found.add(text)

    def _free(self, text: str) -> Any:
        """The text, unless it contains a known one of a person."""
        if self._known:
            folded = text.casefold()
            if any(known in folded for known in self._known):
                return GONE
        self.free.append(text)
        return text


_UNLISTED_USER: Final = Rule("user", "replaced", "")
_ACTIONS: Final[Mapping[str, Callable[[Walk, Rule, Any, int], Any]]] = {
    "plain": Walk._plain, "word": Walk._word, "text": Walk._text, "rest": Walk._rest,
    "inside": Walk._inside, "user": Walk._user, "member": Walk._member,
    "pseudonym": Walk._pseudonym, "address": Walk._address, "url": Walk._url,
    "browser": Walk._browser,
}  # fmt: skip
_capital = re.compile(r"(?<=[a-z0-9])[A-Z]")


def _snake(word: str) -> str:
    return _capital.sub(lambda found: f"_{found[0]}", word).lower()


def _is_small(number: float) -> bool:
    return not isinstance(number, int) or number.bit_length() <= _MOST_BITS
