"""Any conditions on any payload: never an exception, and what a plain reading of them says."""

import json
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.identifiers import local_id, shard_of
from consumer.handlers.around.conditions import predicate_of
from consumer.messages import Event
from consumer.subject import CanvasId
from consumer.testing import make_event

RUNS = settings(max_examples=400)
#: Values that are equal, or nearly.
ALIKE = st.sampled_from([
    7, 7.0, "7", "7.0", "07", True, 1, "1", "true", 123, "123", 21070000000000123, 10**400,
    "21070000000000123", "urn:instructure:canvas:user:123", 10990000000000123, "a", "A", "", 0,
])  # fmt: skip
TEXTS = st.sampled_from([
    "", "a", "A", "b*", "7", "7.0", "07", "-1e3", "123", "21070000000000123", "9" * 5000, "1e999",
    "urn:instructure:canvas:course:123", "deleted", "\ud800", "null", "true", "line\nbreak",
]) | st.text(st.characters(exclude_categories=()), max_size=4)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 7, 123, -1000, 21070000000000123, 7.0, 0.5, 10**400, -(2**70)])
PLAIN = TEXTS | NUMBERS | st.booleans()
KEYS = st.sampled_from(["a", "b", "a.b", "id", "user_id", "sis_id", "state", ""])
VALUES = st.recursive(
    st.none() | PLAIN | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6)
OPERATORS = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "equals": PLAIN,
            "in": st.lists(PLAIN, min_size=1, max_size=3),
            "glob": st.sampled_from(["*", "a*", "[7-9]*", "?", "*\n*", "[", ["a", "b?"]]),
            "exists": st.booleans(),
            "not": CONDITIONS,
        },
    ).filter(bool)
)
CONDITIONS: st.SearchStrategy[Any] = PLAIN | OPERATORS
FIELDS = st.sampled_from([
    "body.a", "body.b", "body.a.b", "body.id", "body.user_id", "body.a.id", "body.sis_id",
    "metadata.a", "metadata.user_id", "body.state", "body.a.b.a",
])  # fmt: skip
IDS = st.sampled_from([1, 7, "7", 123, "123", 21070000000000123, "21070000000000123"])
COMMON = st.one_of(
    st.tuples(st.just("course_id"), IDS | st.fixed_dictionaries({"in": st.lists(IDS, min_size=1)})),
    st.tuples(st.just("user_id"), IDS | st.fixed_dictionaries({"not": IDS})),
    st.tuples(st.just("triggered_by_job"), st.booleans()),
    st.tuples(st.sampled_from(["change", "name", "entity_kind"]), st.just("deleted")),
)
MAPPINGS = st.builds(
    lambda fields, common: {**fields, **dict(common)},
    st.dictionaries(FIELDS, CONDITIONS, max_size=3),
    st.lists(COMMON, max_size=2),
).filter(bool)


ONE = st.recursive(
    ALIKE | st.fixed_dictionaries({"in": st.lists(ALIKE, min_size=1, max_size=3)})
    | st.fixed_dictionaries({"glob": st.sampled_from(["*", "7*", "[aA]", ["1*", "?"]])})
    | st.fixed_dictionaries({"exists": st.booleans()}),
    lambda inner: st.fixed_dictionaries({"not": inner}), max_leaves=2,
)  # fmt: skip


def read(value: Any, keys: list[str]) -> Any:
    """The value at a path, or None: the first way to join keys that leads to one."""
    if not keys or value is None:
        return value
    if isinstance(value, list):
        found = [read(item, keys) for item in value if isinstance(item, dict)]
        return [item for item in found if item is not None] or None
    if isinstance(value, dict):
        for length in range(1, len(keys) + 1):
            found_here = read(value.get(".".join(keys[:length])), keys[length:])
            if found_here is not None:
                return found_here
    return None


def value_of(event: Event, path: str) -> Any:
    part, _, rest = path.partition(".")
    if rest:
        return read(getattr(event, part), rest.split("."))
    known = getattr(event.subject, path, None)
    return (known or None) if hasattr(event.subject, path) else getattr(event, path)


def as_number(text: str) -> Any:
    if text != text.strip() or len(text) > 40 or text in {"", "null", "true"} or text[0] in '"[{':
        return None
    try:
        found = json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return None
    return found if type(found) in (int, float) else None


def equal(wanted: Any, value: Any, path: str) -> bool:
    name = path.rpartition(".")[2]
    if isinstance(value, bool) or isinstance(wanted, bool):
        return wanted is value
    if isinstance(value, CanvasId):
        return shard_of(wanted) in {0, value.shard} and local_id(wanted) == value.local_id
    is_urn = str(wanted).startswith("urn:")  # of a kind of thing: only a text
    same = not is_urn and local_id(wanted) is not None and local_id(value) == local_id(wanted)
    if name in {"id", "user_id"} and same and shard_of(wanted) in {0, shard_of(value)}:
        return True
    if isinstance(wanted, str) == isinstance(value, str):
        return bool(wanted == value)
    text, number = (wanted, value) if isinstance(wanted, str) else (value, wanted)
    return number is not None and bool(as_number(text) == number)


def elements(value: Any) -> list[Any]:
    return [v for v in value if not isinstance(v, list)] if isinstance(value, list) else [value]


def fits(pattern: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
    return fnmatchcase(str(value), pattern) if number or isinstance(value, str) else False


def holds(condition: Any, value: Any, path: str) -> bool:
    """What the README says."""
    if not isinstance(condition, dict):
        return any(
            v is not None and not isinstance(v, dict) and equal(condition, v, path)
            for v in elements(value)
        )
    results = []
    for operator, operand in condition.items():
        if operator == "not":
            results.append(not holds(operand, value, path))
        elif operator == "exists":
            results.append((value is not None) is operand)
        elif operator == "glob":
            globs = [operand] if isinstance(operand, str) else operand
            results.append(any(fits(g, v) for g in globs for v in elements(value)))
        else:
            operands = operand if operator == "in" else [operand]
            results.append(any(holds(each, value, path) for each in operands))
    return all(results)


@settings(RUNS, max_examples=1500)
@given(
    field=st.sampled_from(["a", "user_id", "sis_id"]),
    condition=ONE,
    value=ALIKE | st.none() | st.lists(ALIKE | st.lists(ALIKE, max_size=2), max_size=3),
)
def test_a_condition_means_what_it_says(field: str, condition: Any, value: Any) -> None:
    """On values that are equal to those of the condition, or nearly."""
    event = make_event("course_updated", body={field: value})

    expected = holds(condition, value, field)

    assert expected is predicate_of({f"body.{field}": condition}, "when")(event)


@RUNS
@given(
    alternatives=st.lists(MAPPINGS, min_size=1, max_size=2),
    body=OBJECTS,
    metadata=OBJECTS,
    event_format=st.sampled_from(["canvas", "caliper"]),
)
def test_conditions_mean_what_they_say(
    alternatives: list[dict[str, Any]],
    body: dict[str, Any],
    metadata: dict[str, Any],
    event_format: Any,
) -> None:
    """In any combination, on any payload of either format."""
    reader = make_event()._reader
    event = Event("course_updated", event_format, None, metadata, body, "m", "", {}, _reader=reader)

    expected = any(
        all(holds(condition, value_of(event, path), path) for path, condition in mapping.items())
        for mapping in alternatives
    )

    assert expected is predicate_of(alternatives, "when")(event)
