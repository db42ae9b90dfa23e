"""`consume config test`: runs the tests of a configuration."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from consumer.cli.options import FILE, help_end, json_option
from consumer.cli.output import echo_result, note, report
from consumer.errors import ConfigurationError
from consumer.printable import printable

if TYPE_CHECKING:
    from consumer.operations.config_tests import Tried


@click.command(
    "test",
    short_help="Run the tests of a configuration.",
    epilog=help_end(
        "consume config test config.yaml",
        "consume config test --json config.yaml",
        codes={
            0: "every test is ok",
            1: "an event does not go where a test expects it",
            78: "the configuration or a test can't be used; every error is reported with its line",
        },
    ),
)
@click.argument("file", type=FILE, default="config.yaml")
@json_option
@click.pass_context
def test(context: click.Context, /, file: Path, *, as_json: bool) -> None:
    """Run the tests in FILE (default: config.yaml): which handlers get which events.

    No handler is called, AWS is not called, and nothing is stored. Handlers are loaded as by
    "consume config check". Values of events are not shown.
    """
    results = _results(file)
    if not results:
        note(f"{file}: there are no tests")
    echo_result(results, _page(results), as_json=as_json)
    context.exit(1 if any(result.differences for result in results) else 0)


def _results(file: Path) -> Sequence["Tried"]:
    """Raises: `ConfigurationError`, with a line for each error."""
    from consumer.cli.config_report import collecting, load_registry
    from consumer.config import load
    from consumer.operations.config_tests import run_tests

    sys.path.append(str(Path.cwd()))  # as in the daemon
    loaded = load(file, environ=os.environ, overrides={}, outside_service=True)
    faults: list[str] = []
    warnings: list[str] = []
    results: Sequence[Tried] = ()
    with TemporaryDirectory() as folder:  # that of the daemon may not be here
        settings = loaded.settings.model_copy(update={"state_directory": Path(folder)})
        registry, _ = load_registry(replace(loaded, settings=settings), faults)
        if not faults:
            with collecting(faults, loaded):
                results = run_tests(settings, registry, file.parent, warnings.append)
    if faults:
        raise ConfigurationError("\n".join(faults))
    report("\n".join(warnings), kind="warning")
    return results


def _page(results: Sequence["Tried"]) -> Iterator[str]:
    for result in results:
        word = click.style("FAILED", fg="red") if result.differences else "ok    "
        yield f"{word}  {printable(result.name)}: {printable(_fate(result))}"
        for difference in result.differences:
            yield f"          {printable(difference)}"
    failed = sum(bool(result.differences) for result in results)
    if results:
        yield f"{len(results)} {'test' if len(results) == 1 else 'tests'}, {failed} failed"


def _fate(result: "Tried") -> str:
    if result.unmatched:
        return f"{result.unmatched}, because no handler gets it"
    return ", ".join(result.handlers)
