"""How long SQS may be asked to hide a message, counted from its receive."""

from __future__ import annotations

import math

from consumer.sqs_limits import MAX_VISIBILITY_SECONDS

#: SQS refuses a visibility that reaches past 12 h from the receive; stay clear of that.
VISIBILITY_MARGIN_SECONDS = 300


def visibility_delay(wanted_seconds: float, *, age_seconds: float) -> int:
    """Whole seconds (at least 1) that SQS accepts for a message received `age_seconds` ago."""
    remaining = MAX_VISIBILITY_SECONDS - VISIBILITY_MARGIN_SECONDS - age_seconds
    return max(1, min(math.ceil(wanted_seconds), math.floor(remaining)))
