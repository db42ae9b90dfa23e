"""The options that several commands share, and the end of their help."""

import re
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Final

import click

from consumer.errors import ConfigurationError

Command = Callable[..., Any]


class Number(click.FloatRange):
    """A range without NaN, which is neither below nor above anything."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises `click.BadParameter`."""
        number = super().convert(value, param, ctx)
        if number != number:  # noqa: PLR0124 - NaN
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def matching(pattern: str, sentence: str) -> Callable[..., Any]:
    """The callback of an option whose values, if there are any, must match."""

    def check(context: click.Context, parameter: click.Parameter, given: Any) -> Any:
        values = () if given is None else (given,) if isinstance(given, str) else given
        for value in values:
            if not re.fullmatch(pattern, value):
                raise click.BadParameter(f"{value!r} is not {sentence}", context, parameter)
        return given

    return check


#: A configuration file. click does not check it: a file that can't be read is exit code 78.
FILE: Final = click.Path(path_type=Path, readable=False)

config_option: Final = click.option(
    "-c", "--config", "config_file", metavar="FILE", type=FILE,
    help='Configuration file (YAML); "consume config example" prints one.',
)  # fmt: skip
format_option: Final = click.option(
    "--format", "event_format", type=click.Choice(["canvas", "caliper"]), default="canvas",
    show_default=True, help="Format of the messages.",
)  # fmt: skip
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

#: Exit codes that mean the same in each command that lists them.
_COMMON_CODES: Final = {
    69: "the queue does not exist",
    74: "standard output can't be written (a reader that stops early, such as head, is fine)",
}


def help_end(*examples: str, codes: Mapping[int, str] | None = None) -> str:
    """The epilog of a command: its exit codes, then examples. A code with "" is a common one."""
    blocks = []
    if codes:
        meanings = {74: "", **codes}
        lines = (f"{code:<4}{meanings[code] or _COMMON_CODES[code]}" for code in sorted(meanings))
        blocks.append(("Exit codes:", *lines))
    blocks.append(("Example:" if len(examples) == 1 else "Examples:", *examples))
    return "\n\n".join("\b\n" + "\n  ".join(block) for block in blocks)


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator that adds all these options."""
    return lambda command: reduce(lambda found, option: option(found), reversed(options), command)


#: How AWS is reached. `overrides_of` reads them.
aws_options: Final = together(
    click.option(
        "--region", "aws__region", metavar="NAME",
        help="AWS region. Default: the one in the queue's URL, or AWS_REGION.",
    ),
    click.option(
        "--endpoint-url", "aws__endpoint_url", metavar="URL",
        help="Another SQS endpoint, such as a VPC endpoint or an emulator.",
    ),
    click.option(
        "--profile", "aws__profile", metavar="NAME",
        help="Profile in the AWS configuration files.",
    ),
    config_option,
)  # fmt: skip

#: Which queue, and how it is reached.
queue_options: Final = together(
    click.option("--queue-url", "queue__url", metavar="URL", help="URL of the queue."),
    click.option(
        "--queue-name", "queue__name", metavar="NAME",
        help="Name of the queue, instead of its URL.",
    ),
    aws_options,
)  # fmt: skip


def log_level_option(**attributes: Any) -> Callable[[Command], Command]:
    """What is logged; with the help and the default that the command wants."""
    levels = click.Choice(["debug", "info", "warning", "error"])
    return click.option("--log-level", "logging__level", type=levels, **attributes)


def log_options(levels: str) -> Callable[[Command], Command]:
    """How a daemon logs; `levels` is the help for its level."""
    return together(
        click.option(
            "--log-format", "logging__format", type=click.Choice(["auto", "console", "json"]),
            help="Default: auto, which is console on a terminal, JSON otherwise.",
        ),
        log_level_option(help=levels),
    )  # fmt: skip


def dlq_name_option(default: str) -> Callable[[Command], Command]:
    """The name of the dead-letter queue."""
    name = matching("[A-Za-z0-9_-]{1,80}", "a queue name: up to 80 letters, digits, '-' and '_'")
    text = f"Name of the dead-letter queue. Default: {default}."
    return click.option("--dlq-name", metavar="NAME", callback=name, help=text)


#: Which running daemon. `daemon_of` reads them.
daemon_options: Final = together(
    config_option,
    click.option(
        "--instance", metavar="NAME",
        help="The daemon of the unit canvas-live-events-consumer@NAME.",
    ),
    click.option(
        "--socket", "socket_path", metavar="PATH", type=FILE,
        help="The control socket. Default: the one in ./canvas-live-events, else the one of the "
        "unit canvas-live-events-consumer.",
    ),
)  # fmt: skip


def _unsealing(_context: click.Context, _parameter: click.Parameter, place: str | None) -> Any:
    """A function that opens messages signed with one of the keys there; None without a place."""
    if place is None:
        return None
    from consumer.signatures.unsealing import unsealing_with

    try:
        return unsealing_with(place).open
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None


#: Files with messages, and how the messages are decoded.
message_options: Final = together(
    click.argument("files", metavar="FILE...|-", nargs=-1, required=True),
    json_option,
    click.option(
        "--format", type=click.Choice(["auto", "canvas", "caliper"]), default="auto",
        show_default=True, help="Format of the messages; auto recognizes it by their keys.",
    ),
    click.option(
        "--unwrap", type=click.Choice(["sns", "eventbridge"]), multiple=True,
        help="Unwrap messages from this relay, like queue.unwrap. Can be given several times.",
    ),
    click.option(
        "--jwks", metavar="FILE|URL", callback=_unsealing,
        help="Read signed events, like queue.signed, with the public keys there.",
    ),
)  # fmt: skip


def overrides_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among the options that were given: `queue__url` sets queue.url."""
    return {
        name.replace("__", "."): value
        for name, value in options.items()
        if "__" in name and value is not None
    }
