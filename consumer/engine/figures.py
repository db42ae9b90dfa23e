"""All numbers of the engine at one moment: for metrics and for what operators are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumer.engine.breaker import BreakerState
from consumer.engine.handler_stats import LastError
from consumer.engine.histogram import Spread
from consumer.engine.parts import Parts
from consumer.engine.pool import Role
from consumer.engine.stats import Kind
from consumer.handlers.registering.registry import Handler


@dataclass(frozen=True, slots=True)
class HandlerFigures:
    """One handler."""

    name: str
    patterns: tuple[str, ...]
    #: True for the one that gets the events that no handler asked for.
    unmatched: bool
    #: Its calls, in seconds.
    calls: Spread
    #: Events that it handled, and those that it did not, by the type of what it raised.
    handled: int
    failures: Mapping[str, int]
    last_error: LastError | None
    last_error_at: datetime | None
    last_success_at: datetime | None
    breaker: BreakerState
    #: Events that its breaker holds.
    held: int
    #: Calls that it is in now.
    running: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What a thread of the pool does now."""

    role: Role
    #: Inside of which handler it is, with how many events; None: of none.
    handler: str | None
    events: int
    #: Since when, in seconds: the call of the handler, else the role.
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The engine."""

    #: All counters that are not zero; see `CounterName`.
    counts: Mapping[str, int]
    #: Events by name and format, in the order in which they came first: handled, unmatched.
    events: Mapping[Kind, int]
    unmatched: Mapping[Kind, int]
    #: See `Stats`.
    lag: Spread
    lateness: Spread
    last_receive_at: datetime | None
    last_message_at: datetime | None
    last_delete_at: datetime | None
    handlers: tuple[HandlerFigures, ...]
    activities: tuple[Activity, ...]
    in_flight: int
    in_flight_bytes: int
    max_in_flight: int
    max_in_flight_bytes: int
    open_receives: int
    #: Messages that the ledger remembers beyond their time in flight.
    ledger_messages: int
    #: True once the process drains.
    draining: bool


def figures_of(parts: Parts) -> Figures:
    """Read all of them. Any thread may call it; each part is read for itself."""
    stats, in_flight = parts.stats, parts.in_flight
    events, unmatched = stats.kinds()
    return Figures(
        counts=stats.snapshot(),
        events=events,
        unmatched=unmatched,
        lag=stats.lag.spread(),
        lateness=stats.lateness.spread(),
        last_receive_at=_wall(parts, stats.last_receive),
        last_message_at=_wall(parts, stats.last_message),
        last_delete_at=_wall(parts, stats.last_delete),
        handlers=tuple(_handler(parts, handler) for handler in parts.registry.handlers),
        activities=tuple(_activities(parts)),
        in_flight=len(in_flight),
        in_flight_bytes=in_flight.bytes,
        max_in_flight=in_flight.max_messages,
        max_in_flight_bytes=in_flight.max_bytes,
        open_receives=len(parts.receiver.open),
        ledger_messages=len(parts.ledger),
        draining=parts.stopping.is_set(),
    )


def _handler(parts: Parts, handler: Handler) -> HandlerFigures:
    stats = parts.stats.handlers[handler.name]
    breaker, held = parts.admission.breaker_of(handler.name)
    error = stats.last_error
    running = parts.invoker.runs.running.copy().values()
    return HandlerFigures(
        name=handler.name,
        patterns=tuple(handler.patterns),
        unmatched=handler.unmatched,
        calls=stats.spread(),
        handled=stats.handled,
        failures=stats.failures(),
        last_error=error,
        last_error_at=_wall(parts, None if error is None else error.at),
        last_success_at=_wall(parts, stats.last_success),
        breaker=breaker,
        held=held,
        running=sum(call.handler is handler for call, _ in running),
    )


def _activities(parts: Parts) -> list[Activity]:
    now = parts.clock.monotonic()
    running = parts.invoker.runs.running.copy()
    found: list[Activity] = []
    for thread, (role, since) in parts.pool.doing.copy().items():
        call, began = running.get(thread, (None, since))
        handler = None if call is None else call.handler.name
        events = 0 if call is None else len(call.entries)
        found.append(Activity(role, handler, events, max(now - began, 0.0)))
    return found


def _wall(parts: Parts, at: float | None) -> datetime | None:
    if at is None:
        return None
    return parts.clock.now() - timedelta(seconds=parts.clock.monotonic() - at)
