"""`consume sample`: writes events as Canvas sends them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.testing import make_message
from tests.cases import for_each

if TYPE_CHECKING:
    from click.testing import Result

COMMAND = [sys.executable, "-m", "consumer", "sample"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sample", *arguments])


def names_in(result: Result) -> list[str]:
    """The names of the events that were written, one in a line."""
    assert result.exit_code == 0, result.output
    return [decode(make_message(line))[0].name for line in result.stdout.splitlines()]


@for_each("form", ["canvas", "caliper"])
def test_names_take_turns(form: str) -> None:
    """The output is JSON lines that can be decoded."""
    result = run("submission_created", "grade_change", "--count", "5", "--format", form)

    assert names_in(result) == [
        "submission_created", "grade_change", "submission_created", "grade_change",
        "submission_created",
    ]  # fmt: skip


def test_one_of_each_if_no_count_is_given() -> None:
    """A mix has a hundred."""
    assert names_in(run("logged_in", "logged_out")) == ["logged_in", "logged_out"]
    assert len(names_in(run("--mix", "realistic"))) == 100


def test_an_array_is_one_json_value() -> None:
    """Also without events."""
    assert len(json.loads(run("logged_in", "--count", "3", "--array").stdout)) == 3
    assert json.loads(run("logged_in", "--count", "0", "--array").stdout) == []
    assert run("logged_in", "--count", "0").stdout == ""


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Also in another process. Another seed gives other bytes."""
    arguments = ["--mix", "realistic", "--count", "30", "--shuffle", "--duplicates", "0.1"]

    here = run(*arguments, "--seed", "9")
    there = subprocess.run([*COMMAND, *arguments, "--seed", "9"], capture_output=True, check=True)

    assert here.stdout_bytes == there.stdout
    assert run(*arguments, "--seed", "10").stdout_bytes != there.stdout


def test_the_share_of_asset_accessed_can_be_chosen() -> None:
    """From 0 to 1."""
    mix = ("--mix", "realistic", "--count", "60", "--asset-share")

    assert "asset_accessed" not in set(names_in(run(*mix, "0")))
    assert set(names_in(run(*mix, "1"))) == {"asset_accessed"}


def is_event(line: str) -> bool:
    try:
        return bool(decode(make_message(line)))
    except DecodeError:
        return False


@for_each("form", ["canvas", "caliper"])
def test_some_can_be_copies_and_some_can_be_malformed(form: str) -> None:
    """The shares are exact, and the count stays."""
    made = ("logged_in", "--count", "400", "--format", form)

    lines = run(*made, "--duplicates", "0.25").stdout.splitlines()
    assert len(lines) == 400
    assert len(set(lines)) == 300

    lines = run(*made, "--malformed", "0.25").stdout.splitlines()
    assert len(lines) == 400
    assert sum(map(is_event, lines)) == 300
    assert not any(map(is_event, run(*made, "--malformed", "1").stdout.splitlines()))


def test_the_order_can_be_changed() -> None:
    """The messages are the same."""
    made = ("--mix", "realistic", "--count", "200", "--duplicates", "0.1", "--malformed", "0.05")

    lines = run(*made).stdout.splitlines()
    mixed = run(*made, "--shuffle").stdout.splitlines()

    assert mixed != lines
    assert sorted(mixed) == sorted(lines)


def test_a_message_is_one_line() -> None:
    """In UTF-8, whatever the encoding of the terminal is."""
    done = subprocess.run(
        [*COMMAND, "--mix", "realistic", "--count", "300", "--malformed", "0.1"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )

    assert done.stdout.count(b"\n") == 300
    assert not done.stdout.decode().isascii()
    assert done.stderr == b""


@for_each(
    "arguments, said",
    [
        ((), 'name an event of "consume events"'),
        (("submission_graded",), "did you mean submission_created or submission_updated"),
        (("Submission_created",), "did you mean submission_created or"),
        (("logged_in", "logged_inn"), "'logged_inn' is not a known event; did you mean logged_in"),
        (("asset_acessed", "--format", "caliper"), "did you mean asset_accessed"),
        (("zzz",), '"consume events" lists all'),
        (
            ("course_progress", "--format", "caliper"),
            "Canvas does not send course_progress in Caliper format",
        ),
        (("logged_in", "--mix", "realistic"), "--mix chooses the events itself"),
        (("logged_in", "--asset-share", "0.5"), "--asset-share is an option of --mix realistic"),
        (("logged_in", "--array", "--queue-name", "q"), "--array is for writing"),
        (("logged_in", "--array", "--malformed", "0.1"), "would not be a valid array"),
        (("logged_in", "--rate", "5/s"), "--rate is for sending"),
        (("logged_in", "--rate", "5"), "add --queue-url or --queue-name"),
        (("logged_in", "--config", "c.yaml"), "--config is for sending"),
        (("logged_in", "--region", "eu-west-1"), "--region is for sending"),
        (("logged_in", "--endpoint-url", "http://x"), "--endpoint-url is for sending"),
        (("logged_in", "--profile", "canvas"), "--profile is for sending"),
        (("logged_in", "--rate", "fast", "--queue-name", "q"), "'fast' is not a rate such as 50/s"),
        (("logged_in", "--rate", "0/s", "--queue-name", "q"), "'0/s' is not a rate"),
        (("logged_in", "--rate", "nan", "--queue-name", "q"), "'nan' is not a rate"),
        (("logged_in", "--rate", "inf", "--queue-name", "q"), "'inf' is not a rate"),
        (("logged_in", "--rate", "5/m", "--queue-name", "q"), "'5/m' is not a rate"),
        (("logged_in", "--malformed", "1.01"), "1.01 is not in the range"),
        (("--mix", "realistic", "--asset-share", "-0.1"), "-0.1 is not in the range"),
        (("--mix", "surreal"), "'surreal' is not"),
        (("logged_in", "--format", "xml"), "'xml' is not one of"),
        (("logged_in", "--duplicates", "1"), "1.0 is not in the range"),
        (("logged_in", "--count", "-1"), "-1 is not in the range"),
        (("logged_in", "--seed", "-1"), "-1 is not in the range"),
    ],
)
def test_wrong_options_are_reported(arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, nothing on standard output, and a hint."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_only_names_in_the_chosen_format_are_suggested() -> None:
    """course_progress has no Caliper form."""
    said = run("course_progres", "--format", "caliper").stderr

    assert "'course_progres' is not a known event" in said
    assert "course_progress" not in said.replace("'course_progres'", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@for_each("end, said", [("> /dev/full", "No space left on device"), (">&-", "it is closed")])
def test_an_output_that_can_not_be_written_is_reported(end: str, said: str) -> None:
    """In one line, with exit code 74."""
    command = " ".join([*COMMAND, "logged_in", end])

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert done.returncode == 74
    assert done.stderr == f"consume: error: standard output can't be written: {said}\n"


def test_ctrl_c_while_writing_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, as in a shell."""

    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("consumer.cli.sample._write", interrupted)

    result = run("logged_in")

    assert result.exit_code == 130
    assert result.output == ""
