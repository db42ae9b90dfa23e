"""How long SQS may be asked to hide a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.engine.visibility import visibility_delay


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
