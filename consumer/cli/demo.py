"""`consume demo`: the options of the demonstration; `demo_run` does the work."""

import click


@click.command("demo", short_help="Run the daemon on sample events, without AWS.")
@click.option("--keep", is_flag=True, help="Keep the queue running afterwards, until Ctrl-C.")
@click.option(
    "--https", is_flag=True,
    help='Sign the events, and post them to "consume webhook", which puts them into the queue. '
    "Needs the extra webhook.",
)  # fmt: skip
def demo_command(*, keep: bool, https: bool) -> None:
    """Run the daemon on sample events on this machine, and explain what happened.

    Starts an SQS server (moto) on a free port of this machine, sends sample events in both formats,
    runs the real daemon until the queue is empty, and prints a report. Takes about 20 seconds. No
    process is left running; the only files left are the archive and the ledger.
    """
    from consumer.cli.demo_run import run_demo

    run_demo(keep=keep, https=https)
