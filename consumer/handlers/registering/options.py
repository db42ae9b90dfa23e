"""What a handler can be registered with: its types, its limits, its options."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Required, TypedDict

from consumer.messages import Context, Event, Format
from consumer.retry import RetryPolicy

Call = Callable[[Event, Context], None]
BatchCall = Callable[[Sequence[Event], Context], None]
Predicate = Callable[[Event], object]
#: `middleware(event, context, call_next)`.
Middleware = Callable[[Event, Context, Call], object]


@dataclass(frozen=True, slots=True)
class Coalesce:
    """One call for many events: of those with the same key, the newest stands for all.

    Args:
        key: of an event, such as its course: a text, a number, an id of Canvas, or a tuple of
            these; None: it is handled on its own, at once.
        seconds: how long the first event waits for others with its key.
    """

    key: Callable[[Event], Hashable]
    seconds: float


class _Limits(TypedDict, total=False):
    timeout_seconds: float | None
    retry: RetryPolicy | None
    concurrency: int | None
    rate_limit_per_second: float | None
    coalesce: Coalesce | None


class Limits(_Limits, total=False):
    """What can be set from outside; None leaves it as it is."""

    #: This and the next for batch handlers only.
    batch: int | None
    linger_seconds: float | None


class EventOptions(_Limits, total=False):
    """The options of a handler that takes one event at a time."""

    name: str | None
    format: Format | None
    when: Predicate | None
    linger_seconds: float
    close: Callable[[], None] | None
    check_destination: Callable[[], str] | None


class Options(EventOptions, total=False):
    """The keyword arguments of `Registry.add`, which explains them."""

    batch: int | None


class BatchOptions(EventOptions, total=False):
    """The options of a handler that takes batches."""

    batch: Required[int]
