"""`consume replay`: passes events from files through handlers."""

import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.logs import log_to_stderr
from consumer.cli.options import (
    FILE,
    config_option,
    help_end,
    json_option,
    log_level_option,
    overrides_of,
)
from consumer.cli.output import OutputError, Printed, echo_result, note, report, terminal_width
from consumer.errors import EXIT_OUTPUT

if TYPE_CHECKING:  # loaded by the command only
    from consumer.clock import Clock
    from consumer.handlers.registering.registry import Registry
    from consumer.operations.replay.job import Job


@click.command(
    "replay",
    short_help="Pass events from the archive or other files through handlers.",
    epilog=help_end(
        "consume replay canvas-live-events/archive --handler my_handlers:registry",
        "consume replay archive -c config.yaml --handler grades --events 'grade_*' --since 1d",
        "consume replay archive --handler my_handlers:registry --position done.json",
        "consume replay archive --handler my_handlers:registry --failures failed.jsonl",
        "consume replay failed.jsonl --handler my_handlers:registry",
        "zcat old/*.gz | consume replay - --handler log",
        codes={
            0: "every event that was chosen was handled, or no handler asks for it",
            1: "some could not be handled, or are not events; the others were handled",
            74: "standard output or the position can't be written; what ran has finished",
            75: "a handler failed for ten minutes, or hangs; the others go on until then",
            78: "the configuration, an option or a file can't be used; no event was handled",
            130: "stopped with Ctrl-C or SIGTERM; what was handled is counted",
        },
    ),
)
@click.argument("files", metavar="FILE|DIRECTORY|-...", nargs=-1, required=True)
@config_option
@click.option(
    "--handler", "handlers", metavar="SPEC", multiple=True,
    help="The name of a handler in the configuration, or a handler as for the daemon: "
    "archive:DIRECTORY, log, package.module:registry, package.module:function=EVENTS. Can be "
    "given several times. Default: all handlers of the configuration.",
)  # fmt: skip
@click.option(
    "--events", metavar="PATTERNS", multiple=True,
    help="Only events with these names: grade_change,submission_*.",
)  # fmt: skip
@click.option(
    "--since", metavar="TIME",
    help="Only events from this time on: 2024-05-01, 2024-05-01T10:00-06:00, or 2h, 1d for so long "
    "ago. A time without an offset is UTC, as in the log and in the archive.",
)  # fmt: skip
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option(
    "--key", "keys", metavar="EVENT_KEY", multiple=True,
    help="Only the event with this key. Can be given several times.",
)  # fmt: skip
@click.option(
    "--format", "queue__format", type=click.Choice(["auto", "canvas", "caliper"]),
    help="Format of the events. Default: queue.format of the configuration.",
)  # fmt: skip
@click.option(
    "--unwrap", type=click.Choice(["sns", "eventbridge"]), multiple=True,
    help="Unwrap messages from this relay, like queue.unwrap.",
)  # fmt: skip
@click.option(
    "--attempts", metavar="N", type=click.IntRange(min=1), default=5, show_default=True,
    help="How often an event is tried before it counts as failed.",
)  # fmt: skip
@click.option(
    "--position", metavar="FILE", type=FILE,
    help="Note here how far it is done. With the same FILE, a replay that was stopped or killed is "
    "continued.",
)  # fmt: skip
@click.option(
    "--failures", metavar="FILE", type=FILE,
    help='Append what fails to this file, one JSON line each, which "consume replay" reads.',
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Call no handler: show which would get what.")
@log_level_option(default="warning", show_default=True, help="What is logged to standard error.")
@json_option
@click.pass_context
def replay_command(context: click.Context, /, **options: Any) -> None:
    """Pass events from files through handlers, as the daemon would. The queue is never called.

    A FILE has lines of the archive, quarantined messages, one payload a line, the output of "aws
    sqs receive-message", or what --failures has written; it may be compressed (gzip). Of a
    DIRECTORY, all .jsonl and .json files are read in the order of their names, which is the order
    of time. "-" is standard input.

    Handlers run in the same engine as in the daemon: with their middleware, batches, timeouts,
    retries and pauses. They get each event again, whether or not it was handled before. An event
    that is rejected or that fails too often is reported with its place, and the others go on.
    """
    from consumer.clock import SystemClock

    sys.path.append(str(Path.cwd()))  # the user's handlers are usually there
    clock, threads = SystemClock(), threading.enumerate()
    job = _job(options, clock)
    if options["dry_run"]:
        context.exit(_dry_run(job, as_json=options["as_json"]))
    from consumer.service.ending import end_in_time

    printed, code = Printed(), EXIT_OUTPUT
    try:
        code = _replay(job, clock, printed, as_json=options["as_json"])
        if (reason := printed.failure()) and code != EXIT_OUTPUT:  # not reported yet
            code = code or EXIT_OUTPUT
            report(f"standard output can't be written: {reason}")
    finally:
        end_in_time(code, before=threads)
    if printed.is_stuck:
        os._exit(code)
    context.exit(code)


def _job(options: dict[str, Any], clock: "Clock") -> "Job":
    from consumer.operations.decoding import unsealing_of
    from consumer.operations.replay.choice import Choice, moment, names_in
    from consumer.operations.replay.job import Job
    from consumer.operations.replay.position import began_at
    from consumer.operations.replay.source import inputs_of
    from consumer.operations.selection import load_selected

    overrides = overrides_of(options)
    if options["unwrap"]:
        overrides["queue.unwrap"] = list(options["unwrap"])
    loaded = load_selected(
        options["config_file"], options["handlers"], environ=os.environ, overrides=overrides,
        outside_service=True,
    )  # fmt: skip
    report("\n".join(loaded.warnings), kind="warning")
    log_to_stderr()
    names = names_in(options["events"])
    _warn_of_unknown(names)
    began = began_at(options["position"]) or clock.now()
    job = Job(
        settings=loaded.settings,
        inputs=inputs_of(options["files"], without=(options["position"], options["failures"])),
        choice=Choice(
            names=names,
            keys=frozenset(options["keys"]),
            since=moment("--since", options["since"], began),
            until=moment("--until", options["until"], began),
        ),
        began=began,
        attempts=options["attempts"],
        position=options["position"],
        failures=options["failures"],
        unsealing=unsealing_of(loaded.settings, clock=clock),
    )
    job.check()
    return job


def _warn_of_unknown(patterns: Iterable[str]) -> None:
    from consumer.events.catalog import index

    for pattern in patterns:
        if not index.matches_any(pattern):
            near = ", ".join(index.nearest(pattern))
            hint = f"; nearest: {near}" if near else ""
            report(f'--events "{pattern}" is no known event{hint}', kind="warning")


def _registry(job: "Job") -> "Registry":
    from consumer.handlers.loading.loader import build_registry, unmatched_patterns
    from consumer.queues.sqs import AwsClients

    settings = job.settings
    registry = build_registry(
        settings.handlers,
        state_directory=settings.state_directory,
        warn=lambda sentence: report(sentence, kind="warning"),
        aws_client=AwsClients(settings.queue, settings.aws).client,
        queue=settings.queue,
    )
    for warning in unmatched_patterns(registry.handlers):
        report(warning, kind="warning")
    return registry


def _dry_run(job: "Job", *, as_json: bool) -> int:
    from consumer.cli.replay_report import routes_page
    from consumer.operations.replay.dry_run import routes

    found = routes(job, _registry(job), report=report, note=note)
    data = found.as_data()
    echo_result(data, routes_page(data, terminal_width()), as_json=as_json)
    return 1 if found.not_events else 0


def _replay(job: "Job", clock: "Clock", printed: Printed, *, as_json: bool) -> int:
    from consumer.cli.replay_report import Bar, advice, summary_page
    from consumer.operations.replay.run import Replay
    from consumer.service.logs.setup import configure_logging, install_exception_hooks

    logging = job.settings.logging
    if logging.format == "auto":
        logging = logging.model_copy(update={"format": "console"})
    bar = Bar(sys.stderr, clock=clock)
    logs = configure_logging(logging, bar.stream, environ=os.environ, clock=clock)
    install_exception_hooks()
    replay = Replay(
        job, _registry(job), clock=clock, on_tick=bar.draw,
        report=bar.above(report), note=bar.above(note),
        broken=lambda: OutputError(printed.reason) if printed.reason else None,
    )  # fmt: skip
    try:
        summary = replay.run()
    finally:
        bar.clear()
        logs.output.close()
    if printed.reason:  # the summary can't be written, either
        report(f"{summary.handled:,} handled. {advice(summary, job)}")
        return summary.exit_code
    data = summary.as_data()
    page = summary_page(summary, terminal_width(), advice=advice(summary, job))
    echo_result(data, page, as_json=as_json, indent=None)
    return summary.exit_code
