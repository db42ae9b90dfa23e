"""Regular expressions mean the same on every supported Python."""

from __future__ import annotations

import re
from pathlib import Path

import consumer

#: A group that is repeated possessively; one of literals only is matched correctly.
_POSSESSIVE_GROUP = re.compile(r"(?<!\(\?:25)\)(?:[*+?]|\{[\d,]*\})\+")


def test_no_group_is_repeated_possessively() -> None:
    """Python before 3.11.5, as in Debian 12, matches (...)*+ wrongly: an atomic group is right."""
    package = Path(consumer.__file__).parent

    found = [
        f"{path.name}:{number}"
        for path in package.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if not line.lstrip().startswith("#") and _POSSESSIVE_GROUP.search(line)
    ]

    assert found == []
