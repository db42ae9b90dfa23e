"""The `consume` command: runs the daemon, and holds the commands beside it."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import click

import consumer
from consumer import log_events
from consumer.cli.config import config_group, queue_address
from consumer.cli.decode import decode_command
from consumer.cli.demo import demo_command
from consumer.cli.drift import drift_command
from consumer.cli.errors import FILE, DaemonGroup, OutputError, told_plainly
from consumer.cli.events import events_group
from consumer.cli.output import Printed, open_closed_streams
from consumer.cli.sample import sample_command
from consumer.errors import EXIT_OUTPUT, ConsumerError

_EXIT_CODES = """\b
Exit codes:
  0   drained: stopped by a signal, or nothing left to do
  69  the queue does not exist
  70  a bug in this program
  74  drained, but what handlers print could not be written to standard output; events whose
      handler failed over that stay in the queue
  75  a failure that may pass, but lasted (network); start it again
  77  credentials are missing, wrong or not allowed to do this
  78  the configuration or an option can't be used
  130 stopped with Ctrl-C before anything was begun

\b
Examples:
  consume demo
  consume --queue-url https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod
  consume --config config.yaml
  consume --config config.yaml --drain --handler log
  consume --queue-name canvas-live-events-prod --region us-east-1 --handler my_handlers:registry
"""
_OUTPUT_HINT = (
    "handlers print there; an event whose handler failed over that stays in the queue, and the "
    "counts say how many were handled"
)


class _Group(DaemonGroup):
    def main(self, *args: Any, **options: Any) -> Any:
        """Before anything is opened or written. What click itself writes (--help) may fail, too."""
        open_closed_streams()
        with told_plainly():
            try:
                return super().main(*args, **options)
            except OSError as error:
                raise OutputError(error.strerror or type(error).__name__) from None


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXIT_CODES,
)
@click.option(
    "-c", "--config", "config_file", metavar="FILE", type=FILE,
    help="Configuration file (YAML); see config.example.yaml.",
)  # fmt: skip
@click.option("--queue-url", metavar="URL", help="URL of the queue to consume.")
@click.option("--queue-name", metavar="NAME", help="Name of the queue, instead of its URL.")
@click.option("--region", metavar="NAME", help="Else that of the queue's URL, or AWS_REGION.")
@click.option("--endpoint-url", metavar="URL", help="Another SQS endpoint: VPC or emulator.")
@click.option("--profile", metavar="NAME", help="Profile of the AWS configuration files.")
@click.option(
    "--handler", "handlers", metavar="SPEC", multiple=True,
    help="What handles events: archive:DIRECTORY, log, or package.module:registry (or :function), "
    "with =EVENTS behind it for only these: log=logged_in,quiz_*. "
    "May be given several times; replaces the handlers of the configuration file. "
    "What none of them asks for is archived.",
)  # fmt: skip
@click.option(
    "--format", "message_format", type=click.Choice(["auto", "canvas", "caliper"]),
    help="Format of the messages. Default: auto, by their keys.",
)  # fmt: skip
@click.option("--drain", is_flag=True, help="Stop once the queue stayed empty for a long poll.")
@click.option(
    "--max-messages", metavar="N", type=click.IntRange(min=1),
    help="Receive at most N messages, then stop.",
)  # fmt: skip
@click.option(
    "--log-format", type=click.Choice(["auto", "console", "json"]),
    help="Default: auto, that is console on a terminal, JSON otherwise.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]),
    help="Default: info. At debug there is a line for each message.",
)  # fmt: skip
@click.version_option(consumer.__version__, prog_name="canvas-live-events-consumer")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Consume Canvas Live Events from an SQS queue.

    Each message is received, decoded, given to every handler that asked for it, and deleted only
    after all of them succeeded. Stop with Ctrl-C or SIGTERM: what runs is finished, the rest is
    given back; a second one stops at once.

    Credentials come from the configuration file, the environment, or wherever the AWS SDK finds
    them; none is accepted on the command line.
    """
    if context.invoked_subcommand is not None:
        return
    with told_plainly():
        context.exit(_consume(options))


def _consume(options: dict[str, Any]) -> int:
    import structlog

    from consumer.clock import SystemClock
    from consumer.config import load
    from consumer.handlers.loading.loader import parse_handler_spec
    from consumer.service.ending import end_in_time
    from consumer.service.logs import configure_logging, install_exception_hooks
    from consumer.service.run import run

    overrides = {
        "queue.url": options["queue_url"],
        "queue.name": options["queue_name"],
        "queue.format": options["message_format"],
        "aws.region": options["region"],
        "aws.endpoint_url": options["endpoint_url"],
        "aws.profile": options["profile"],
        "logging.format": options["log_format"],
        "logging.level": options["log_level"],
        "handlers": _distinct([parse_handler_spec(spec) for spec in options["handlers"]]) or None,
    }
    loaded = load(
        options["config_file"],
        environ=os.environ,
        overrides={key: value for key, value in overrides.items() if value is not None},
        require_queue=True,
    )
    queue_address(loaded)  # here, where a wrong name is told with its file and line
    # Handlers of one's own usually lie where one stands; last, so that they shadow nothing.
    sys.path.append(str(Path.cwd()))
    clock = SystemClock()
    logs = configure_logging(loaded.settings.logging, sys.stderr, environ=os.environ, clock=clock)
    install_exception_hooks()
    log = structlog.get_logger("consumer")
    for warning in loaded.warnings:
        log.warning(log_events.CONFIG_WARNING, reason=warning)
    printed = Printed()
    threads = threading.enumerate()
    try:
        code = run(
            loaded.settings,
            clock=clock,
            environ=os.environ,
            max_messages=options["max_messages"],
            drain_when_empty=options["drain"],
            flush_repeats=logs.repeats.flush,
            on_tick=lambda _status: logs.output.send_waiting(),
        )
    except ConsumerError as error:
        if sys.stderr.isatty():
            raise  # told in plain words
        # Where the log goes, so that it can be read like the lines before it.
        code = error.exit_code
        log.critical(log_events.STOPPED, reason="failure", exit_code=code, error=str(error))
    if reason := printed.failure():
        code = code or EXIT_OUTPUT
        log.error(log_events.OUTPUT_FAILED, reason=reason, exit_code=code, hint=_OUTPUT_HINT)
    end_in_time(code, before=threads)
    logs.output.close()
    if printed.is_stuck:
        os._exit(code)  # all is settled; Python would abort over the lock of standard output
    return code


def _distinct(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two of a kind are named apart: "archive" and "archive-2"."""
    seen: Counter[str] = Counter()
    for entry in entries:
        name = entry["name"]
        seen[name] += 1
        if seen[name] > 1:
            entry["name"] = f"{name}-{seen[name]}"
    return entries


main.add_command(config_group)
main.add_command(decode_command)
main.add_command(demo_command)
main.add_command(drift_command)
main.add_command(events_group)
main.add_command(sample_command)
