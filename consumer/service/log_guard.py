"""The last look at a log line before it is written: no secrets, no payloads, no foreign texts.

A safety net only. Whoever logs is still the one who must not log a body, a handle or a name.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from consumer import log_events
from consumer.events.privacy import scrub_text

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, WrappedLogger

_NEVER: Final = frozenset(
    {
        "body", "raw", "payload", "metadata", "message_attributes", "positional_args",
        "receipt_handle", "receipt_handles", "receipthandle", "authorization", "access_key_id",
        "aws_access_key_id", "session_id", "client_ip", "user_login", "stack_info", "stack",
    }
)  # fmt: skip
_NEVER_PARTS: Final = ("secret", "password", "token", "receipt_handle", "credential")
#: Written as str(): their text is a value and no more.
_VALUES: Final = (str, float, PurePath, UUID, Decimal, date, time, timedelta)
_FIRST: Final = ("timestamp", "level", "logger", "event")
_MAX_TEXT: Final = 2_000
_MAX_DEPTH: Final = 4
_MAX_FRAMES: Final = 40
_HINT: Final = (
    "what the exception says is not logged, it may quote personal data; "
    "logging.exception_messages: true, or a run on a terminal, shows it"
)


def guard(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Keep of a line what may be written, in the order in which a person reads it.

    Keys that name a payload, a receipt handle or a secret are dropped; secrets in URLs are
    scrubbed; long texts are cut; of an exception or an unknown object only its type is kept.
    `exception` was made by `ExceptionText` and is kept as it is. Never raises.
    """
    ordered = {key: event_dict[key] for key in _FIRST if key in event_dict}
    ordered.update(event_dict)
    return {
        str(key): value if key == "exception" else _clean(value, 0)
        for key, value in ordered.items()
        if not _is_private(str(key))
    }


def _is_private(key: str) -> bool:
    lowered = key.lower()
    return lowered in _NEVER or any(part in lowered for part in _NEVER_PARTS)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if (
        value is None
        or isinstance(value, int)
        or (isinstance(value, float) and math.isfinite(value))
    ):
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
    cut = text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "..."
    return scrub_text(cut)


class ExceptionText:
    """Turns `exc_info` into an `exception` text of types and places, without texts and locals.

    Args:
        messages: also write what the exceptions say. They often quote the data that broke the
            code, so this is for a terminal, and for queues without real students.
    """

    def __init__(self, *, messages: bool) -> None:
        self._messages = messages

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Replace `exc_info` (an exception, a tuple of it, or True for the current one)."""
        given = event_dict.pop("exc_info", None)
        event_dict.pop("exception", None)
        error = given if isinstance(given, BaseException) else None
        if isinstance(given, tuple) and len(given) == 3:
            error = given[1]
        elif given is True:
            error = sys.exc_info()[1]
        if error is not None:
            event_dict["exception"] = self.text(error)
            if not self._messages and event_dict.get("event") == log_events.HANDLER_FAILED:
                event_dict.setdefault("hint", _HINT)
        return event_dict

    def text(self, error: BaseException) -> str:
        """The frames of `error` and of what caused it, innermost last."""
        lines: list[str] = []
        seen: set[int] = set()
        current: BaseException | None = error
        while current is not None and id(current) not in seen and len(seen) < _MAX_DEPTH:
            seen.add(id(current))
            lines += _frames(current.__traceback__)
            lines.append(self._headline(current))
            cause = current.__cause__
            if cause is None and not current.__suppress_context__:
                cause = current.__context__
            if cause is not None:
                lines.append("caused by:")
            current = cause
        return "\n".join(lines)

    def _headline(self, error: BaseException) -> str:
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ != "builtins":
            name = f"{kind.__module__}.{name}"
        if not self._messages:
            return name
        try:
            # Indented, so that none of its lines can pass for a line of the log.
            return f"{name}: {_text(str(error))}".replace("\n", "\n    ")
        except Exception:  # its __str__ is foreign code; the line is worth more than its text
            return name


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = [
        f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"
        for frame, line in walk_tb(traceback)
    ]
    if len(frames) <= _MAX_FRAMES:
        return frames
    half = _MAX_FRAMES // 2
    return [*frames[:half], f"  ... {len(frames) - 2 * half} frames ...", *frames[-half:]]
