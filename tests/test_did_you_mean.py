"""Hints at what was probably meant."""

from __future__ import annotations

from consumer.did_you_mean import closest, did_you_mean


def test_the_closest_comes_first() -> None:
    """Up to so many words, the most alike first."""
    known = ("grade_changed", "grade_change", "logged_in")

    assert closest("grade_chang", known, count=2) == ["grade_change", "grade_changed"]
    assert closest("grade_chang", known) == ["grade_change"]


def test_a_lower_cutoff_finds_more() -> None:
    """What is not alike enough is left out."""
    assert closest("log", ["logged_in"]) == []
    assert closest("log", ["logged_in"], cutoff=0.4) == ["logged_in"]


def test_the_question_is_empty_without_a_word_that_is_alike() -> None:
    """So that the caller can say something else instead."""
    assert did_you_mean("archiv", {"archive", "log"}) == 'did you mean "archive"?'
    assert did_you_mean("kafka", {"archive", "log"}) == ""
    assert did_you_mean("kafka", ()) == ""
