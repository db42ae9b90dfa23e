"""Frozen objects that are made thousands of times a second."""

from copy import copy
from dataclasses import fields, make_dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")


def made_quickly(frozen: type[T]) -> type[T]:
    """Makes objects of a frozen dataclass, in a third of the time that the class itself takes.

    A frozen class sets each field through `object.__setattr__`. This one has the same slots, sets
    them as usual, and its objects become frozen when they are complete.
    """

    def freeze(made: Any) -> None:
        made.__class__ = frozen

    return make_dataclass(
        frozen.__name__,
        [(f.name, f.type, copy(f)) for f in fields(cast("Any", frozen))],
        bases=getattr(frozen, "__orig_bases__", ()),
        namespace={"__post_init__": freeze},
        slots=True, eq=False, repr=False,
    )  # fmt: skip
