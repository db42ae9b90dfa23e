"""Says each failure of the daemon once: its repeats are counted, not written again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumer import log_events

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from consumer.clock import Clock

_QUIETABLE: Final = frozenset({"warning", "error", "critical"})
#: What `context.logger` is called: its lines are those of a handler's author.
_OF_HANDLERS: Final = "consumer.handler"
#: Whoever logs these says each thing once already.
_ONCE_EACH: Final = frozenset(
    {
        log_events.CONFIG_WARNING, log_events.QUEUE_WARNING, log_events.UNKNOWN_EVENT,
        log_events.UNKNOWN_FIELD, log_events.DATA_MISFIT, log_events.LINES_DROPPED,
    }
)  # fmt: skip
#: What makes two lines the same failure. Where it happened is not in it: one failure, many places.
_IDENTITY: Final = (
    "event", "level", "handler", "error_type", "code", "reason", "problems", "file", "where",
)  # fmt: skip
#: Of each, in characters; a handler's reason is cut there, too.
_LONGEST: Final = 500

_Key = tuple[str, ...]


class _Seen:
    __slots__ = ("repeats", "told_at")

    def __init__(self, told_at: float) -> None:
        self.told_at = told_at
        self.repeats = 0


class RepeatFilter:
    """A structlog processor. Lines below warning pass untouched, and so do those of others.

    Only what the daemon itself says again and again is held back, never what a handler or a library
    logs: each line of theirs may be another fact. The logger's name tells them apart.

    The same failure within `window_seconds` of the last line about it is dropped and counted; the
    next one after the window carries `repeats`, and `flush` tells what is pending, so no count is
    lost. At most `max_failures` are remembered; the count of one that is forgotten is told by
    `flush`, too. Any thread may call any method; no lock is held while a line is written.
    """

    def __init__(
        self, clock: Clock, *, window_seconds: float = 60.0, max_failures: int = 512
    ) -> None:
        self._clock = clock
        self._window = window_seconds
        self._max = max_failures
        self._lock = threading.Lock()
        self._seen: OrderedDict[_Key, _Seen] = OrderedDict()
        self._forgotten = 0

    def __call__(self, logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Let the line pass, with `repeats` if some were dropped since; else raise DropEvent."""
        if event_dict.get("level") not in _QUIETABLE or "repeats" in event_dict:
            return event_dict
        if not _is_own(getattr(logger, "name", "")) or event_dict.get("event") in _ONCE_EACH:
            return event_dict
        key = tuple(str(event_dict.get(name, ""))[:_LONGEST] for name in _IDENTITY)
        with self._lock:
            now = self._clock.monotonic()
            seen = self._seen.get(key)
            if seen is None:
                self._remember(key, _Seen(now))
                return event_dict
            if now - seen.told_at < self._window:
                seen.repeats += 1
                raise structlog.DropEvent
            repeats, seen.repeats, seen.told_at = seen.repeats, 0, now
            self._seen.move_to_end(key)
        if repeats:
            event_dict["repeats"] = repeats
        return event_dict

    def flush(self) -> None:
        """Write one line for each failure with dropped repeats; called with the summary and last.

        A failure that goes on is from here on told by the next flush: one line a minute.
        """
        with self._lock:
            now = self._clock.monotonic()
            pending = [(key, seen.repeats) for key, seen in self._seen.items() if seen.repeats]
            for key, seen in list(self._seen.items()):
                if seen.repeats:
                    seen.repeats, seen.told_at = 0, now
                elif now - seen.told_at >= self._window:
                    del self._seen[key]
            forgotten, self._forgotten = self._forgotten, 0
        log: Any = structlog.get_logger("consumer")
        for (event, level, *facts), repeats in pending:
            named = {name: fact for name, fact in zip(_IDENTITY[2:], facts, strict=True) if fact}
            getattr(log, level)(event, **named, repeats=repeats)
        if forgotten:
            log.warning(log_events.LINES_SUPPRESSED, repeats=forgotten)

    def _remember(self, key: _Key, seen: _Seen) -> None:
        if len(self._seen) >= self._max:
            self._forgotten += self._seen.popitem(last=False)[1].repeats
        self._seen[key] = seen


def _is_own(logger: str) -> bool:
    return logger != _OF_HANDLERS and (logger == "consumer" or logger.startswith("consumer."))
