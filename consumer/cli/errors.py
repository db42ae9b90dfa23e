"""How a command that can't go on says so: plain lines on standard error, and the exit code."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.errors import (
    EXIT_BUG,
    EXIT_CONFIGURATION,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_OUTPUT,
    ConsumerError,
    describe,
)
from consumer.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

# click's own ways out.
_NOT_OURS = (click.ClickException, click.exceptions.Exit, click.Abort)


class OutputError(ConsumerError):
    """Standard output can't be written.

    Args:
        reader_gone: nobody reads it any more, as with `| head`: no failure of the command.
    """

    exit_code = EXIT_OUTPUT

    def __init__(self, reason: str, *, reader_gone: bool = False) -> None:
        super().__init__(f"standard output can't be written: {reason}")
        self.reader_gone = reader_gone


#: A configuration file. Whether it can be read is not click's to say: that has its own exit code.
FILE: Final = click.Path(path_type=Path, readable=False)


class DaemonGroup(click.Group):
    """The daemon, with commands beside it. Of the daemon only documented exit codes come.

    A wrong option is one of the configuration: click's own code for it, 2, would have systemd
    restart it for ever. The commands keep it, as every command of a shell has it.
    """

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Parse the options of the daemon."""
        try:
            return super().make_context(*arguments, **extra)
        except click.UsageError as error:
            error.exit_code = EXIT_CONFIGURATION  # type: ignore[misc]
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the daemon, or a command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None or error.ctx.command is self:  # no such command
                error.exit_code = EXIT_CONFIGURATION  # type: ignore[misc]
            raise
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(EXIT_INTERRUPTED)


def tell(text: str, *, kind: str = "error") -> None:
    """Write each line as "consume: error: ..." to standard error."""
    for line in text.split("\n"):
        note(f"consume: {kind}: {line}")


def note(line: str) -> None:
    """Write a line to standard error, if that can be written."""
    try:
        click.echo(printable(line), err=True)
    except OSError:
        leave(sys.stderr)


def leave(stream: TextIO | None) -> None:
    """What is still buffered for a stream that failed would be an error at the end: drop it."""
    if stream is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def told_plainly() -> Iterator[None]:
    """End the process with what went wrong in words and the exit code of the error.

    Anything that is not raised on purpose is a bug: told by its type and place, for its text may
    quote a secret or a person's data.
    """
    try:
        yield
    except _NOT_OURS:
        raise
    except OutputError as error:
        leave(sys.stdout)
        if error.reader_gone:
            sys.exit(EXIT_OK)
        tell(str(error))
        sys.exit(error.exit_code)
    except ConsumerError as error:
        tell(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        # The first frame is the line above; where the command was, says more.
        inner = error.__traceback__.tb_next if error.__traceback__ else None
        facts = describe(error.with_traceback(inner))
        tell(f"a bug in this program: {facts['error_type']} at {facts['error_at']}")
        sys.exit(EXIT_BUG)
