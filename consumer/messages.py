"""What flows: the message, its events, what a handler gets with them, and its outcome."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields, make_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, Self, cast

from consumer.event_key import digest_of
from consumer.subject import Change, Subject

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    #: The model of an event's data; by default that of any event.
    Data_co = TypeVar("Data_co", default=Any, covariant=True)
else:
    from typing import TypeVar

    Data_co = TypeVar("Data_co", covariant=True)

T = TypeVar("T")
Format = Literal["canvas", "caliper"]
Verdict = Literal["ack", "retry", "reject"]

#: Among the attributes of a message that is read from the archive: the key of its event when it
#: was received. Secrets were removed from the payload since, so its own key may differ.
ARCHIVED_KEY: Final = "ArchivedEventKey"


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedMessage:
    """One delivery of one SQS message; a redelivery has another receipt handle.

    `body` and `receipt_handle` never appear in a repr.
    """

    message_id: str
    receipt_handle: str = field(repr=False)
    body: str = field(repr=False)
    #: SQS's ApproximateReceiveCount, from 1.
    receive_count: int = 1
    #: `Clock.monotonic()` when the receive call returned.
    received_at: float = 0.0
    #: System attributes as SQS names them (SentTimestamp, ApproximateReceiveCount, ...).
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: String message attributes; Canvas sends event_name and event_time in either format.
    message_attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def sent_at(self) -> datetime | None:
        """When SQS accepted the message (SentTimestamp, in ms); None if that is not known."""
        try:
            return datetime.fromtimestamp(int(self.attributes["SentTimestamp"]) / 1000, UTC)
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            return None


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


def _quickly(frozen: type[T]) -> type[T]:
    """Makes objects of a frozen dataclass, in a third of the time that the class itself takes.

    A frozen class sets each field through `object.__setattr__`. This one has the same slots, sets
    them as usual, and its objects become frozen when they are complete.
    """

    def freeze(made: Any) -> None:
        made.__class__ = frozen

    return make_dataclass(
        frozen.__name__,
        [(f.name, f.type, copy(f)) for f in fields(cast("Any", frozen))],
        bases=getattr(frozen, "__orig_bases__", ()),
        namespace={"__post_init__": freeze},
        slots=True, eq=False, repr=False,
    )  # fmt: skip


#: `ReceivedMessage` and `Event`, made thousands of times a second.
new_message = _quickly(ReceivedMessage)
new_event = _quickly(Event)


class Context:
    """What a handler gets with the event. Valid during the call; any thread may use it.

    In a batch, `message_id` and `receive_count` are those of the first event's message.
    """

    def __init__(
        self,
        *,
        handler: str,
        message_ids: tuple[str, ...],
        receive_count: int = 1,
        deadline: float | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        visibility_lost: Callable[[], bool] = lambda: False,
        is_stale: bool = False,
    ) -> None:
        self.handler = handler
        self.message_ids = message_ids
        #: How often SQS has delivered this message, this delivery included (approximate).
        self.receive_count = receive_count
        #: `Clock.monotonic()` at which the handler's time is up; None without a timeout.
        self.deadline = deadline
        #: Only with `coalesce`: a newer event was handled for the same key before.
        self.is_stale = is_stale
        self._should_stop = should_stop
        self._visibility_lost = visibility_lost
        self._logger: Any = None

    @property
    def message_id(self) -> str:
        """SQS's id of the message; stays the same over redeliveries."""
        return self.message_ids[0]

    def should_stop(self) -> bool:
        """True once the handler's time is up or the process drains: return or raise soon."""
        return self._should_stop()

    @property
    def visibility_lost(self) -> bool:
        """True once SQS may deliver this message to another consumer as well."""
        return self._visibility_lost()

    @property
    def logger(self) -> Any:
        """A structlog logger that carries the message id and the handler's name."""
        if self._logger is None:
            import structlog  # noqa: PLC0415 - takes longer than the rest of `import consumer`

            self._logger = structlog.get_logger("consumer.handler").bind(
                message_id=self.message_id, handler=self.handler
            )
        return self._logger


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message. Made by `outcome_of` and `worst_of`, never by a return value."""

    verdict: Verdict
    reason: str = ""
    #: Retry only: seconds until it is visible again; None leaves it to the backoff.
    delay_seconds: float | None = None
    #: Retry only: what the handler needs is down, for at least so many seconds.
    down_seconds: float | None = None
    #: It only waits for a handler that is paused: this is no failed attempt of its own.
    paused: bool = field(default=False, compare=False)

    @staticmethod
    def ack() -> "Outcome":
        """Every handler succeeded: delete it."""
        return ACK

    @classmethod
    def retry(cls, reason: str, delay_seconds: float | None = None) -> Self:
        """Deliver it again later."""
        return cls("retry", reason, delay_seconds)

    @classmethod
    def reject(cls, reason: str) -> Self:
        """It can never be handled: leave it to the queue's redrive policy."""
        return cls("reject", reason)

    @staticmethod
    def worst_of(outcomes: "list[Outcome]") -> "Outcome":
        """The outcome of a message: a retry before a reject before an ack.

        Of several retries it is the one with the longest explicit delay.
        """
        retries = [o for o in outcomes if o.verdict == "retry"]
        if retries:
            return max(retries, key=lambda o: -1.0 if o.delay_seconds is None else o.delay_seconds)
        return next((o for o in outcomes if o.verdict == "reject"), ACK)


#: There is only one object of each of these, so they can be compared with `is`.
ACK = Outcome("ack")
#: The handler's predicate declined the event: nothing was done.
DECLINED = Outcome("ack", "declined")
