"""What is known of each key: its section, whether it is a secret, and what would be right."""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr

from consumer.config.models import RetryKeys, Section, Settings
from consumer.retry import RetryPolicy

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

#: The sections whose values stand by themselves: all but `handlers` and single keys.
SECTIONS: Final[dict[str, type[Section]]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}

#: The keys that stand in no section.
SINGLE: Final = tuple(
    name for name in Settings.model_fields if name not in SECTIONS and name != "handlers"
)

#: Every key that holds one value, dotted.
FIELDS: Final[dict[str, FieldInfo]] = {
    f"{section}.{key}": field
    for section, model in SECTIONS.items()
    for key, field in model.model_fields.items()
} | {name: Settings.model_fields[name] for name in SINGLE}

_EXAMPLES: Final = {
    "queue.url": "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod",
    "queue.name": "canvas-live-events-prod",
    "aws.region": "us-east-1",
    "aws.role_arn": "arn:aws:iam::123456789012:role/canvas-live-events",
    "aws.endpoint_url": "http://127.0.0.1:5000",
}


def bare_type(annotation: Any) -> Any:
    """The type without None and without what `Annotated` adds."""
    if get_origin(annotation) is Annotated:
        return bare_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return bare_type(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation


def is_secret(key: str) -> bool:
    """True for a dotted key whose value is never told."""
    return key in FIELDS and bare_type(FIELDS[key].annotation) is SecretStr


SECRETS: Final = tuple(key for key in FIELDS if is_secret(key))


def takes_none(field: FieldInfo) -> bool:
    """True if null is a value of this key."""
    return type(None) in get_args(field.annotation)


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words that the key accepts, if it accepts nothing else."""
    kind = bare_type(field.annotation)
    if is_list(field):
        kind = bare_type(get_args(kind)[0])
    return get_args(kind) if get_origin(kind) is Literal else ()


def is_list(field: FieldInfo) -> bool:
    """True if the key takes several values."""
    return get_origin(bare_type(field.annotation)) is tuple


def right_for(field: FieldInfo, key: str = "") -> str:
    """What would be right, such as "a whole number from 0 to 20"."""
    kind = bare_type(field.annotation)
    text = _kind(kind, field, key)
    if kind in (int, float):
        low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
        high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
        text += f" from {low} to {high}"
    if example := _EXAMPLES.get(key):
        text += f', such as "{example}"'
    return f"{text}, or null" if takes_none(field) and kind in (int, float) else text


def _kind(kind: Any, field: FieldInfo, key: str) -> str:
    if words := choices(field):
        return f"{'a list of any of' if is_list(field) else 'one of'} {', '.join(words)}"
    if kind is RetryPolicy:
        return f"a mapping with {', '.join(RetryKeys.model_fields)}"
    if key == "handlers.name":
        return "a letter, then at most 63 letters, digits, and any of _ . -"
    if kind is float:
        return "a number of seconds"
    simple = {int: "a whole number", bool: "true or false", Path: "a path"}
    patterns = 'a list of at least one name or pattern, such as ["*"]'
    return simple.get(kind, patterns if key == "handlers.events" else "text")
