"""What commands share that call a queue: its settings, its dead-letter queue, and texts."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.logs import log_to_stderr
from consumer.cli.options import dlq_name_option, matching, overrides_of, together
from consumer.cli.output import report
from consumer.errors import ConfigurationError

if TYPE_CHECKING:
    from consumer.config import Loaded, QueueSettings
    from consumer.operations.holding import Refused

_QUEUE: Final = ("queue.url", "queue.name")
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))

#: Which dead-letter queue. `dead_letter_queue` reads them.
dlq_options: Final = together(
    click.option(
        "--dlq-url", metavar="URL", callback=matching(r"https?://\S+/\S+", "the URL of a queue"),
        help="URL of the dead-letter queue, instead of its name.",
    ),
    dlq_name_option("the one in the queue's redrive policy"),
)  # fmt: skip


def load_quietly(
    options: Mapping[str, Any], *, overrides: Mapping[str, Any] | None = None
) -> "Loaded":
    """The configuration with its queue. Warnings go to standard error, also what is logged."""
    from consumer.cli.config_report import load_with_queue

    overrides = overrides_of(options) if overrides is None else overrides
    loaded = load_with_queue(options["config_file"], overrides, outside_service=True)
    report("\n".join(loaded.warnings), kind="warning")
    log_to_stderr()
    return loaded


def check_dlq_options(options: Mapping[str, Any]) -> None:
    """Raise `click.UsageError` if both are given."""
    if options["dlq_url"] and options["dlq_name"]:
        raise click.UsageError("give only one of --dlq-url and --dlq-name")


def dead_letter_queue(options: Mapping[str, Any]) -> tuple["Loaded", "QueueSettings"]:
    """The configuration, and the settings of the dead-letter queue.

    If that is named by an option, it takes the place of the queue, which is then not needed.
    """
    from consumer.operations.dlq.find import find_dead_letters
    from consumer.queues.sqs.admin import AwsCalls

    overrides = overrides_of(options)
    check_dlq_options(options)
    named = {"queue.url": options["dlq_url"], "queue.name": options["dlq_name"]}
    if named := {key: value for key, value in named.items() if value is not None}:
        overrides = {k: value for k, value in overrides.items() if k not in _QUEUE} | named
        overrides["queue.allow_any_queue_name"] = True
        try:
            loaded = load_quietly(options, overrides=overrides)
        except ConfigurationError as error:
            fault = re.sub(r"command line --queue-(url|name): queue\.\1", r"--dlq-\1", str(error))
            raise ConfigurationError(fault.replace(" --queue-", " --dlq-")) from None
        return loaded, loaded.settings.queue
    loaded = load_quietly(options, overrides=overrides)
    settings = loaded.settings
    calls = AwsCalls(settings.queue, settings.aws)
    try:
        return loaded, find_dead_letters(calls).settings(settings.queue)
    finally:
        calls.close()


def report_not_given_back(refused: "Refused", seconds: int) -> bool:
    """Report what could not be given back; returns whether there was any."""
    if refused:
        code = next(iter(refused.values())).code
        report(
            f"messages that could not be given back: {len(refused)} ({code}); "
            f"they are visible again after {seconds} seconds",
            kind="warning",
        )
    return bool(refused)


def age_text(seconds: float | None) -> str:
    """An age in its largest unit: "3 d", "5 h"."""
    if seconds is None:
        return "?"
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
