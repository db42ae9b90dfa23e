"""What is known of each key: its section, what would be right for it, and how errors say so."""

import datetime as dt
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from consumer.config.models import Settings
from consumer.config.problems import (
    HIDDEN,
    KeyPath,
    looks_secret,
    nearest,
    shown,
    shown_key,
    unknown_key,
)
from consumer.config.section import Section


def bare_type(annotation: Any) -> Any:
    """The type without None and without what `Annotated` adds."""
    if get_origin(annotation) is Annotated:
        return bare_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return bare_type(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation


def _sections(model: type[Section], prefix: str = "") -> Iterator[tuple[str, type[Section]]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield f"{prefix}{name}", field.annotation
            yield from _sections(field.annotation, f"{prefix}{name}.")


#: The sections that are lists of entries.
LISTS: Final = ("handlers", "tests")

#: The sections whose keys hold one value each, dotted.
SECTIONS: Final[dict[str, type[Section]]] = dict(_sections(Settings))

#: The keys that are in no section.
SINGLE: Final = tuple(
    name for name in Settings.model_fields if name not in SECTIONS and name not in LISTS
)

#: Every key that holds one value, dotted.
FIELDS: Final[dict[str, FieldInfo]] = {
    f"{section}.{key}": field
    for section, model in SECTIONS.items()
    for key, field in model.model_fields.items()
    if f"{section}.{key}" not in SECTIONS
} | {name: Settings.model_fields[name] for name in SINGLE}

#: The keys whose values are never shown.
SECRETS: Final = tuple(
    key for key, field in FIELDS.items() if bare_type(field.annotation) is SecretStr
)
AWS_SECRETS: Final = tuple(key for key in SECRETS if key.startswith("aws."))


def takes_none(field: FieldInfo) -> bool:
    """True if null is a value of this key."""
    return type(None) in get_args(field.annotation)


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words that the key accepts, if it accepts nothing else."""
    kind = bare_type(field.annotation)
    if get_origin(kind) is tuple:
        kind = bare_type(get_args(kind)[0])
    return get_args(kind) if get_origin(kind) is Literal else ()


def right_for(field: FieldInfo) -> str:
    """What would be right, such as "a whole number from 0 to 20"."""
    kind = bare_type(field.annotation)
    if field.description:
        return field.description
    if words := choices(field):
        return f"{'a list of any' if get_origin(kind) is tuple else 'one'} of {', '.join(words)}"
    if kind in (int, float):
        low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
        high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
        text = f"{'a whole number' if kind is int else 'a number of seconds'} from {low} to {high}"
        return f"{text}, or null" if takes_none(field) else text
    if isinstance(kind, type) and issubclass(kind, Section):
        return f"a mapping with {', '.join(kind.model_fields)}"
    text = {bool: "true or false", Path: "a path"}.get(kind, "text")
    return f'{text}, such as "{field.examples[0]}"' if field.examples else text


def errors_of(error: ValidationError) -> Iterator[tuple[KeyPath, str]]:
    """Each of pydantic's errors about `Settings` as the path of a key and a sentence."""
    for detail in error.errors(include_url=False, include_context=False):
        path = (shown_key(part) if isinstance(part, str) else part for part in detail["loc"])
        yield tuple(path), _sentence(detail)


def _sentence(detail: ErrorDetails) -> str:
    path, value = detail["loc"], detail["input"]
    model, field = _field_at(path)
    if field is None:
        return unknown_key(str(path[-1]), model.model_fields)
    one_of_many = isinstance(path[-1], int) and not choices(field)
    right = _ITEMS[str(path[-2])] if one_of_many else right_for(field)
    if detail["type"] == "missing":
        return f"is missing; must be {right}"
    return f"{HIDDEN if looks_secret(path) else shown(value)}: must be {right}{_hint(field, value)}"


#: What would be right in a list, by its key.
_ITEMS: Final = {
    "events": "the name of an event, or a pattern",
    "handlers": "the name of a handler",
    "tests": "a mapping with name, event and handlers",
}


def _field_at(path: KeyPath) -> tuple[type[Section], FieldInfo | None]:
    """The innermost section on the path, and the key in it; None if it has no such key."""
    model: type[Section] = Settings
    field: FieldInfo | None = None
    for name in (part for part in path if isinstance(part, str)):
        if field is not None:
            kind = bare_type(field.annotation)
            kind = get_args(kind)[0] if get_origin(kind) is tuple else kind
            if not (isinstance(kind, type) and issubclass(kind, Section)):
                break  # a mapping with keys of the user
            model = kind
        field = model.model_fields.get(name)
    return model, field


def _hint(field: FieldInfo, value: Any) -> str:
    if value is None:
        default = f"; leave the key out for the default ({shown(field.default)})"
        return "" if field.is_required() else default
    if isinstance(value, str):
        near = nearest(value, choices(field))
        if near:
            return f"; did you mean {near}?"
        return "" if value else "; leave the key out if there is none"
    if not _is_text(field):
        return ""
    if isinstance(value, bool):
        return "; YAML reads yes, no, on and off as true or false: put quotes around it"
    return "; put quotes around it" if isinstance(value, (int, float, dt.date)) else ""


def _is_text(field: FieldInfo) -> bool:
    """True if its value, or each of its values, is written as text."""
    kind = bare_type(field.annotation)
    kind = bare_type(get_args(kind)[0]) if get_origin(kind) is tuple else kind
    if kind is Any or get_origin(kind) is dict:
        return False
    return not (isinstance(kind, type) and issubclass(kind, (int, float, Section)))
