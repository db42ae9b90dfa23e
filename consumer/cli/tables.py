"""Aligned columns: as wide as the terminal on a terminal, a line for each row elsewhere."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Final

from consumer.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP: Final = "  "
#: A last column of less gets a line of its own.
_NARROWEST: Final = 36
#: Longer lines are hard to read, however wide the terminal is.
_WIDEST: Final = 140


def terminal_width() -> int | None:
    """How many characters fit into a line; None where nobody looks at it: a pipe, a file."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(40, min(shutil.get_terminal_size().columns, _WIDEST))


def table(rows: Sequence[Sequence[str]], width: int | None, indent: str = "  ") -> Iterator[str]:
    """The lines of a table, none longer than `width`; None stands for any.

    Cells may come from payloads: what is no visible character is written as an escape.

    Where it would be wider, the last column is wrapped; where that leaves too little for it, it
    stands below the columns before it, as many of them as it takes.
    """
    if not rows:
        return
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    total = len(indent) + sum(widths) + len(_GAP) * (len(widths) - 1)
    if width is None or total <= width:
        for row in rows:
            yield (indent + _row(row, widths)).rstrip()
        return
    lefts = [len(indent) + sum(widths[:n]) + len(_GAP) * n for n in range(len(widths))]
    kept = max(n for n, left in enumerate(lefts) if width - left >= _NARROWEST or n == 0)
    below = " " * (lefts[kept] if kept else lefts[0] + 4)
    for row in rows:
        start = indent + _row([*row[:kept], ""], widths)
        beside, last = _GAP.join(filter(None, row[kept:-1])), row[-1]
        if beside or not kept:
            yield from wrapped(beside, width, start, below)
            start = below
        yield from wrapped(last, width, start, below)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    *others, last = cells
    filled = [cell.ljust(wide) for cell, wide in zip(others, widths, strict=False)]
    return _GAP.join([*filled, last])


def wrapped(
    text: str, width: int | None, indent: str = "", hanging: str | None = None
) -> Iterator[str]:
    """A paragraph's lines; `hanging` is the indent of those after the first."""
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
