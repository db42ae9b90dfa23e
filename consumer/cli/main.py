"""The `consume` command: runs the daemon, and has the other commands as subcommands."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

import consumer
from consumer.cli.archive import archive_group
from consumer.cli.check import check_command
from consumer.cli.config import config_group
from consumer.cli.decode import decode_command
from consumer.cli.demo import demo_command
from consumer.cli.dlq import dlq_group
from consumer.cli.drift import drift_command
from consumer.cli.events import events_group
from consumer.cli.foreground import run_in_foreground
from consumer.cli.options import (
    help_end,
    log_format_option,
    log_level_option,
    overrides_of,
    queue_options,
)
from consumer.cli.output import discard, open_closed_streams, output_error, plain_errors
from consumer.cli.peek import peek_command
from consumer.cli.privacy import privacy_group
from consumer.cli.queue import queue_group
from consumer.cli.replay import replay_command
from consumer.cli.sample import sample_command
from consumer.cli.status import status_command
from consumer.cli.steer import drain_command, pause_command, resume_command
from consumer.cli.tap import tap_command
from consumer.cli.webhook import webhook_command
from consumer.errors import EXIT_CONFIGURATION, EXIT_INTERRUPTED

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.service.logs.setup import Logs

_HELP_END: Final = help_end(
    "consume demo",
    "consume --queue-url https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod",
    "consume --config config.yaml",
    "consume --config config.yaml --drain --handler log",
    "consume --queue-name canvas-live-events --region us-east-1 --handler my_handlers:registry",
    codes={
        0: "stopped by a signal, or nothing left to do",
        69: "",
        70: "a bug in this program",
        74: "standard output can't be written; events whose handler failed then stay in the queue",
        75: "a temporary failure that lasted too long, such as the network; start it again",
        77: "credentials are missing, wrong or not allowed to do this",
        78: "the configuration or an option can't be used",
        130: "stopped with Ctrl-C before it began",
    },
)


class _Group(click.Group):
    """The daemon, with the other commands as subcommands.

    A wrong option of the daemon is a configuration error: after click's exit code for it, 2,
    systemd would restart the daemon for ever. The other commands keep 2, as is usual in a shell.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the program, and report its errors in plain words."""
        open_closed_streams()
        with plain_errors():
            try:
                options["standalone_mode"] = False
                sys.exit(super().main(*args, **options))
            except click.UsageError as error:
                try:
                    error.show()
                except OSError:  # standard error is closed or full
                    discard(sys.stderr)  # else Python fails at its end, and exits with 120
                is_own = error.ctx is None or error.ctx.command is self
                sys.exit(EXIT_CONFIGURATION if is_own else error.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the daemon or another command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError as error:  # the help of another command
            raise output_error(error) from None

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the arguments. click writes --help meanwhile, and would exit with 1 for a pipe."""
        try:
            return super().make_context(*args, **options)
        except BrokenPipeError as error:
            raise output_error(error) from None


@click.group(
    cls=_Group,
    invoke_without_command=True,
    # Subcommands inherit this.
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_HELP_END,
)
@queue_options
@click.option(
    "--handler", "handlers", metavar="SPEC", multiple=True,
    help="What handles events: archive:DIRECTORY, log, package.module:registry or "
    "package.module:function. Except for archive:DIRECTORY, add =EVENTS for some events "
    "only: log=quiz_*. "
    "Can be given several times; replaces the handlers of the configuration file. "
    "Events that no handler asks for are archived.",
)  # fmt: skip
@click.option(
    "--format", "queue__format", type=click.Choice(["auto", "canvas", "caliper"]),
    help="Format of the messages. Default: auto, which recognizes it by their keys.",
)  # fmt: skip
@click.option("--drain", is_flag=True, help="Stop when the queue is empty (after one long poll).")
@click.option(
    "--max-messages", metavar="N", type=click.IntRange(min=1),
    help="Receive at most N messages, then stop.",
)  # fmt: skip
@log_format_option
@log_level_option(help="Default: info. With debug, every message is logged.")
@click.version_option(consumer.__version__, prog_name="canvas-live-events-consumer")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Consume Canvas Live Events from an SQS queue.

    Each message is received, decoded, passed to every handler that asked for it, and deleted only
    after all of them succeeded. Press Ctrl-C or send SIGTERM to stop: running handlers finish, and
    all other messages go back to the queue. A second signal stops at once. SIGHUP loads the
    configuration file again.

    Credentials come from the configuration file, the environment, or wherever the AWS SDK finds
    them. They can't be given on the command line.
    """
    if context.invoked_subcommand is None:
        context.exit(_consume(options))


def _consume(options: dict[str, Any]) -> int:
    from consumer.cli.config_report import load_with_queue
    from consumer.service.run import run

    overrides = _overrides(options)
    file, one_run = options["config_file"], options["drain"] or options["max_messages"]
    # The user's handlers are usually in the working directory. Last, so that it shadows nothing.
    sys.path.append(str(Path.cwd()))
    loaded = load_with_queue(file, overrides)

    def work(logs: "Logs", clock: "Clock") -> int:
        return run(
            loaded.settings,
            clock=clock,
            environ=os.environ,
            max_messages=options["max_messages"],
            drain_when_empty=options["drain"],
            flush_repeats=logs.repeats.flush,
            on_tick=lambda _status: logs.output.send_waiting(),
            load=partial(load_with_queue, file, overrides) if file and not one_run else None,
        )

    return run_in_foreground(loaded, work)


def _overrides(options: dict[str, Any]) -> dict[str, Any]:
    from consumer.handlers.loading.loader import parse_handler_specs

    given = parse_handler_specs(options["handlers"])
    return overrides_of(options) | ({"handlers": given} if given else {})


for _command in (
    archive_group,
    check_command,
    config_group,
    decode_command,
    demo_command,
    dlq_group,
    drain_command,
    drift_command,
    events_group,
    pause_command,
    peek_command,
    privacy_group,
    queue_group,
    replay_command,
    resume_command,
    sample_command,
    status_command,
    tap_command,
    webhook_command,
):
    main.add_command(_command)
