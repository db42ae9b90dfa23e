"""A handler as the engine sees it: which events it asked for, how it is called, its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Required, TypedDict

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError
from consumer.handlers.registering import checks
from consumer.messages import Context, Event, Format
from consumer.retry import RetryPolicy, check_seconds

if TYPE_CHECKING:
    from consumer.handlers.registering.expected import Expected

_ALL = ("*",)

Call = Callable[[Event, Context], None]
BatchCall = Callable[[Sequence[Event], Context], None]
Predicate = Callable[[Event], object]


class Limits(TypedDict, total=False):
    """What can be set from outside; None leaves it as it is."""

    timeout_seconds: float | None
    retry: RetryPolicy | None
    concurrency: int | None
    #: This and the next for batch handlers only.
    batch: int | None
    linger_seconds: float | None


class _Options(TypedDict, total=False):
    name: str | None
    format: Format | None
    when: Predicate | None
    timeout_seconds: float | None
    retry: RetryPolicy | None
    concurrency: int | None
    linger_seconds: float
    close: Callable[[], None] | None


class Options(_Options, total=False):
    """The keyword arguments of `Registry.add`, which explains them."""

    batch: int | None


class EventOptions(_Options, total=False):
    """Those of a handler that takes one event at a time."""

    batch: None


class BatchOptions(_Options, total=False):
    """Those of a handler that takes many."""

    batch: Required[int]


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """One handler, ready to be called: either `call` or `call_batch` is there.

    Both take two parameters, whatever the function takes, and raise what the function raises. Any
    thread may call them, and several at once: the limits are for the engine to keep.
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
    #: Further sets of patterns; of each of them one must match as well (see `Registry.include`).
    within: tuple[tuple[str, ...], ...] = ()
    #: What it takes, if it was registered with models; the calls keep to it by themselves.
    expected: Expected | None = None
    #: What the user has registered.
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
        """True if there is no event that it did not ask for."""
        if self.unmatched or self.format is not None or self.when is not None:
            return False
        return all("*" in patterns for patterns in (self.patterns, *self.within))


def narrowed(
    handler: Handler,
    *,
    prefix: str,
    within: tuple[str, ...],
    event_format: Format | None,
    limits: Limits,
) -> Handler | None:
    """The handler with a longer name, fewer events and other limits; None if no format is left."""
    if None not in {handler.format, event_format} and handler.format != event_format:
        return None
    name = prefix + handler.name
    batch = limits.get("batch")
    if batch is not None and handler.call_batch is None:
        raise ConfigurationError(
            f"handler {name!r} takes one event at a time: leave out the batch size, "
            "or register the function with batch=... and let it take a sequence of events"
        )
    concurrency = limits.get("concurrency")
    linger_seconds = limits.get("linger_seconds")
    changed = replace(
        handler,
        name=name,
        format=handler.format or event_format,
        timeout_seconds=limits.get("timeout_seconds") or handler.timeout_seconds,
        retry=limits.get("retry") or handler.retry,
        concurrency=handler.concurrency if concurrency is None else concurrency,
        batch=handler.batch if batch is None else batch,
        linger_seconds=handler.linger_seconds if linger_seconds is None else linger_seconds,
        patterns=within if handler.patterns == _ALL else handler.patterns,
        within=handler.within if _ALL in {within, handler.patterns} else (*handler.within, within),
    )
    check_limits(changed)
    if changed.expected is not None:
        changed.expected.check_format(changed.format, changed.matches)
    return changed


def guarded(handler: Handler) -> Handler:
    """The handler with calls that let only what it expects get to the user's code."""
    expected = handler.expected
    if expected is None:
        return handler
    return replace(
        handler,
        call=expected.guard(handler.call) if handler.call else None,
        call_batch=expected.guard_batch(handler.call_batch) if handler.call_batch else None,
        when=expected.guard_predicate(handler.when) if handler.when else None,
    )


def check_options(options: Options) -> None:
    """Raise ConfigurationError for a keyword argument that `Registry.add` does not have."""
    known = Options.__optional_keys__
    for key in options:
        if key not in known:
            hint = did_you_mean(key, known) or f"there are {', '.join(sorted(known))}"
            raise ConfigurationError(f'a handler has no option "{key}": {hint}')


def check_limits(handler: Handler) -> None:
    """Raise ConfigurationError for a limit that can't be kept."""
    label = f"handler {handler.name!r}"
    if handler.timeout_seconds is not None:
        check_seconds(f"{label}: timeout_seconds", handler.timeout_seconds)
    if handler.concurrency is not None:
        checks.check_count(f"{label}: concurrency", handler.concurrency)
    if handler.batch is not None:
        checks.check_count(f"{label}: batch", handler.batch, most=checks.MAX_BATCH)
    check_seconds(f"{label}: linger_seconds", handler.linger_seconds, zero=True)
    if handler.retry is not None and not isinstance(handler.retry, RetryPolicy):
        raise ConfigurationError(
            f"{label}: retry must be RetryPolicy(base_seconds=..., max_seconds=...)"
        )
