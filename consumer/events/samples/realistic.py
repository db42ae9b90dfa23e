"""A university's traffic: mostly reading, else actions with several events, and bursts of jobs."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from consumer.events.catalog import index
from consumer.events.samples.cause import COPY, IMPORT, Cause
from consumer.events.samples.dice import Dice
from consumer.events.samples.message import START, STEP, SampleMessage, message_of
from consumer.events.samples.scene import Scene
from consumer.events.samples.university import University, university_of
from consumer.messages import Format

#: No source names the real share of asset_accessed; it is the only event that reading makes.
ASSET_SHARE = 0.55

_GRADED = "submission_updated grade_change course_grade_change"
#: What a request makes Canvas send, in this order, each with its weight. The events share the
#: request's id.
_ACTIONS: Final = {
    "submission_created": 16,
    "attachment_created submission_created": 8,
    _GRADED: 10,
    f"{_GRADED} rubric_assessed submission_comment_created": 4,
    "logged_in user_updated": 12,
    "logged_out": 5,
    f"quiz_submitted submission_created {_GRADED}": 4,
    "discussion_entry_created": 3,
    "discussion_entry_created discussion_entry_submitted submission_created": 2,
    "submission_comment_created submission_updated": 2,
    "course_progress": 4,
    "wiki_page_created wiki_page_updated module_item_created": 2,
    "assignment_created assignment_override_created module_item_created": 1,
    "group_category_created group_created group_membership_created": 1,
    "enrollment_created enrollment_state_created": 2,
    "course_created course_section_created syllabus_updated course_updated": 2,
}
#: What a job makes Canvas send, many times.
_IMPORTED: Final = (
    "user_created user_account_association_created", "enrollment_created enrollment_state_created",
    "enrollment_updated enrollment_state_updated", "course_section_created", "course_updated",
)  # fmt: skip
_COPIED: Final = (
    "module_created module_item_created", "assignment_created module_item_created",
    "wiki_page_created module_item_created", "discussion_topic_created", "attachment_created",
)  # fmt: skip
_DRAWN: Final = tuple(events for events, weight in _ACTIONS.items() for _ in range(weight))
#: Shares of what happens: bursts of a job, and any other event that the catalog knows.
_BURSTS, _OTHERS = 0.006, 0.02
_RARE: Final = tuple(name for name in index.names() if name != "asset_accessed")


def realistic_messages(
    count: int,
    formats: Sequence[Format] = ("canvas",),
    *,
    seed: int = 0,
    start: datetime = START,
    asset_share: float = ASSET_SHARE,
) -> Iterator[SampleMessage]:
    """`count` messages as a university makes them, 7 ms apart from `start` (aware) on.

    The events of one action share their request id, those of a burst their job id; between them
    come events of other people. The same arguments give the same bytes.

    Args:
        formats: each event is in one of them by chance; in Canvas's own if Caliper lacks the event,
            and left out if only Caliper is asked for.
        asset_share: the share of asset_accessed, 0 to 1.
    """
    university, dice = university_of(seed), Dice(seed)
    events = _events(university, dice)
    if set(formats) == {"caliper"}:
        events = ((scene, name) for scene, name in events if index.is_known(name, "caliper"))
    for number in range(count):
        if dice.chance(asset_share):
            name = "asset_accessed"
            scene = Scene(university, dice.seed(), name)
        else:
            scene, name = next(events)
        chosen = dice.pick(formats)
        if not index.is_known(name, chosen):
            chosen = "canvas"
        yield message_of(scene, name, chosen, start + number * STEP)


def _events(university: University, dice: Dice) -> Iterator[tuple[Scene, str]]:
    """Everything but reading: each event with its scene, without end, in the order of Canvas."""
    while True:
        chance = dice.random()
        if chance < _BURSTS:
            yield from _burst(university, dice)
        else:
            actions = _RARE if chance < _BURSTS + _OTHERS else _DRAWN
            yield from _action(university, dice.seed(), dice.pick(actions))


def _burst(university: University, dice: Dice) -> Iterator[tuple[Scene, str]]:
    """An import from the student information system, or a copy of a course."""
    is_import = dice.chance(0.5)
    tag, actions = (IMPORT, _IMPORTED) if is_import else (COPY, _COPIED)
    job = Cause(dice.pick(university.admins), university.job_id(dice), tag)
    seed = dice.seed()
    if is_import:  # a request starts it
        yield from _action(university, seed, "sis_batch_created")
    for _ in range(dice.between(15, 60)):
        yield from _action(university, dice.seed(), dice.pick(actions), job)
    if not is_import:
        yield from _action(university, seed, "content_migration_completed", job)


def _action(
    university: University, seed: int, events: str, job: Cause | None = None
) -> Iterator[tuple[Scene, str]]:
    names = events.split()
    scene = Scene(university, seed, names[0], cause=job)
    for name in names:
        yield scene, name
