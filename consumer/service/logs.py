"""Where log lines go and what they look like: one output for our loggers and everybody else's."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

import structlog

from consumer import log_events
from consumer.errors import describe
from consumer.printable import printable
from consumer.service.log_guard import ExceptionText, guard
from consumer.service.log_output import NamedOutput, Output
from consumer.service.log_repeats import RepeatFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from structlog.typing import EventDict, Processor, WrappedLogger

    from consumer.clock import Clock
    from consumer.config import LoggingSettings

#: Of these only warnings are wanted, and never their debug lines: those hold headers and bodies.
_CHATTY: Final = ("boto3", "botocore", "s3transfer", "urllib3")
#: syslog's numbers, as systemd reads them from a "<N>" at the beginning of a line.
_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Logs(NamedTuple):
    """The two parts of the log that have to be looked after while it is written."""

    #: Its `flush` is to be called each minute, and before the process ends.
    repeats: RepeatFilter
    #: Its `send_waiting` is to be called now and then, and at last `close`.
    output: Output


def configure_logging(
    settings: LoggingSettings, stream: TextIO, *, environ: Mapping[str, str], clock: Clock
) -> Logs:
    """Send every log line of this process to `stream`; called once, before any thread starts.

    `stream` is standard error: standard output belongs to the results of commands. A terminal gets
    readable lines, anything else one JSON object a line (`format: auto`); the journal, recognised
    by JOURNAL_STREAM in `environ`, also gets each line's priority. A line that can't be written
    waits, or is dropped and counted: a full disk, a closed pipe or a reader that does not read must
    not stop the work.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    repeats = RepeatFilter(clock)
    output = Output(stream)
    render: Processor = _renderer(settings.format, stream, environ)
    if _is_journal(stream, environ):
        render = _with_priority(render)
    chain: list[Processor] = [
        structlog.processors.add_log_level,
        _timestamp(clock),
        repeats,
        ExceptionText(messages=_shows_messages(settings, stream)),
        guard,
        render,
    ]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *chain],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *names: NamedOutput(output, *names[:1]),
        cache_logger_on_first_use=True,
    )
    _join_standard_library(_Bridge(output, chain), level)
    return Logs(repeats, output)


def install_exception_hooks() -> None:
    """Have uncaught exceptions logged as one line; Python itself would print their texts, too."""
    log = structlog.get_logger("consumer")

    def tell(error: BaseException | None, where: str) -> None:
        if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
            log.critical(log_events.UNCAUGHT, where=where, **describe(error), exc_info=error)

    sys.excepthook = lambda _type, error, _traceback: tell(error, "main")
    threading.excepthook = lambda args: tell(
        args.exc_value, args.thread.name if args.thread else "thread"
    )
    sys.unraisablehook = lambda args: tell(args.exc_value, "finalizer")


class _Bridge(logging.Handler):
    """Brings records of the standard library's loggers into the same output."""

    def __init__(self, output: Output, chain: list[Processor]) -> None:
        super().__init__()
        self._output = output
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.add_logger_name],
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *chain],
            )
        )
        self.addFilter(_without_wire_data)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        try:
            line = self.format(record)
        except Exception as error:  # arguments that do not fit their text: the caller's mistake
            record.msg, record.args = log_events.LOG_CALL_FAILED, ()
            record.exc_info = (type(error), error, error.__traceback__)
            line = self.format(record)
        self._output.write(line)


def _without_wire_data(record: logging.LogRecord) -> bool:
    """False for the lines in which botocore and its like write requests and answers down."""
    return record.levelno >= logging.INFO or record.name.partition(".")[0] not in _CHATTY


def _join_standard_library(bridge: _Bridge, level: int) -> None:
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(old)
    root.addHandler(bridge)
    root.setLevel(level)
    for name in _CHATTY:
        cap = logging.INFO if level <= logging.DEBUG else max(level, logging.WARNING)
        logging.getLogger(name).setLevel(cap)
    # Bad arguments are told by the bridge; Python's own report would print the arguments.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)


def _timestamp(clock: Clock) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        text = clock.now().isoformat(timespec="milliseconds")
        event_dict["timestamp"] = text.removesuffix("+00:00") + "Z"
        return event_dict

    return add


def _shows_messages(settings: LoggingSettings, stream: TextIO) -> bool:
    """As configured; else only on a terminal, where no file and no journal keeps them."""
    configured = settings.exception_messages
    return stream.isatty() if configured is None else configured


def _renderer(form: str, stream: TextIO, environ: Mapping[str, str]) -> Callable[..., str]:
    terminal = stream.isatty()
    if form == "json" or (form == "auto" and not terminal):
        return structlog.processors.JSONRenderer()  # type: ignore[return-value]  # str with json.dumps
    render = structlog.dev.ConsoleRenderer(
        colors=terminal and not environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,
    )
    return lambda logger, method, event_dict: render(logger, method, _visible(event_dict))


def _visible(event_dict: EventDict) -> EventDict:
    """For a terminal: names and ids come from outside, and must not move its cursor.

    What stands in lists and mappings is written as Python does, which escapes it.
    """
    return {
        printable(key): _visible_lines(value) if key == "exception" else _visible_value(value)
        for key, value in event_dict.items()
    }


def _visible_value(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _visible_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """True if `stream` is the very socket that systemd connected to the journal."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _with_priority(render: Callable[..., Any]) -> Processor:
    def prefixed(logger: WrappedLogger, method: str, event_dict: EventDict) -> str:
        prefix = f"<{_PRIORITIES.get(str(event_dict.get('level')), 6)}>"
        text = str(render(logger, method, event_dict))
        return prefix + text.replace("\n", "\n" + prefix)

    return prefixed
