"""Sample messages in both formats, for demo, tests and benchmarks. Everybody in them is made up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from consumer.events.sample_caliper import FORMS, caliper_envelope
from consumer.events.sample_canvas import canvas_event
from consumer.events.sample_scene import scene_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from consumer.messages import Format

#: The kinds, and how often each comes in a hundred: reading makes most of the events of a course.
SHARES = {
    "asset_accessed": 55,
    "submission_created": 8,
    "submission_updated": 8,
    "grade_change": 6,
    "logged_in": 6,
    "logged_out": 2,
    "enrollment_created": 3,
    "enrollment_state_created": 1,
    "enrollment_state_updated": 2,
    "discussion_entry_created": 2,
    "attachment_created": 2,
    "quiz_submitted": 1,
    "course_created": 1,
    "course_updated": 1,
    "wiki_page_updated": 1,
    "user_created": 1,
}
#: Events that have no Caliper form.
CANVAS_ONLY = SHARES.keys() - FORMS.keys()

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message as Canvas sends it: the body, and the message attributes."""

    body: str
    attributes: dict[str, str]


def sample_message(
    event_name: str,
    *,
    format: Format,  # noqa: A002
    rng: Random,
    time: datetime,
) -> SampleMessage:
    """One event. `time` is aware; the same state of `rng` gives the same bytes.

    Raises `ValueError` for a name that is not in `SHARES`, or that the format does not have.
    """
    if event_name not in SHARES or (format == "caliper" and event_name in CANVAS_ONLY):
        message = f"there is no sample of {event_name!r} in {format} format"
        raise ValueError(message)
    scene = scene_of(event_name, rng, time)
    body = _encode(canvas_event(scene) if format == "canvas" else caliper_envelope(scene))
    # As Rails writes it.
    body = body.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return SampleMessage(body, {"event_name": event_name, "event_time": scene.stamp})


def sample_messages(
    count: int,
    *,
    seed: int,
    formats: Sequence[Format] = ("canvas", "caliper"),
    start: datetime,
) -> Iterator[SampleMessage]:
    """`count` events, a few milliseconds apart from `start` (aware) on.

    The kinds come by `SHARES`, the formats each as often. The same seed gives the same bytes.
    """
    rng = Random(seed)
    names = [name for name in SHARES if "canvas" in formats or name not in CANVAS_ONLY]
    weights = [SHARES[name] for name in names]
    for number in range(count):
        name = rng.choices(names, weights)[0]
        chosen = rng.choice(formats)
        if name in CANVAS_ONLY:
            chosen = "canvas"
        time = start + timedelta(milliseconds=7 * number)
        yield sample_message(name, format=chosen, rng=rng, time=time)
