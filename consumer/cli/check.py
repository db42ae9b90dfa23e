"""`consume check`: is everything right, from the configuration to the queue? One table."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.logs import log_to_stderr
from consumer.cli.options import Number, help_end, json_option, overrides_of, queue_options
from consumer.cli.output import echo_result, note, table, terminal_width

if TYPE_CHECKING:
    from consumer.config import Loaded
    from consumer.operations.check import Result

_HELP_END: Final = help_end(
    "consume check --config config.yaml",
    "sudo consume check --config /etc/canvas-live-events-consumer/config.yaml",
    "consume check --queue-name canvas-live-events-prod --region us-east-1 --wait 300",
    "consume check --config config.yaml --deny-warnings --json",
    codes={
        0: "nothing is red",
        1: "something is red, or with --deny-warnings yellow; also if the configuration can't be "
        "loaded",
        2: "wrong options",
    },
)
_COLORS: Final = {"green": "green", "yellow": "yellow", "red": "red"}


@click.command("check", short_help="Check an installation, and say what to do.", epilog=_HELP_END)
@queue_options
@click.option(
    "--wait", "wait_seconds", metavar="SECONDS", type=Number(0, 86_400), default=0,
    help="Wait so long for an event from Canvas. It is not received.",
)  # fmt: skip
@click.option("--deny-warnings", is_flag=True, help="Exit with 1 if anything is yellow, too.")
@json_option
@click.pass_context
def check_command(context: click.Context, /, **options: Any) -> None:
    """Check the configuration, what handlers land events in, and the queue with all around it.

    Nothing is changed, and no message is received. Each row is green; yellow: it works, but
    something should be changed, or could not be found out; or red: events are not delivered, not
    handled, or can be lost. What is not known only for lack of a permission that the daemon does
    not need is green. Below the table is what to do.

    Run it as root where the daemon runs as a service, while it runs: its credentials can be read
    only then.
    """
    if seconds := options["wait_seconds"]:
        note(f"this will wait up to {seconds:g} s for an event: log in to Canvas now")
    log_to_stderr()
    results = list(_results(options))
    echo_result(results, _page(results), as_json=options["as_json"])
    worst = Counter(str(result.level) for result in results)
    context.exit(1 if worst["red"] or (options["deny_warnings"] and worst["yellow"]) else 0)


def _results(options: Mapping[str, Any]) -> Iterator["Result"]:
    from consumer.cli import config_report
    from consumer.clock import SystemClock
    from consumer.errors import ConfigurationError
    from consumer.operations.check import configuration, machine, run, webhook
    from consumer.operations.check.results import guarded

    sys.path.append(str(Path.cwd()))  # as in the daemon
    file = options["config_file"]
    try:
        loaded = config_report.load_with_queue(file, overrides_of(options), outside_service=True)
    except ConfigurationError as error:
        yield from configuration.unusable(file, error)
        return
    yield from configuration.loaded(file, loaded.warnings)
    settings, state = loaded.settings, config_report.given_state(loaded)
    unit = machine.unit_of(file)
    only_webhook = unit == machine.WEBHOOK_UNIT
    if not only_webhook:
        yield from guarded("handlers", _handlers, file, loaded)
    if state is None and not machine.properties_of(unit):
        state = settings.state_directory  # no unit sets another one
    yield from guarded("directories", machine.directories, settings, state)
    if not only_webhook:
        yield from guarded("systemd unit", machine.unit, settings, unit, state)
    if only_webhook or settings.has_webhook:
        place = webhook.state_of(settings, config_report.given_state(loaded))
        yield from guarded("webhook", webhook.webhook, settings, place, file, SystemClock())
        yield from guarded("signing keys", webhook.signing_keys, settings, place)
    yield from run.check_aws(
        settings, clock=SystemClock(), config_file=file, wait_seconds=options["wait_seconds"],
        only_sends=only_webhook,
    )  # fmt: skip


def _handlers(file: Path | None, loaded: "Loaded") -> Iterator["Result"]:
    from consumer.cli import config_report
    from consumer.operations.check import configuration
    from consumer.operations.check.destinations import destinations

    faults: list[str] = []
    registry, warnings = config_report.load_registry(loaded, faults)
    yield from configuration.handlers(file, faults, warnings)
    yield from destinations(file, registry.handlers)


def _page(results: Sequence["Result"]) -> Iterator[str]:
    width = terminal_width()
    rows = [(result.level, result.name, result.finding) for result in results]
    for line in table(rows, width):
        level = line[2:].partition(" ")[0]  # "" where a row goes on
        yield line.replace(level, click.style(level, fg=_COLORS[level]), 1) if level else line
    # Not wrapped: commands are copied.
    remedies = dict.fromkeys(result.remedy for result in results if result.remedy)
    if remedies:
        yield ""
        yield click.style("What to do", bold=True)
    for remedy in remedies:
        names = (f"{r.name} ({r.level})" for r in results if r.remedy == remedy)
        yield f"  {', '.join(dict.fromkeys(names))}:"
        yield f"    {remedy}"
    counts = Counter(str(result.level) for result in results)
    yield ""
    yield ", ".join(f"{counts[level]} {level}" for level in _COLORS)
