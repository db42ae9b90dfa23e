"""What `consume config show` prints: the settings in force, and where each comes from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from consumer.config import Effective

if TYPE_CHECKING:
    from collections.abc import Iterator


def as_json(tree: dict[str, Any]) -> str:
    """The settings as JSON: value and origin of each."""
    return json.dumps(tree, default=_value_and_origin, indent=2)


def _value_and_origin(value: Effective) -> dict[str, Any]:
    return {"value": value.value, "origin": value.origin}


def as_yaml(tree: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Lines of YAML; the origin of each value is a comment behind it."""
    for key, value in tree.items():
        name = key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else json.dumps(key)
        if isinstance(value, Effective):
            # JSON is YAML, and leaves no doubt about quotes.
            yield f"{indent}{name}: {json.dumps(value.value)}  # {value.origin}"
        elif not value:
            yield f"{indent}{name}: {json.dumps(value)}"
        elif isinstance(value, list):
            yield f"{indent}{name}:"
            for item in value:
                first, *rest = as_yaml(item, f"{indent}    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{name}:"
            yield from as_yaml(value, f"{indent}  ")
