"""Each failure is logged once, its repeats are counted, and no count is lost."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.service.log_output import NamedOutput, Output
from consumer.service.log_repeats import RepeatFilter
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Logs:
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


@pytest.fixture(name="logs")
def _logs() -> Iterator[Logs]:
    yield Logs()
    structlog.reset_defaults()


def test_repeat_within_the_window_is_held_back(logs: Logs) -> None:
    """The same failure is logged once a window; the next line has the count of repeats."""
    for _ in range(4):
        logs.log.warning("handler_failed", handler="grades", error_type="KeyError")
    logs.clock.advance(59.9)
    logs.log.warning("handler_failed", handler="grades", error_type="KeyError")
    assert logs.lines() == [("handler_failed", None)]

    logs.clock.advance(0.1)
    logs.log.warning("handler_failed", handler="grades", error_type="KeyError")

    assert logs.lines() == [("handler_failed", 4)]


@pytest.mark.parametrize(
    "fact", ["handler", "error_type", "code", "reason", "problems", "file", "where"]
)
def test_another_failure_is_logged_at_once(logs: Logs, fact: str) -> None:
    """Another handler, type, code, reason, problem, file or thread is another failure."""
    logs.log.warning("handler_failed", **{fact: "one"})
    logs.log.warning("handler_failed", **{fact: "two"})

    assert logs.lines() == [("handler_failed", None)] * 2


def test_some_facts_do_not_distinguish_failures(logs: Logs) -> None:
    """The same failure on another message is the same failure."""
    logs.log.error("undecodable", reason="no JSON", message_id="1")
    logs.log.error("undecodable", reason="no JSON", message_id="2")

    assert logs.lines() == [("undecodable", None)]


def test_lines_of_others_are_never_held_back(logs: Logs) -> None:
    """Handlers and libraries: the same line six times is six lines."""
    for names in ((), ("my_handlers",), ("consumer.handler",), ("consumerish",)):
        log = structlog.get_logger(*names)
        for _ in range(6):
            log.warning("handler_failed", reason="a course without a term")

        assert logs.lines() == [("handler_failed", None)] * 6, names


def test_events_that_are_logged_once_each_are_not_held_back(logs: Logs) -> None:
    """Two unknown events, or two warnings about the configuration, are two lines."""
    for event in ("unknown_event", "unknown_field", "data_misfit", "config_warning"):
        for name in ("one", "two"):
            logs.log.warning(event, event_name=name, reason="x" * 600 + name)

        assert logs.lines() == [(event, None)] * 2


def test_info_is_never_held_back(logs: Logs) -> None:
    """All lines below warning pass."""
    for _ in range(3):
        logs.log.info("summary")

    assert logs.lines() == [("summary", None)] * 3


def test_flush_logs_pending_counts(logs: Logs) -> None:
    """With the facts of the failure, and only once."""
    for _ in range(3):
        logs.log.error("receive_failed", code="Throttled", next_attempt_seconds=4)
    logs.lines()

    logs.filter.flush()

    assert logs.kept.entries == [
        {"event": "receive_failed", "code": "Throttled", "repeats": 2, "log_level": "error",
         "level": "error"}
    ]  # fmt: skip
    logs.lines()
    logs.filter.flush()
    assert logs.lines() == []


def test_a_lasting_failure_is_one_line_a_flush(logs: Logs) -> None:
    """A failure that lasts for minutes is logged by the flush of each minute only."""
    for _ in range(3):
        for _ in range(60):
            logs.clock.advance(1)
            logs.log.warning("handler_failed")
        logs.filter.flush()

    # The flush reports 59; later the first line after the window does, with itself 60.
    assert [repeats for _, repeats in logs.lines()] == [None, 59, 59, 59]


def test_table_is_bounded_and_nothing_is_lost() -> None:
    """With more failures than are remembered, the counts of the oldest are logged as a sum."""
    logs = Logs(max_failures=10)
    for number in range(25):
        for _ in range(3):
            logs.log.warning("handler_failed", reason=str(number))

    logs.filter.flush()

    lines = logs.lines()
    assert sum(repeats or 0 for _, repeats in lines) == 50
    assert lines[-1] == ("lines_suppressed", 30)
    structlog.reset_defaults()


def test_remembers_only_the_beginning_of_a_long_line() -> None:
    """A long text passes, but is not kept in memory."""
    logs = Logs(max_failures=10)

    for _ in range(2):
        logs.log.warning("x" * 1_000_000, reason="y" * 1_000_000)

    assert [(event[:2], len(event)) for event, _ in logs.lines()] == [("xx", 1_000_000)]
    assert all(len(part) <= 500 for key in logs.filter._seen for part in key)
    structlog.reset_defaults()


def test_old_failures_are_forgotten(logs: Logs) -> None:
    """A failure that has not come back for a window is forgotten by flush."""
    logs.log.warning("handler_failed")
    logs.clock.advance(61)
    logs.filter.flush()
    logs.log.warning("handler_failed")

    assert logs.lines() == [("handler_failed", None)] * 2
    assert len(logs.filter._seen) == 1
