"""What never gets into a log line, and what is written of an exception instead."""

from __future__ import annotations

import io
import json
import logging
import threading
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from consumer.errors import describe
from consumer.service.logs.processors import guard
from consumer.service.logs.setup import install_exception_hooks

if TYPE_CHECKING:
    from tests.service.conftest import Logs


def test_exception_is_types_and_places(logs: Logs) -> None:
    """The types and frames of an exception are written, not its text and its locals."""
    logs.configure()
    secret = "jane@example.edu"

    try:
        try:
            int(secret)
        except ValueError as error:
            raise KeyError(secret) from error
    except KeyError:
        structlog.get_logger().exception("handler_failed")

    (line,) = logs.lines()
    assert "jane" not in logs.text()
    last = line["exception"].splitlines()
    assert "test_log_processors.py:" in last[0]
    assert last[1:3] == ["KeyError", "caused by:"]
    assert last[-1] == "ValueError"


def test_exception_messages_are_an_option(logs: Logs) -> None:
    """With `exception_messages` the texts are written, secrets in their URLs scrubbed."""
    logs.configure(exception_messages=True)

    error = ValueError("no course at https://x.edu/c?access_token=1~abc")
    logging.getLogger("my_handlers").error("failed", exc_info=error)

    assert "ValueError: no course at https://x.edu/c" in logs.lines()[0]["exception"]
    assert "1~abc" not in logs.text()


def test_exception_messages_are_shown_on_a_terminal_and_nowhere_else(logs: Logs) -> None:
    """They are not kept in a file or journal, unless that is configured."""
    expected = [(True, None, True), (False, None, False), (True, False, False), (False, True, True)]

    for terminal, configured, shown in expected:
        logs.stream = io.StringIO()
        logs.stream.isatty = lambda terminal=terminal: terminal
        logs.configure(exception_messages=configured, format="json")
        structlog.get_logger().warning("handler_failed", exc_info=KeyError("user_id"))

        (line,) = logs.lines()
        assert ("KeyError: 'user_id'" if shown else "KeyError") == line["exception"]
        assert shown is ("logging.exception_messages" not in line.get("hint", ""))


def test_only_a_handler_s_failure_says_how_to_see_more(logs: Logs) -> None:
    """A hint that is in the line stays."""
    logs.configure()

    structlog.get_logger().warning("close_failed", exc_info=KeyError("user_id"))
    structlog.get_logger().warning("handler_failed", exc_info=KeyError("user_id"), hint="mine")

    assert [None, "mine"] == [line.get("hint") for line in logs.lines()]


def test_endless_recursion_is_cut(logs: Logs) -> None:
    """Of a thousand frames the outermost and innermost twenty are written."""
    logs.configure()

    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        structlog.get_logger().error("handler_failed", exc_info=error)

    frames = logs.lines()[0]["exception"].splitlines()
    assert len(frames) == 42
    assert frames[20].endswith(" frames ...")


def test_guard_drops_and_scrubs() -> None:
    """Payloads, handles and secrets are dropped by name at any depth, and scrubbed from URLs."""
    line = guard(
        None,
        "info",
        {
            "body": "b",
            "receipt_handle": "r",
            "aws_secret_access_key": "s",
            "session_token": "t",
            "nested": {"raw": 1, "kept": [1, {"password": "p"}]},
            "url": "https://x.edu/?access_token=1~abc&page=2",
            "event": "x",
        },
    )

    assert line["nested"] == {"kept": [1, {}]}
    assert "1~abc" not in line["url"]
    assert line["url"].startswith("https://x.edu/")
    assert list(line) == ["event", "nested", "url"]


def test_guard_keeps_values_and_names_the_rest() -> None:
    """Plain values stay, long texts are cut, of an object or exception only its type is written."""
    circle: list[Any] = []
    circle.append(circle)
    line = guard(
        None,
        "info",
        {
            "none": None,
            "number": 2**70,
            "nan": float("nan"),
            "path": Path("/var/lib"),
            "decimal": Decimal("1.50"),
            "took": timedelta(seconds=90),
            "long": "x" * 5000,
            "error": ValueError("jane@example.edu"),
            "object": object(),
            "circle": circle,
            "pair": ("a", 1),
        },
    )

    assert line == {
        "none": None,
        "number": 2**70,
        "nan": "nan",
        "path": "/var/lib",
        "decimal": "1.50",
        "took": "0:01:30",
        "long": "x" * 2000 + "...",
        "error": "<ValueError>",
        "object": "<object>",
        "circle": [[[["<list>"]]]],
        "pair": ["a", 1],
    }


def test_uncaught_exceptions_are_one_line_without_their_text(logs: Logs) -> None:
    """The line has the thread, the type and the place."""
    logs.configure()
    install_exception_hooks()

    def fail() -> None:
        raise KeyError("jane@example.edu")

    thread = threading.Thread(target=fail, name="their-thread")
    thread.start()
    thread.join(20)

    (line,) = logs.lines()
    assert line["event"] == "uncaught_exception"
    assert line["where"] == "their-thread"
    assert line["error_type"] == "KeyError"
    assert "jane" not in logs.text()


def test_describe_has_the_handlers_line() -> None:
    """For an error in a library the handler's own line comes first, then the library's."""

    def on_grade() -> None:
        json.loads("not json, jane@example.edu")

    try:
        on_grade()
    except ValueError as error:
        described = describe(error)

    assert described["error_type"] == "JSONDecodeError"
    assert described["error_at"].startswith("test_log_processors.py:")
    assert " > decoder.py:" in described["error_at"]
    assert described["error_at"].endswith(" in raw_decode")
    assert describe(ValueError("never raised")) == {"error_type": "ValueError", "error_at": ""}
