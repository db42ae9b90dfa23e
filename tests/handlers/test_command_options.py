"""The command handler as it is configured."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import ConfigurationError, Unavailable
from consumer.handlers.command import factory
from consumer.handlers.loading.factories import HandlerEnvironment
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

CAT = {"run": ["cat"], "mode": "batch"}


@for_each(
    "options, sentence",
    [
        ({"mode": "batch"}, r"run must be a list of the program and its arguments, such as \["),
        ({"run": [], "mode": "batch"}, "run must be a list of the program"),
        ({"run": ["cat", 5], "mode": "batch"}, "run must be a list of texts"),
        ({"run": ["cat", "\0"], "mode": "batch"}, "run must be a list of the program"),
        ({"run": ["cat"]}, "mode must be one of batch, lines"),
        ({**CAT, "mode": "line"}, "mode must be one of batch, lines"),
        ({**CAT, "answer_seconds": 0}, "answer_seconds must be a number from 0.1 to 43200"),
        ({**CAT, "stderr": "log"}, "stderr must be one of discard, inherit"),
        ({**CAT, "environment": {"a b": "x"}}, "environment must be names of variables"),
        ({**CAT, "environment": {"A": ["x"]}}, "environment must be names of variables"),
        ({**CAT, "environment": {"A": True}}, "environment must be names of variables"),
        ({**CAT, "scrub_secrets": 1}, "scrub_secrets must be true or false"),
        ({**CAT, "shell": True}, 'has no option "shell"'),
        ({**CAT, "run": "zz_absent"}, "the program zz_absent does not exist in the directories"),
        ({**CAT, "run": "cat -u"}, "run must be a list of the program and its arguments"),
        ({**CAT, "run": ["/etc/passwd"]}, "the program /etc/passwd can't be executed"),
        ({**CAT, "run": ["./absent"]}, "the program ./absent does not exist$"),
    ],
)
def test_wrong_options_are_reported(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """With the handler's name, the key and what is allowed; also a program that is not there."""
    with pytest.raises(ConfigurationError, match=f'handler "c".*{sentence}'):
        factory("c", options, HandlerEnvironment(tmp_path))


def test_a_program_or_directory_that_is_hidden_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what hides it in the systemd unit. It is not a mount that may come later."""

    def stat(path: object, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "lstat", stat)
    for options in ({"run": ["/home/x"]}, {"run": ["cat"], "directory": "/home/x"}):
        with pytest.raises(ConfigurationError, match=r"/home/x is hidden .*ProtectHome="):
            factory("c", {**options, "mode": "batch"}, HandlerEnvironment(tmp_path))


def test_a_program_alone_needs_no_list(tmp_path: Path) -> None:
    """And a relative path is relative to the program's directory."""
    (tmp_path / "load").write_text("#!/bin/sh\n")
    (tmp_path / "load").chmod(0o755)
    options = {"run": "./load", "mode": "lines", "directory": str(tmp_path)}

    (handler,) = factory("c", options, HandlerEnvironment(tmp_path)).handlers

    assert (handler.name, handler.batch, handler.concurrency) == ("c", 100, 1)
    assert handler.check_destination is not None
    assert f"{tmp_path}/load can be run" == handler.check_destination()


def test_a_variable_that_we_do_not_have_is_a_warning(tmp_path: Path) -> None:
    """`consume check` may run in another environment than the daemon."""
    warnings: list[str] = []
    environment = HandlerEnvironment(tmp_path, warn=warnings.append)
    assert "ZZ_ABSENT" not in os.environ

    factory("c", {**CAT, "environment": {"ZZ_ABSENT": None}}, environment)

    assert warnings == ['handler "c": environment: ZZ_ABSENT is not set here']


def test_a_directory_may_come_later(tmp_path: Path) -> None:
    """It may be a mount: a warning, and then an outage."""
    warnings: list[str] = []
    environment = HandlerEnvironment(tmp_path, warn=warnings.append)

    (handler,) = factory("c", {**CAT, "directory": str(tmp_path / "m")}, environment).handlers

    sentence = f"there is no directory {tmp_path}/m in which the program could run"
    assert warnings == [f'handler "c": {sentence}']
    assert handler.check_destination is not None
    with pytest.raises(Unavailable, match=sentence):
        handler.check_destination()


def test_values_are_in_no_repr(tmp_path: Path) -> None:
    """Arguments and variables may be secrets."""
    options = {**CAT, "run": ["cat", "S3CRET"], "environment": {"A": "S3CRET"}}
    (handler,) = factory("c", options, HandlerEnvironment(tmp_path)).handlers
    assert handler.function is not None

    parts: list[Any] = [getattr(handler.function, "__self__")._mode._children._program]  # noqa: B009
    assert not any(re.search("S3CRET", repr(part)) for part in [*parts, handler])
