"""The keys of an entry of `handlers`; what they mean is in config.example.yaml."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from consumer.config.conditions import Conditions
from consumer.config.section import Section
from consumer.config.values import LOWER, Int, Number, RetrySeconds, Seconds, Text
from consumer.retry import RetryPolicy
from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

_RETRY: Final = RetryPolicy()


def _one_or_more(value: object) -> object:
    if isinstance(value, (list, tuple)) and not value:
        raise ValueError("at least one pattern")
    return (value,) if isinstance(value, str) else value


class RetryKeys(Section):
    """The keys of a handler's `retry`."""

    base_seconds: RetrySeconds = _RETRY.base_seconds
    max_seconds: RetrySeconds = _RETRY.max_seconds

    @property
    def policy(self) -> RetryPolicy:
        """The policy with these delays."""
        return RetryPolicy(self.base_seconds, self.max_seconds)


class RedactSettings(Section):
    """What of a person a handler gets to see; `consumer.events.redaction` does it."""

    profile: Annotated[Literal["analytics", "strict"], LOWER]
    #: The secret from which pseudonyms are made; needed for "analytics".
    key_file: Path | None = None


class CoalesceSettings(Section):
    """One call for many events."""

    key: Text = Field(examples=["course_id"])
    seconds: Seconds = Field(default=30, ge=0.1, le=300)


class HandlerSettings(Section):
    """One entry of `handlers`; in the file, type and options are the one key that names a type."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$",
        description="a letter, then at most 63 letters, digits, and any of _ . -",
    )
    events: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_one_or_more)
    ] = Field(
        default=("*",),
        json_schema_extra={"minItems": 1},
        description='a list of at least one name or pattern, such as ["*"]',
    )
    #: None: both formats.
    format: Literal["canvas", "caliper"] | None = None
    timeout_seconds: Seconds | None = Field(default=None, ge=0.1, le=MAX_VISIBILITY_SECONDS)
    concurrency: Int | None = Field(default=None, ge=1, le=256)
    batch_size: Int | None = Field(default=None, ge=1, le=10_000)
    linger_seconds: Seconds | None = Field(default=None, ge=0, le=300)
    retry: RetryKeys | None = None
    when: Conditions = Field(default=None, description="a mapping of conditions, or a list of them")
    redact: RedactSettings | None = None
    rate_limit_per_second: Number | None = Field(
        default=None, ge=0.1, le=10_000, description="a number from 0.1 to 10000"
    )
    coalesce: CoalesceSettings | None = None
    #: "archive", "log", "python", or the name of an entry point.
    type: str
    #: Checked by the handler itself. Out of the repr: there may be passwords in it.
    options: dict[str, Any] = Field(default_factory=dict, repr=False)
