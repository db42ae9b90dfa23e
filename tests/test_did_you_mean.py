"""Hints at what was probably meant."""

from __future__ import annotations

from consumer.did_you_mean import did_you_mean


def test_the_closest_is_suggested() -> None:
    """One word, the most similar."""
    known = ("grade_changed", "grade_change", "logged_in")

    assert did_you_mean("grade_chang", known) == 'did you mean "grade_change"?'


def test_the_question_is_empty_without_a_similar_word() -> None:
    """The caller can then give another hint."""
    assert did_you_mean("archiv", {"archive", "log"}) == 'did you mean "archive"?'
    assert did_you_mean("kafka", {"archive", "log"}) == ""
    assert did_you_mean("kafka", ()) == ""
