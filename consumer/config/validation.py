"""Turns raw values into a checked section, and pydantic's faults into sentences."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from consumer.config.fields import bare_type, choices, is_secret, right_for
from consumer.config.models import Section
from consumer.config.problems import (
    HIDDEN,
    did_you_mean,
    dotted,
    looks_secret,
    nearest,
    shown,
    shown_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from consumer.config.problems import KeyPath, Problems

_S = TypeVar("_S", bound=Section)

#: ${VAR} anywhere, or nothing but $VAR.
PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}?|^\$\w+$")


def validate(
    model: type[_S],
    raw: Mapping[str, Any],
    path: KeyPath,
    where: Callable[[KeyPath], str],
    problems: Problems,
) -> _S | None:
    """The section made of `raw`, or None after telling each fault.

    `path` is where the section stands; `where` says who gave the value at a path.
    """
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
    for detail in details:
        at = (*path, *detail["loc"])
        problems.add(where(at), dotted(_hushed(at)), _fault(model, detail, at))
    return None


def _hushed(path: KeyPath) -> KeyPath:
    return tuple(shown_key(part) if isinstance(part, str) else part for part in path)


def _fault(model: type[Section], detail: ErrorDetails, path: KeyPath) -> str:
    names = [part for part in detail["loc"] if isinstance(part, str)]
    field = model.model_fields.get(names[-1]) if names else None
    if field is None:
        return f"unknown key; {did_you_mean(str(path[-1]), model.model_fields)}"
    key = dotted(tuple(part for part in path if isinstance(part, str)))
    one_of_many = isinstance(path[-1], int) and not choices(field)
    right = "the name of an event, or a pattern" if one_of_many else right_for(field, key)
    if detail["type"] == "missing":
        return f"is missing; must be {right}"
    value = detail["input"]
    told = HIDDEN if is_secret(key) or looks_secret(path) else shown(value)
    return f"{told}: must be {right}{_hint(field, value)}"


def _hint(field: FieldInfo, value: Any) -> str:
    words, kind = choices(field), bare_type(field.annotation)
    if value is None:
        return f"; leave the key out for the default ({shown(field.default)})"
    if isinstance(value, str):
        near = nearest(value, words)
        if near:
            return f"; did you mean {near}?"
        return "" if value else "; leave the key out if there is none"
    wants_text = kind not in (int, float, bool)
    if wants_text and isinstance(value, bool):
        return "; YAML reads yes, no, on and off as true or false: put quotes around it"
    if wants_text and isinstance(value, (int, float, dt.date)):
        return "; put quotes around it"
    return ""
