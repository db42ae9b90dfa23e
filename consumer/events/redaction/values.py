"""Redacts single values of an event, and remembers what they showed of persons."""

from typing import Any, Final

from consumer.events.identifiers import URN, canvas_id
from consumer.events.redaction import shortened, texts
from consumer.events.redaction.fits import fits, is_opaque, is_place, is_simple, is_uuid, is_word
from consumer.events.redaction.known import Known
from consumer.events.redaction.pseudonyms import Pseudonyms
from consumer.events.redaction.rules import SHARED, Rule
from consumer.events.subjects import kind_in

#: In place of a value that is dropped.
GONE: Final = object()
#: An integer with more bits is no id and no count.
_MOST_BITS: Final = 128
#: From here on, a float does not show an integer exactly.
_INEXACT: Final = float(1 << 53)
#: The actor of a job in Caliper format.
_JOB: Final = "www.canvaslms.com"
_SESSION: Final = f"{URN}session:"


class Values:
    """Redacts the values of one event. Each method returns the value, another one, or `GONE`.

    Args:
        shard: of local ids.
        known: of persons. A free text that contains one is dropped.
    """

    def __init__(
        self, pseudonyms: Pseudonyms | None, shard: int | None, known: Known | None = None
    ) -> None:
        self._pseudonyms = pseudonyms
        self._shard = shard
        self._known = known
        self._users: dict[str, str | None] = {}
        #: What the event shows of persons.
        self.found = Known()
        self._free: list[str] = []

    def leak(self) -> bool:
        """True if a text that was kept contains one of a person that was found elsewhere."""
        return self.found.is_in("\n".join(self._free))

    def free(self, text: str) -> Any:
        """The text, unless it contains a known one of a person."""
        if self._known is not None and self._known.is_in(text):
            return GONE
        self._free.append(text)
        return text

    def number(self, rule: Rule, value: Any) -> Any:
        """A number, or yes or no. In a field for anything else, it may be an id of a person."""
        if isinstance(value, bool) or _fits_number(rule.kind, value):
            return value
        if isinstance(value, float) and abs(value) < _INEXACT:
            if not value.is_integer():
                return value
        elif not isinstance(value, int) or not _is_small(value):
            return GONE
        return GONE if self.free(str(int(value))) is GONE else value

    def plain(self, rule: Rule, value: str) -> Any:
        """A text that should be an id, a time, a number."""
        if fits(rule.kind, value):
            return value
        kept = self.text(rule, value) if texts.is_word(value) else GONE
        return kept if kept == value or value.startswith(URN) else GONE

    def word(self, rule: Rule, value: Any) -> Any:
        """Only what looks like a value of this field."""
        if not isinstance(value, str):
            return value if _fits_number(rule.kind, value) else GONE
        if value in rule.values or (not value.startswith(URN) and fits(rule.kind, value)):
            return value
        if rule.kind == "thing":
            kept = _is_shared(value) or is_uuid(value)
        elif rule.kind == "opaque id":
            kept = is_opaque(value)
        elif value.startswith(URN):
            kept = _is_shared(value)
        else:
            kept = fits(rule.kind, value, is_word)
        return self.free(value) if kept and self._cleaned(value) == value else GONE

    def hidden(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """What identifies a person: dropped, and looked for in other texts."""
        if isinstance(value, str | int) and self._user(value) is None and isinstance(value, str):
            self.found.add_name(value.rpartition(":")[2] if value.startswith(URN) else value)
        return GONE

    def text(self, rule: Rule, value: str) -> Any:
        """Any text, without what looks personal."""
        if value in rule.values:
            return value
        return self.free(self._cleaned(value))

    def user(self, rule: Rule, value: Any) -> Any:
        """The id of a user, in any form; of software, which may be an actor, it is a URL."""
        if isinstance(value, str) and value.startswith(URN):
            where, _, number = value.rpartition(":")
            self.found.add(number)
            pseudonym = self._user(number) if is_place(where) else None
            return GONE if pseudonym is None else f"{where}:{pseudonym}"
        pseudonym = self._user(value)
        if pseudonym is not None or not isinstance(value, str):
            return pseudonym or GONE
        if value == _JOB:
            return value
        if value.startswith(("http://", "https://")):
            return self.url(rule, value)
        return GONE if canvas_id(value) is not None else self.pseudonym(rule, value)

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
        self.found.add_name(text)
        return prefix + self._pseudonyms.of(rule.pseudonym, text)

    def address(self, rule: Rule, value: Any) -> Any:  # noqa: ARG002 - like the others
        """The network of an address."""
        if not isinstance(value, str):
            return GONE
        self.found.add(value)
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
        self.found.add(str(found.local_id))
        if found.global_id is not None:
            self.found.add(str(found.global_id))
        pseudonym = None if self._pseudonyms is None else self._pseudonyms.of_user(found)
        if isinstance(value, str):
            self._users[value] = pseudonym
        return pseudonym

    def _session(self, text: str) -> str:
        self.found.add(text)
        return "*" if self._pseudonyms is None else self._pseudonyms.of("session", text)


def _is_shared(urn: str) -> bool:
    return kind_in(urn).rpartition(":")[2] in SHARED and fits("id", urn)


def _is_small(number: int) -> bool:
    return number.bit_length() <= _MOST_BITS


def _fits_number(kind: str, value: Any) -> bool:
    """True for a number, or yes or no, where the catalog has one, or an id."""
    if isinstance(value, int) and not _is_small(value):
        return False
    return isinstance(value, int | float) and fits(kind, str(value).lower())
