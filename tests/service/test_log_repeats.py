"""Each failure is told once, its repeats are counted, and no count is lost."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from consumer.service.log_output import NamedOutput, Output
from consumer.service.log_processors import RepeatFilter
from consumer.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Told:
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


@pytest.fixture(name="told")
def _told() -> Iterator[Told]:
    yield Told()
    structlog.reset_defaults()


def test_repeat_within_the_window_is_held_back(told: Told) -> None:
    """The same failure is told once a window; the next line carries how many were held back."""
    for _ in range(4):
        told.log.warning("handler_failed", handler="grades", error_type="KeyError")
    told.clock.advance(59.9)
    told.log.warning("handler_failed", handler="grades", error_type="KeyError")
    assert told.lines() == [("handler_failed", None)]

    told.clock.advance(0.1)
    told.log.warning("handler_failed", handler="grades", error_type="KeyError")

    assert told.lines() == [("handler_failed", 4)]


@pytest.mark.parametrize(
    "fact", ["handler", "error_type", "code", "reason", "problems", "file", "where"]
)
def test_another_failure_is_told_at_once(told: Told, fact: str) -> None:
    """Another handler, type, code, reason, problem, file or thread is another failure."""
    told.log.warning("handler_failed", **{fact: "one"})
    told.log.warning("handler_failed", **{fact: "two"})

    assert told.lines() == [("handler_failed", None)] * 2


def test_what_does_not_tell_failures_apart(told: Told) -> None:
    """The same failure on another message is the same failure."""
    told.log.error("undecodable", reason="no JSON", message_id="1")
    told.log.error("undecodable", reason="no JSON", message_id="2")

    assert told.lines() == [("undecodable", None)]


def test_lines_of_others_are_never_held_back(told: Told) -> None:
    """What handlers and libraries log is theirs: the same line six times is six lines."""
    for names in ((), ("my_handlers",), ("consumer.handler",), ("consumerish",)):
        log = structlog.get_logger(*names)
        for _ in range(6):
            log.warning("handler_failed", reason="a course without a term")

        assert told.lines() == [("handler_failed", None)] * 6, names


def test_what_is_said_once_each_is_not_held_back(told: Told) -> None:
    """Two unknown events, or two warnings about the configuration, are two lines."""
    for event in ("unknown_event", "unknown_field", "data_misfit", "config_warning"):
        for name in ("one", "two"):
            told.log.warning(event, event_name=name, reason="x" * 600 + name)

        assert told.lines() == [(event, None)] * 2


def test_info_is_never_held_back(told: Told) -> None:
    """Lines below warning pass, however often."""
    for _ in range(3):
        told.log.info("summary")

    assert told.lines() == [("summary", None)] * 3


def test_flush_tells_what_is_pending(told: Told) -> None:
    """Counts are told by flush with the failure's facts, and only once."""
    for _ in range(3):
        told.log.error("receive_failed", code="Throttled", next_attempt_seconds=4)
    told.lines()

    told.filter.flush()

    assert told.kept.entries == [
        {"event": "receive_failed", "code": "Throttled", "repeats": 2, "log_level": "error",
         "level": "error"}
    ]  # fmt: skip
    told.lines()
    told.filter.flush()
    assert told.lines() == []


def test_going_on_is_one_line_a_flush(told: Told) -> None:
    """A failure that goes on for minutes is told by each minute's flush and nothing else."""
    for _ in range(3):
        for _ in range(60):
            told.clock.advance(1)
            told.log.warning("handler_failed")
        told.filter.flush()

    # The flush tells 59; in the next minutes the first line after the window does, with itself 60.
    assert [repeats for _, repeats in told.lines()] == [None, 59, 59, 59]


def test_table_is_bounded_and_nothing_is_lost() -> None:
    """Of more failures than are remembered the counts of the oldest are told in sum."""
    told = Told(max_failures=10)
    for number in range(25):
        for _ in range(3):
            told.log.warning("handler_failed", reason=str(number))

    told.filter.flush()

    lines = told.lines()
    assert sum(repeats or 0 for _, repeats in lines) == 50
    assert lines[-1] == ("lines_suppressed", 30)
    structlog.reset_defaults()


def test_remembers_only_the_beginning_of_a_long_line() -> None:
    """A long text passes, but is not kept in memory."""
    told = Told(max_failures=10)

    for _ in range(2):
        told.log.warning("x" * 1_000_000, reason="y" * 1_000_000)

    assert [(event[:2], len(event)) for event, _ in told.lines()] == [("xx", 1_000_000)]
    assert all(len(part) <= 500 for key in told.filter._seen for part in key)
    structlog.reset_defaults()


def test_forgets_what_has_passed(told: Told) -> None:
    """A failure that has not come back for a window is forgotten by flush."""
    told.log.warning("handler_failed")
    told.clock.advance(61)
    told.filter.flush()
    told.log.warning("handler_failed")

    assert told.lines() == [("handler_failed", None)] * 2
    assert len(told.filter._seen) == 1
