"""Makes the redacted copy of an event."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from consumer.events.redaction.fits import is_time, is_uuid, is_word
from consumer.events.redaction.plan import Plan, plan_of
from consumer.events.redaction.pseudonyms import Pseudonyms
from consumer.events.redaction.rules import Profile
from consumer.events.redaction.values import Values
from consumer.events.redaction.walk import Walk
from consumer.events.subjects import shard_of_event, user_of
from consumer.events.typed import READER
from consumer.messages import Event, Reader, new_event
from consumer.subject import Change, Subject

# ASCII, so that nothing in a text can't be encoded.
_encode = json.JSONEncoder(separators=(",", ":")).encode
#: In place of a name that looks like no name of an event, and may be anything.
_OTHER_NAME: Final = "(other)"
#: Where a message in Canvas format has what surrounds its body.
_AROUND: Final = ("metadata", "attributes")


class Redaction:
    """What a handler gets to see of an event. Any thread may call it.

    Args:
        pseudonyms: None only with "strict": then identifiers are dropped.
    """

    def __init__(self, profile: Profile, pseudonyms: Pseudonyms | None = None) -> None:
        if profile == "analytics" and pseudonyms is None:
            raise ValueError("the profile analytics needs pseudonyms")
        self._profile: Profile = profile
        self._pseudonyms = pseudonyms

    def __call__(self, event: Event) -> Event:
        """The redacted copy, with the same name, format, time and message id.

        It has another key: see `_key_of`. Its `raw` is its payload as JSON, in an envelope of its
        own. The event itself stays as it is. The first event of a name loads its model.
        """
        plan = plan_of(event.name, event.format, self._profile, keyed=self._pseudonyms is not None)
        shard = shard_of_event(event)
        values = Values(self._pseudonyms, shard)
        parts = _parts(event, plan, values)
        if values.leak():
            parts = _parts(event, plan, Values(self._pseudonyms, shard, values.found))
        return self._made(event, shard, *parts)

    def _made(
        self, event: Event, shard: int | None, whole: Mapping[str, Any],
        around: Mapping[str, Any], body: Mapping[str, Any],
    ) -> Event:  # fmt: skip
        pseudonym = None
        if self._pseudonyms is not None and (user := user_of(event, shard)) is not None:
            pseudonym = self._pseudonyms.of_user(user)
        raw = _encode(whole)
        return new_event(
            name=event.name if is_word(event.name) else _OTHER_NAME,
            format=event.format,
            time=event.time,
            metadata=around,
            body=body,
            message_id=event.message_id,
            raw=raw,
            payload=whole if event.format == "canvas" else body,
            time_text=event.time_text if is_time(event.time_text) else "",
            index=event.index,
            count=event.count,
            skipped=event.skipped,
            _key=self._key_of(event, raw),
            _reader=_Reader(event._reader or READER, pseudonym),  # noqa: SLF001 - a copy of it
        )

    def _key_of(self, event: Event, raw: str) -> str:
        """The event's key if it was made by chance; else one from which nothing can be found.

        The key of most events is a digest of all that they show. If all but the id of a person is
        known, anyone can find that by trying all ids. Without pseudonyms there is no secret: then
        the key is that of the message and of what is left, the same in each delivery.
        """
        if is_uuid(event.key):
            return event.key
        if self._pseudonyms is not None:
            return self._pseudonyms.of_event(event.key)
        number = event.message_id.partition("#")[0]  # a replay numbers those that come again
        message_id = number if is_uuid(number) else event.message_id
        left = f"{message_id}:{event.index}:{raw}"
        return sha256(left.encode("utf-8", "surrogatepass")).hexdigest()


class _Reader:
    """The views of a redacted event: its user is a pseudonym."""

    __slots__ = ("_pseudonym", "_reader")

    def __init__(self, reader: Reader, pseudonym: str | None) -> None:
        self._reader = reader
        self._pseudonym = pseudonym

    def data(self, event: Event) -> Any:
        """See `Event.data`."""
        return self._reader.data(event)

    def subject(self, event: Event) -> Subject:
        """See `Event.subject`."""
        subject = self._reader.subject(event)
        return replace(subject, user_id=None, user_pseudonym=self._pseudonym)

    def change(self, event: Event) -> Change | None:
        """See `Event.change`."""
        return self._reader.change(event)


def _parts(event: Event, plan: Plan, values: Values) -> tuple[dict[str, Any], ...]:
    """The message with this event alone in it; what surrounds its body; and its body."""
    walk = Walk(values, plan.other)
    around = walk.object(event.metadata, plan.around)
    body = walk.object(event.body, plan.body)
    if event.format == "caliper":
        return {**around, "data": [body]}, around, body
    place = next((key for key in _AROUND if event.payload.get(key) is not None), _AROUND[0])
    rest = {k: v for k, v in event.payload.items() if k not in {place, "metadata", "body"}}
    return {place: around, "body": body, **walk.object(rest, {})}, around, body
