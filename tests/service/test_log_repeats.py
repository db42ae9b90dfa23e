"""Each failure is logged once, its repeats are counted, and no count is lost."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.service.logs.output import NamedOutput, Output
from consumer.service.logs.processors import RepeatFilter
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lines:
    """A structlog with nothing but the filter; what passes is kept."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock(datetime(2024, 3, 5, tzinfo=UTC))
        self.filter = RepeatFilter(self.clock, **options)
        self.kept = structlog.testing.LogCapture()
        structlog.configure(
            processors=[structlog.processors.add_log_level, self.filter, self.kept],
            logger_factory=lambda *names: NamedOutput(Output(io.StringIO()), *names),
            cache_logger_on_first_use=False,
        )
        self.log = structlog.get_logger("consumer.engine.invoke")

    def lines(self) -> list[tuple[str, int | None]]:
        """Event and repeats of each line that passed since the last call."""
        entries = [(entry["event"], entry.get("repeats")) for entry in self.kept.entries]
        self.kept.entries.clear()
        return entries


@pytest.fixture(name="logged")
def _logged() -> Iterator[Lines]:
    yield Lines()
    structlog.reset_defaults()


def test_repeat_within_the_window_is_held_back(logged: Lines) -> None:
    """The same failure is logged once a window; the next line carries how many were held back."""
    for _ in range(4):
        logged.log.warning("handler_failed", handler="grades", error_type="KeyError")
    logged.clock.advance(59.9)
    logged.log.warning("handler_failed", handler="grades", error_type="KeyError")
    assert logged.lines() == [("handler_failed", None)]

    logged.clock.advance(0.1)
    logged.log.warning("handler_failed", handler="grades", error_type="KeyError")

    assert logged.lines() == [("handler_failed", 4)]


@pytest.mark.parametrize(
    "fact", ["handler", "error_type", "code", "reason", "problems", "file", "where"]
)
def test_another_failure_is_logged_at_once(logged: Lines, fact: str) -> None:
    """Another handler, type, code, reason, problem, file or thread is another failure."""
    logged.log.warning("handler_failed", **{fact: "one"})
    logged.log.warning("handler_failed", **{fact: "two"})

    assert logged.lines() == [("handler_failed", None)] * 2


def test_another_message_is_the_same_failure(logged: Lines) -> None:
    """The message id does not distinguish failures."""
    logged.log.error("undecodable", reason="no JSON", message_id="1")
    logged.log.error("undecodable", reason="no JSON", message_id="2")

    assert logged.lines() == [("undecodable", None)]


def test_lines_of_others_are_never_held_back(logged: Lines) -> None:
    """What handlers and libraries log is theirs: the same line six times is six lines."""
    for names in ((), ("my_handlers",), ("consumer.handler",), ("consumerish",)):
        log = structlog.get_logger(*names)
        for _ in range(6):
            log.warning("handler_failed", reason="a course without a term")

        assert logged.lines() == [("handler_failed", None)] * 6, names


def test_what_is_logged_once_each_is_never_held_back(logged: Lines) -> None:
    """Two unknown events, or two warnings about the configuration, are two lines."""
    for event in ("unknown_event", "unknown_field", "data_misfit", "config_warning"):
        for name in ("one", "two"):
            logged.log.warning(event, event_name=name, reason="x" * 600 + name)

        assert logged.lines() == [(event, None)] * 2


def test_info_is_never_held_back(logged: Lines) -> None:
    """Lines below warning pass, however often."""
    for _ in range(3):
        logged.log.info("summary")

    assert logged.lines() == [("summary", None)] * 3


def test_flush_logs_what_is_pending(logged: Lines) -> None:
    """Counts are logged by flush with the failure's facts, and only once."""
    for _ in range(3):
        logged.log.error("receive_failed", code="Throttled", next_attempt_seconds=4)
    logged.lines()

    logged.filter.flush()

    assert logged.kept.entries == [
        {"event": "receive_failed", "code": "Throttled", "repeats": 2, "log_level": "error",
         "level": "error"}
    ]  # fmt: skip
    logged.lines()
    logged.filter.flush()
    assert logged.lines() == []


def test_going_on_is_one_line_a_flush(logged: Lines) -> None:
    """A failure that goes on for minutes is logged by each minute's flush and nothing else."""
    for _ in range(3):
        for _ in range(60):
            logged.clock.advance(1)
            logged.log.warning("handler_failed")
        logged.filter.flush()

    # The flush logs 59; in the next minutes the first line after the window does, with itself 60.
    assert [repeats for _, repeats in logged.lines()] == [None, 59, 59, 59]


def test_table_is_bounded_and_nothing_is_lost() -> None:
    """Of more failures than are remembered the counts of the oldest are logged in sum."""
    logged = Lines(max_failures=10)
    for number in range(25):
        for _ in range(3):
            logged.log.warning("handler_failed", reason=str(number))

    logged.filter.flush()

    lines = logged.lines()
    assert sum(repeats or 0 for _, repeats in lines) == 50
    assert lines[-1] == ("lines_suppressed", 30)
    structlog.reset_defaults()


def test_remembers_only_the_beginning_of_a_long_line() -> None:
    """A long text passes, but is not kept in memory."""
    logged = Lines(max_failures=10)

    for _ in range(2):
        logged.log.warning("x" * 1_000_000, reason="y" * 1_000_000)

    assert [(event[:2], len(event)) for event, _ in logged.lines()] == [("xx", 1_000_000)]
    assert all(len(part) <= 500 for key in logged.filter._seen for part in key)
    structlog.reset_defaults()


def test_forgets_what_has_passed(logged: Lines) -> None:
    """A failure that has not come back for a window is forgotten by flush."""
    logged.log.warning("handler_failed")
    logged.clock.advance(61)
    logged.filter.flush()
    logged.log.warning("handler_failed")

    assert logged.lines() == [("handler_failed", None)] * 2
    assert len(logged.filter._seen) == 1
