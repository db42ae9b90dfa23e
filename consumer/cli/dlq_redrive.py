"""`consume dlq redrive`: moves the messages of the dead-letter queue back to the queue."""

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.dlq_replay import choice_of, choice_options
from consumer.cli.options import help_end, json_option, queue_options
from consumer.cli.output import echo_result, note
from consumer.cli.with_queue import (
    check_dlq_options,
    dlq_options,
    load_quietly,
    report_not_given_back,
)
from consumer.errors import EXIT_TRANSIENT

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.operations.dlq.redrive import Redriven
    from consumer.operations.replay.choice import Choice


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
            69: "there is no such queue or dead-letter queue, or SQS can't move them itself",
            75: "SQS could not be reached, or a delete or the task failed",
            77: "credentials are missing, wrong or lack a permission, which is named",
            78: "the configuration or an option can't be used",
            130: "stopped with Ctrl-C; a task in SQS goes on",
        },
    ),
)
@choice_options
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Move at most N messages.")
@click.option(
    "--rate", metavar="N", type=click.IntRange(1, 500), help="Move at most N messages a second."
)
@click.option("--dry-run", is_flag=True, help="Count the messages that would be moved.")
@click.option("--cancel", is_flag=True, help="Cancel the task that runs in SQS.")
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
    check_dlq_options(options)
    choice = choice_of(options)
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
    parts += [f"stay ({reason}): {count:,}" for reason, count in result.left.items()]
    parts += [f"refused by SQS ({code}): {count:,}" for code, count in result.refused.items()]
    return "; ".join(parts)


def _exit_code(result: "Redriven", *, cancel: bool) -> int:
    if cancel:
        return 0 if result.status else 1
    if result.status == "FAILED":
        return EXIT_TRANSIENT
    stopped = result.engine == "native" and result.status != "COMPLETED"
    return 1 if stopped or result.refused or result.not_given_back else 0
