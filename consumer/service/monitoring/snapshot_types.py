"""The shape of the status snapshot, for those who make it and those who show it."""

from typing import Literal, TypedDict

from consumer.service.monitoring.facts import State

#: ISO 8601, UTC, whole seconds: "2024-03-05T10:11:12Z".
Time = str


class SpreadJson(TypedDict):
    """Seconds; None without values."""

    count: int
    mean: float | None
    p50: float | None
    p95: float | None


class ErrorJson(TypedDict):
    """What a handler has raised last."""

    type: str
    #: File, line and function; None for `Retry` and `Reject`.
    place: str | None
    at: Time


class HandlerJson(TypedDict):
    """One handler."""

    name: str
    patterns: list[str]
    #: It gets the events that no other handler asked for.
    for_unmatched_events: bool
    calls: int
    running: int
    #: Events that were handled.
    handled: int
    #: Events that were not, in all and by the type of what was raised.
    failed: int
    failures: dict[str, int]
    mean_seconds: float | None
    p95_seconds: float | None
    breaker: Literal["closed", "open", "probing"]
    held_events: int
    last_success_at: Time | None
    last_error: ErrorJson | None


class WorkerJson(TypedDict):
    """What one thread does, the longest first."""

    role: Literal["receive", "work", "settle", "settle everything", "look"]
    #: The handler that it is in, with how many events; None and 0: in none.
    handler: str | None
    events: int
    seconds: float


class QueueJson(TypedDict):
    """A queue. The counts are SQS's, approximate, and None if they are not known."""

    name: str
    visible: int | None
    in_flight: int | None
    delayed: int | None
    retention_seconds: int | None
    max_receive_count: int | None
    asked_at: Time | None


class MinuteJson(TypedDict):
    """What happened within one minute, which ended at this time."""

    at: Time
    received: int
    handled: int
    failed: int
    lag_seconds: float


class InFlightJson(TypedDict):
    """Messages received and not settled yet."""

    messages: int
    messages_limit: int
    bytes: int
    bytes_limit: int


class RequestsJson(TypedDict):
    """Calls of AWS."""

    total: int
    #: At the rate since the start; None in the first minutes.
    per_month: int | None
    by_action: dict[str, int]
    #: Those that failed, by AWS's error code.
    errors: dict[str, int]


class Snapshot(TypedDict):
    """The daemon at one moment."""

    state: State
    #: Why it is unhealthy; empty if it is not.
    problems: list[str]
    ready: bool
    #: AWS's code if the last receive failed.
    receive_error: str | None
    version: str
    now: Time
    started_at: Time
    uptime_seconds: int
    region: str
    queue: QueueJson
    dead_letter_queue: QueueJson | None
    #: Since the start: received, handled, failed, deleted, ...; as in the summary in the log.
    counts: dict[str, int]
    #: For each second, over the last minute: received, handled, failed.
    rates: dict[str, float]
    #: The last hour, oldest first.
    minutes: list[MinuteJson]
    #: Handled, and not asked for by any handler; by name, most frequent first.
    events: dict[str, int]
    unmatched_events: dict[str, int]
    formats: dict[str, int]
    handlers: list[HandlerJson]
    workers: list[WorkerJson]
    in_flight: InFlightJson
    open_receives: int
    #: How long the newest messages had waited in the queue.
    lag_seconds: float
    #: Of messages at their first receive since the start, and of events when they were handled.
    lag: SpreadJson
    lateness: SpreadJson
    last_receive_at: Time | None
    last_message_at: Time | None
    last_delete_at: Time | None
    ledger_messages: int
    requests: RequestsJson
    credentials_expire_at: Time | None
