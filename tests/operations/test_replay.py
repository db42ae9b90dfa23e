"""Replays run the daemon's engine over files: what is handled, what fails, and what is counted."""

from __future__ import annotations

import gzip
import json
import threading
from typing import TYPE_CHECKING, TypeAlias

import pytest

from consumer import BatchFailure, Coalesce, Context, Event, Registry, Reject, Retry
from consumer.clock import SystemClock
from consumer.config import EngineSettings
from consumer.handlers.records import line_of
from consumer.operations.replay import run, source
from consumer.operations.replay.choice import Choice
from consumer.operations.replay.failures import Failure
from consumer.queues.quarantine import DirectoryQuarantine
from consumer.testing import canvas_body, make_message
from tests.operations.replays import Replays, archive, archived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


Fail: TypeAlias = "Callable[[int, Context], None]"


def number_of(event: Event) -> int:
    return int(event.body["submission_id"])


class Notes:
    """A registry whose handler notes the numbers of its events."""

    def __init__(self, fail: Fail = lambda _number, _context: None) -> None:
        self.numbers: list[int] = []
        self.events: list[Event] = []
        self.registry = Registry()

        def note(event: Event, context: Context) -> None:
            fail(number_of(event), context)
            self.numbers.append(number_of(event))
            self.events.append(event)

        self.registry.add(note, "*", name="note")


def test_every_event_of_an_archive_is_handled(replay: Replays, tmp_path: Path) -> None:
    """Once each, with its own message id; files at any depth, compressed ones, too."""
    archive(tmp_path / "2024/05/events-2024-05-01.jsonl", range(300))
    more = archive(tmp_path / "2024/05/events-2024-05-02.jsonl", range(300, 400))
    more.with_suffix(".jsonl.gz").write_bytes(gzip.compress(more.read_bytes()))
    more.unlink()
    notes = Notes()

    summary = replay(notes.registry, tmp_path)

    assert list(range(400)) == sorted(notes.numbers)
    assert {f"m-{number}" for number in range(400)} == {e.message_id for e in notes.events}
    assert (400, 0, 0) == (summary.handled, summary.failed, summary.exit_code)
    assert summary.events == {"submission_created": 400}
    assert replay.reported == []
    assert replay.ticks[-1].bytes_done == replay.ticks[-1].bytes_total


def test_a_replayed_event_has_the_key_that_it_had(replay: Replays, tmp_path: Path) -> None:
    """Also where the archive has removed a secret: handlers recognise the event by its key."""
    secret = {"submission_id": "1", "url": "https://x.example/f?access_token=abc"}
    live = canvas_body("attachment_created", body=secret)
    original = Notes()
    (tmp_path / "live.jsonl").write_text(live + "\n")
    replay(original.registry, tmp_path / "live.jsonl")
    line = line_of(original.events[0], "2024-05-02T00:00:00Z", scrub_secrets=True)
    (tmp_path / "archive.jsonl").write_text(line)
    again = Notes()

    replay(again.registry, tmp_path / "archive.jsonl")

    assert "abc" not in again.events[0].raw
    assert again.events[0].key == original.events[0].key


def test_only_what_is_chosen_is_handled(replay: Replays, tmp_path: Path) -> None:
    """The rest is counted as skipped, and events that no handler asks for as unmatched."""
    file = tmp_path / "events.jsonl"
    file.write_text(
        "".join(archived(n, "grade_change" if n % 2 else "logged_in") for n in range(9))
    )
    registry = Registry()
    registry.add(lambda _event: None, "logged_in", name="logins")

    summary = replay(registry, file, choice=Choice(names=("grade_*", "log*")))
    nothing = replay(registry, file, choice=Choice(names=("quiz_*",)))

    assert (5, 0, 0) == (summary.handled, summary.skipped, summary.exit_code)
    assert summary.unmatched == {"grade_change": 4}
    assert (0, 9, 0) == (nothing.handled, nothing.skipped, nothing.exit_code)


def test_what_is_rejected_is_reported_with_its_place(replay: Replays, tmp_path: Path) -> None:
    """File, line, name, key, handler and reason. The others are handled."""
    file = archive(tmp_path / "events.jsonl", range(10))

    def fail(number: int, _context: Context) -> None:
        if number == 3:
            raise Reject("no such user")

    notes = Notes(fail)
    summary = replay(notes.registry, file)

    assert sorted(notes.numbers) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert (9, 1, 1) == (summary.handled, summary.failed, summary.exit_code)
    (failure,) = summary.failures
    key = json.loads(archived(3))["event_key"]
    name = "submission_created"
    assert failure == Failure(str(file), 4, "no such user", "note", name, key, "m-3")
    assert summary.reasons == {("note", "no such user"): 1}


def test_what_fails_too_often_is_reported(replay: Replays, tmp_path: Path) -> None:
    """After so many attempts it does not come back."""
    file = archive(tmp_path / "events.jsonl", range(3))
    counts: list[int] = []

    def fail(number: int, context: Context) -> None:
        if number == 1:
            counts.append(context.receive_count)
            raise Retry("locked", after=0)

    summary = replay(Notes(fail).registry, file, attempts=3)

    assert counts == [1, 2, 3]
    assert (2, {("note", "locked"): 1}, 1) == (summary.handled, summary.reasons, summary.exit_code)


def test_a_handler_that_succeeded_is_not_called_again(replay: Replays, tmp_path: Path) -> None:
    """As in the daemon: only the one that failed is."""
    file = archive(tmp_path / "events.jsonl", range(1))
    calls: list[str] = []

    def fail_once(_number: int, context: Context) -> None:
        calls.append("second")
        if context.receive_count == 1:
            raise Retry("once", after=0)

    notes = Notes(fail_once)
    notes.registry.add(lambda _event: calls.append("first"), "*", name="first")

    summary = replay(notes.registry, file)

    assert sorted(calls) == ["first", "second", "second"]
    assert summary.handled == 1


def test_a_batch_may_fail_in_part(replay: Replays, tmp_path: Path) -> None:
    """Only those that failed come again, and only they are reported."""
    file = archive(tmp_path / "events.jsonl", range(50))
    handled: list[int] = []
    registry = Registry()

    @registry.on("*", batch=20, linger_seconds=0.1)
    def store(events: Sequence[Event]) -> None:
        bad: dict[Event, Exception] = {e: Reject("odd one") for e in events if number_of(e) == 7}
        bad |= {e: Retry("again", after=0) for e in events if number_of(e) == 8 and not retried}
        retried.extend(e for e in bad if number_of(e) == 8)
        handled.extend(number_of(e) for e in events if e not in bad)
        if bad:
            raise BatchFailure(bad)

    retried: list[Event] = []
    summary = replay(registry, file)

    assert sorted(handled) == [n for n in range(50) if n != 7]
    assert (49, {("store", "odd one"): 1}) == (summary.handled, summary.reasons)


@pytest.mark.parametrize("events", [5, 10_500])
def test_what_is_collected_is_called_when_nothing_more_can_be_read(
    replay: Replays, tmp_path: Path, events: int
) -> None:
    """At the end, and when as much is held as a replay reads: it does not wait for minutes."""
    calls: list[int] = []
    registry = Registry()
    registry.add(
        lambda _event, context: calls.append(len(context.message_ids)),
        "*", name="sync", coalesce=Coalesce(lambda event: event.name, 300),
    )  # fmt: skip

    summary = replay(registry, archive(tmp_path / "events.jsonl", range(events)))

    assert summary.exit_code == 0
    assert sum(calls) == events
    assert len(calls) <= 1 + events // 2_000
    assert summary.seconds < 60


def test_an_outage_costs_no_event(replay: Replays, tmp_path: Path) -> None:
    """The handler is paused, as in the daemon; what it gets afterwards includes all that failed."""
    file = archive(tmp_path / "events.jsonl", range(100))
    down = [True] * 5

    def fail(_number: int, _context: Context) -> None:
        if down:
            down.pop()
            raise ConnectionError

    replay.engine = EngineSettings(breaker_failures=5, workers=1, retry_base_seconds=0.1)
    notes = Notes(fail)
    summary = replay(notes.registry, file, attempts=2)

    assert sorted(notes.numbers) == list(range(100))
    assert (100, 0) == (summary.handled, summary.failed)


def test_middleware_is_around_the_handler(replay: Replays, tmp_path: Path) -> None:
    """As in the daemon."""
    notes = Notes()
    seen: list[str] = []

    @notes.registry.use
    def outer(event: Event, context: Context, call_next: Callable[..., None]) -> None:
        seen.append(context.handler)
        call_next(event, context)

    replay(notes.registry, archive(tmp_path / "events.jsonl", range(2)))

    assert seen == ["note", "note"]
    assert sorted(notes.numbers) == [0, 1]


def test_a_quarantined_message_is_replayed_when_its_cause_is_fixed(
    replay: Replays, tmp_path: Path
) -> None:
    """From the quarantine's own files, and from those of --failures: the same id and body."""
    body = canvas_body(body={"submission_id": "5"})
    quarantine = DirectoryQuarantine(tmp_path / "quarantine", clock=SystemClock())
    quarantine.put(make_message(body, message_id="m-5"), "no such user", "note")

    def fail(_number: int, _context: Context) -> None:
        raise Reject("not yet")

    failures = tmp_path / "failed.jsonl"
    failed = replay(Notes(fail).registry, tmp_path / "quarantine", failures=failures)
    notes = Notes()
    summary = replay(notes.registry, tmp_path / "quarantine", failures)

    assert (failed.failed, failed.exit_code) == (1, 1)
    assert failures.stat().st_mode & 0o777 == 0o600
    assert [5, 5] == notes.numbers
    assert {"m-5", "m-5#2"} == {event.message_id for event in notes.events}
    assert {body} == {event.raw for event in notes.events}
    assert summary.exit_code == 0


def test_what_is_not_an_event_is_counted_and_kept(replay: Replays, tmp_path: Path) -> None:
    """With the place and the reason, and it does not hide the others. Exit code 1."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(
        archived(0).encode() + b'{"other": "sesame"}\n{"broken\n\xff\n' + archived(1).encode()
    )
    notes = Notes()

    summary = replay(notes.registry, file, failures=tmp_path / "failed.jsonl")

    assert sorted(notes.numbers) == [0, 1]
    assert (2, 0, 2, 1) == (
        summary.handled, summary.failed, summary.not_events, summary.exit_code,
    )  # fmt: skip
    assert replay.reported == [f"{file}: line 4 is not UTF-8 text"]
    assert "sesame" not in repr(summary)


def test_a_torn_last_line_is_reported_and_skipped(replay: Replays, tmp_path: Path) -> None:
    """A daemon may be writing it. It is no failure, and a later run gets it when it is complete."""
    file = archive(tmp_path / "events.jsonl", range(2))
    whole = archived(2)
    with file.open("a") as lines:
        lines.write(whole[:100])
    position = tmp_path / "position.json"
    first, second = Notes(), Notes()

    summary = replay(first.registry, file, position=position)
    with file.open("a") as lines:
        lines.write(whole[100:])
    replay(second.registry, file, position=position)

    assert ([0, 1], [2]) == (sorted(first.numbers), second.numbers)
    assert (2, 0) == (summary.handled, summary.exit_code)
    assert replay.reported == [f"{file}:3: the last line is cut off, and skipped"]


def test_lines_of_one_message_are_all_handled(replay: Replays, tmp_path: Path) -> None:
    """Several events of one message, or one that was archived twice: they are kept apart."""
    file = tmp_path / "events.jsonl"
    lines = [archived(n).replace(f'"m-{n}"', '"m"') for n in range(500)]
    file.write_text("".join(lines))
    notes = Notes()

    summary = replay(notes.registry, file)

    assert sorted(notes.numbers) == list(range(500))
    assert summary.handled == 500
    assert len({event.message_id for event in notes.events}) == 500


def test_a_line_of_a_message_that_waits_is_handled(
    replay: Replays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also so late that the ids of the lines before are forgotten."""
    monkeypatch.setattr(source, "_REMEMBERED", 5)
    file = tmp_path / "events.jsonl"
    lines = [archived(0), *map(archived, range(1, 400)), archived(400).replace('"m-400"', '"m-0"')]
    file.write_text("".join(lines))
    end = threading.Event()

    def wait(number: int, _context: Context) -> None:
        if number == 0:
            end.wait()
        if number == 400:
            end.set()

    notes = Notes(wait)
    summary = replay(notes.registry, file)

    assert summary.handled == 401
    assert sorted(notes.numbers) == list(range(401))


def test_a_handler_that_is_down_for_long_ends_it(
    replay: Replays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 75. What waits for it is not handled and not failed: a later run gets it."""
    monkeypatch.setattr(run, "PAUSED_SECONDS", 0.3)
    file = archive(tmp_path / "events.jsonl", range(40))
    position = tmp_path / "position.json"

    def fail(_number: int, _context: Context) -> None:
        raise ConnectionError

    summary = replay(Notes(fail).registry, file, attempts=1, position=position)
    notes = Notes()
    replay(notes.registry, file, position=position)

    assert (0, 40, 75) == (summary.handled, summary.left + summary.failed, summary.exit_code)
    assert "handler note has failed for" in summary.stopped
    assert summary.failed < 5  # before the breaker opened
    failed = {int(failure.message_id.removeprefix("m-")) for failure in summary.failures}
    assert failed | set(notes.numbers) == set(range(40))


def test_handlers_that_hang_end_it(
    replay: Replays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 75, once nothing but what hangs is left; the others are handled."""
    monkeypatch.setattr(run, "STUCK_SECONDS", 0.3)
    replay.engine = EngineSettings(handler_timeout_seconds=0.1, drain_timeout_seconds=0)
    end = threading.Event()

    def hang(number: int, _context: Context) -> None:
        if number == 3:
            end.wait()

    notes = Notes(hang)
    summary = replay(notes.registry, archive(tmp_path / "events.jsonl", range(10)))
    end.set()

    assert (9, 1, 75) == (summary.handled, summary.left, summary.exit_code)
    assert summary.stopped == "handlers are stuck past their timeout"


def test_reasons_that_all_differ_are_bounded(replay: Replays, tmp_path: Path) -> None:
    """They come from handlers. All failures are counted, and kept in the file."""
    file = archive(tmp_path / "events.jsonl", range(1_005))
    failures = tmp_path / "failed.jsonl"

    def fail(number: int, _context: Context) -> None:
        raise Reject(f"reason {number}")

    summary = replay(Notes(fail).registry, file, failures=failures)

    assert summary.failed == len(failures.read_text().splitlines()) == 1_005
    assert summary.reasons["note", "(other reasons)"] == 5


def test_many_failures_do_not_fill_the_memory(replay: Replays, tmp_path: Path) -> None:
    """What waits for its next attempt is bounded; reading goes on when it is done."""
    file = archive(tmp_path / "events.jsonl", range(2_000))
    held: list[int] = []
    lock = threading.Lock()

    def fail(_number: int, context: Context) -> None:
        with lock:
            held.append(context.receive_count)
        if context.receive_count < 2:
            raise Retry("first", after=0)

    summary = replay(Notes(fail).registry, file)

    assert (2_000, 0) == (summary.handled, summary.failed)
    assert len(held) == 4_000
