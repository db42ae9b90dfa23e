"""Where log lines go and what they look like."""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.conftest import Logs


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_line_is_json_with_time_level_and_event_first(logs: Logs) -> None:
    """Off a terminal each line is one JSON object that begins with time, level and event."""
    logs.configure()

    structlog.get_logger().info("ready", queue="canvas-live-events-prod", workers=8)

    assert logs.text() == (
        '{"timestamp": "2024-03-05T10:11:12.345Z", "level": "info", "event": "ready", '
        '"queue": "canvas-live-events-prod", "workers": 8}\n'
    )


@pytest.mark.parametrize(
    ("form", "stream", "is_json"),
    [
        ("auto", Terminal, False),
        ("auto", io.StringIO, True),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_format(logs: Logs, form: str, stream: type[io.StringIO], is_json: bool) -> None:
    """`auto` is console on a terminal and JSON elsewhere; either can be asked for."""
    logs.stream = stream()
    logs.configure(format=form)

    structlog.get_logger().info("ready", workers=8)

    assert logs.text().startswith("{") is is_json
    assert "ready" in logs.text()


def test_colours_only_where_wanted(logs: Logs) -> None:
    """A terminal gets colours, unless NO_COLOR is set."""
    logs.stream, logs.environ = Terminal(), {"NO_COLOR": "1"}
    logs.configure()

    structlog.get_logger().info("ready")

    assert "\x1b" not in logs.text()


def test_levels_below_the_threshold_cost_no_line(logs: Logs) -> None:
    """At info nothing of debug is written, from either logging library."""
    logs.configure(level="info")

    structlog.get_logger().debug("message_settled")
    logging.getLogger("my_handlers").debug("details")
    structlog.get_logger().info("ready")

    assert [line["event"] for line in logs.lines()] == ["ready"]


def test_lines_of_the_standard_library_have_the_same_form(logs: Logs) -> None:
    """With the name of the logger."""
    logs.configure()

    logging.getLogger("my_handlers").warning("%d of %s", 3, "course 42")

    assert logs.lines() == [
        {
            "timestamp": "2024-03-05T10:11:12.345Z",
            "level": "warning",
            "logger": "my_handlers",
            "event": "3 of course 42",
        }
    ]


def test_warnings_of_python_have_the_same_form(logs: Logs) -> None:
    """`warnings.warn` does not break the stream of JSON lines."""
    logs.configure()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)

    (line,) = logs.lines()
    assert line["logger"] == "py.warnings"
    assert "this is old" in line["event"]


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_wire_data_of_botocore_never_gets_out(logs: Logs, level: str) -> None:
    """Debug lines of botocore contain headers and bodies; no setting writes them."""
    logs.configure(level=level)
    logging.getLogger("botocore.endpoint").setLevel(logging.DEBUG)

    logging.getLogger("botocore.endpoint").debug("Response body: grades of a student")
    logging.getLogger("urllib3.connectionpool").debug('"POST / HTTP/1.1" 200')
    logging.getLogger("botocore.credentials").warning("Refreshing failed")
    logging.getLogger("botocore.endpoint").setLevel(logging.NOTSET)

    assert [line["event"] for line in logs.lines()] == ["Refreshing failed"]


def test_chatter_of_botocore_is_for_debug_only(logs: Logs) -> None:
    """At info, info lines of the AWS libraries are not written; at debug they are."""
    logs.configure(level="info")
    logging.getLogger("botocore.credentials").info("Found credentials in environment")
    assert logs.text() == ""

    logs.configure(level="debug")
    logging.getLogger("botocore.credentials").info("Found credentials in environment")
    assert len(logs.lines()) == 1


def test_wrong_arguments_of_a_library_are_not_logged(logs: Logs) -> None:
    """A log call whose arguments do not fit has its own event; Python would print them."""
    logs.configure()

    logging.getLogger("my_handlers").warning("%d grades", "jane@example.edu")

    (line,) = logs.lines()
    assert line["event"] == "log_call_failed"
    assert line["logger"] == "my_handlers"
    assert "jane" not in logs.text()


def test_journal_gets_priorities(logs: Logs, tmp_path: Path) -> None:
    """Connected to the journal, each line begins with its priority, which systemd removes."""
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        logs.stream, logs.environ = stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        logs.configure(level="debug")
        log = structlog.get_logger()
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(log, level)("x")
        written = (tmp_path / "journal").read_text()

    assert [line[:4] for line in written.splitlines()] == ["<7>{", "<6>{", "<4>{", "<3>{", "<2>{"]


@pytest.mark.parametrize("journal", ["", "1:2", "nonsense"])
def test_elsewhere_there_is_no_priority(logs: Logs, tmp_path: Path, journal: str) -> None:
    """JOURNAL_STREAM of a parent process does not make a file or pipe the journal."""
    with (tmp_path / "file").open("w+") as stream:
        logs.stream, logs.environ = stream, {"JOURNAL_STREAM": journal}
        logs.configure()
        structlog.get_logger().error("x")

    assert (tmp_path / "file").read_text().startswith("{")


def test_unwritable_stream_never_raises(logs: Logs) -> None:
    """A closed or full stream costs the line, which is counted, and not the work."""

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    for stream in (Full(), io.StringIO()):
        logs.stream = stream
        output = logs.configure().output
        if not isinstance(stream, Full):
            stream.close()
        structlog.get_logger().error("x")
        logging.getLogger("my_handlers").error("x")
        assert output._dropped == 2


def test_text_that_the_stream_cannot_encode_is_escaped(logs: Logs) -> None:
    """A lone surrogate on a console does not lose the line."""
    raw = io.BytesIO()
    logs.stream = io.TextIOWrapper(raw, encoding="utf-8")
    logs.configure(format="console")

    structlog.get_logger().info("x", name="\ud800")

    assert b"\\ud800" in raw.getvalue()


def test_lines_of_many_threads_stay_whole(logs: Logs) -> None:
    """Lines that several threads write at once do not run into each other."""
    logs.configure()

    def work(number: int) -> None:
        for turn in range(50):
            structlog.get_logger().info("ready", number=number, turn=turn)
            logging.getLogger("other").info("ready")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(logs.lines()) == 400
