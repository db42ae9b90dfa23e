"""`consume replay`: its options, what it prints, and its exit codes, as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.replays import archive, archived
from tests.processes import BOUND, environment, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes import Consume

    Start = Callable[..., Consume]

pytestmark = pytest.mark.acceptance

#: Notes each number in the file `notes`; waits at 500 and above until there is a file `go`, or the
#: process drains; rejects what is in the file `bad`.
HANDLERS = """
import os, time
from pathlib import Path
from consumer import Registry, Reject

registry = Registry()
bad = Path("bad").read_text().split() if Path("bad").exists() else []

@registry.on("*")
def note(event, context):
    number = event.body["submission_id"]
    if number in bad:
        raise Reject("no such user")
    while int(number) >= 500 and not (Path("go").exists() or context.should_stop()):
        Path("waits").touch()
        time.sleep(0.01)
    with open("notes", "a") as notes:
        notes.write(number + "\\n")

@registry.on("quiz_*")
def quizzes(event):
    pass
"""
CONFIG = """
handlers:
  - {name: archive, archive: {}}
  - {name: grades, python: {target: "noting:note"}}
"""
#: The options with which all handlers run.
NOTE = ("--handler", "noting:note")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "noting.py").write_text(HANDLERS)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def noted(folder: Path) -> list[int]:
    """The numbers that were handled, in order."""
    path = folder / "notes"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(folder: Path, *arguments: str, out: Any = subprocess.PIPE) -> Any:
    """Run `consume replay` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "consumer", "replay", *arguments],
        cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL, stdout=out,
        stderr=subprocess.PIPE, timeout=BOUND, check=False,
    )  # fmt: skip


def test_the_summary_says_what_happened(folder: Path) -> None:
    """Counts, names, reasons and places; in a pipe there is nothing else."""
    file = archive(folder / "events.jsonl", range(10))
    with file.open("a") as lines:
        lines.write('{"other": 1}\n')
    (folder / "bad").write_text("7")

    done = run(folder, "events.jsonl", *NOTE, "--failures", "failed.jsonl")

    said = done.stdout.decode()
    assert done.returncode == 1
    assert sorted(noted(folder)) == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    for line in ("handled +9", "failed +1", "not events +1", "  1  noting.note +no such user"):
        assert re.search(f"^{line}$", said, re.MULTILINE), said
    key = json.loads(archived(7))["event_key"]
    assert f"  events.jsonl:8   submission_created  {key}  no such user\n" in said
    assert "  events.jsonl:11  (not an event)" in said
    logged = done.stderr.decode()
    assert "handler_rejected" in logged
    assert "\x1b" not in logged

    (folder / "bad").unlink()
    again = run(folder, "failed.jsonl", *NOTE, "--json", "--events", "submission_*")
    summary = json.loads(again.stdout)
    assert (1, 1) == (summary["handled"], summary["not_events"])
    assert noted(folder)[-1] == 7


def test_handlers_are_chosen_by_their_configured_name(folder: Path) -> None:
    """The archive handler of the same file would write what is read: that is refused."""
    archive(folder / "state/archive/2024/05/events-2024-05-01.jsonl", range(5))
    directory = "state/archive"

    all_of_them = run(folder, directory, "-c", "config.yaml")
    one = run(folder, directory, "-c", "config.yaml", "--handler", "grades", "--json")
    unknown = run(folder, directory, "-c", "config.yaml", "--handler", "grade")
    none = run(folder, directory)

    assert (78, 0, 78, 78) == (
        all_of_them.returncode, one.returncode, unknown.returncode, none.returncode,
    )  # fmt: skip
    assert b'handler "archive" archives into' in all_of_them.stderr
    assert b"choose other handlers with --handler" in all_of_them.stderr
    assert sorted(noted(folder)) == [0, 1, 2, 3, 4]
    assert json.loads(one.stdout)["events"] == {"submission_created": 5}
    assert b"or the name of a configured handler: archive, grades" in unknown.stderr
    assert b"there is no handler: choose one with --handler" in none.stderr


def test_a_dry_run_calls_no_handler(folder: Path) -> None:
    """It shows how many events would go where."""
    file = archive(folder / "events.jsonl", range(4))
    file.write_text(file.read_text() + archived(4, "quiz_submitted") + archived(5, "logged_in"))

    done = run(
        folder, "events.jsonl", "--handler", "noting:registry=submission_*,quiz_*", "--dry-run",
        "--json", "--since", "2024-05-01T12:01", "--until", "2024-05-01T12:06Z",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "handlers": {
            "noting.registry.note": {"submission_created": 3, "quiz_submitted": 1},
            "noting.registry.quizzes": {"quiz_submitted": 1},
        },
        "unmatched": {"logged_in": 1},
        "skipped": 1,
        "not_events": 0,
    }
    assert noted(folder) == []


def test_standard_input_is_replayed(folder: Path) -> None:
    """Lines as they come; an open pipe stops neither the handlers nor Ctrl-C."""
    text = "".join(map(archived, range(3))).encode()
    process = subprocess.Popen(
        [sys.executable, "-m", "consumer", "replay", "-", *NOTE, "--json"],
        cwd=folder, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin as lines, process.stdout as out:
        lines.write(text)
        lines.flush()
        eventually(lambda: noted(folder)[2:], "all of them are handled")
        process.send_signal(signal.SIGINT)
        summary = json.loads(out.read())

    assert process.returncode == 130
    assert (3, "signal") == (summary["handled"], summary["stopped"])


def test_ctrl_c_ends_it_well_and_it_can_be_continued(folder: Path, consume: Start) -> None:
    """Running handlers finish. Each event is handled in one of both runs, hardly any in both."""
    archive(folder / "events.jsonl", range(1_000))
    arguments = ("replay", "events.jsonl", *NOTE, "--position", "position.json", "--json")

    first = consume(*arguments)
    eventually(lambda: len(noted(folder)) == 500, "half of them are handled")
    eventually((folder / "waits").exists, "a handler waits until the process drains")
    first.signal(signal.SIGINT)
    code = first.end()
    in_first = noted(folder)
    (folder / "go").touch()
    second = consume(*arguments)

    assert (130, 0) == (code, second.end())
    assert set(noted(folder)) == set(range(1_000))
    summary = json.loads(first.stdout())
    assert summary["handled"] == len(in_first)
    assert summary["stopped"] == "signal"
    assert summary["left"] > 0
    assert len(in_first) > 500
    repeated = len(noted(folder)) - 1_000
    assert 0 <= repeated < 50


def test_a_kill_loses_no_event(folder: Path, consume: Start) -> None:
    """The position is written every few seconds; what was handled since comes again."""
    archive(folder / "events.jsonl", range(600))
    arguments = ("replay", "events.jsonl", *NOTE, "--position", "position.json")

    def line() -> int:
        path = folder / "position.json"
        files = json.loads(path.read_text())["files"] if path.exists() else {}
        return max([saved["line"] for saved in files.values()], default=0)

    first = consume(*arguments)
    eventually(lambda: line() > 400, "the position is written while it runs")
    first.kill()
    in_first, position = noted(folder), line()
    (folder / "go").touch()
    second = consume(*arguments)

    assert second.end() == 0
    in_second = noted(folder)[len(in_first) :]
    assert set(in_first) | set(in_second) == set(range(600))
    assert sorted(in_second) == list(range(position - 1, 600))


def test_nothing_is_left_to_do(folder: Path) -> None:
    """The summary says so, and how to start again."""
    archive(folder / "events.jsonl", range(5))
    arguments = ("events.jsonl", *NOTE, "--position", "position.json")
    run(folder, *arguments)

    done = run(folder, *arguments)

    assert done.returncode == 0
    assert (
        b"Nothing is left to do; to start from the beginning, delete position.json." in done.stdout
    )


def test_a_terminal_shows_the_progress(folder: Path) -> None:
    """A bar by bytes on standard error, which log lines do not run into."""
    archive(folder / "events.jsonl", range(510))
    (folder / "bad").write_text("7")
    main, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "consumer", "replay", "events.jsonl", *NOTE],
        cwd=folder, env=environment(folder, {"COLUMNS": "120"}), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = ""

    def seen() -> bool:
        nonlocal shown
        shown += os.read(main, 4096).decode()
        return "499 handled" in shown

    eventually(seen, "the bar")
    (folder / "go").touch()
    while process.poll() is None:
        try:
            shown += os.read(main, 4096).decode()
        except OSError:  # the other end is closed
            break
    os.close(main)

    assert process.wait(BOUND) == 1
    bars = [part for part in shown.split("\r\x1b[K") if part.startswith("[")]
    assert any(" 98%  499 handled" in bar and "1 failed" in bar for bar in bars)
    assert all("\n" not in bar for bar in bars)
    assert "handler_rejected" in shown


def test_it_stops_soon_if_standard_output_is_full(folder: Path) -> None:
    """A handler that prints would fail for each event. None is lost: the position comes first."""
    (folder / "printing.py").write_text("def show(event):\n    print(event.key)\n")
    archive(folder / "events.jsonl", range(2_000))
    arguments = ("events.jsonl", "--handler", "printing:show", "--position", "position.json")
    with Path("/dev/full").open("wb") as full:
        done = run(folder, *arguments, out=full)

    said = done.stderr.decode()
    assert done.returncode == 74
    assert "standard output can't be written: No space left on device" in said
    assert "The same command continues it." in said
    again = run(folder, *arguments)
    assert again.returncode == 0
    assert all(json.loads(archived(n))["event_key"] in again.stdout.decode() for n in (0, 1_999))


def test_an_empty_file_is_nothing(folder: Path) -> None:
    """As of a day without events: there is a note, and it is no failure."""
    archive(folder / "archive/events-2024-05-01.jsonl", range(3))
    (folder / "archive/events-2024-05-02.jsonl").touch()

    for arguments in ((*NOTE, "--json"), (*NOTE, "--json", "--dry-run")):
        done = run(folder, "archive", *arguments)
        assert (done.returncode, json.loads(done.stdout)["not_events"]) == (0, 0), arguments
        assert b"consume: note: archive/events-2024-05-02.jsonl: there is no message" in done.stderr


def test_what_it_writes_is_checked_before_anything_is_handled(folder: Path) -> None:
    """A file in a directory that does not exist is a wrong option."""
    archive(folder / "events.jsonl", range(3))
    for option in ("--position", "--failures"):
        done = run(folder, "events.jsonl", *NOTE, option, "missing/file.json")
        assert done.returncode == 78, option
        assert b"missing/file.json" in done.stderr, option
        assert done.stderr.count(b"No such file or directory") == 1, option
    assert noted(folder) == []
