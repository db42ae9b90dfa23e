"""One test for many cases says which of them failed."""

from __future__ import annotations

import pytest

from tests.cases import for_each


def test_all_cases_run_and_those_that_fail_are_named() -> None:
    """The first error is raised; fixtures are passed on."""
    seen: list[tuple[int, str, str]] = []

    @for_each("number, text", [(1, "a"), (2, "b"), (3, "c")])
    def check(number: int, text: str, fixture: str) -> None:
        seen.append((number, text, fixture))
        assert number < 2, text

    with pytest.raises(AssertionError, match="b") as failed:
        check(fixture="f")

    assert [(1, "a", "f"), (2, "b", "f"), (3, "c", "f")] == seen
    notes = failed.value.__notes__
    assert notes[0] == "2 of 3 cases failed:"
    assert "'number': 2" in notes[1]
    assert "'number': 3" in notes[2]


def test_a_case_that_raises_nothing_is_named_too() -> None:
    """`pytest.raises` fails with an exception that is no `Exception`; the other cases still run."""
    seen: list[int] = []

    @for_each("number", [0, 1, 2])
    def check(number: int) -> None:
        seen.append(number)
        with pytest.raises(ZeroDivisionError):
            _ = 1 / number

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE") as failed:
        check()

    assert [0, 1, 2] == seen
    assert ["2 of 3 cases failed:", "  {'number': 1}", "  {'number': 2}"] == failed.value.__notes__
