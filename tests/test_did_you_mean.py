"""Hints at what was probably meant."""

from __future__ import annotations

from consumer.did_you_mean import closest, did_you_mean


def test_the_closest_comes_first() -> None:
    """At most `count` words, the most similar first."""
    known = ("grade_changed", "grade_change", "logged_in")

    assert closest("grade_chang", known, count=2) == ["grade_change", "grade_changed"]
    assert closest("grade_chang", known) == ["grade_change"]


def test_a_lower_cutoff_finds_more() -> None:
    """Less similar words are left out."""
    assert closest("log", ["logged_in"]) == []
    assert closest("log", ["logged_in"], cutoff=0.4) == ["logged_in"]


def test_the_question_is_empty_without_a_similar_word() -> None:
    """The caller can then give another hint."""
    assert did_you_mean("archiv", {"archive", "log"}) == 'did you mean "archive"?'
    assert did_you_mean("kafka", {"archive", "log"}) == ""
    assert did_you_mean("kafka", ()) == ""
