"""Runs `consume check`, and what it says is to be done."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from click.testing import CliRunner

from consumer.cli.main import main
from tests import aws_cli

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

KEY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Checked:
    """The table."""

    code: int
    rows: list[dict[str, str]]

    def named(self, name: str) -> list[dict[str, str]]:
        return [row for row in self.rows if row["name"] == name]

    def level(self, name: str) -> str:
        """The worst level of the rows with this name."""
        levels = [row["level"] for row in self.named(name)]
        return next(level for level in ("red", "yellow", "green") if level in levels)

    def red(self, name: str) -> dict[str, str]:
        """The only red row with this name."""
        (row,) = [row for row in self.named(name) if row["level"] == "red"]
        assert self.code == 1
        assert row["remedy"]
        return row


@dataclass(frozen=True)
class Checker:
    """The command, with options and environment that stay the same."""

    monkeypatch: pytest.MonkeyPatch
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *more: str, **env: str) -> Checked:
        """Run `consume check --json`."""
        whole = {"AWS_EC2_METADATA_DISABLED": "true", **KEY, **self.env, **env}
        arguments = ["check", *self.options, *more, "--json"]
        result = CliRunner().invoke(main, arguments, env=whole)
        assert result.exit_code in (0, 1), result.output
        return Checked(result.exit_code, json.loads(result.stdout))

    def execute(self, remedy: str) -> None:
        """Run a remedy as an administrator, who may do everything."""
        for command in remedy.split(" && "):
            self._execute(command)

    def _execute(self, remedy: str) -> None:
        program, *words = shlex.split(remedy)
        env = {**self.env, **KEY}
        with self.monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            if program == "aws":
                aws_cli.main(*words)
                return
        assert program == "consume", remedy
        result = CliRunner().invoke(main, words, env=env)
        assert result.exit_code == 0, result.output
