"""How and where `consume sample` sends its messages: the options, and which fit together."""

from typing import Any, Final
from urllib.parse import SplitResult

import click

from consumer.cli.options import FILE, Command

_QUEUE: Final = "add --queue-url or --queue-name"
#: Options that need another one.
_OF_SENDING: Final = ("rate",)
_OF_QUEUE: Final = ("aws__region", "aws__endpoint_url", "aws__profile", "config_file")
_OF_ADDRESS: Final = ("retry_minutes", "jwks_listen")
_OF_SIGNATURES: Final = ("key", "jwks", "jwks_listen", "rotate")


def _rate(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Messages a second, above 0: "50/s" or "50"."""
    if value is None:
        return None
    try:
        rate = float(value.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise click.BadParameter(f"{value!r} is not a rate such as 50/s", context, parameter)
    return rate


def _url(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> SplitResult | None:
    """The parts of the URL. It may have a secret path, so no error quotes it."""
    from consumer.config.urls import split_url

    if value is None:
        return None
    parts = split_url(value) if value.isascii() else None
    if parts is None or parts.username is not None:
        fault = "this is not a URL such as https://events.example.edu/canvas"
        raise click.BadParameter(fault, context, parameter)
    return parts


def _listen(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """An address of this machine and a port."""
    from consumer.config.urls import host_and_port

    if value is not None and (found := host_and_port(value)) is None:
        fault = f"{value!r} is not an address and a port, such as 127.0.0.1:8081"
        raise click.BadParameter(fault, context, parameter)
    return value and found


_OPTIONS: Final = (
    click.option("--rate", metavar="N/s", callback=_rate, help="Send at most N messages a second."),
    click.option(
        "--to", metavar="URL", callback=_url,
        help="Post the messages to this http or https address, as Canvas does.",
    ),
    click.option(
        "--retry-minutes", metavar="N", type=click.FloatRange(min=0),
        help="How long the three further tries take, on average. Default: 15, as with Canvas.",
    ),
    click.option(
        "--sign", is_flag=True,
        help="Sign the messages as Canvas does (JWT, RS256), with a key of this command.",
    ),
    click.option(
        "--key", metavar="FILE", type=FILE,
        help="The private key (PEM), which is made if it is missing. Default: a new one each time.",
    ),
    click.option(
        "--jwks", metavar="FILE", type=FILE,
        help="Write the public keys to this file, for queue.signed.jwks_file.",
    ),
    click.option(
        "--jwks-listen", metavar="ADDRESS:PORT", callback=_listen,
        help="Serve the public keys at http://ADDRESS:PORT/jwks until all is posted.",
    ),
    click.option(
        "--rotate", is_flag=True,
        help="Change to the next key in the middle, as Canvas does each month.",
    ),
)  # fmt: skip


def sending_options(command: Command) -> Command:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_options(context: click.Context, *, to_queue: bool) -> None:
    """Raise `click.UsageError` if options of the command do not fit together."""
    given = context.params
    names, mix, array, to, sign = (given[key] for key in ("names", "mix", "array", "to", "sign"))
    faults = {
        'name an event of "consume events", such as submission_created, or use --mix realistic': (
            not names and not mix
        ),
        "--mix chooses the events itself: leave out the names, or --mix": names and mix,
        "--asset-share is an option of --mix realistic": (
            given["asset_share"] is not None and not mix
        ),
        "--to and a queue are two places: leave out one": to and to_queue,
        "--array is for writing: a queue gets one event in each message": array and to_queue,
        "--array is for writing: a request has one event": array and to,
        "--array with --malformed would not be a valid array": array and given["malformed"],
        "--array with --sign would not be a valid array": array and sign,
        **_without(context, _OF_SENDING, f"is for sending: {_QUEUE}, or --to", to or to_queue),
        **_without(context, _OF_QUEUE, f"is for sending: {_QUEUE}", to_queue),
        **_without(context, _OF_ADDRESS, "is for posting: add --to", to),
        **_without(context, _OF_SIGNATURES, "is for signing: add --sign", sign),
    }
    for fault, is_wrong in faults.items():
        if is_wrong:
            raise click.UsageError(fault)


def _without(
    context: click.Context, names: tuple[str, ...], text: str, needed: object
) -> dict[str, bool]:
    """The first of the options that is given without what it needs, as a fault."""
    flags = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    given = {name: context.params[name] for name in names}
    unused = [flags[name] for name in names if given[name] is not None and given[name] is not False]
    return {f"{name} {text}": not needed for name in unused[:1]}
