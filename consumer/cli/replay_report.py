"""What `consume replay` shows: its progress on a terminal, and the summary."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TextIO

from consumer.cli.output import section, wrapped
from consumer.clock import Clock
from consumer.operations.replay.failures import Failure
from consumer.operations.replay.job import Job
from consumer.operations.replay.run import Progress
from consumer.operations.replay.summary import Summary

_CLEAR: Final = "\r\x1b[K"
_BAR_WIDTH: Final = 24
#: Failures that are shown with their place.
_MOST: Final = 20


class Bar:
    """One line at the bottom of a terminal. Elsewhere nothing is drawn."""

    def __init__(self, stream: TextIO, *, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock.monotonic()
        self._drawn = False
        self._is_terminal = stream.isatty()
        #: For the log: removes the line first, so that it does not stand in the middle.
        self.stream: Any = _LogStream(self) if self._is_terminal else stream

    def draw(self, progress: Progress) -> None:
        """Draw the line again."""
        if not self._is_terminal:
            return
        columns = shutil.get_terminal_size().columns - 1
        self._write(f"{_CLEAR}{self._line(progress)[:columns]}")
        self._drawn = True

    def clear(self) -> None:
        """Remove the line."""
        if self._drawn:
            self._drawn = False
            self._write(_CLEAR)

    def above(self, report: Callable[[str], None]) -> Callable[[str], None]:
        """A report that does not stand in the middle of the line."""

        def clear_and_report(sentence: str) -> None:
            self.clear()
            report(sentence)

        return clear_and_report

    def _line(self, progress: Progress) -> str:
        status = progress.status
        handled = sum(status.events.values())
        seconds = max(self._clock.monotonic() - self._began, 0.001)
        parts = [f"{handled:,} handled", f"{handled / seconds:,.0f}/s"]
        if progress.skipped:
            parts.append(f"{progress.skipped:,} skipped")
        if progress.failed:
            parts.append(f"{progress.failed:,} failed")
        if progress.waiting:
            parts.append(f"{progress.waiting:,} waiting for their next attempt")
        if status.failing_handlers:
            parts.append(f"waiting for {', '.join(status.failing_handlers)} to work again")
        text = ", ".join(parts)
        total, done = progress.bytes_total, progress.bytes_done
        if not total:
            return text
        share = min(done / total, 1.0)
        full = round(share * _BAR_WIDTH)
        new = done - progress.bytes_before
        left = f", {_duration((total - done) * seconds / new)} left" if new and done < total else ""
        return f"[{'#' * full}{'-' * (_BAR_WIDTH - full)}] {share:4.0%}  {text}{left}"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._is_terminal = False


class _LogStream:
    """A stream for the log on a terminal with a line at the bottom."""

    encoding = "utf-8"

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def write(self, text: str) -> int:
        """Write whole lines."""
        self._bar.clear()
        self._bar._write(text)  # noqa: SLF001 - its other half
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def summary_page(summary: Summary, width: int | None, *, advice: str) -> Iterator[str]:
    """The lines of the summary; `advice` is the last one."""
    counts = {
        "handled": summary.handled,
        "skipped": summary.skipped,
        "unmatched": sum(summary.unmatched.values()),
        "failed": summary.failed,
        "not events": summary.not_events,
    }
    notes = {
        "skipped": "not chosen by --events, --since, --until or --key",
        "unmatched": "no handler asks for them",
    }
    for name, count in counts.items():
        note = f"  {notes[name]}" if count and name in notes else ""
        yield f"{name:<12}{count:>12,}{note}"
    yield f"{'time':<12}{_duration(summary.seconds):>12}  {summary.rate:,.0f} events a second"
    yield from _names("Handled", summary.events, width)
    yield from _names("No handler asks for", summary.unmatched, width)
    yield from _failed(summary, width)
    if advice:
        yield ""
        yield from wrapped(advice, width)


def _names(title: str, events: Mapping[str, int], width: int | None) -> Iterator[str]:
    if events:
        yield from section(title, [[f"{count:,}", name] for name, count in events.items()], width)


def _failed(summary: Summary, width: int | None) -> Iterator[str]:
    if not summary.reasons:
        return
    rows = [
        [f"{count:,}", handler or "(not an event)", reason]
        for (handler, reason), count in sorted(summary.reasons.items(), key=lambda item: -item[1])
    ]
    yield from section("Not handled, by handler and reason", rows, width)
    shown = summary.failures[:_MOST]
    yield from section("Where", [_row(failure) for failure in shown], width)
    more = sum(summary.reasons.values()) - len(shown)
    if more > 0:
        yield f"  and {more:,} more; --failures FILE keeps all of them"


def _row(failure: Failure) -> list[str]:
    place = f"{failure.file}:{failure.line}" if failure.line else failure.file
    return [place, failure.event_name or "(not an event)", failure.event_key, failure.reason]


def advice(summary: Summary, job: Job) -> str:
    """How to continue, or why there was nothing to do; "" if it has run to its end."""
    if not summary.stopped:
        if job.position is not None and not summary.seen:
            return f"Nothing is left to do; to start from the beginning, delete {job.position}."
        return ""
    reason = "Stopped" if summary.stopped == "signal" else f"Stopped: {summary.stopped}"
    if job.position is not None:
        return f"{reason}. The same command continues it."
    return f"{reason}. Only with --position FILE can a replay be continued."


def routes_page(data: Mapping[str, Any], width: int | None) -> Iterator[str]:
    """The lines of a dry run."""
    yield "No handler was called."
    yield f"{'skipped':<12}{data['skipped']:>12,}"
    yield f"{'not events':<12}{data['not_events']:>12,}"
    for handler, events in data["handlers"].items():
        yield from _names(f"Would go to {handler}", events, width)
    yield from _names("No handler asks for", data["unmatched"], width)
