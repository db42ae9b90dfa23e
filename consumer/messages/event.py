"""The event, in either format, with its typed views."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, cast

from consumer.event_key import digest_of
from consumer.messages.frozen import made_quickly
from consumer.subject import Change, Subject

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    #: The model of an event's data; by default that of any event.
    Data_co = TypeVar("Data_co", default=Any, covariant=True)
else:
    from typing import TypeVar

    Data_co = TypeVar("Data_co", covariant=True)

Format = Literal["canvas", "caliper"]


class Reader(Protocol):
    """Makes the typed views of an event; implemented in `consumer.events.typed`."""

    def data(self, event: "Event") -> Any:
        """See `Event.data`."""

    def subject(self, event: "Event") -> Subject:
        """See `Event.subject`."""

    def change(self, event: "Event") -> Change | None:
        """See `Event.change`."""


@dataclass(frozen=True, slots=True, eq=False)
class Event(Generic[Data_co]):
    """One Canvas Live Event, in either format. Compared by identity, as in a batch.

    `metadata` and `body` are mappings exactly as received (ids may be strings or integers, unknown
    fields stay). Canvas: the message's own `metadata` and `body`. Caliper: `metadata` is the
    envelope without `data`, `body` is the event. Payload, logins and ids stay out of the repr.

    All handlers of an event get the same object: a handler that changes `metadata` or `body`
    changes them for those after it, and the key with them. Change a copy instead,
    `copy.deepcopy(dict(event.body))`; `raw` is always as received.
    """

    #: The Canvas name, such as "submission_created"; also for an event that came as Caliper.
    name: str
    format: Format
    #: Aware, UTC. None only if neither the payload nor the message has a readable time.
    time: datetime | None
    metadata: Mapping[str, Any] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    message_id: str
    #: The text of the whole message, as received.
    raw: str = field(repr=False)
    #: What the key is made of: the whole decoded message (Canvas) or the event (Caliper).
    payload: Mapping[str, Any] = field(repr=False)
    #: The time as it was written, readable or not; "" if there was none.
    time_text: str = field(default="", repr=False)
    #: Position among the events of its envelope, and how many the envelope carries.
    index: int = 0
    count: int = 1
    #: Entities beside the events of its envelope, which describe things and are skipped.
    skipped: int = 0
    _key: str = field(default="", repr=False)
    _reader: Reader | None = field(default=None, repr=False)
    _data: Any = field(default=None, init=False, repr=False)
    _subject: Subject | None = field(default=None, init=False, repr=False)

    @property
    def data(self) -> Data_co:
        """The event as the catalog's model: `event.data.submission_id`.

        For a Canvas event the model of its body, for a Caliper event that of the event; for a name
        that the catalog does not know, an object with the fields that came. Built on first use.
        Raises `DataError` if the body does not fit the model; `body` can still be read.
        """
        if self._data is None:
            object.__setattr__(self, "_data", self._views().data(self))
        return cast("Data_co", self._data)

    @property
    def subject(self) -> Subject:
        """Who did it, in which course and account, and to what; the same from both formats.

        Read from the payload on first use.
        """
        if self._subject is None:
            object.__setattr__(self, "_subject", self._views().subject(self))
        return cast("Subject", self._subject)

    @property
    def change(self) -> Change | None:
        """What happened to its object, the same from both formats; None if it does not say.

        Canvas sends most deletions as an update with the state "deleted": that is "deleted" here.
        """
        return self._views().change(self)

    def _views(self) -> Reader:
        if self._reader is None:
            raise AttributeError("an event that was not decoded has no typed views")
        return self._reader

    @property
    def key(self) -> str:
        """Identifies the event: Caliper's id, else SHA-256 of the canonical payload.

        At most 200 printable characters. A duplicate that the producer sends under a new message
        id has the same key. Computed on first use.
        """
        if not self._key:
            object.__setattr__(self, "_key", digest_of(self.payload, self.raw))
        return self._key

    @property
    def triggered_by_job(self) -> bool:
        """True if a background job of Canvas caused it (such as an import), and not a request."""
        ours: object = self.metadata
        if self.format == "caliper":
            extensions = self.body.get("extensions")
            ours = isinstance(extensions, dict) and extensions.get("com.instructure.canvas")
        return isinstance(ours, Mapping) and "job_id" in ours


new_event = made_quickly(Event)
