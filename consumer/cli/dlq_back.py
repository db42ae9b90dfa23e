"""`consume dlq replay` and `consume dlq redrive`: two ways to bring dead letters back."""

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.foreground import run_in_foreground
from consumer.cli.options import help_end, json_option, overrides_of, queue_options, together
from consumer.cli.output import echo_result, note
from consumer.cli.with_queue import (
    dead_letter_queue,
    dlq_options,
    load_quietly,
    report_not_given_back,
)
from consumer.errors import EXIT_TRANSIENT

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.operations.dlq.redrive import Redriven
    from consumer.operations.dlq.replay import Replayed
    from consumer.operations.replay.choice import Choice
    from consumer.service.logs import Logs

_choice_options: Final = together(
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


def _choice(options: Mapping[str, Any]) -> "Choice":
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
@_choice_options
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

    choice = _choice(options)
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
    echo_result(data, [line], as_json=as_json)
    report_not_given_back(replayed.not_given_back, 900)


@click.command(
    "redrive",
    short_help="Move its messages back to the queue.",
    epilog=help_end(
        "consume dlq redrive --config config.yaml --dry-run",
        "consume dlq redrive --config config.yaml --rate 50",
        "consume dlq redrive --config config.yaml --events 'submission_*,grade_change' --since 2d",
        "consume dlq redrive --config config.yaml --cancel",
        codes={
            0: "every chosen message was moved, or there was none",
            1: "some messages were refused or not given back, or the task was cancelled",
            69: "there is no such queue, no dead-letter queue, or no redrive of SQS's there",
            75: "SQS could not be reached, or a delete or the task failed",
            77: "credentials are missing, wrong or lack a permission, which is named",
            78: "the configuration or an option can't be used",
            130: "stopped with Ctrl-C; a task of SQS's goes on",
        },
    ),
)
@_choice_options
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Move at most N messages.")
@click.option(
    "--rate", metavar="N", type=click.IntRange(1, 500), help="Move at most N messages a second."
)
@click.option("--dry-run", is_flag=True, help="Count the messages that would be moved.")
@click.option("--cancel", is_flag=True, help="Cancel the task of SQS's that runs.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "native", "resend"]),
    default="auto",
    show_default=True,
    help="native: a task in SQS. resend: receive, send and delete from here.",
)
@dlq_options
@json_option
@queue_options
@click.pass_context
def redrive_command(context: click.Context, /, *, as_json: bool, **options: Any) -> None:
    """Move the messages of the dead-letter queue back to the queue.

    Once the cause is fixed: a message that fails there again comes back here. Without a choice of
    messages, SQS moves all of them itself (StartMessageMoveTask), each to the queue that it came
    from. Where that is not possible or not permitted, which is reported, and with --events,
    --since, --until or --limit, this command does it: it receives a message, sends it to the
    queue, and deletes it after SQS has confirmed that; body and attributes stay as they are.
    After a crash in between, a message is in both queues: it may be handled twice, but is never
    lost. What is not chosen is given back at the end; after a crash, 10 minutes later.

    A moved message is new for SQS: it has another id, and its retention begins again.
    """
    choice = _choice(options)
    some_only = not choice.is_everything or options["limit"] is not None or options["dry_run"]
    if options["engine"] == "native" and some_only:
        raise click.UsageError("SQS itself moves all messages, and can't be asked for some only")
    result = _redrive(choice, options)
    echo_result(result.as_data(), [_line(result)], as_json=as_json)
    context.exit(_exit_code(result, cancel=options["cancel"]))


def _redrive(choice: "Choice", options: Mapping[str, Any]) -> "Redriven":
    from consumer.clock import SystemClock
    from consumer.operations.dlq.find import find_dead_letters
    from consumer.operations.dlq.redrive import Redrive
    from consumer.operations.dlq.resend import HOLD_SECONDS
    from consumer.queues.sqs.admin import AwsCalls

    settings, clock = load_quietly(options).settings, SystemClock()
    with closing(AwsCalls(settings.queue, settings.aws)) as calls:
        places = find_dead_letters(calls, url=options["dlq_url"], name=options["dlq_name"])
        redrive = Redrive(
            calls, places, settings, engine=options["engine"], clock=clock, say=note,
            progress=_Progress(clock).show,
        )  # fmt: skip
        result = redrive.result
        try:
            if options["cancel"]:
                redrive.cancel()
            else:
                limit, rate = options["limit"], options["rate"]
                redrive.run(choice, limit=limit, rate=rate, dry_run=options["dry_run"])
        except BaseException:  # also Ctrl-C
            note(_line(result))
            raise
        finally:
            report_not_given_back(result.not_given_back, HOLD_SECONDS)
    return result


class _Progress:
    """Shows progress on standard error, at most every two seconds."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._shown = clock.monotonic()

    def show(self, moved: int, total: int | None) -> None:
        """Show it, if it is time."""
        if self._clock.monotonic() - self._shown >= 2:
            self._shown = self._clock.monotonic()
            note(f"{moved:,} moved" + (f" of about {total:,}" if total else ""))


def _line(result: "Redriven") -> str:
    what = "would be moved" if result.dry_run else "moved"
    parts = [f"{what} from {result.dead_letter_queue} to {result.queue}: {result.moved:,}"]
    if result.status:
        parts.append(f"SQS's task: {result.status}" + (f" ({result.reason})" * bool(result.reason)))
    if result.left:
        parts.append(f"stay: {result.left:,}")
    for code, count in result.refused.items():
        parts.append(f"refused by SQS ({code}): {count:,}")
    return "; ".join(parts)


def _exit_code(result: "Redriven", *, cancel: bool) -> int:
    if cancel:
        return 0 if result.status else 1
    if result.status == "FAILED":
        return EXIT_TRANSIENT
    stopped = result.engine == "native" and result.status != "COMPLETED"
    return 1 if stopped or result.refused or result.not_given_back else 0
