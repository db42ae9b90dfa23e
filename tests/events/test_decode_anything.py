"""Any message is decoded to events or raises DecodeError, which never quotes it."""

import json
from collections.abc import Iterator
from datetime import UTC
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import DecodeError
from consumer.events.catalog.index import names
from consumer.events.decode import decode
from consumer.events.samples import realistic_messages
from consumer.messages import Event, ReceivedMessage
from tests.cases import for_each

Setting = Literal["auto", "canvas", "caliper"]
SETTINGS: st.SearchStrategy[Setting] = st.sampled_from(["auto", "canvas", "caliper"])
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
KEYS = st.sampled_from([
    "metadata", "attributes", "body", "event_name", "event_time", "sensor", "sendTime", "data",
    "id", "type", "action", "object", "extensions", "com.instructure.canvas", "eventTime", "state",
]) | ANY_TEXT  # fmt: skip
WORDS = st.sampled_from([
    "logged_in", "Event", "Created", "Entity", "urn:instructure:canvas:enrollment:1", "Modified",
    "2019-11-01T19:11:25.788Z", "2019-11-05 07:38:00 -0800", "0001-01-01T00:00:00+14:00", "",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
SAMPLES = [
    sample.body
    for sample in realistic_messages(60, ("canvas", "caliper"), seed=5)
    if len(sample.body) < 4_000
]
ANYTHING = settings(max_examples=300)


def checked_events(
    text: str, setting: Setting = "auto", attributes: dict[str, str] | None = None
) -> tuple[Event, ...]:
    """The events, each of them checked; () for a DecodeError, the only one that may be raised."""
    message = ReceivedMessage("m", "r", text, message_attributes=attributes or {})
    try:
        events = decode(message, setting)
    except DecodeError as error:
        events, reason = (), error.reason
    else:
        assert events
        reason = ""
    assert len(text) < 8 or text not in reason
    for index, event in enumerate(events):
        assert event.name
        assert isinstance(event.name, str)
        assert event.key
        assert event.key == decode(message, setting)[index].key
        assert event.time is None or event.time.tzinfo is UTC
        assert isinstance(event.time_text, str)
        assert isinstance(event.metadata, dict)
        assert isinstance(event.body, dict)
        assert text == event.raw
        assert (index, len(events)) == (event.index, event.count)
        assert event.triggered_by_job in (True, False)
    return events


@ANYTHING
@given(text=ANY_TEXT, setting=SETTINGS)
def test_any_text(text: str, setting: Setting) -> None:
    """Mostly not JSON."""
    checked_events(text, setting)


@ANYTHING
@given(
    value=VALUES,
    setting=SETTINGS,
    ascii_only=st.booleans(),
    attributes=st.dictionaries(st.sampled_from(["event_name", "event_time"]), WORDS | ANY_TEXT),
)
def test_any_json(
    value: Any, setting: Setting, attributes: dict[str, str], *, ascii_only: bool
) -> None:
    """Any value, with known keys in unexpected places."""
    checked_events(json.dumps(value, ensure_ascii=ascii_only), setting, attributes)


@ANYTHING
@given(metadata=OBJECTS | VALUES, body=OBJECTS | VALUES, name=WORDS, key=KEYS)
def test_any_canvas_message(metadata: Any, body: Any, name: str, key: str) -> None:
    """The right keys with any values."""
    if isinstance(metadata, dict):
        metadata.setdefault("event_name", name)

    checked_events(json.dumps({"metadata": metadata, "body": body, key: name}))


@ANYTHING
@given(data=st.lists(OBJECTS, max_size=3) | VALUES, kind=WORDS, action=WORDS)
def test_any_caliper_envelope(data: Any, kind: str, action: str) -> None:
    """The right keys with any values."""
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, dict):
            entry.setdefault("type", kind)
            entry.setdefault("action", action)

    checked_events(json.dumps({"sensor": "x", "data": data}))


@ANYTHING
@given(
    sample=st.sampled_from(SAMPLES), cut=st.tuples(st.floats(0, 1), st.floats(0, 1)), new=ANY_TEXT
)
def test_a_damaged_message(sample: str, cut: tuple[float, float], new: str) -> None:
    """Any part of a real message replaced by anything."""
    start, end = sorted(int(place * len(sample)) for place in cut)

    checked_events(sample[:start] + new + sample[end:])


@ANYTHING
@given(sample=st.sampled_from(SAMPLES), random=st.randoms(use_true_random=False), new=VALUES)
def test_a_message_with_one_value_changed(sample: str, random: Random, new: Any) -> None:
    """Any value of a real message, at any depth, replaced by another."""
    payload = json.loads(sample)
    holder, key = random.choice(list(_places(payload)))
    holder[key] = new

    checked_events(json.dumps(payload))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    members: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        members = list(tree.items())
    elif isinstance(tree, list):
        members = list(enumerate(tree))
    for key, value in members:
        yield tree, key
        yield from _places(value)


BODY = '{"metadata":{"event_name":"a","event_time":"2019-11-01T19:11:25Z"},"body":%s}'


@for_each(
    "value, expected",
    [
        ('{"a":"\\ud83d"}', {"a": "\ud83d"}),
        ('{"a":"\ud83d"}', {"a": "\ud83d"}),
        ('{"a":"\\u0000\x00\n"}', {"a": "\x00\x00\n"}),
        ('{"a":1e999,"b":-1e999}', {"a": float("inf"), "b": float("-inf")}),
        (
            '{"id":9007199254740993,"n":21070000000000000001}',
            {"id": 9007199254740993, "n": 21070000000000000001},
        ),
        ('{"n":%s}' % ("7" * 4_300), {"n": int("7" * 4_300)}),
        ('{"n":%s}' % ("7" * 5_000), {"n": "7" * 5_000}),
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"a":"%s"}' % ("x" * 2**20), {"a": "x" * 2**20}),
    ],
)
def test_unusual_values_are_kept(value: str, expected: Any) -> None:
    """Nothing is rounded, replaced or lost, and there is a key."""
    (event,) = checked_events(BODY % value)

    assert expected == event.body
    assert len(event.key) == 64


def test_nan_is_an_event() -> None:
    """It is not JSON, but Python writes it."""
    (event,) = checked_events(BODY % '{"a":NaN}')

    assert repr(event.body) == "{'a': nan}"


@for_each("around", ["[%s]", '{"a":%s}'])
@for_each("depth", [10, 900, 5_000, 100_000])
def test_deep_nesting_is_an_event_or_undecodable(around: str, depth: int) -> None:
    """Never a crash: the possible depth depends on Python, but 100,000 levels are too deep."""
    left, right = around.split("%s")

    events = checked_events(BODY % f'{{"deep":{left * depth}1{right * depth}}}')

    assert bool(events) or depth > 900
    assert not events or depth < 100_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 2**20,
        '{"a":' * 2**18,
        '"' * 2**20,
        "\\" * 2**20,
        "9" * 2**20,
        " " * 2**20,
        '{"data":[%s{}],"sensor":1}' % ("{}," * 300_000),
    ],
    ids=["[", "{", "quotes", "backslashes", "digits", "blanks", "entries"],
)
def test_a_hostile_megabyte_is_undecodable(text: str) -> None:
    """The length of the reason does not depend on it."""
    with pytest.raises(DecodeError) as caught:
        decode(ReceivedMessage("m", "r", text))

    assert len(caught.value.reason) < 200


@ANYTHING
@given(sample=st.sampled_from(SAMPLES), place=st.floats(0, 0.999), setting=SETTINGS)
def test_a_reason_never_quotes_the_payload(sample: str, place: float, setting: Setting) -> None:
    """No words, numbers or keys of the message, except the keys of the formats."""
    broken = sample[: int(place * len(sample))].replace("example.edu", "secret.test")

    with pytest.raises(DecodeError) as caught:
        decode(ReceivedMessage("m", "r", broken), setting)

    reason = caught.value.reason
    assert "secret" not in reason
    assert not any(name in reason for name in names())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
