"""`consume sample`: writes events as Canvas sends them, or sends them to a queue."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from consumer.cli.main import main
from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.testing import make_message

if TYPE_CHECKING:
    from click.testing import Result

COMMAND = [sys.executable, "-m", "consumer", "sample"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sample", *arguments])


def names_in(result: Result) -> list[str]:
    """The names of the events that were written, one in a line."""
    assert result.exit_code == 0, result.output
    return [decode(make_message(line))[0].name for line in result.stdout.splitlines()]


@pytest.mark.parametrize("form", ["canvas", "caliper"])
def test_names_take_turns(form: str) -> None:
    """As JSON lines; the daemon knows each by its name."""
    result = run("submission_created", "grade_change", "--count", "5", "--format", form)

    assert names_in(result) == [
        "submission_created", "grade_change", "submission_created", "grade_change",
        "submission_created",
    ]  # fmt: skip


def test_one_of_each_if_no_count_is_given() -> None:
    """And a hundred of a mix."""
    assert names_in(run("logged_in", "logged_out")) == ["logged_in", "logged_out"]
    assert len(names_in(run("--mix", "realistic"))) == 100


def test_an_array_is_one_json_value() -> None:
    """Also where nothing is in it."""
    assert len(json.loads(run("logged_in", "--count", "3", "--array").stdout)) == 3
    assert json.loads(run("logged_in", "--count", "0", "--array").stdout) == []
    assert run("logged_in", "--count", "0").stdout == ""


def test_the_same_seed_gives_the_same_bytes() -> None:
    """In another process; another seed is another university."""
    arguments = ["--mix", "realistic", "--count", "30", "--shuffle", "--duplicates", "0.1"]

    here = run(*arguments, "--seed", "9")
    there = subprocess.run([*COMMAND, *arguments, "--seed", "9"], capture_output=True, check=True)

    assert here.stdout_bytes == there.stdout
    assert run(*arguments, "--seed", "10").stdout_bytes != there.stdout


def test_the_share_of_what_is_looked_at_can_be_chosen() -> None:
    """From nothing to everything."""
    mix = ("--mix", "realistic", "--count", "60", "--asset-share")

    assert "asset_accessed" not in set(names_in(run(*mix, "0")))
    assert set(names_in(run(*mix, "1"))) == {"asset_accessed"}


def test_some_can_be_copies_and_some_can_be_malformed() -> None:
    """About as many as were asked for, and the count stays."""
    lines = run("logged_in", "--count", "400", "--duplicates", "0.25").stdout.splitlines()
    assert len(lines) == 400
    assert 60 <= 400 - len(set(lines)) <= 140

    bad = 0
    for line in run("logged_in", "--count", "400", "--malformed", "0.25").stdout.splitlines():
        try:
            decode(make_message(line))
        except DecodeError:
            bad += 1
    assert 60 <= bad <= 140


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name at least one event, such as submission_created"),
        (("submission_graded",), "did you mean submission_created or submission_updated"),
        (("zzz",), '"consume events" lists all'),
        (("course_progress", "--format", "caliper"), "has no form in Caliper"),
        (("logged_in", "--mix", "realistic"), "--mix chooses the events itself"),
        (("logged_in", "--asset-share", "0.5"), "--asset-share is an option of --mix realistic"),
        (("logged_in", "--array", "--queue-name", "q"), "--array is for writing"),
        (("logged_in", "--array", "--malformed", "0.1"), "would be no array that can be read"),
        (("logged_in", "--rate", "5/s"), "--rate is for sending"),
        (("logged_in", "--config", "c.yaml"), "--config is for sending"),
        (("logged_in", "--rate", "fast", "--queue-name", "q"), "'fast' is no rate; one is written"),
        (("logged_in", "--rate", "0/s", "--queue-name", "q"), "'0/s' is no rate"),
        (("logged_in", "--rate", "nan", "--queue-name", "q"), "'nan' is no rate"),
        (("logged_in", "--duplicates", "1"), "1.0 is not in the range"),
        (("logged_in", "--count", "-1"), "-1 is not in the range"),
        (("logged_in", "--seed", "-1"), "-1 is not in the range"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2, nothing on standard output, and what would be right."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["some-queue", "canvas-live-events-a.fifo"])
def test_a_queue_that_canvas_would_not_send_to_is_refused(name: str) -> None:
    """Before anything is sent."""
    url = f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"

    result = run("logged_in", "--queue-url", url)

    assert result.exit_code == 78
    assert name in result.stderr


def test_a_reader_that_leaves_is_no_fault() -> None:
    """`| head -1`: no complaint."""
    command = " ".join([*COMMAND, "--mix", "realistic", "--count", "5000", "| head -n 1"])

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False
    )

    assert done.returncode == 0
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
