"""Describes models as data: for `consume events`, schemas, samples and `shapes.json`."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic.fields import FieldInfo

from consumer.events.drift import inner_path

from .base import Record
from .fields import Is, Kind, Marks, marks_of

#: Names of kinds for users, where they differ.
_WORDS: Final = {"boolean": "yes or no", "timestamp": "time", "opaque id": "outside id"}


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field of a model, from its annotation and its `about`."""

    #: The key in the payload.
    key: str
    kind: Kind
    marks: Marks
    #: True for a list of such values.
    many: bool = False
    #: True for a number without fractions.
    whole: bool = False
    #: The model of the object, if its fields are known.
    record: type[Record] | None = None

    @property
    def type_words(self) -> str:
        """The type for users: "global id of a course", "list of texts", "yes or no"."""
        if self.marks.of == "sis":
            return "SIS id"
        of = f" of {_with_article(self.marks.of)}" if self.marks.of else ""
        if self.many:
            return f"list of {_WORDS.get(self.kind, self.kind)}s{of}"
        if self.kind == "number":
            return "whole number" if self.whole else "number"
        if self.kind == "object":
            return "object" if self.record is not None else "object, any keys"
        return _WORDS.get(self.kind, self.kind) + of


def _with_article(thing: str) -> str:
    words = thing.replace("_", " ")
    vowel = words[:1].lower() in "aeio" or words[:2].lower() == "un"
    return f"{'an' if vowel else 'a'} {words}"


def meaning_of(model: type[Record]) -> str:
    """The first paragraph of the model's docstring, on one line."""
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())


def fields_of(model: type[Record]) -> tuple[FieldFacts, ...]:
    """All fields of a model, in its order."""
    return tuple(
        _facts(field.alias or name, field) for name, field in model.__pydantic_fields__.items()
    )


def all_fields_of(
    model: type[Record], path: str = "", seen: tuple[type[Record], ...] = ()
) -> Iterator[tuple[str, FieldFacts]]:
    """All fields with their paths, including those of inner objects, which follow their object."""
    for facts in fields_of(model):
        where = inner_path(path, facts.key) + ("[]" if facts.many and facts.record else "")
        yield where, facts
        if facts.record is not None and facts.record not in seen:
            yield from all_fields_of(facts.record, where, (*seen, model))


def _facts(key: str, field: FieldInfo) -> FieldFacts:
    found = list(_parts(field.annotation)) + list(field.metadata)
    kinds: list[Kind] = [part.kind for part in found if isinstance(part, Is)]
    classes = [part for part in found if isinstance(part, type)]
    records = [part for part in classes if issubclass(part, Record)]
    kind: Kind = "object" if records else kinds[0]
    return FieldFacts(
        key=key,
        kind=kind,
        marks=marks_of(field),
        many=kind != "text or object" and list in classes,
        whole=int in classes and float not in classes,
        record=records[0] if records else None,
    )


def _parts(annotation: Any) -> Iterator[Any]:
    """The classes in an annotation, and the metadata of `Annotated`."""
    origin = get_origin(annotation)
    if origin is None:
        if annotation is not NoneType:
            yield annotation
    elif origin is Annotated:
        inner, *marks = get_args(annotation)
        yield from _parts(inner)
        yield from marks
    else:
        if isinstance(origin, type):
            yield origin
        if origin is not dict:  # an open object may contain anything
            for argument in get_args(annotation):
                yield from _parts(argument)
