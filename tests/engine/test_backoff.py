"""How long to wait before the next attempt."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.engine.backoff import Backoff, visibility_delay


def test_the_ceiling_doubles_from_base_to_max() -> None:
    """Attempts count from 1; the ceiling doubles and then stays at max."""
    backoff = Backoff(base_seconds=5, max_seconds=60)

    ceilings = [backoff.ceiling(attempt) for attempt in range(1, 7)]

    assert ceilings == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize("attempt", [0, -3])
def test_an_attempt_below_one_counts_as_the_first(attempt: int) -> None:
    """A receive count that SQS did not tell is no reason to divide the base."""
    assert Backoff(base_seconds=5, max_seconds=60).ceiling(attempt) == 5


def test_a_huge_attempt_does_not_overflow() -> None:
    """A message received a million times still waits no longer than max."""
    assert Backoff(base_seconds=5, max_seconds=900).ceiling(10**6) == 900


@given(attempt=st.integers(1, 200), seed=st.integers(0, 1000))
def test_full_jitter_is_between_nothing_and_the_ceiling(attempt: int, seed: int) -> None:
    """Messages that failed together spread over the whole range."""
    backoff = Backoff(base_seconds=5, max_seconds=900)

    seconds = backoff.full_jitter(attempt, Random(seed))

    assert 0 <= seconds <= backoff.ceiling(attempt)


@given(attempt=st.integers(1, 200), seed=st.integers(0, 1000))
def test_equal_jitter_never_makes_a_hot_loop(attempt: int, seed: int) -> None:
    """At least half the ceiling passes between two attempts."""
    backoff = Backoff(base_seconds=1, max_seconds=60)

    seconds = backoff.equal_jitter(attempt, Random(seed))

    assert backoff.ceiling(attempt) / 2 <= seconds <= backoff.ceiling(attempt)


@given(wanted=st.floats(0, 1e9), age=st.floats(0, 1e6))
def test_a_visibility_delay_never_reaches_past_twelve_hours(wanted: float, age: float) -> None:
    """Whole seconds, at least one, and with the age together below SQS's limit."""
    seconds = visibility_delay(wanted, age_seconds=age)

    assert isinstance(seconds, int)
    assert seconds >= 1
    assert seconds == 1 or seconds + age <= 43_200


def test_a_delay_that_fits_is_rounded_up_and_kept() -> None:
    """A handler's 90.2 s become 91, not less than it asked for."""
    assert visibility_delay(90.2, age_seconds=100) == 91
