"""`consume dlq replay`: passes the messages of the dead-letter queue through handlers."""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.foreground import run_in_foreground
from consumer.cli.options import help_end, json_option, overrides_of, queue_options, together
from consumer.cli.output import echo_result
from consumer.cli.with_queue import (
    dead_letter_queue,
    dlq_options,
    report_not_given_back,
)

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.operations.dlq.replay import Replayed
    from consumer.operations.replay.choice import Choice
    from consumer.service.logs.setup import Logs

#: Which events are meant. `choice_of` reads them.
choice_options: Final = together(
    click.option(
        "--events", metavar="PATTERNS", multiple=True,
        help="Only events with these names: grade_change,submission_*.",
    ),
    click.option(
        "--since", metavar="TIME",
        help="Only events from this time on: 2024-05-01, 2024-05-01T10:00-06:00, or 2h, 1d for so "
        "long ago. A time without an offset is UTC.",
    ),
)  # fmt: skip


def choice_of(options: Mapping[str, Any]) -> "Choice":
    """What `choice_options` say. Raises `ConfigurationError`."""
    from datetime import UTC, datetime

    from consumer.operations.replay.choice import Choice, moment, names_in

    now = datetime.now(UTC)
    return Choice(
        names=names_in(options["events"]),
        since=moment("--since", options["since"], now),
        until=moment("--until", options.get("until"), now),
    )


@click.command(
    "replay",
    short_help="Pass its messages through the handlers here.",
    epilog=help_end(
        "consume dlq replay --config config.yaml",
        "consume dlq replay --config config.yaml --handler grades --events 'grade_*' --since 2d",
        codes={
            0: "every chosen message was handled and deleted, or there was none",
            1: "some messages were not handled, and stay in the dead-letter queue",
            69: "there is no such queue, or no dead-letter queue",
            75: "a temporary failure that lasted too long",
            77: "credentials are missing, wrong or lack a permission, which is named",
            78: "the configuration, an option or a handler can't be used",
        },
    ),
)
@click.option(
    "--handler", "handlers", metavar="SPEC", multiple=True,
    help="The name of a handler in the configuration, or a handler as for the daemon. Can be given "
    "several times. Default: all handlers of the configuration.",
)  # fmt: skip
@choice_options
@dlq_options
@json_option
@queue_options
@click.pass_context
def replay_command(
    context: click.Context, /, *, handlers: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Pass the messages of the dead-letter queue through the handlers here.

    This runs the daemon's engine on the dead-letter queue until nothing new comes. A message is
    deleted only after every handler that asked for one of its events succeeded. All others stay:
    those that fail or are rejected, those that are not events, and those of which an event was not
    chosen or no handler asks for it. At the end they are visible again; after a crash, when 15
    minutes or the delay of a retry have passed. Press Ctrl-C to stop.

    A quarantine that is configured is not used, and "unmatched" has no effect.
    """
    from consumer.operations.dlq.replay import replay
    from consumer.operations.selection import load_selected

    choice = choice_of(options)
    sys.path.append(str(Path.cwd()))  # as for the daemon
    loaded, dead = dead_letter_queue(options)
    overrides = overrides_of(options)
    selected = load_selected(
        options["config_file"], handlers, environ=os.environ, overrides=overrides
    ).settings
    done = []

    def work(logs: "Logs", clock: "Clock") -> int:
        done.append(
            replay(
                selected, dead, choice=choice, clock=clock, environ=os.environ,
                flush_repeats=logs.repeats.flush, on_tick=logs.output.send_waiting,
            )
        )  # fmt: skip
        return done[0].exit_code or (1 if done[0].not_handled else 0)

    code = run_in_foreground(replace(loaded, warnings=()), work)  # they are reported already
    for replayed in done:
        _show_replayed(replayed, as_json=as_json)
    context.exit(code)


def _show_replayed(replayed: "Replayed", *, as_json: bool) -> None:
    data = {**asdict(replayed), "not_given_back": len(replayed.not_given_back)}
    line = (
        f"handled and deleted: {replayed.handled:,}; not handled: {replayed.not_handled:,}; "
        f"not chosen: {replayed.left:,}"
    )
    echo_result(data, [line], as_json=as_json, indent=None)  # the last line: handlers print, too
    report_not_given_back(replayed.not_given_back, 900)
