"""The command handler: a program of the user's gets the events as lines of JSON."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from consumer.directories import is_hidden
from consumer.errors import Unavailable
from consumer.handlers.command.batch import Batches
from consumer.handlers.command.children import Children
from consumer.handlers.command.command import Command
from consumer.handlers.command.lines import Lines
from consumer.handlers.command.program import Program
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.registering.registry import Registry

_EXAMPLE: Final = "a list of the program and its arguments, such as [/usr/local/bin/load, --all]"
#: What a program needs to run at all. Others may be secrets, or mean the daemon.
_KEPT: Final = re.compile(
    "HOME|LANG|LANGUAGE|LC_[A-Z]+|LOGNAME|PATH|SHELL|TMPDIR|TZ|USER"
).fullmatch
_VARIABLE: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*").fullmatch


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; starts nothing until the first event.

    Options: run (a list), mode (no default: a program for lines that is run for batches would
    reject nothing), answer_seconds (60), directory, environment, stderr
    (discard), scrub_secrets (true). Raises ConfigurationError, also if there is no such program.
    """
    read = Options(name, options)
    directory = read.path("directory")
    program = Program(
        _arguments(read, options.get("run")),
        _variables(name, read, environment),
        directory.absolute() if directory else None,
        shows_errors=read.choice("stderr", "discard", of=["discard", "inherit"]) == "inherit",
    )
    in_lines = read.choice("mode", "", of=["batch", "lines"]) == "lines"
    seconds = read.number("answer_seconds", 60, least=0.1, most=43_200)
    scrub_secrets = read.flag("scrub_secrets", default=True)
    read.end()
    try:
        program.check()
    except Unavailable as error:
        if program.directory is None or program.has_directory() or is_hidden(program.directory):
            raise read.wrong("run", f"a program that can be run: {error.reason}") from None
        # No error: it may be a mount that comes later. Until then the events stay in the queue.
        environment.warn(f'handler "{name}": {error.reason}')
    clock = environment.clock
    children = Children(program, answers=in_lines)
    mode = (Lines if in_lines else Batches)(children, seconds=seconds, clock=clock)
    command = Command(mode, clock=clock, scrub_secrets=scrub_secrets)
    registry = Registry()
    registry.add(
        command.handle, "*", name=name, batch=100, linger_seconds=1.0, concurrency=1,
        close=children.close, check_destination=program.check,
    )  # fmt: skip
    return registry


def _arguments(read: Options, given: object) -> tuple[str, ...]:
    arguments = read.texts("run")
    is_line = isinstance(given, str) and " " in given  # as a shell would split it
    if not arguments or is_line or any("\0" in argument for argument in arguments):
        raise read.wrong("run", _EXAMPLE)
    return arguments


def _variables(name: str, read: Options, environment: HandlerEnvironment) -> dict[str, str]:
    """All variables of the program: a few of ours, and those that the configuration names."""
    variables = {key: value for key, value in os.environ.items() if _KEPT(key)}
    for key, value in read.mapping("environment").items():
        text = os.environ.get(key) if value is None else value
        if text is None:
            environment.warn(f'handler "{name}": environment: {key} is not set here')
            continue
        number = isinstance(text, int) and not isinstance(text, bool)
        if not _VARIABLE(key) or not (number or isinstance(text, str)) or "\0" in str(text):
            raise read.wrong(
                "environment", "names of variables with texts; null takes the daemon's own value"
            )
        variables[key] = str(text)
    return variables
