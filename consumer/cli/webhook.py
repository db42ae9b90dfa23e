"""`consume webhook`: its options; `consumer.webhook.run` does the work."""

import os
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.foreground import run_in_foreground
from consumer.cli.options import (
    help_end,
    log_format_option,
    log_level_option,
    overrides_of,
    queue_options,
)

if TYPE_CHECKING:
    from consumer.clock import Clock
    from consumer.service.logs.setup import Logs

_HELP_END: Final = help_end(
    "consume webhook --config config.yaml",
    "consume webhook --config config.yaml --listen 127.0.0.1:9443",
    "curl http://127.0.0.1:8443/healthz",
    codes={
        0: "stopped by a signal",
        2: "wrong options",
        69: "",
        70: "a bug in this program",
        75: "SQS could not be reached at the start; start it again",
        77: "credentials are missing, wrong or not allowed to do this",
        78: "the configuration can't be used, or the address is in use",
    },
)


@click.command(
    "webhook", short_help="Receive events by HTTPS, and put them into the queue.", epilog=_HELP_END
)
@click.option(
    "--listen", "webhook__listen", metavar="ADDRESS:PORT",
    help="Where to listen. Default: 127.0.0.1:8443, for a proxy with TLS on this machine.",
)  # fmt: skip
@queue_options
@log_format_option
@log_level_option(help="Default: info.")
@click.pass_context
def webhook_command(context: click.Context, /, **options: Any) -> None:
    """Receive the events that Canvas posts by HTTPS, and put them into the queue.

    A post is accepted if Canvas has signed it, and answered with 204 only after SQS has confirmed
    that it has the event. Otherwise, Canvas gets an error and posts it again. The daemon then
    consumes the queue as ever. GET /healthz answers 200 while events can be put into the queue.

    Needs the permission sqs:SendMessage. After Ctrl-C or SIGTERM, posts under way are answered.
    """
    from consumer.cli.config_report import load_with_queue
    from consumer.webhook import check_installed

    check_installed()
    from consumer.webhook.run import run

    loaded = load_with_queue(options["config_file"], overrides_of(options))

    def work(logs: "Logs", clock: "Clock") -> int:
        return run(
            loaded.settings, clock=clock, environ=os.environ,
            flush_repeats=logs.repeats.flush, on_tick=logs.output.send_waiting,
        )  # fmt: skip

    context.exit(run_in_foreground(loaded, work))
