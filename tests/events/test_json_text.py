"""JSON that is not quite strict is read, and written as strict JSON."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import DecodeError
from consumer.events.json_text import one_line, parse
from tests.cases import for_each

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@for_each(
    "text",
    ['\ufeff{"a":1}', ' \r\n\t{"a":1}\n', '\ufeff\n{"a":1} ', '\n\ufeff{"a":1}', '\xa0{"a":1}\xa0'],
)
def test_a_byte_order_mark_and_white_space_are_ignored(text: str) -> None:
    """Around the JSON, in any order."""
    assert {"a": 1} == parse(text)
    assert '{"a":1}' == one_line(text).strip(" ")


@for_each("control", ["\n", "\r\n", "\t", "\x00", "\x1f", "\x0b"])
def test_raw_control_characters_in_strings_are_read_and_then_escaped(control: str) -> None:
    """They are not strict JSON, but unambiguous."""
    text = f'{{"a{control}":"{control}b"}}'

    line = one_line(text)

    assert {f"a{control}": f"{control}b"} == parse(text) == json.loads(line)
    assert all(character >= " " for character in line)


def test_numbers_that_json_lacks_become_texts() -> None:
    """NaN and Infinity; the same words inside strings are unchanged."""
    line = one_line('{"a":NaN,"b":[-Infinity, Infinity],"NaN":"-Infinity NaN\\"NaN"}')

    assert line == '{"a":"NaN","b":["-Infinity", "Infinity"],"NaN":"-Infinity NaN\\"NaN"}'


@for_each("digits", [4_300, 4_301, 5_000, 100_000])
@for_each("sign", ["", "-"])
def test_an_integer_keeps_every_digit(digits: int, sign: str) -> None:
    """Up to 4,300 as an integer, beyond that, where Python refuses, as a text; also in the line."""
    number = sign + "7" * digits
    text = f'{{"n":{number},"f":{number}.5,"t":"{number}"}}'

    value = parse(text)["n"]
    line = json.loads(one_line(text))

    assert value == (number if digits > 4_300 else int(number))
    assert value == line["n"]
    assert number == line["t"]
    assert isinstance(line["f"], float)


@for_each(
    "text",
    [
        '{"a":1}',
        '{"a": 1.00, "b":1e5,"a":-0,"u":"\\u00e9\\ud800\\/\\"\\\\","n":12345678901234567890}',
        '{"Infinite":"NaNcy","I":"N"}',
        '{"x":"\U0001f600\x7f\u2028"}',
        "{}",
    ],
)
def test_strict_json_on_one_line_is_unchanged(text: str) -> None:
    """Numbers, escapes, order and duplicate keys."""
    assert text == one_line(text)


@given(value=VALUES, indent=st.sampled_from([None, 1, "\t", "\r\n"]), ascii_only=st.booleans())
@settings(max_examples=200)
def test_the_line_has_the_value_of_the_text(
    value: Any, indent: int | str | None, ascii_only: bool
) -> None:
    """Any value, on any number of lines, becomes one strict line with the same value."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    line = one_line(text)

    assert json.loads(line) == parse(text) == value
    assert all(character >= " " for character in line)
    assert line == one_line(line)


@for_each(
    "text, reason",
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ("secret", "not JSON: Expecting value at line 1, column 1"),
        ('{"a":1}\n{"b":2}', "not JSON: Extra data at line 2, column 1"),
        ('{"a":"secret', "not JSON: Unterminated string starting at line 1, column 6"),
        ("'secret'", "not JSON: Expecting value at line 1, column 1"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("\ufeff" + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_has_a_reason_without_the_text(text: str, reason: str) -> None:
    """It contains the position, but not the text; nor does the error refer to it."""
    with pytest.raises(DecodeError) as caught:
        parse(text)

    assert reason == caught.value.reason
    assert caught.value.__context__ is None


@given(text=ANY_TEXT | st.text('{}[]":,\\ \n019eE.+-aNIntrfyu', max_size=40))
@settings(max_examples=300)
def test_any_text_has_a_line(text: str) -> None:
    """A strict one if the text can be read."""
    line = one_line(text)
    try:
        value = parse(text)
    except DecodeError:
        return

    json.loads(line, parse_constant=pytest.fail)
    assert repr(parse(line)) == repr(value) or "NaN" in text or "Infinity" in text
