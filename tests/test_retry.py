"""How long to wait before the next attempt."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ConfigurationError
from consumer.retry import RetryPolicy
from tests.cases import for_each


def test_the_ceiling_doubles_from_base_to_max() -> None:
    """Attempts count from 1; the ceiling doubles and then stays at max."""
    policy = RetryPolicy(base_seconds=5, max_seconds=60)

    ceilings = [policy.ceiling(attempt) for attempt in range(1, 7)]

    assert ceilings == [5, 10, 20, 40, 60, 60]


@for_each("attempt", [0, -3])
def test_an_attempt_below_one_counts_as_the_first(attempt: int) -> None:
    """A missing receive count does not divide the base."""
    assert RetryPolicy(base_seconds=5, max_seconds=60).ceiling(attempt) == 5


def test_a_huge_attempt_does_not_overflow() -> None:
    """A message received a million times still waits no longer than max."""
    assert RetryPolicy(base_seconds=5, max_seconds=900).ceiling(10**6) == 900


@given(attempt=st.integers(1, 200), seed=st.integers(0, 1000))
def test_full_jitter_is_between_nothing_and_the_ceiling(attempt: int, seed: int) -> None:
    """Messages that failed together spread over the whole range."""
    policy = RetryPolicy(base_seconds=5, max_seconds=900)

    seconds = policy.full_jitter(attempt, Random(seed))

    assert 0 <= seconds <= policy.ceiling(attempt)


@given(attempt=st.integers(1, 200), seed=st.integers(0, 1000))
def test_equal_jitter_never_makes_a_hot_loop(attempt: int, seed: int) -> None:
    """At least half the ceiling passes between two attempts."""
    policy = RetryPolicy(base_seconds=1, max_seconds=60)

    seconds = policy.equal_jitter(attempt, Random(seed))

    assert policy.ceiling(attempt) / 2 <= seconds <= policy.ceiling(attempt)


@for_each(
    "base, longest",
    [(0, 10), (-1, 10), (5, 4), (1, 43_201), (float("nan"), 10), (1, float("inf")), ("1", 10)],
)
def test_a_retry_policy_that_cannot_be_kept_is_refused(base: Any, longest: Any) -> None:
    """SQS hides a message for twelve hours at most."""
    with pytest.raises(ConfigurationError, match="retry: "):
        RetryPolicy(base, longest)


def test_a_retry_policy_has_the_engines_defaults() -> None:
    """5 s, up to 15 minutes."""
    assert RetryPolicy() == RetryPolicy(base_seconds=5, max_seconds=900)
    assert RetryPolicy(43_200, 43_200).max_seconds == 43_200
