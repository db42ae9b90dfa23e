"""Ids, exactly: no float, and no bit lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.identifiers import (
    SHARD_SIZE,
    global_id,
    is_truncated,
    local_id,
    shard_of,
)

SHARDS = st.integers(0, 10**9)
LOCALS = st.integers(0, SHARD_SIZE - 1)


@pytest.mark.parametrize(
    ("value", "local", "shard"),
    [
        ("21070000000000123", 123, 2107),
        (21070000000000123, 123, 2107),
        ("12340000000056", 2_340_000_000_056, 1),
        ("170000000000056", 56, 17),
        ("565", 565, 0),
        (565, 565, 0),
        ("0", 0, 0),
        (" 565\n", 565, 0),
        ("urn:instructure:canvas:user:21070000000000012", 12, 2107),
        ("urn:instructure:canvas:course:1:section:2", 2, 0),
        ("urn:instructure:canvas:course:21070000000000565:Instructor:21070000000000012", 12, 2107),
        ("urn:instructure:canvas:quizzes:quiz:7", 7, 0),
        ("urn:instructure:canvas:lti/tool_proxy:7", 7, 0),
    ],
)
def test_an_id_has_a_local_part_and_a_shard(value: object, local: int, shard: int) -> None:
    """As text, as integer, or at the end of a URN, global or local: the same exact numbers."""
    assert local == local_id(value)
    assert shard == shard_of(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        None,
        True,
        False,
        565.0,
        -1,
        "-1",
        "+1",
        "1.0",
        "1e3",
        "1_000",
        "\u0661\u0662",
        "\u00b2",
        "abc",
        "VicYj3cu5BIFpoZhDVU4DZumnlBrWi1grgJEzADs",
        "urn:uuid:89c8b4b1-1caf-4af1-a391-c4d6da12eb09",
        "urn:instructure:canvas:session:ef686f8ed684abf78cbfa1f6a58112b5",
        "urn:instructure:canvas:user:",
        "http://canvas.example.edu:8080",
        "content-export-12",
        "9" * 5_000,
        ["565"],
        {"id": "565"},
        b"565",
    ],
)
def test_what_is_no_id_gives_none(value: object) -> None:
    """Empty, negative, fractional, a UUID, a port, no text: None from each function."""
    assert local_id(value) is None
    assert shard_of(value) is None
    assert global_id(value, 2107) is None


@given(shard=SHARDS, local=LOCALS, written=st.sampled_from([int, str]))
@settings(max_examples=200, deadline=None, database=None)
def test_taking_apart_and_putting_together_are_inverse(
    shard: int, local: int, written: type[int | str]
) -> None:
    """Global is shard * 10**13 + local, to the last digit, however large."""
    value = written(shard * SHARD_SIZE + local)

    assert local == local_id(value)
    assert shard == shard_of(value)
    assert shard * SHARD_SIZE + local == global_id(written(local), shard)


@given(value=st.floats() | st.booleans() | st.binary() | st.none())
@settings(max_examples=50, deadline=None, database=None)
def test_no_other_type_passes_for_an_id(value: object) -> None:
    """A float has lost digits already, and True is not 1."""
    assert local_id(value) is None


def test_a_global_id_keeps_its_shard() -> None:
    """What is global already belongs where it says, whatever shard is given."""
    assert global_id("21070000000000123", 4) == 21070000000000123
    assert global_id("21070000000000123") == 21070000000000123


@pytest.mark.parametrize("shard", [None, -1])
def test_a_local_id_needs_a_shard_to_become_global(shard: int | None) -> None:
    """Without one nobody knows whose it is."""
    assert global_id("565", shard) is None


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("x" * 8_189 + "...", True),
        ("x" * 8_100 + "...", True),
        ("x" * 7_200 + "...", True),
        ("\u00e9" * 8_189 + "...", True),
        ("x" * 8_192, False),
        ("x" * 8_190 + "...", False),
        ("Well...", False),
        ("...", False),
        ("", False),
        (None, False),
        (["..."], False),
    ],
)
def test_a_text_cut_by_canvas_is_told_by_length_and_dots(text: object, cut: bool) -> None:
    """8,192 characters at most, counted as characters, dots included."""
    assert cut is is_truncated(text)
