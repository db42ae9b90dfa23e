"""What happens to a log line before it is written: no secrets or payloads in it, no repeats."""

import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from traceback import walk_tb
from typing import Any, Final
from uuid import UUID

import structlog
from structlog.typing import EventDict, WrappedLogger

from consumer import log_events
from consumer.clock import Clock
from consumer.events.privacy import scrub_text

_NEVER: Final = (
    "body", "raw", "payload", "metadata", "message_attributes", "receipthandle", "authorization",
    "access_key_id", "aws_access_key_id", "session_id", "client_ip", "user_login", "stack_info",
    "stack", "positional_args",
)  # fmt: skip
_NEVER_PARTS: Final = ("secret", "password", "token", "receipt_handle", "credential")
#: Written as str(): their text is a value and no more.
_VALUES: Final = (str, float, PurePath, UUID, Decimal, date, time, timedelta)
_FIRST: Final = ("timestamp", "level", "logger", "event")
_MAX_TEXT: Final = 2_000
_MAX_DEPTH: Final = 5
_MAX_FRAMES: Final = 40
_HINT: Final = (
    "the text of the exception is not logged, it may quote personal data; "
    "logging.exception_messages: true, or a run on a terminal, shows it"
)

#: The name of `context.logger`: its lines are those of a handler's author.
_OF_HANDLERS: Final = "consumer.handler"
#: Each of these lines is logged once anyway.
_ONCE_EACH: Final = (
    log_events.CONFIG_WARNING, log_events.QUEUE_WARNING, log_events.UNKNOWN_EVENT,
    log_events.UNKNOWN_FIELD, log_events.DATA_MISFIT, log_events.LINES_DROPPED,
    log_events.RELOADED, log_events.RELOAD_FAILED,
)  # fmt: skip
#: What makes two lines the same failure. Where it happened does not: one failure, many places.
_IDENTITY: Final = (
    "event", "level", "handler", "error_type", "code", "reason", "problems", "file", "where",
)  # fmt: skip
#: How much of each counts, in characters.
_LONGEST: Final = 500
_WINDOW_SECONDS: Final = 60.0


def guard(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Keep of a line what may be written, in the order in which a person reads it. Never raises.

    A safety net only: the code that logs must not log a body, a handle or a name. Keys that name
    one are dropped; secrets in URLs are scrubbed; long texts are cut; of an exception or an unknown
    object only its type is kept.
    """
    ordered = {**{key: event_dict[key] for key in _FIRST if key in event_dict}, **event_dict}
    exception = ordered.pop("exception", None)  # made by `ExceptionText`
    line: EventDict = _clean(ordered, 0)
    return {**line, "exception": exception} if exception else line


def _is_private(key: str) -> bool:
    lowered = key.lower()
    return lowered in _NEVER or any(part in lowered for part in _NEVER_PARTS)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, Enum):
        value = value.value
    is_finite = isinstance(value, float) and math.isfinite(value)
    if value is None or is_finite or isinstance(value, int):
        return value
    if isinstance(value, _VALUES):
        return _text(str(value))
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return {str(k): _clean(v, depth + 1) for k, v in value.items() if not _is_private(str(k))}
    if isinstance(value, list | tuple | set | frozenset) and depth < _MAX_DEPTH:
        return [_clean(item, depth + 1) for item in value]
    return f"<{type(value).__name__}>"


def _text(text: str) -> str:
    # Cut first: scrubbing a megabyte to throw it away would hold up a worker.
    return scrub_text(text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...")


@dataclass(frozen=True, slots=True)
class ExceptionText:
    """Turns `exc_info` into an `exception` text of types and places, without locals."""

    #: Also write the messages, which often quote the data that broke the code.
    messages: bool

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Replace `exc_info` (an exception, a tuple with it, or True for the current one)."""
        event_dict.pop("exception", None)
        error = event_dict.pop("exc_info", None)
        if isinstance(error, tuple) and len(error) == 3:
            error = error[1]
        elif error is True:
            error = sys.exc_info()[1]
        if isinstance(error, BaseException):
            event_dict["exception"] = "\n".join(self._lines(error))
            if not self.messages and event_dict.get("event") == log_events.HANDLER_FAILED:
                event_dict.setdefault("hint", _HINT)
        return event_dict

    def _lines(self, error: BaseException) -> list[str]:
        """The frames of `error`, innermost last, then those of its causes."""
        lines: list[str] = []
        for _ in range(_MAX_DEPTH):
            lines += [*_frames(error), self._headline(error)]
            cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if cause is None:
                break
            lines.append("caused by:")
            error = cause
        return lines

    def _headline(self, error: BaseException) -> str:
        kind = type(error)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        name = f"{module}{kind.__qualname__}"
        if not self.messages:
            return name
        try:
            # Indented, so that none of its lines can pass for a line of the log.
            return f"{name}: {_text(str(error))}".replace("\n", "\n    ")
        except Exception:  # its __str__ is foreign code
            return name


def _frames(error: BaseException) -> list[str]:
    frames = [
        f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    half = _MAX_FRAMES // 2
    if len(frames) > _MAX_FRAMES:
        frames[half:-half] = [f"  ... {len(frames) - 2 * half} frames ..."]
    return frames


@dataclass(slots=True)
class _Seen:
    logged_at: float
    repeats: int = 0


class RepeatFilter:
    """Logs each failure of the daemon once a minute, and counts its repeats.

    Lines below warning pass, and so do those of handlers and libraries: each of theirs may be
    another fact.

    The same failure within a minute of the last line about it is dropped and counted; the next one
    after that has `repeats`, and `flush` logs the pending counts, so none is lost. At most
    `max_failures` are remembered; `flush` logs the counts of the others in sum. Any thread may call
    any method; no lock is held while a line is written.
    """

    def __init__(self, clock: Clock, *, max_failures: int = 512) -> None:
        self._clock = clock
        self._max = max_failures
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, ...], _Seen] = OrderedDict()
        self._forgotten = 0

    def __call__(self, logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Pass the line on, with `repeats` if some were dropped since; else raise DropEvent."""
        if (
            event_dict.get("level") not in ("warning", "error", "critical")
            or "repeats" in event_dict
            or event_dict.get("event") in _ONCE_EACH
            or not _is_own(getattr(logger, "name", ""))
        ):
            return event_dict
        key = tuple(str(event_dict.get(name, ""))[:_LONGEST] for name in _IDENTITY)
        with self._lock:
            now = self._clock.monotonic()
            seen = self._seen.get(key)
            if seen is None:
                if len(self._seen) >= self._max:
                    self._forgotten += self._seen.popitem(last=False)[1].repeats
                self._seen[key] = _Seen(now)
                return event_dict
            if now - seen.logged_at < _WINDOW_SECONDS:
                seen.repeats += 1
                raise structlog.DropEvent
            repeats, seen.repeats, seen.logged_at = seen.repeats, 0, now
            self._seen.move_to_end(key)
        return {**event_dict, "repeats": repeats} if repeats else event_dict

    def flush(self) -> None:
        """Log one line for each failure with dropped repeats; called with the summary and last.

        From then on the next flush logs a failure that goes on: one line a minute.
        """
        pending = []
        with self._lock:
            now = self._clock.monotonic()
            for key, seen in list(self._seen.items()):
                if seen.repeats:
                    pending.append((key, seen.repeats))
                    seen.repeats, seen.logged_at = 0, now
                elif now - seen.logged_at >= _WINDOW_SECONDS:
                    del self._seen[key]
            forgotten, self._forgotten = self._forgotten, 0
        log: Any = structlog.get_logger("consumer")
        for (event, level, *facts), repeats in pending:
            named = {name: fact for name, fact in zip(_IDENTITY[2:], facts, strict=True) if fact}
            getattr(log, level)(event, **named, repeats=repeats)
        if forgotten:
            log.warning(log_events.LINES_SUPPRESSED, repeats=forgotten)


def _is_own(logger: str) -> bool:
    return f"{logger}.".startswith("consumer.") and logger != _OF_HANDLERS
