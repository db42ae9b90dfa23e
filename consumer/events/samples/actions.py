"""What people and jobs do at a university, and the events that each of it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.events.catalog import index
from consumer.events.samples.cause import COPY, IMPORT, Cause
from consumer.events.samples.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.events.samples.dice import Dice
    from consumer.events.samples.university import University

_GRADED: Final = ("submission_updated", "grade_change", "course_grade_change")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done, and what Canvas sends of it, in this order."""

    #: How often it comes, against the others.
    weight: int
    events: tuple[str, ...]


#: One request each: its events share the request's id.
ACTIONS: Final = (
    Action(16, ("submission_created",)),
    Action(8, ("attachment_created", "submission_created")),
    Action(10, _GRADED),
    Action(4, (*_GRADED, "rubric_assessed", "submission_comment_created")),
    Action(12, ("logged_in", "user_updated")),
    Action(5, ("logged_out",)),
    Action(4, ("quiz_submitted", "submission_created", *_GRADED)),
    Action(3, ("discussion_entry_created",)),
    Action(2, ("discussion_entry_created", "discussion_entry_submitted", "submission_created")),
    Action(2, ("submission_comment_created", "submission_updated")),
    Action(3, ("course_progress",)),
    Action(1, ("course_completed",)),
    Action(2, ("conversation_created", "conversation_message_created")),
    Action(1, ("wiki_page_updated",)),
    Action(1, ("wiki_page_created", "module_item_created")),
    Action(1, ("assignment_created", "assignment_override_created", "module_item_created")),
    Action(2, ("assignment_updated",)),
    Action(1, ("discussion_topic_created",)),
    Action(1, ("quiz_updated", "assignment_updated")),
    Action(1, ("group_category_created", "group_created", "group_membership_created")),
    Action(2, ("enrollment_created", "enrollment_state_created")),
    Action(1, ("course_created", "course_section_created", "course_updated")),
    Action(1, ("syllabus_updated", "course_updated")),
)
#: One job each, for which many scenes happen: of each of them these events.
_IMPORTED: Final[tuple[tuple[str, ...], ...]] = (
    ("user_created", "user_account_association_created"),
    ("enrollment_created", "enrollment_state_created"),
    ("enrollment_created", "enrollment_state_created"),
    ("enrollment_updated", "enrollment_state_updated"),
    ("course_section_created",),
    ("course_updated",),
)
_COPIED: Final[tuple[tuple[str, ...], ...]] = (
    ("module_created", "module_item_created"),
    ("assignment_created", "module_item_created"),
    ("wiki_page_created", "module_item_created"),
    ("discussion_topic_created",),
    ("attachment_created",),
)
_DRAWN: Final = tuple(action for action in ACTIONS for _ in range(action.weight))
#: Shares of actions: bursts of a job, and any other event that the catalog knows.
_BURSTS, _OTHERS = 0.006, 0.02
_RARE: Final = tuple(name for name in index.names() if name != "asset_accessed")


def next_events(university: University, dice: Dice) -> Iterator[tuple[Scene, str]]:
    """The events of the next thing that happens, each with its scene, in the order of Canvas."""
    throw = dice.random()
    if throw < _BURSTS:
        yield from _burst(university, dice)
        return
    if throw < _BURSTS + _OTHERS:
        events: tuple[str, ...] = (dice.pick(_RARE),)
    else:
        events = dice.pick(_DRAWN).events
    scene = Scene(university, dice.seed(), events[0])
    for name in events:
        yield scene, name


def _burst(university: University, dice: Dice) -> Iterator[tuple[Scene, str]]:
    """An import from the student information system, or a copy of a course."""
    is_import = dice.chance(0.5)
    admin = dice.pick(university.admins)
    number = str(university.global_id(dice.between(10**6, 10**9)))
    job = Cause(admin, "", "", "", number, IMPORT if is_import else COPY)
    if is_import:
        asked = Scene(university, dice.seed(), "sis_batch_created")
        yield asked, "sis_batch_created"
    else:
        copy = Scene(university, dice.seed(), "content_migration_started", cause=job)
        yield copy, "content_migration_started"
    for _ in range(dice.between(15, 60)):
        events = dice.pick(_IMPORTED if is_import else _COPIED)
        scene = Scene(university, dice.seed(), events[0], cause=job)
        for name in events:
            yield scene, name
    if not is_import:
        yield copy, "content_migration_completed"
