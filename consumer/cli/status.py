"""`consume status`: how a running daemon is doing."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import click

import consumer
from consumer.cli.options import daemon_options, help_end, json_option
from consumer.cli.output import echo, terminal_width
from consumer.cli.status_page import status_page
from consumer.cli.steer import DAEMON_CODES, running_daemon

if TYPE_CHECKING:
    from consumer.service.monitoring.snapshot_types import Snapshot

_NOT_WELL: Final = ("unhealthy", "paused", "waiting")
_WATCH_SECONDS: Final = 2.0
_HELP_END: Final = help_end(
    "consume status",
    "consume status --watch",
    "sudo consume status --instance prod --json",
    codes={
        0: "it receives, or it starts or drains",
        1: "it is unhealthy, paused, or every handler keeps failing",
        **DAEMON_CODES,
        130: "stopped with Ctrl-C",
    },
)


@click.command("status", short_help="Show how a running daemon is doing.", epilog=_HELP_END)
@click.option("--watch", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
@json_option
@daemon_options
@click.pass_context
def status_command(
    context: click.Context, /, *, watch: bool, as_json: bool, **options: Any
) -> None:
    """Show how a running daemon is doing.

    State, queue, counts, what is in flight, handlers with their errors, events, and requests to
    AWS, which are paid for. "waiting" means that every handler keeps failing: messages wait until
    one works again.
    """
    daemon = running_daemon(options)

    def look() -> "Snapshot":
        return cast("Snapshot", daemon.get("/status"))

    if watch:
        _watch(look, as_json=as_json)
    status = look()
    if as_json:
        echo(json.dumps(status, indent=2))
    else:
        for line in _page(status):
            echo(line)
    context.exit(1 if status["state"] in _NOT_WELL else 0)


def _page(status: "Snapshot") -> list[str]:
    from consumer.operations.running.client import NoAnswerError

    try:
        return [*status_page(status, terminal_width())]
    except (KeyError, TypeError, ValueError):  # it runs since before an upgrade
        raise NoAnswerError(
            f"the daemon has version {status.get('version')}, and this command another one, "
            f"{consumer.__version__}: restart the daemon, or use --json"
        ) from None


def _watch(look: Callable[[], "Snapshot"], *, as_json: bool) -> None:
    """Show it again and again; also while no daemon runs, as during a restart."""
    from consumer.operations.running.client import NoAnswerError, NotRunningError

    while True:
        try:
            status = look()
            lines = [json.dumps(status)] if as_json else [*_page(status), ""]
        except (NoAnswerError, NotRunningError) as error:
            lines = [json.dumps({"error": str(error)}) if as_json else str(error)]
        if sys.stdout.isatty():
            # Each line is written over the one before: nothing flickers.
            lines = [f"{line}\x1b[K" for line in lines[: shutil.get_terminal_size().lines - 1]]
            lines = ["\x1b[H" + "\n".join(lines) + "\x1b[J"]
        echo("\n".join(lines))
        time.sleep(_WATCH_SECONDS)
