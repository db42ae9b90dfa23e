"""`consume config test`, and what `consume config check` shows of conditions and tests."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from consumer.cli.config import EXAMPLE, shipped
from consumer.cli.main import main
from consumer.testing import canvas_body
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

TEXT = """\
queue: {url: "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-a"}
handlers:
  - {name: all, archive: {}}
  - name: grades
    events: [grade_change]
    when: {triggered_by_job: false, body.score: {exists: true}}
    log: {}
  - {name: some, log: {}, when: [{course_id: 1}, {course_id: {in: [2, 3]}}]}
tests:
  - {name: by a person, event: grade_change, body: {score: 5}, handlers: [all, grades]}
  - {name: by a job, event: grade_change, metadata: {job_id: "1"}, handlers: [all]}
"""
FEW = """\
handlers: [{name: few, events: [logged_in], log: {}}]
tests: [{name: unwanted, event: logged_out, handlers: []}]
"""


@pytest.fixture(name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["config", *arguments])


def test_tests_that_are_ok(config: Path) -> None:
    """Each with the handlers that get it. The file is config.yaml unless another one is named."""
    result = run("test")

    assert result.stdout.splitlines() == [
        "ok      by a person: all, grades",
        "ok      by a job: all",
        "2 tests, 0 failed",
    ]
    assert (result.exit_code, result.stderr) == (0, "")
    assert [config.name] == [path.name for path in config.parent.iterdir()]


def test_a_test_that_failed(config: Path) -> None:
    """Below it is what differs; exit code 1."""
    config.write_text(TEXT.replace("handlers: [all]}", "handlers: [some]}"))

    result = run("test", str(config))

    assert result.stdout.splitlines()[1:] == [
        "FAILED  by a job: all",
        (
            '          "some" does not get it: its conditions are not fulfilled: '
            "[{course_id: 1}, {course_id: {in: [2, 3]}}]"
        ),
        '          "all" gets it, too',
        "2 tests, 1 failed",
    ]
    assert result.exit_code == 1


def test_results_as_json(config: Path) -> None:
    """A list; the exit code is the same."""
    config.write_text(TEXT.replace("handlers: [all]}", "handlers: []}"))

    result = run("test", "--json")

    assert json.loads(result.stdout) == [
        {
            "name": "by a person", "handlers": ["all", "grades"], "unmatched": None,
            "differences": [],
        },
        {
            "name": "by a job", "handlers": ["all"], "unmatched": None,
            "differences": ['"all" gets it, too'],
        },
    ]  # fmt: skip
    assert result.exit_code == 1


@for_each("unmatched, fate", [("archive", "archived"), ("delete", "deleted")])
def test_what_becomes_of_an_unmatched_event(config: Path, unmatched: str, fate: str) -> None:
    """It is shown. The state directory of the daemon is not needed."""
    config.write_text(f"{FEW}unmatched: {unmatched}\nstate_directory: /proc/no\n")

    result = run("test")

    assert result.stdout == (
        f"ok      unwanted: {fate}, because no handler gets it\n1 test, 0 failed\n"
    )
    assert result.exit_code == 0


def test_the_test_of_the_example(config: Path) -> None:
    """With its lines in use, it is ok."""
    text = shipped(EXAMPLE)
    start = text.index("#tests:")
    used = re.sub("^#", "", text[start:], flags=re.MULTILINE)
    config.write_text(text[:start] + used)

    result = run("test")

    assert "ok      a deleted submission is only archived: archive\n" in result.stdout
    assert result.exit_code == 0


def test_no_tests(config: Path) -> None:
    """They are not ok by being forgotten: a note says so."""
    config.write_text("")

    result = run("test")

    assert result.stderr == "consume: note: config.yaml: there are no tests\n"
    assert (result.stdout, result.exit_code) == ("", 0)


@for_each(
    "old, new, faults",
    [
        ("event: grade_change, metadata", "event: grade_chang, metadata", ["11: tests[1].event: "]),
        ("handlers: [all]}", "handlers: [al]}", ['11: tests[1].handlers: there is no "al": did']),
        ("handlers: [all]}", "handlers: [all], gets: {all: {x: 1}}}", ["11: tests[1].gets.all: c"]),
        (
            "handlers: [all]}", "handlers: [all], gets: {all: {body.scor: {exists: false}}}}",
            ["11: tests[1].gets.all: no known grade_change has body.scor; did you mean "],
        ),
        ("{name: by a job,", "{nam: by a job,", ["11: tests[1].name: ", "11: tests[1].nam: "]),
        ("exists: true", "is: 4", ['4: handler "grades": when: body.score: there is no operator']),
        (
            'event: grade_change, metadata: {job_id: "1"}', "payload: none",
            ["11: tests[1].payload: can't be read: No such file"],
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_run(config: Path, old: str, new: str, faults: list[str]) -> None:
    """Every error has its line; no test is run. Exit code 78."""
    config.write_text(TEXT.replace(old, new))

    result = run("test")

    for fault, line in zip(faults, result.stderr.splitlines(), strict=True):
        assert line.startswith(f"consume: error: config.yaml:{fault}")
    assert (result.stdout, result.exit_code) == ("", 78)


def test_no_handler_is_called(config: Path) -> None:
    """And no value of a real payload is shown."""
    config.with_name("ada.json").write_text(canvas_body("user_created", body={"name": "Ada"}))
    config.with_name("handlers_for_test.py").write_text("def on(event): raise SystemExit(9)\n")
    config.write_text(
        "handlers: [{name: mine, python: {target: 'handlers_for_test:on'}}]\n"
        "tests:\n  - {name: t, payload: ada.json, handlers: [mine], "
        "gets: {mine: {body.name: {not: {glob: A*}}}}}\n"
    )

    result = run("test")

    assert '"mine" gets it, but not with body.name: {not: {glob: A*}}' in result.stdout
    assert "Ada" not in result.output
    assert result.exit_code == 1


def test_check_shows_conditions_and_the_number_of_tests(config: Path) -> None:
    """It runs no tests."""
    config.write_text(TEXT.replace("handlers: [all]}", "handlers: [no_such]}"))

    result = run("check", str(config))

    lines = result.stdout.splitlines()
    assert "  when         grades: triggered_by_job: false, body.score: {exists: true}" in lines
    assert "               some: course_id: 1, or course_id: {in: [2, 3]}" in lines
    assert '  tests        2, which "consume config test" runs' in lines
    assert result.exit_code == 0


def test_check_shows_what_else_stands_in_front_of_handlers(config: Path) -> None:
    """Redaction, coalescing and rate limits, so that a misplaced key is noticed."""
    config.write_text(
        "queue: {url: 'https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-x'}\n"
        "handlers:\n"
        "  - {name: one, redact: {profile: strict}, rate_limit_per_second: 2.5, log: {}}\n"
        "  - {name: two, redact: {profile: strict}, coalesce: {key: course_id}, log: {}}\n"
    )

    result = run("check", str(config))

    lines = result.stdout.splitlines()
    begin = lines.index("  redact       one: strict")
    assert lines[begin : begin + 4] == [
        "  redact       one: strict",
        "               two: strict",
        "  coalesce     two: one call for each course_id in 30 s",
        "  rate limit   one: 2.5 calls a second",
    ]
    assert result.exit_code == 0
