"""Ids are exact: never a float, and no digit lost."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.identifiers import (
    canvas_id,
    global_id,
    is_truncated,
    local_id,
    shard_of,
)
from consumer.subject import SHARD_SIZE, Subject
from tests.cases import for_each

SHARDS = st.integers(0, 10**9)
LOCALS = st.integers(0, SHARD_SIZE - 1)
#: URNs of courses, sections, quizzes and tools; some end with a role.
KINDS = st.sampled_from(["course", "wikiPage", "quizzes:quiz", "lti/tool_proxy", "Instructor"])


@for_each(
    "value, local, shard",
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
    """As text, integer, or end of a URN, global or local, the numbers are the same."""
    assert local == local_id(value)
    assert shard == shard_of(value)


@for_each(
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
def test_other_values_give_none(value: object) -> None:
    """Empty, negative, fractional, a UUID, a port, not a text: None from each function."""
    assert local_id(value) is None
    assert shard_of(value) is None
    assert global_id(value, 2107) is None
    assert canvas_id(value, 2107) is None


@given(shard=SHARDS, local=LOCALS, written=st.sampled_from([int, str]))
@settings(max_examples=200)
def test_splitting_and_joining_are_inverse(
    shard: int, local: int, written: type[int | str]
) -> None:
    """Global is shard * 10**13 + local, to the last digit, for any size."""
    value = written(shard * SHARD_SIZE + local)

    assert local == local_id(value)
    assert shard == shard_of(value)
    assert shard * SHARD_SIZE + local == global_id(written(local), shard)


@given(shard=SHARDS, local=LOCALS, outer=st.lists(st.tuples(KINDS, LOCALS), max_size=3), kind=KINDS)
@settings(max_examples=200)
def test_the_last_part_of_a_urn_is_its_id(
    shard: int, local: int, outer: list[tuple[str, int]], kind: str
) -> None:
    """At any depth: the parts before it are what contains it."""
    number = shard * SHARD_SIZE + local
    around = "".join(f":{name}:{inner}" for name, inner in outer)
    urn = f"urn:instructure:canvas{around}:{kind}:{number}"

    assert (local, shard) == (local_id(urn), shard_of(urn))
    assert canvas_id(urn) == canvas_id(number) == canvas_id(str(number))


@given(shard=SHARDS, local=LOCALS, other=st.none() | SHARDS, written=st.sampled_from([int, str]))
@settings(max_examples=200)
def test_both_forms_of_an_id_are_exact(
    shard: int, local: int, other: int | None, written: type[int | str]
) -> None:
    """A global id keeps its shard, a local one gets the given shard, or none."""
    whole = canvas_id(written(shard * SHARD_SIZE + local), other)
    alone = canvas_id(written(local), other)
    assert whole is not None
    assert alone is not None

    assert (local, shard or other) == (whole.local_id, whole.shard)
    assert (local, other) == (alone.local_id, alone.shard)
    for found in (whole, alone):
        expected = None if found.shard is None else found.shard * SHARD_SIZE + local
        assert expected == found.global_id
        assert type(found.global_id) in {int, type(None)}


@given(value=st.integers(0, 10**39) | st.text() | st.floats() | st.none() | st.binary())
@settings(max_examples=200)
def test_the_functions_agree_for_any_value(value: object) -> None:
    """All of them find an id, or none does; it is an integer, and can be joined again."""
    local, shard, found = local_id(value), shard_of(value), canvas_id(value)

    assert (local is None) == (shard is None) == (found is None)
    if found is not None and local is not None and shard is not None:
        assert 0 <= local < SHARD_SIZE
        assert (
            int(str(value).rpartition(":")[2]) == shard * SHARD_SIZE + local == global_id(value, 0)
        )
        assert (local, shard or None) == (found.local_id, found.shard)


@given(value=st.floats() | st.booleans() | st.binary() | st.none())
@settings(max_examples=50)
def test_no_other_type_is_an_id(value: object) -> None:
    """A float has lost digits already, and True is not 1."""
    assert local_id(value) is None
    assert canvas_id(value) is None


def test_a_global_id_keeps_its_shard() -> None:
    """The given shard is ignored."""
    assert global_id("21070000000000123", 4) == 21070000000000123
    assert global_id("21070000000000123") == 21070000000000123


@for_each("shard", [None, -1, 2107.0, True, "2107"])
def test_a_local_id_needs_a_shard_to_become_global(shard: Any) -> None:
    """Without one its shard is not known; a float would make the id a float."""
    assert global_id("565", shard) is None
    found = canvas_id("565", shard)
    assert found is not None
    assert (found.local_id, found.shard, found.global_id) == (565, None, None)


@for_each("number", [2**53 - 1, 2**53 + 1, 21070000000000123, 10**18 + 7, 10**24 + 1])
@for_each("written", [int, str, "urn:instructure:canvas:user:{}".format])
def test_no_digit_is_lost_beyond_the_precision_of_a_float(number: int, written: Any) -> None:
    """As text, integer, or URN: joined again it is the same number."""
    local, shard = local_id(written(number)), shard_of(written(number))

    assert global_id(written(number)) == number
    assert global_id(local, shard) == number
    found = canvas_id(written(number))
    assert found is not None
    assert found.global_id == number


def test_the_repr_of_a_subject_contains_no_ids() -> None:
    """They are personal data."""
    assert "565" not in repr(Subject(user_id=canvas_id("565")))


@for_each(
    "text, cut",
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
def test_a_text_cut_by_canvas_is_recognized_by_length_and_dots(text: object, cut: bool) -> None:
    """At most 8,192 characters (not bytes), including the dots."""
    assert cut is is_truncated(text)
