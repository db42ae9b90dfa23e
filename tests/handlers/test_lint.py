"""Patterns that match no known event draw a warning, and are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.events.catalog import index
from consumer.handlers.loading.loader import unmatched_patterns
from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from consumer.messages import Format


def warnings_for(*patterns: str, format: Format | None = None) -> list[str]:  # noqa: A002
    registry = Registry()
    registry.add(lambda event: None, patterns, name="h", format=format)
    return unmatched_patterns(registry.handlers)


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("course_deleted", "course_"),
        ("submission_graded", "submission_created"),
        ("grade_changed", "grade_change"),
        ("Submission_Created", "submission_created"),
        ("SubmissionCreated", "submission_created"),
        ("submision_created", "submission_created"),
        ("asset_acessed", "asset_accessed"),
        ("quizes.*", "quizzes."),
        ("wiki_pages_*", "wiki_page_"),
    ],
)
def test_an_unknown_name_draws_a_warning_with_the_nearest(pattern: str, near: str) -> None:
    """Misspelt, spelt as a class, or an event that Canvas does not have."""
    (warning,) = warnings_for(pattern, "grade_change")

    assert warning.startswith(f'handler "h" asks for "{pattern}", which is not the name of a')
    assert near in warning.partition("(nearest: ")[2]


def test_a_name_like_no_other_draws_a_warning_without_a_guess() -> None:
    """No known name is near it."""
    assert warnings_for("zzz") == [
        'handler "h" asks for "zzz", which is not the name of a known event'
    ]


@pytest.mark.parametrize("event_format", [None, "canvas", "caliper"])
def test_known_names_draw_no_warning(event_format: Format | None) -> None:
    """Every name in its format, globs, and all."""
    names = index.names(event_format or "canvas")

    assert warnings_for(*names, "*", "submission_*", "quiz_[cu]*", format=event_format) == []


def test_an_event_without_a_caliper_form_draws_a_warning() -> None:
    """`user_created` is known, but not in this format."""
    assert warnings_for("user_created", "grade_*", "rubric_*", format="caliper") == [
        f'handler "h" asks for "{pattern}" in Caliper format, in which Canvas is not known to send '
        "it"
        for pattern in ("user_created", "rubric_*")
    ]
    assert warnings_for("user_created", format="canvas") == []


def test_patterns_around_a_registry_draw_one_warning() -> None:
    """The patterns of `include` are those of all its handlers: one line names them all."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, "*", name="all")
    inner.add(lambda event: None, "course_*", name="some")
    inner.add(lambda event: None, "course_*", name="more")
    outer.include(inner, patterns=["course_deleted", "course_created"], prefix="p.")

    (warning,) = unmatched_patterns(outer.handlers)

    assert warning.startswith(
        'handlers "p.all", "p.some", "p.more": each asks for "course_deleted"'
    )


def test_known_names_that_exclude_each_other_draw_a_warning() -> None:
    """The code asks for one event, the configuration allows another: no event is left."""
    inner, outer = Registry(), Registry()
    inner.add(lambda event: None, "grade_change", name="grade")
    outer.include(inner, patterns=["submission_*"])

    (warning,) = unmatched_patterns(outer.handlers)

    assert warning == (
        'handler "grade" asks for grade_change, but the configuration allows only '
        "submission_*: that leaves no known event"
    )


def test_a_registry_without_handlers_is_fine() -> None:
    """Nothing asks for anything."""
    assert unmatched_patterns(()) == []
