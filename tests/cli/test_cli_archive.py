"""`consume archive verify`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from click.testing import CliRunner

from consumer.cli.main import main
from consumer.handlers.archive.store import Archive
from consumer.testing import ManualClock, make_context, make_event
from tests.handlers.landing.events import numbered

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from click.testing import Result

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def verify(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["archive", "verify", *map(str, arguments)])


def archived(root: Path, count: int = 3) -> Path:
    """An archive; returns its file."""
    archive = Archive(root, clock=ManualClock(START), max_file_bytes=1 << 20, create_parent=True)
    archive.write(numbered(range(count)), make_context())
    archive.close()
    return root / "2026" / "11" / "events-2026-11-23.jsonl"


def test_a_whole_archive(tmp_path: Path) -> None:
    """Its counts, in all and by month; the exit code is 0."""
    size = archived(tmp_path / "archive").stat().st_size

    result = verify(tmp_path / "archive")

    assert [
        f"archive  {tmp_path}/archive",
        "files    1, 0 of them compressed",
        f"bytes    {size:,}",
        "events   3, 0 of them archived before",
        "keys     3 are right; 0 can't be made again, such as without secrets in URLs",
        "faults   0",
        "",
        "By month",
        "  MONTH    FILES  BYTES  EVENTS  DUPLICATES  FAULTS",
        f"  2026-11  1      {size:,}  3       0           0",
        "",
    ] == result.stdout.splitlines()
    assert (0, "") == (result.exit_code, result.stderr)


def test_faults_are_listed(tmp_path: Path) -> None:
    """With file and line, and nothing of what the line contains; the exit code is 1."""
    file = archived(tmp_path / "archive")
    file.write_bytes(file.read_bytes().replace(b'{"received_at"', b'{"Private Person"', 1)[:-9])

    result = verify(tmp_path / "archive")

    assert [
        "Faults",
        "  FILE                             LINE  FAULT",
        "  2026/11/events-2026-11-23.jsonl  1     without received_at",
        "  2026/11/events-2026-11-23.jsonl  3     the last line is torn",
        "",
    ] == result.stdout.splitlines()[-5:]
    assert 1 == result.exit_code
    assert "Private" not in result.output


def test_json(tmp_path: Path) -> None:
    """All of it as data, for several archives."""
    for name in "ab":
        archived(tmp_path / name)
    (tmp_path / "b" / "2026" / "11" / "events-2026-11-23.torn").write_bytes(b"{\n")
    with (tmp_path / "b" / "2026" / "11" / "events-2026-11-23.jsonl").open("ab") as file:
        file.write(b"[]\n")

    result = verify("--json", tmp_path / "a", tmp_path / "b")
    data = json.loads(result.stdout)

    assert 1 == result.exit_code
    assert not data["whole"]
    assert [True, False] == [archive["whole"] for archive in data["archives"]]
    found = data["archives"][1]
    name = "2026/11/events-2026-11-23.jsonl"
    assert [{"file": name, "line": 4, "fault": "not a JSON object"}] == found["listed_faults"]
    assert (3, 1, 1, {"matches": 3, "differs": 0, "unknown": 0}) == tuple(
        found[key] for key in ("events", "faults", "set_apart", "keys")
    )
    assert 1 == found["months"]["2026-11"]["faults"]


def test_the_archives_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the handlers, and the one of events that no handler asks for, if it is there."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"state_directory: {tmp_path}/state\n"
        "handlers:\n"
        f"  - {{name: a, archive: {{directory: {tmp_path}/a}}}}\n"
        f"  - {{name: b, archive: {{directory: {tmp_path}/b}}}}\n"
        "  - {name: log, log: {}}\n"
    )
    for name in ("a", "b"):
        archived(tmp_path / name)

    def found(*arguments: str | Path) -> list[str]:
        archives = json.loads(verify("--json", *arguments).stdout)["archives"]
        return [archive["directory"].rpartition("/")[2] for archive in archives]

    assert ["a", "b"] == found("-c", config)
    archived(tmp_path / "state" / "archive")
    assert ["a", "b", "archive"] == found("-c", config)
    archived(tmp_path / "canvas-live-events" / "archive")
    assert ["archive"] == found()


def test_without_an_archive(tmp_path: Path) -> None:
    """It is an error: a wrong name would be whole otherwise."""
    result = verify(tmp_path)

    assert (78, "") == (result.exit_code, result.stdout)
    assert f"consume: error: {tmp_path}: there is no file of an archive in it\n" == result.stderr


def test_an_archive_of_redacted_events_is_hinted_at(tmp_path: Path) -> None:
    """Its keys are those of the events as they were received."""
    file = archived(tmp_path / "archive")
    file.write_bytes(file.read_bytes().replace(b"21070000000000042", b"pseudonym"))

    assert verify(tmp_path / "archive").stdout.endswith(
        "No key is that of its payload. Was it written with redact? Then give --no-keys.\n\n"
    )
    result = verify(tmp_path / "archive", "--no-keys")
    assert 0 == result.exit_code
    assert "keys" not in result.stdout


def test_more_faults_than_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said; names of files are printable."""
    from consumer.operations.archive import verify as module

    monkeypatch.setattr(module, "_MOST_FAULTS", 1)
    file = archived(tmp_path / "archive")
    file.write_bytes(b"{}\n{}\n")

    assert "There are more faults than these." in verify(tmp_path / "archive").stdout


def test_an_event_with_secrets(tmp_path: Path) -> None:
    """Its key can't be made again."""
    archive = Archive(tmp_path / "a", clock=ManualClock(START), max_file_bytes=1 << 20)
    event = make_event(body={"url": "https://x.example/?access_token=abc"})
    archive.write([event], make_context())
    archive.close()

    assert "keys     0 are right; 1 can't be made again" in verify(tmp_path / "a").stdout
