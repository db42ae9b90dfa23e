"""Tables and paragraphs: as wide as the terminal, or one line for each row in a pipe or file."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import click

from consumer.printable import printable

_GAP: Final = "  "
#: A narrower last column is below the other columns.
_NARROWEST: Final = 20
#: Longer lines are hard to read.
_WIDEST: Final = 140


def terminal_width() -> int | None:
    """The longest line, in characters; None (no limit) if standard output is not a terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(40, min(shutil.get_terminal_size().columns, _WIDEST))


def table(rows: Sequence[Sequence[str]], width: int | None, indent: str = "  ") -> Iterator[str]:
    """The lines of a table with aligned columns, the last one wrapped at `width`.

    Cells can come from payloads: characters that are not printable are escaped.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    left = len(indent) + sum(widths) + len(_GAP) * len(widths)
    below = " " * (len(indent) + 4)
    for *cells, last in rows:
        start = "".join(cell.ljust(wide) + _GAP for cell, wide in zip(cells, widths, strict=True))
        if width is None or width - left >= _NARROWEST:
            yield from wrapped(start + last, width, indent, " " * left)
        else:
            yield from wrapped(start, width, indent, below)
            yield from wrapped(last, width, below)


def section(title: str, rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """An empty line, the title, and a table."""
    yield ""
    yield click.style(title, bold=True)
    yield from table(rows, width)


def wrapped(
    text: str, width: int | None, indent: str = "", hanging: str | None = None
) -> Iterator[str]:
    """The lines of a paragraph; `hanging` is the indent of all but the first."""
    if width is None:
        yield f"{indent}{text}".rstrip()
        return
    yield from textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )
