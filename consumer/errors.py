"""The exceptions of this project, their exit codes, and the table from exception to outcome."""

import math
from collections.abc import Mapping
from pathlib import Path
from traceback import walk_tb
from types import MappingProxyType
from typing import ClassVar

from consumer.messages import Event, Outcome
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

#: Exit codes, a contract with systemd and with scripts (the numbers are those of sysexits.h).
EXIT_OK = 0
EXIT_QUEUE_MISSING = 69
EXIT_BUG = 70
EXIT_OUTPUT = 74
EXIT_TRANSIENT = 75
EXIT_PERMISSION = 77
EXIT_CONFIGURATION = 78
#: After Ctrl-C, as in shells.
EXIT_INTERRUPTED = 130

#: Whatever a server says, it is tried again after an hour.
_MAX_DOWN_SECONDS = 3_600.0
#: Longer reasons are cut; in characters.
_MAX_REASON = 500


class ConsumerError(Exception):
    """Anything this project raises on purpose. `exit_code` is what `consume` exits with."""

    exit_code: ClassVar[int] = EXIT_BUG


class ConfigurationError(ConsumerError):
    """The configuration can't be used; the text names place, value and what would be right."""

    exit_code = EXIT_CONFIGURATION


class DecodeError(ConsumerError):
    """A payload is neither a Canvas nor a Caliper event; `reason` never quotes it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DataError(ConsumerError):
    """An event does not fit its model, so it has no `event.data`; the rest of it can be read.

    `problems` names each field and what was expected there: never a value.
    """

    def __init__(self, event_name: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"{event_name} does not fit its model: {'; '.join(problems)}")
        self.event_name = event_name
        self.problems = problems


class StuckError(ConsumerError):
    """Most handlers never return: only a new process has all of its threads again."""

    exit_code = EXIT_TRANSIENT


class ThreadsError(ConsumerError):
    """The system does not allow the process to start the threads that it needs now."""

    exit_code = EXIT_TRANSIENT


class TransportError(ConsumerError):
    """A call to the queue failed. `code` is AWS's own, else the name of botocore's exception."""

    exit_code = EXIT_TRANSIENT

    #: True for the few errors that waiting does not cure; others are retried with backoff.
    fatal: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).__name__


class QueueMissingError(TransportError):
    """The queue does not exist in this account and region."""

    exit_code = EXIT_QUEUE_MISSING
    fatal = True


class AccessDeniedError(TransportError):
    """The credentials are missing, wrong, or not allowed to do this."""

    exit_code = EXIT_PERMISSION
    fatal = True


class Retry(Exception):  # noqa: N818 - a request, not an error
    """Raised by a handler: try again later, deliver this message again.

    Args:
        reason: logged as given, so no personal data.
        after: seconds until the message becomes visible again (0 to 43,200);
            None leaves it to the backoff over the receive count.
    """

    # On the class, too: a subclass may not call our __init__.
    reason: str = "retry requested"
    after: float | None = None

    def __init__(self, reason: str = "retry requested", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Reject(Exception):  # noqa: N818 - a request, not an error
    """Raised by a handler: this message can never be handled; leave it to the redrive policy.

    Args:
        reason: logged as given, so no personal data.
    """

    reason: str = "rejected"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(Exception):  # noqa: N818 - no event's fault
    """Raised by a handler: what it needs, such as a database, is down, or is not as it must be.

    Also by what is asked before it is called: its predicate (`when`), or its key (`coalesce`).

    The handler is paused at once, and its messages are kept; one is tried now and then.

    Args:
        reason: logged as given, so no personal data.
        after: seconds in which trying it again is pointless (0 to 3,600).
    """

    reason: str = "unavailable"
    after: float | None = None

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class BatchFailure(Exception):  # noqa: N818 - the other events succeeded
    """Raised by a batch handler: only these events failed, the others succeeded.

    Args:
        failures: the event and what became of it: `Retry(...)`, `Reject(...)` or any exception.
    """

    failures: Mapping[Event, BaseException] = MappingProxyType({})

    def __init__(self, failures: Mapping[Event, BaseException]) -> None:
        super().__init__(f"{len(failures)} events of the batch failed")
        self.failures = dict(failures)


def outcome_of(error: BaseException | None) -> Outcome:
    """THE table: what a handler raised (None: nothing) -> what becomes of the message.

    The text of a foreign exception is left out: it often quotes the data that broke the code.
    """
    match error:
        case None:
            return Outcome.ack()
        case Retry():
            return _retry_of(error)
        case Unavailable():
            return Outcome("retry", _reason_of(error), down_seconds=_down_seconds(error))
        case Reject():
            return Outcome.reject(_reason_of(error))
        case DecodeError():
            return Outcome.reject(f"undecodable: {error.reason}")
        case _:
            return Outcome.retry(type(error).__name__)


def _retry_of(error: Retry) -> Outcome:
    """`after` comes from a handler; the queue accepts only finite numbers from 0 on."""
    reason = _reason_of(error)
    try:
        if error.after is None:
            return Outcome.retry(reason)
        seconds = float(error.after)
    except Exception:
        seconds = math.nan
    if math.isnan(seconds):
        return Outcome.retry(f"{reason} (its `after` is not a number of seconds)")
    return Outcome.retry(reason, min(max(seconds, 0.0), MAX_VISIBILITY_SECONDS))


def _down_seconds(error: Unavailable) -> float:
    """`after` comes from a handler, or from a server that it calls."""
    try:
        seconds = float(error.after or 0.0)
    except Exception:
        return 0.0
    return min(max(seconds, 0.0), _MAX_DOWN_SECONDS) if seconds == seconds else 0.0  # noqa: PLR0124 - not NaN


def _reason_of(error: Retry | Reject | Unavailable) -> str:
    """As given, if it is a text, and cut: it may be another exception, or a payload."""
    try:
        reason: object = error.reason
    except Exception:
        reason = None
    return reason[:_MAX_REASON] if isinstance(reason, str) else f"({type(reason).__name__})"


#: Our own frames between the engine and a handler: they say nothing of what went wrong in it.
_PLUMBING = tuple(
    str(Path(__file__).parent / part)
    for part in ("engine", "handlers/registering", "handlers/around")
)


def describe(error: BaseException) -> dict[str, str]:
    """What may be logged of any exception: its type and its place, never its text.

    `error_at` is the handler's line ("my_handlers.py:12 in on_grade"), and after a ">" the line
    that raised it if that is another one; "" if it was never raised.
    """
    frames = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
    handler = [f for f in frames if not f[0].co_filename.startswith(_PLUMBING)]
    ends = (handler or frames)[:1] + frames[-1:]
    places = [f"{Path(c.co_filename).name}:{line} in {c.co_name}" for c, line in ends]
    return {"error_type": type(error).__name__, "error_at": " > ".join(dict.fromkeys(places))}


def reason_without_url(error: Exception) -> str:
    """Why a request failed, without anything of its URL, whose host or path may be a secret."""
    cause = getattr(error, "reason", error)
    # Of a certificate: "Hostname mismatch, certificate is not valid for 'HOST'."
    found = getattr(cause, "verify_message", "").partition(",")[0]
    return found or getattr(cause, "strerror", None) or type(cause).__name__
