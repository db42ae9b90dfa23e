"""Passes the messages of a dead-letter queue through the handlers here, and deletes what succeeds.

The engine consumes the dead-letter queue as it consumes the queue, until nothing new comes.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from consumer.clock import Clock
from consumer.config import MetricsSettings, QuarantineSettings, QueueSettings, Settings
from consumer.errors import Retry
from consumer.handlers.loading.loader import build_registry
from consumer.handlers.registering.handler import Handler, handler_of
from consumer.handlers.registering.registry import Registry
from consumer.messages import Event, ReceivedMessage
from consumer.operations.holding import Refused, give_back
from consumer.operations.replay.choice import Choice
from consumer.queues.sqs import AwsClients
from consumer.queues.transport import EntryFailure, QueueAttributes, Transport
from consumer.service.run import Run

#: How long a message that stays is hidden, so that it is not received all the time. At the end, it
#: is given back.
_HIDDEN_SECONDS: Final = 900
_LEFT: Final = "not chosen, or no handler asks for it: it stays in the dead-letter queue"


@dataclass(frozen=True)
class Replayed:
    """What became of the messages that were received."""

    exit_code: int
    handled: int
    #: Not chosen, or no handler asks for one of their events.
    left: int
    #: Not decoded, rejected, failed, or not begun before a stop.
    not_handled: int
    not_given_back: Refused = field(repr=False)


def replay(
    settings: Settings,
    dead: QueueSettings,
    *,
    choice: Choice,
    clock: Clock,
    environ: Mapping[str, str],
    flush_repeats: Callable[[], None],
    on_tick: Callable[[], None],
) -> Replayed:
    """Run the engine with the configured handlers. A message is deleted only after they succeeded.

    Whatever else happens to it, it stays: also what no handler asks for, and what is rejected. The
    breaker is off: here one poison message often follows another. Raises: as `Run` does.
    """
    staying = _Staying()
    registry = _chosen(settings, choice, clock)
    registry.adopt([staying.handler])
    returning: list[_Returning] = []

    def through(transport: Transport) -> Transport:
        returning.append(_Returning(transport, clock))
        return returning[0]

    code = Run(
        _settings_for(settings, dead), clock=clock, environ=environ, drain_when_empty=True,
        registry=registry, flush_repeats=flush_repeats, on_tick=lambda _: on_tick(),
        through=through,
    ).run()  # fmt: skip
    if not returning:  # stopped before the queue answered
        return Replayed(code, 0, 0, 0, {})
    (queue,) = returning
    left = len(queue.held.keys() & staying.message_ids)
    return Replayed(code, len(queue.deleted), left, len(queue.held) - left, queue.not_given_back)


def _settings_for(settings: Settings, dead: QueueSettings) -> Settings:
    engine = settings.engine.model_copy(update={"breaker_failures": 0})
    changes = {
        "queue": dead,
        "engine": engine,
        "quarantine": QuarantineSettings(),
        "metrics": MetricsSettings(),
    }
    return settings.model_copy(update=changes)


def _chosen(settings: Settings, choice: Choice, clock: Clock) -> Registry:
    """The configured handlers, for the chosen events only."""
    made = build_registry(
        settings.handlers,
        state_directory=settings.state_directory,
        aws_client=AwsClients(settings.queue, settings.aws, clock=clock).client,
        queue=settings.queue,
    )
    registry = Registry()
    registry.adopt([_narrowed(handler, choice) for handler in made.handlers])
    return registry


def _narrowed(handler: Handler, choice: Choice) -> Handler:
    if choice.is_everything:
        return handler
    when = handler.when
    if when is None:
        return replace(handler, when=choice.takes)
    return replace(handler, when=lambda event: choice.takes(event) and when(event))


class _Staying:
    """The handler of all events that no other one takes: it puts their messages back."""

    def __init__(self) -> None:
        #: Of all messages that it has put back. Any thread may add to it.
        self.message_ids: set[str] = set()
        # In batches, because each call is logged.
        made = handler_of(self._put_back, ("*",), {"name": "stays in the queue", "batch": 1000})
        self.handler = replace(made, unmatched=True)

    def _put_back(self, events: Sequence[Event]) -> None:
        self.message_ids.update(event.message_id for event in events)
        raise Retry(_LEFT, after=_HIDDEN_SECONDS)


class _Returning:
    """A transport that gives back, when it is closed, each message that it has not deleted.

    The engine hides messages that failed, for longer each time: here they are to be visible again.
    """

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        #: The newest receipt handle by message id.
        self.held: dict[str, str] = {}
        #: The message id by receipt handle, also by an older one.
        self._ids: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.not_given_back: Refused = {}

    def receive(
        self, *, max_messages: int, wait_seconds: int, visibility_timeout_seconds: int | None
    ) -> list[ReceivedMessage]:
        """See `Transport.receive`."""
        messages = self._transport.receive(
            max_messages=max_messages, wait_seconds=wait_seconds,
            visibility_timeout_seconds=visibility_timeout_seconds,
        )  # fmt: skip
        with self._lock:
            for message in messages:
                self.held[message.message_id] = message.receipt_handle
                self._ids[message.receipt_handle] = message.message_id
        return messages

    def delete(self, receipt_handles: Sequence[str]) -> list[EntryFailure | None]:
        """See `Transport.delete`."""
        answers = self._transport.delete(receipt_handles)
        with self._lock:
            for handle, failure in zip(receipt_handles, answers, strict=True):
                if failure is None and (message_id := self._ids.get(handle)):
                    self.held.pop(message_id, None)
                    self.deleted.add(message_id)
        return answers

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[EntryFailure | None]:
        """See `Transport.change_visibility`."""
        return self._transport.change_visibility(changes)

    def attributes(self) -> QueueAttributes:
        """See `Transport.attributes`."""
        return self._transport.attributes()

    def close(self) -> None:
        """Give back, then close."""
        self.not_given_back = give_back(self._transport, list(self.held.values()), self._clock)
        self._transport.close()
