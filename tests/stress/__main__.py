"""`python -m tests.stress`: any number of runs."""

from __future__ import annotations

import sys
import time

import click

from consumer.errors import describe
from tests.stress.notebook import BrokenError
from tests.stress.stress import PATIENCE_SECONDS, Tally, run


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--runs", metavar="N", type=click.IntRange(min=1), default=200, show_default=True)
@click.option(
    "--seed", metavar="S", type=click.IntRange(min=0), default=0, show_default=True,
    help="Seed of the first run; the others follow.",
)  # fmt: skip
@click.option(
    "--patience", metavar="SECONDS", type=float, default=PATIENCE_SECONDS, show_default=True,
    help="A run without progress for this long has failed.",
)  # fmt: skip
def main(runs: int, seed: int, patience: float) -> None:
    """Run the engine with its real threads, and switch them as often as possible.

    Exit code 1 if anything did not hold, with the seed. The seed decides what is done, and not how
    the threads are switched: run it several times to see it again.
    """
    tally, cpu, began = Tally(), time.process_time(), time.monotonic()
    for number in range(seed, seed + runs):
        try:
            tally.add(run(number, patience=patience))
        except BrokenError as error:
            click.echo(f"seed {number}: {error}", err=True)
            sys.exit(1)
        except Exception as error:  # what the run itself calls has failed
            click.echo(f"seed {number}: {describe(error)}", err=True)
            sys.exit(1)
    for line in tally.lines():
        click.echo(line)
    click.echo(f"CPU        {time.process_time() - cpu:.1f} s of {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
