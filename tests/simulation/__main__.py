"""`python -m tests.simulation`: any number of runs, or one of them again."""

from __future__ import annotations

import sys
import time

import click

from tests.simulation.simulate import simulate
from tests.simulation.tally import BrokenPromiseError, Tally


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--runs", metavar="N", type=click.IntRange(min=1), default=2_000, show_default=True)
@click.option(
    "--seed", metavar="S", type=click.IntRange(min=0), default=0, show_default=True,
    help="Seed of the first run; the others follow.",
)  # fmt: skip
@click.option(
    "--replay",
    metavar="SEED",
    type=click.IntRange(min=0),
    help="Run this seed, and print each step.",
)
def main(runs: int, seed: int, replay: int | None) -> None:
    """Try to break the promise that nothing is lost.

    Exit code 1 if it was broken; the seed is printed, and --replay shows what led to it.
    """
    if replay is not None:
        runs, seed = 1, replay
    tally, cpu = Tally(), time.process_time()
    for number in range(seed, seed + runs):
        try:
            tally.add(simulate(number, **({} if replay is None else {"trace": click.echo})))
        except BrokenPromiseError as error:
            click.echo(f"seed {number}: {error}", err=True)
            click.echo(f"python -m tests.simulation --replay {number}", err=True)
            sys.exit(1)
        except OSError:  # the reader of the output has ended
            raise
        except Exception:  # a bug of the engine is a failure, too
            click.echo(f"seed {number}: an exception", err=True)
            raise
    for line in tally.lines():
        click.echo(line)
    click.echo("losses       0")
    click.echo(f"CPU          {time.process_time() - cpu:.1f} s")


if __name__ == "__main__":
    main()
