"""The keys of `tests`: an event, and which handlers are to get what of it.

The daemon does not use them; `consumer.operations.config_tests` runs them.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from consumer.config.conditions import Conditions
from consumer.config.section import Section
from consumer.config.values import Text


def _json(value: object) -> object:
    """Refuse what JSON does not have, such as a time that YAML has read."""
    match value:
        case dict():
            for inner in value.values():
                _json(inner)
        case list():
            for inner in value:
                _json(inner)
        case float() if not math.isfinite(value):
            raise ValueError("not a number of JSON")
        case None | str() | int() | float():
            pass
        case _:
            raise ValueError("not a value of JSON")
    return value


_Fields = Annotated[dict[str, Any], BeforeValidator(_json)]
_FIELDS = "a mapping of fields and their values; a time needs quotes"


class CaseSettings(Section):
    """One entry of `tests`."""

    name: Text
    #: A sample of this event, or the event in a file: one of both.
    event: Text | None = Field(default=None, examples=["grade_change"])
    payload: Path | None = None
    #: Of the sample; None is canvas.
    format: Literal["canvas", "caliper"] | None = None
    #: What replaces fields of the event. Out of the repr: it may be personal data.
    metadata: _Fields = Field(default={}, description=_FIELDS, repr=False)
    body: _Fields = Field(default={}, description=_FIELDS, repr=False)
    #: Exactly those that get it.
    handlers: tuple[Text, ...] = Field(description="a list of names of handlers, or []")
    #: By handler: what the event fulfils as this handler gets it.
    gets: dict[str, Conditions] = Field(
        default={}, description="conditions for each handler, such as {NAME: {body.x: 1}}"
    )
