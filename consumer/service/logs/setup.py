"""Where log lines go and what they look like: one output for our loggers and those of libraries."""

import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from consumer import log_events
from consumer.clock import Clock
from consumer.config import LoggingSettings
from consumer.errors import describe
from consumer.printable import printable
from consumer.service.logs.output import NamedOutput, Output
from consumer.service.logs.processors import ExceptionText, RepeatFilter, guard

#: Of these only warnings are wanted, and never their debug lines: those hold headers and bodies.
_CHATTY: Final = ("boto3", "botocore", "s3transfer", "urllib3")
#: syslog's numbers, as systemd reads them from a "<N>" at the beginning of a line.
_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Logs(NamedTuple):
    """The parts of the log that need a call now and then."""

    repeats: RepeatFilter
    output: Output


def configure_logging(
    settings: LoggingSettings, stream: TextIO, *, environ: Mapping[str, str], clock: Clock
) -> Logs:
    """Send every log line of this process to `stream`; called once, before any thread starts.

    A terminal gets readable lines, anything else one JSON object a line (`format: auto`); the
    journal, recognised by JOURNAL_STREAM in `environ`, also gets each line's priority. A line that
    can't be written waits, or is dropped and counted: see `Output`.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shows_messages = settings.exception_messages
    if shows_messages is None:  # no file and no journal keeps what a terminal shows
        shows_messages = stream.isatty()
    repeats, output = RepeatFilter(clock), Output(stream)
    render = _renderer(settings.format, stream, environ)
    chain: list[Processor] = [
        structlog.processors.add_log_level,
        _timestamps(clock),
        repeats,
        ExceptionText(messages=shows_messages),
        guard,
        _with_priority(render) if _is_journal(stream, environ) else render,
    ]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *chain],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *names: NamedOutput(output, *names[:1]),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    kept = [handler for handler in root.handlers if not isinstance(handler, _Bridge)]
    root.handlers[:] = [*kept, _Bridge(output, chain, level)]
    root.setLevel(level)
    logging.raiseExceptions = False  # Python's own report of bad arguments would print them
    logging.captureWarnings(capture=True)
    return Logs(repeats, output)


def install_exception_hooks() -> None:
    """Have uncaught exceptions logged as one line; Python itself would print their texts, too."""
    log = structlog.get_logger("consumer")

    def report(error: BaseException | None, where: str) -> None:
        if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
            log.critical(log_events.UNCAUGHT, where=where, **describe(error), exc_info=error)

    sys.excepthook = lambda _type, error, _traceback: report(error, "main")
    threading.excepthook = lambda args: report(
        args.exc_value, args.thread.name if args.thread else "thread"
    )
    sys.unraisablehook = lambda args: report(args.exc_value, "finalizer")


class _Bridge(logging.Handler):
    """Brings records of the standard library's loggers into the same output."""

    def __init__(self, output: Output, chain: list[Processor], level: int) -> None:
        super().__init__()
        self._output = output
        self._chain = chain
        self._least_of_chatty = logging.INFO if level <= logging.DEBUG else logging.WARNING

    def filter(self, record: logging.LogRecord) -> bool:
        """False for the chatter of botocore and its like."""
        chatty = record.name.partition(".")[0] in _CHATTY
        return record.levelno >= self._least_of_chatty or not chatty

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        line: Any = {"logger": record.name, "exc_info": record.exc_info}
        try:
            line["event"] = record.getMessage()
        except Exception as error:  # arguments that do not fit their text: the caller's mistake
            line |= {"event": log_events.LOG_CALL_FAILED, "exc_info": error}
        for process in self._chain:
            line = process(None, record.levelname.lower(), line)
        self._output.write(line)


def _timestamps(clock: Clock) -> Processor:
    def add_timestamp(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        text = clock.now().isoformat(timespec="milliseconds")
        event_dict["timestamp"] = text.removesuffix("+00:00") + "Z"
        return event_dict

    return add_timestamp


def _renderer(form: str, stream: TextIO, environ: Mapping[str, str]) -> Processor:
    terminal = stream.isatty()
    if form == "json" or (form == "auto" and not terminal):
        return structlog.processors.JSONRenderer()
    render = structlog.dev.ConsoleRenderer(
        colors=terminal and not environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,
    )
    return lambda logger, method, event_dict: render(logger, method, _visible(event_dict))


def _visible(event_dict: EventDict) -> EventDict:
    """For a terminal, whose cursor no name may move. In lists, the renderer itself escapes."""
    visible: EventDict = {}
    for key, value in event_dict.items():
        if isinstance(value, str):
            lines = value.split("\n") if key == "exception" else [value]
            value = "\n".join(map(printable, lines))  # noqa: PLW2901
        visible[printable(key)] = value
    return visible


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """True if `stream` is the very socket that systemd connected to the journal."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _with_priority(render: Processor) -> Processor:
    def prefixed(logger: WrappedLogger, method: str, event_dict: EventDict) -> str:
        prefix = f"<{_PRIORITIES.get(str(event_dict.get('level')), 6)}>"
        text: Any = render(logger, method, event_dict)
        return prefix + str(text).replace("\n", "\n" + prefix)

    return prefixed
