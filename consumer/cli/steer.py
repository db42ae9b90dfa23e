"""`consume pause`, `consume resume` and `consume drain`: steer a running daemon."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.options import daemon_options, help_end, json_option
from consumer.cli.output import echo_result, note

if TYPE_CHECKING:
    from consumer.operations.running.client import RunningDaemon

#: Exit codes of all commands about a running daemon.
DAEMON_CODES: Final = {
    3: "no daemon runs there",
    75: "the daemon does not answer",
    77: "the daemon belongs to another user; use sudo",
    78: "the configuration can't be used",
}
_REFUSED: Final = {1: "the daemon refuses, because it still starts"}


def running_daemon(options: Mapping[str, Any]) -> "RunningDaemon":
    """The daemon that `daemon_options` name. Raises: `ConfigurationError`, `click.UsageError`."""
    from consumer.operations.running.client import RunningDaemon, control_sockets

    path: Path | None = options["socket_path"]
    instance: str | None = options["instance"]
    config: Path | None = options["config_file"]
    if sum(given is not None for given in (path, instance, config)) > 1:
        raise click.UsageError("give only one of --config, --instance and --socket")
    return RunningDaemon(control_sockets(os.environ, path=path, instance=instance, config=config))


@click.command(
    "pause", short_help="Stop receiving for now, in a running daemon.",
    epilog=help_end(
        "consume pause", "sudo consume pause --instance prod",
        codes={0: "it is paused", **_REFUSED, **DAEMON_CODES},
    ),
)  # fmt: skip
@json_option
@daemon_options
def pause_command(*, as_json: bool, **options: Any) -> None:
    """Stop a running daemon from receiving until "consume resume".

    What it holds is handled and deleted, and an open long poll may still bring messages. The daemon
    stays alive and healthy; messages wait in the queue. A restart ends the pause.
    """
    done = running_daemon(options).post("/pause")
    text = "paused; `consume resume` ends the pause" if done.get("changed") else "was paused before"
    echo_result(done, [text], as_json=as_json)


@click.command(
    "resume", short_help="Start receiving again, in a paused daemon.",
    epilog=help_end("consume resume", codes={0: "it receives", **DAEMON_CODES}),
)  # fmt: skip
@json_option
@daemon_options
def resume_command(*, as_json: bool, **options: Any) -> None:
    """Start receiving again after "consume pause", at once."""
    done = running_daemon(options).post("/resume")
    text = "receiving again" if done.get("changed") else "was not paused"
    echo_result(done, [text], as_json=as_json)


@click.command(
    "drain", short_help="Finish running handlers, and stop a running daemon.",
    epilog=help_end(
        "consume drain", "consume drain --no-wait",
        codes={0: "its process has ended; with --no-wait, it drains", **DAEMON_CODES},
    ),
)  # fmt: skip
@click.option("--no-wait", is_flag=True, help="Do not wait for the end of its process.")
@json_option
@daemon_options
def drain_command(*, no_wait: bool, as_json: bool, **options: Any) -> None:
    """Stop a running daemon: its handlers finish, and the rest is returned to the queue.

    The same as SIGTERM. The daemon exits with 0, so systemd does not start it again: that is
    "systemctl start", and a restart is "systemctl restart".
    """

    def before_waiting() -> None:
        note("the daemon drains; waiting for the end of its process")

    done = running_daemon(options).drain(None if no_wait else before_waiting)
    echo_result(done, ["drains" if no_wait else "drained, and ended"], as_json=as_json)
