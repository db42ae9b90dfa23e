"""How commands tell what went wrong."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from consumer.cli.errors import tell, told_plainly
from consumer.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConsumerError,
    QueueMissingError,
    TransportError,
)


def _outcome_of(error: BaseException) -> tuple[int, str, str]:
    @click.command
    def command() -> None:
        with told_plainly():
            raise error

    result = CliRunner().invoke(command)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConfigurationError("why"), 78),
        (AccessDeniedError("why"), 77),
        (QueueMissingError("why"), 69),
        (TransportError("why"), 75),
        (ConsumerError("why"), 70),
    ],
)
def test_our_errors_are_told_in_words(error: ConsumerError, exit_code: int) -> None:
    """The text goes to standard error, and the error's own exit code is used."""
    assert (exit_code, "", "consume: error: why\n") == _outcome_of(error)


def test_each_line_is_told_apart() -> None:
    """Several faults are several lines, each marked."""
    _, _, told = _outcome_of(ConfigurationError("one\ntwo"))

    assert told == "consume: error: one\nconsume: error: two\n"


def test_a_bug_is_told_without_its_text() -> None:
    """Foreign exceptions quote data: only type and place are told, and the exit code is 70."""
    exit_code, _, told = _outcome_of(ValueError("sesame"))

    assert exit_code == 70
    assert told.startswith("consume: error: a bug in this program: ValueError at test_cli_errors")
    assert "sesame" not in told


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(click.UsageError("no"), 2), (click.exceptions.Exit(3), 3), (click.Abort(), 1)],
)
def test_clicks_own_ways_out_are_left_alone(error: Exception, exit_code: int) -> None:
    """Wrong usage and Ctrl-C are click's business."""
    assert exit_code == _outcome_of(error)[0]


def test_warnings_are_marked_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is told like an error, under its own name."""
    tell("mind this", kind="warning")

    assert capsys.readouterr() == ("", "consume: warning: mind this\n")
