"""The grammar of `when`: conditions on an event, the same for every handler.

They are compiled once, into functions that never raise because of a payload.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar, get_args

from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError
from consumer.events.identifiers import URN, canvas_id
from consumer.handlers.around.comparing import Scalar, Test, like, one_of
from consumer.handlers.around.paths import getter_of
from consumer.handlers.registering.options import Predicate
from consumer.messages import Event, Format
from consumer.printable import shown
from consumer.subject import Change

T = TypeVar("T")

#: The ids of the common view.
_IDS: Final = frozenset({"user_id", "course_id", "account_id", "entity_id"})
#: The fields of the common view that have few values.
_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "format": get_args(Format),
    "change": get_args(Change),
}


def predicate_of(
    conditions: Mapping[str, Any] | Sequence[Mapping[str, Any]], label: str
) -> Predicate:
    """True for an event that fulfils all conditions of the mapping, or of one mapping of a list.

    Raises `ConfigurationError`, which begins with the label.
    """
    if isinstance(conditions, Mapping):
        return _on_event(conditions, label)
    if not conditions:
        raise ConfigurationError(f"{label}: must be a mapping of conditions, or a list of them")
    return _any([_on_event(each, f"{label}[{index}]") for index, each in enumerate(conditions)])


def _on_event(conditions: Mapping[str, Any], label: str) -> Callable[[Event], bool]:
    if not conditions:
        right = "must have at least one condition, such as {triggered_by_job: false}"
        raise ConfigurationError(f"{label}: {right}")
    # Who did what where takes most of the time to find out: last.
    in_order = sorted(conditions.items(), key=lambda item: item[0] in {*_IDS, "entity_kind"})
    return _all([_on_field(path, condition, label) for path, condition in in_order])


def _on_field(path: str, condition: Any, label: str) -> Callable[[Event], bool]:
    get = getter_of(path, label)
    test = _test_of(condition, _Field(path, f"{label}: {path}"))
    return lambda event: test(get(event))


@dataclass(frozen=True, slots=True)
class _Field:
    path: str
    #: Begins errors about it.
    label: str

    def wrong(self, right: str) -> ConfigurationError:
        return ConfigurationError(f"{self.label}: {right}")

    def one_of(self, wanted: Sequence[Any]) -> Test:
        """True for one of these values, which are checked first."""
        name = self.path.rpartition(".")[2]
        # By its name: the catalog does not list each field. Ids of an SIS are not Canvas's.
        ids = name == "id" or (name.endswith(("_id", "_ids")) and "sis" not in name)
        return one_of([self._checked(value) for value in wanted], ids=ids)

    def _checked(self, value: Any) -> Scalar:
        if value is None:
            raise self.wrong("null is the same as absent: write {exists: false}")
        if isinstance(value, list | tuple):
            raise self.wrong("a list needs an operator: {in: [...]}")
        if isinstance(value, date):
            raise self.wrong("YAML reads this as a time: put quotes around it")
        odd = isinstance(value, float) and not math.isfinite(value)
        if odd or not isinstance(value, str | int | float):
            raise self.wrong("must be a text, a number, true or false")
        if self.path in _IDS and not _is_id(value):
            raise self.wrong("must be an id, such as 123 or 21070000000000123")
        self._check_choice(value)
        return value

    def _check_choice(self, value: Scalar) -> None:
        if self.path == "triggered_by_job" and not isinstance(value, bool):
            raise self.wrong("must be true or false, without quotes")
        if self.path in {"name", "entity_kind"} and not isinstance(value, str):
            raise self.wrong("must be a text")
        words = _WORDS.get(self.path)
        if words and value not in words:
            hint = did_you_mean(value, words) if isinstance(value, str) else ""
            right = f"must be one of {', '.join(words)}"
            raise self.wrong(f"{right}; {hint}" if hint else right)


def _is_id(value: Scalar) -> bool:
    found = None if str(value).startswith(URN) else canvas_id(value)
    return found is not None and found.local_id > 0


def _test_of(condition: Any, field: _Field) -> Test:
    """The test of a value: it equals the condition, or fulfils all of its operators."""
    if not isinstance(condition, Mapping):
        return field.one_of([condition])
    if not condition:
        raise field.wrong(f"must be a value, or have an operator: {', '.join(_OPERATORS)}")
    return _all([_operator(name, field)(operand, field) for name, operand in condition.items()])


def _operator(name: str, field: _Field) -> Callable[[Any, _Field], Test]:
    if name in _OPERATORS:
        return _OPERATORS[name]
    hint = did_you_mean(name, _OPERATORS) or (
        f'there are {", ".join(_OPERATORS)}; a field in it is "{field.path}.FIELD"'
    )
    raise field.wrong(f"there is no operator {shown(name)}: {hint}")


def _equals(operand: Any, field: _Field) -> Test:
    if isinstance(operand, Mapping):
        raise field.wrong("equals needs a value: a text, a number, true or false")
    return field.one_of([operand])


def _in(operand: Any, field: _Field) -> Test:
    if not isinstance(operand, list | tuple) or not operand:
        raise field.wrong("in needs a list of values: {in: [...]}")
    return field.one_of(operand)


def _glob(operand: Any, field: _Field) -> Test:
    patterns = [operand] if isinstance(operand, str) else operand
    if field.path in _IDS or field.path == "triggered_by_job":
        raise field.wrong("glob is for texts: use {in: [...]}")
    texts = isinstance(patterns, list | tuple) and all(isinstance(p, str) for p in patterns)
    if not texts or not patterns:
        raise field.wrong('glob needs a text with * or ?, or a list of them: {glob: "*Canvas*"}')
    return like(patterns)


def _exists(operand: Any, field: _Field) -> Test:
    if not isinstance(operand, bool):
        raise field.wrong("exists needs true or false")
    return (lambda value: value is not None) if operand else (lambda value: value is None)


def _not(operand: Any, field: _Field) -> Test:
    test = _test_of(operand, field)
    return lambda value: not test(value)


_OPERATORS: Final[Mapping[str, Callable[[Any, _Field], Test]]] = {
    "equals": _equals,
    "in": _in,
    "glob": _glob,
    "exists": _exists,
    "not": _not,
}


def _all(tests: Sequence[Callable[[T], bool]]) -> Callable[[T], bool]:
    if len(tests) == 1:
        return tests[0]

    def test(subject: T) -> bool:
        for each in tests:  # noqa: SIM110 - faster than all()
            if not each(subject):
                return False
        return True

    return test


def _any(tests: Sequence[Callable[[T], bool]]) -> Callable[[T], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda subject: any(each(subject) for each in tests)
