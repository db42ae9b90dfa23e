"""A handler as the engine sees it: which events it asked for, how it is called, its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Required, TypedDict

from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks
from consumer.messages import Context, Event, Format
from consumer.retry import RetryPolicy, check_seconds

if TYPE_CHECKING:
    from consumer.handlers.registering.models import Expected

_ALL = ("*",)

Call = Callable[[Event, Context], None]
BatchCall = Callable[[Sequence[Event], Context], None]
Predicate = Callable[[Event], object]


class _Limits(TypedDict, total=False):
    timeout_seconds: float | None
    retry: RetryPolicy | None
    concurrency: int | None


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


class Options(EventOptions, total=False):
    """The keyword arguments of `Registry.add`, which explains them."""

    batch: int | None


class BatchOptions(EventOptions, total=False):
    """The options of a handler that takes batches."""

    batch: Required[int]


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """One handler, ready to be called: it has either `call` or `call_batch`.

    Both take two parameters, also if the function takes one, and raise what the function raises.
    Any thread may call them, and several at once: the engine keeps to the limits.
    """

    name: str
    patterns: tuple[str, ...]
    call: Call | None = None
    call_batch: BatchCall | None = None
    format: Format | None = None
    when: Predicate | None = None
    timeout_seconds: float | None = None
    retry: RetryPolicy | None = None
    concurrency: int | None = None
    #: Most events in one batch; None for a handler that takes one event at a time.
    batch: int | None = None
    linger_seconds: float = 1.0
    #: Called once, after the last event. A second call does nothing.
    close: Callable[[], None] | None = None
    #: Further sets of patterns; one of each must match, too (see `Registry.include`).
    within: tuple[tuple[str, ...], ...] = ()
    #: What it takes, if it was registered with models; the predicate checks it.
    expected: Expected | None = None
    #: What the user registered.
    function: Callable[..., object] | None = None
    #: It gets only what no other handler asked for.
    unmatched: bool = False

    def matches(self, name: str, event_format: Format) -> bool:
        """True if it asked for events of this name in this format."""
        return (
            not self.unmatched
            and self.format in {None, event_format}
            and all(
                any(fnmatchcase(name, pattern) for pattern in patterns)
                for patterns in (self.patterns, *self.within)
            )
        )

    @property
    def takes_all(self) -> bool:
        """True if it asked for every event."""
        if self.unmatched or self.format is not None or self.when is not None:
            return False
        return all("*" in patterns for patterns in (self.patterns, *self.within))

    def check(self) -> None:
        """Raise ConfigurationError for a limit or a format that it can't have."""
        label = f"handler {self.name!r}"
        if self.timeout_seconds is not None:
            check_seconds(f"{label}: timeout_seconds", self.timeout_seconds)
        if self.concurrency is not None:
            checks.check_count(f"{label}: concurrency", self.concurrency)
        if self.batch is not None:
            checks.check_count(f"{label}: batch", self.batch, most=checks.MAX_BATCH)
        check_seconds(f"{label}: linger_seconds", self.linger_seconds, zero=True)
        if self.retry is not None and not isinstance(self.retry, RetryPolicy):
            raise ConfigurationError(
                f"{label}: retry must be RetryPolicy(base_seconds=..., max_seconds=...)"
            )
        if self.expected is not None:
            self.expected.check(self.patterns, self.matches)

    def narrowed(
        self, *, prefix: str, within: tuple[str, ...], only: Format | None, limits: Limits
    ) -> Handler | None:
        """With a longer name, fewer events and other limits; None if no format is left."""
        if None not in {self.format, only} and self.format != only:
            return None
        name = prefix + self.name
        if limits.get("batch") is not None and self.call_batch is None:
            raise ConfigurationError(
                f"handler {name!r} takes one event at a time: leave out the batch size, "
                "or register the function with batch=... and let it take a sequence of events"
            )
        changes: dict[str, Any] = {k: value for k, value in limits.items() if value is not None}
        all_within = _ALL in {within, self.patterns}
        changes |= {
            "name": name,
            "format": self.format or only,
            "patterns": within if self.patterns == _ALL else self.patterns,
            "within": self.within if all_within else (*self.within, within),
        }
        narrowed = replace(self, **changes)
        narrowed.check()
        return narrowed
