"""Redacts single values of an event, and remembers what they showed of persons."""

from typing import Any, Final

from consumer.events.identifiers import URN, canvas_id
from consumer.events.redaction import shortened, texts
from consumer.events.redaction.fits import fits, is_opaque, is_simple, is_uuid, is_word
from consumer.events.redaction.pseudonyms import Pseudonyms
from consumer.events.redaction.rules import SHARED, Rule
from consumer.events.subjects import kind_in

#: In place of a value that is dropped.
GONE: Final = object()
#: An integer with more bits is no id and no count.
_MOST_BITS: Final = 128
#: A shorter text of a person may be in any other by chance.
_LEAST_KNOWN: Final = 5
#: Each is looked for in all texts; those in the metadata come first.
_MOST_KNOWN: Final = 200
_SESSION: Final = f"{URN}session:"


class Values:
    """Redacts the values of one event. Each method returns the value, another one, or `GONE`.

    Args:
        shard: of local ids.
        known: texts of persons, in lower case. A free text that contains one is dropped.
    """

    def __init__(
        self, pseudonyms: Pseudonyms | None, shard: int | None, known: frozenset[str]
    ) -> None:
        self._pseudonyms = pseudonyms
        self._shard = shard
        self._known = known
        self._users: dict[str, str | None] = {}
        #: Texts of persons, as `known`.
        self.found: set[str] = set()
        self._free: list[str] = []

    def leak(self) -> bool:
        """True if a text that was kept contains one of a person that was found elsewhere."""
        if not self.found or not self._free:
            return False
        free = "\n".join(self._free).casefold()
        return any(known in free for known in self.found)

    def free(self, text: str) -> Any:
        """The text, unless it contains a known one of a person."""
        if self._known:
            folded = text.casefold()
            if any(known in folded for known in self._known):
                return GONE
        self._free.append(text)
        return text

    def number(self, value: Any) -> Any:
        """A number of a field that the catalog does not list, or yes or no."""
        if isinstance(value, bool | float):
            return value
        if not isinstance(value, int) or not _is_small(value):
            return GONE
        return GONE if self.free(str(value)) is GONE else value

    def plain(self, rule: Rule, value: str) -> Any:
        """A text that should be an id, a time, a number."""
        if fits(rule.kind, value):
            return value
        kept = self.text(rule, value)
        return kept if kept == value or value.startswith(URN) else GONE

    def word(self, rule: Rule, value: Any) -> Any:
        """Only what looks like a value of this field."""
        if not isinstance(value, str):
            return value if isinstance(value, bool | int | float) and _is_small(value) else GONE
        if value in rule.values:
            return value
        if rule.kind == "thing":
            kept = kind_in(value) in SHARED or is_uuid(value)
        elif rule.kind == "opaque id":
            kept = is_opaque(value)
        elif value.startswith(URN):
            kept = kind_in(value) in SHARED
        else:
            kept = fits(rule.kind, value, is_word)
        return self.free(value) if kept and self._cleaned(value) == value else GONE

    def hidden(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """What identifies a person: dropped, and looked for in other texts."""
        if isinstance(value, str | int) and self._user(value) is None and isinstance(value, str):
            self._find(value.removeprefix(_SESSION))
        return GONE

    def text(self, rule: Rule, value: str) -> Any:
        """Any text, without what looks personal."""
        if value in rule.values:
            return value
        return self.free(self._cleaned(value))

    def user(self, rule: Rule, value: Any) -> Any:
        """The id of a user, in any form; of software, which may be an actor, it is a URL."""
        if isinstance(value, str) and value.startswith(URN):
            return texts.urn(value, self._user, self._session)
        pseudonym = self._user(value)
        if pseudonym is not None or not isinstance(value, str):
            return pseudonym or GONE
        if value.startswith(("http://", "https://")):
            return self.url(rule, value)
        return GONE if canvas_id(value) is not None else self.pseudonym(rule, value)

    def member(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """The URN of a membership, which ends with the id of a user."""
        where, colon, number = value.rpartition(":") if isinstance(value, str) else ("", "", "")
        pseudonym = self._user(number)
        return f"{where}{colon}{pseudonym}" if where.startswith(URN) and pseudonym else GONE

    def pseudonym(self, rule: Rule, value: Any) -> Any:
        """What is no id of Canvas: a login, a name, an id of another system, a session."""
        is_text = isinstance(value, str)
        if not is_text and (type(value) is not int or not _is_small(value)):
            return GONE
        text = str(value)
        if not text.strip() or self._pseudonyms is None:
            return GONE
        prefix = _SESSION if rule.pseudonym == "session" and text.startswith(_SESSION) else ""
        text = text[len(prefix) :]
        self._find(text)
        return prefix + self._pseudonyms.of(rule.pseudonym, text)

    def address(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """The network of an address."""
        if not isinstance(value, str):
            return GONE
        self._find(value)
        return shortened.address(value) or GONE

    def url(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """Host and path of a URL."""
        found = shortened.url(value, self._user) if isinstance(value, str) else None
        return GONE if found is None else self.free(found)

    def browser(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """Browser and system."""
        return (shortened.browser(value) if isinstance(value, str) else None) or GONE

    def _cleaned(self, text: str) -> str:
        return text if is_simple(text) else texts.cleaned(text, self._user, self._session)

    def _user(self, value: object) -> str | None:
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

    def _session(self, text: str) -> str:
        self._find(text)
        return "*" if self._pseudonyms is None else self._pseudonyms.of("session", text)

    def _find(self, text: str) -> None:
        text = text.strip().casefold()
        if len(text) >= _LEAST_KNOWN and len(self.found) < _MOST_KNOWN:
            self.found.add(text)


def _is_small(number: float) -> bool:
    return not isinstance(number, int) or number.bit_length() <= _MOST_BITS
