"""Types of values that several sections have."""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from consumer.sqs_limits import MAX_VISIBILITY_SECONDS


def _not_a_bool(value: object) -> object:
    # Python counts True as 1, so `workers: yes` would be a worker.
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004 - pydantic's way
    return value


def of_text(change: Callable[[str], object]) -> BeforeValidator:
    """Change what is a text, and leave the rest."""
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


LOWER: Final = of_text(str.lower)
Int = Annotated[int, BeforeValidator(_not_a_bool)]
Number = Annotated[float, BeforeValidator(_not_a_bool)]
Seconds = Number
RetrySeconds = Annotated[Seconds, Field(ge=0.1, le=MAX_VISIBILITY_SECONDS)]
Text = Annotated[str, Field(min_length=1, max_length=2048)]
