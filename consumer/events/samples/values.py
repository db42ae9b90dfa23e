"""The value of any field of a model, from what its declaration says: kind, `of`, marks, `values`.

For each model the makers of its values are found once; making a body is calling them in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from consumer.events.catalog.base import CanvasBody
from consumer.events.catalog.describe import fields_of
from consumer.events.samples import habits, known, words
from consumer.events.typed import STATE_FIELDS

if TYPE_CHECKING:
    from consumer.events.catalog.base import Record
    from consumer.events.catalog.describe import FieldFacts
    from consumer.events.samples.scene import Scene

Maker = Callable[["Scene"], Any]

#: What a maker gives for a field that is left out.
ABSENT: Final = object()
_TERM_BEGIN: Final = datetime(2026, 8, 24, 6, tzinfo=UTC)


def record_of(model: type[Record], scene: Scene, *, inside: str = "") -> dict[str, Any]:
    """An object with every field of the model that the scene has a value for."""
    found = {}
    for key, make in _makers(model, inside):
        value = make(scene)
        if value is not ABSENT and not (value is None and scene.compact):
            found[key] = value
    return found


@cache
def _makers(model: type[Record], inside: str) -> tuple[tuple[str, Maker], ...]:
    name = getattr(model, "event_name", "")
    entity = model.entity()[1] if issubclass(model, CanvasBody) else ""
    found = []
    for facts in fields_of(model):
        make = maker_for(facts, name, inside)
        # What an event is about is always told.
        found.append(
            (facts.key, make if facts.key == entity else _sometimes(facts.key, name, make))
        )
    return tuple(found)


def _sometimes(key: str, name: str, make: Maker) -> Maker:
    """Left out, or null, as often as in Canvas's own events."""
    present = habits.PRESENT.get(key, 1.0)
    null = habits.NULL.get(key, 0.0)
    if (name, key) in known.VALUES or (present == 1.0 and null == 0.0):
        return make

    def maybe(scene: Scene) -> Any:
        chance = scene.dice.random()
        if chance >= present:
            return ABSENT
        return None if chance < null else make(scene)

    return maybe


def maker_for(facts: FieldFacts, name: str, inside: str = "") -> Maker:
    """What makes the value of a field of an event, in Canvas's own format."""
    key = facts.key
    for place in ((name, key), (inside, key), ("", key)):
        if place in known.VALUES:
            return known.VALUES[place]
    if facts.record is not None:
        return _nested(facts)
    if facts.kind in {"global id", "local id", "id"}:
        return _id(facts, name, inside)
    if facts.kind == "timestamp":
        return _time(key, name)
    if facts.kind == "date":
        return _day(key, name)
    return _one_of(facts, name) if facts.marks.values else _plain(facts)


def _one_of(facts: FieldFacts, name: str) -> Maker:
    values, many = facts.marks.values, facts.many
    if facts.key in STATE_FIELDS and name.endswith("_created"):
        values = values[:1]  # nothing begins as deleted
    return lambda scene: [scene.dice.pick(values)] if many else scene.dice.pick(values)


def _nested(facts: FieldFacts) -> Maker:
    record, key = facts.record, facts.key
    assert record is not None  # noqa: S101 - for the type checker
    if not facts.many:
        return lambda scene: record_of(record, scene, inside=key)

    def several(scene: Scene) -> list[dict[str, Any]]:
        made = []
        for scene.index in range(4):
            made.append(record_of(record, scene, inside=key))
        return made

    return several


def _id(facts: FieldFacts, name: str, inside: str) -> Maker:
    key = facts.key
    of = facts.marks.of or key.removesuffix("s").removesuffix("_id")
    if key == "root_account_id":
        of = "root_account"
    if key == "id":
        of = facts.marks.of or inside or name.rpartition("_")[0]
    if key in habits.ACTOR_KEYS or (name, key) in habits.ACTOR_IDS:
        number: Callable[[Scene], int] = lambda scene: scene.cause.actor.id  # noqa: E731
    elif key.startswith(("old_", "parent_", "source_")) and of != "course":
        number = lambda scene: scene.number(key)  # noqa: E731
    else:
        number = lambda scene: scene.number(of)  # noqa: E731
    kind = facts.kind

    def write(scene: Scene) -> str | int:
        local = number(scene)
        # Where the type leaves it open, both occur.
        is_global = kind == "global id" or (kind == "id" and scene.dice.chance(0.5))
        return scene.university.global_id(local) if is_global else local

    if facts.many:
        return lambda scene: [str(write(scene))]
    if name in habits.INTEGER_IDS:  # here Canvas does not make them texts, mostly
        return lambda scene: write(scene) if scene.dice.chance(0.7) else str(write(scene))
    return lambda scene: str(write(scene))


def _time(key: str, name: str) -> Maker:
    moment = _moment(key, name)
    shape = habits.SHAPES.get((name, key))
    if shape is not None:
        return lambda scene: habits.local_time(moment(scene), shape)
    return lambda scene: written(moment(scene), whole=scene.dice.chance(0.4))


def _day(key: str, name: str) -> Maker:
    """Alone, or as its start."""
    moment = _moment(key, name)
    return lambda scene: f"{moment(scene).date()}{scene.dice.pick(('', 'T00:00:00Z'))}"


def _moment(key: str, name: str) -> Callable[[Scene], datetime]:
    """When that was, or will be, seen from the event."""
    if key in habits.IN_TERM:
        days = habits.IN_TERM[key]
        return lambda _: _TERM_BEGIN + timedelta(days=days)
    if key in habits.AROUND_DUE:
        shift = habits.AROUND_DUE[key]
        return lambda scene: (
            _TERM_BEGIN + timedelta(days=7 * scene.item("assignment").week + shift, seconds=-1)
        )
    if key in habits.BEFORE or (key == "created_at" and not name.endswith("_created")):
        return lambda scene: (
            scene.time - timedelta(seconds=scene.once(key, lambda dice: dice.between(60, 900_000)))
        )
    return lambda scene: scene.time


def written(time: datetime, *, whole: bool = False) -> str:
    """As Canvas writes it: UTC, to the second or to the millisecond."""
    return time.isoformat(timespec="seconds" if whole else "milliseconds")[:-6] + "Z"


def _plain(facts: FieldFacts) -> Maker:
    """By the kind alone."""
    if facts.many:
        return lambda scene: [words.sentence(scene.dice)]
    match facts.kind:
        case "opaque id":
            return _opaque(facts.key, facts.marks.of)
        case "boolean":
            return lambda scene: scene.dice.chance(0.3)
        case "number":
            return _number(facts.key)
        case "object":
            return lambda scene: {"enabled": scene.dice.chance(0.5)}
        case _:
            return _text(facts.key, truncated=facts.marks.truncated)


def _number(key: str) -> Maker:
    if "score" in key or "percent" in key:
        return lambda scene: scene.dice.between(200, 1_000) / 10
    return lambda scene: scene.dice.between(1, 20)


def _opaque(key: str, of: str) -> Maker:
    """An id that is none of Canvas's numbers, in the shape that its name tells."""
    of = of or key
    if key.startswith(("old_", "original_", "source_", "new_", "destination_")):
        of = key
    if "sis" in key:
        return lambda scene: f"SIS-{scene.number(of)}"
    if "lti" in key or "resource_link" in key:
        if key.endswith("uuid"):
            return lambda scene: scene.university.guid(key, scene.number(of))
        return lambda scene: scene.university.hash(of, scene.number(of))
    if key.endswith(("uuid", "guid")):
        return lambda scene: scene.university.token(of, scene.number(of))
    return lambda scene: str(scene.number(of))


def _text(key: str, *, truncated: bool) -> Maker:
    if key.endswith(("title", "name", "subject")):
        return lambda scene: scene.title()
    if key == "status":
        return lambda _: "completed"
    if key.endswith("url"):
        return lambda scene: f"https://tool.example.com/{key}/{scene.number(key)}"
    if truncated or key.endswith(("body", "description", "message", "text")):
        return lambda scene: words.some_html(scene.dice, mostly=4, long_share=0.03)
    return lambda scene: words.sentence(scene.dice)
