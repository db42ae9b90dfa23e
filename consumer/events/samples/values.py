"""The value of any field of a model, from what its declaration says: kind, `of`, `values`.

The functions that make the values of a model are looked up once; then a body is made by calling
them in order.
"""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, Final

from consumer.events.catalog.base import CanvasBody, Record
from consumer.events.catalog.describe import FieldFacts, fields_of
from consumer.events.samples import known, words
from consumer.events.samples.scene import Scene
from consumer.events.typed import STATE_FIELDS

Maker = Callable[["Scene"], Any]

#: The value of a field that is left out.
ABSENT: Final = object()
_DENVER: Final = timezone(timedelta(hours=-6))


def record_of(model: type[Record], scene: Scene, *, inside: str = "") -> dict[str, Any]:
    """An object with every field of the model that the scene has a value for.

    Args:
        inside: the field of the event that the object is in; "" for the body.
    """
    made = {key: make(scene) for key, make in _makers(model, inside)}
    return {key: value for key, value in made.items() if value is not ABSENT}


@cache
def _makers(model: type[Record], inside: str) -> tuple[tuple[str, Maker], ...]:
    name = getattr(model, "event_name", "")
    entity = model.entity()[1] if issubclass(model, CanvasBody) else ""
    makers = []
    for facts in fields_of(model):
        about = inside or name.rpartition("_")[0]
        make = _known(facts.key, name, about) or _maker(facts, name, about)
        if facts.key in known.OPTIONAL and facts.key != entity:
            make = _sometimes(make)
        makers.append((facts.key, make))
    return tuple(makers)


def _sometimes(make: Maker) -> Maker:
    """Make it null, or leave it out, in some events."""

    def maybe(scene: Scene) -> Any:
        chance = scene.dice.random()
        if chance < 0.5:
            return make(scene)
        return None if chance < 0.7 else ABSENT

    return maybe


def _known(key: str, name: str, about: str) -> Maker | None:
    for plain in (key, key.removeprefix("old_").removesuffix("_duplicated_from")):
        for place in (f"{name}.{plain}", f"{about}.{plain}", plain):
            if place in known.VALUES:
                return known.VALUES[place]
    return None


def _maker(facts: FieldFacts, name: str, about: str) -> Maker:
    """What makes the value of a field of the event `name`, in Canvas's own format."""
    key, values = facts.key, facts.marks.values
    if facts.record is not None:
        return _objects(facts.record, key, many=facts.many)
    if values and facts.many:
        return lambda _: list(values)
    match facts.kind:
        case "global id" | "local id" | "id":
            make = _id(facts, name)
        case "timestamp" | "date":
            make = _time(facts, name)
        case "opaque id":
            make = _opaque_id(key, _kind_of(facts, name))
        case _ if values:
            choices = values[:1] if key in STATE_FIELDS and name.endswith("_created") else values
            make = lambda scene: scene.dice.pick(choices)  # noqa: E731
        case "text":
            make = _text(key, about)
        case kind:
            make = _BY_KIND[kind]
    return make


_BY_KIND: Final[dict[str, Maker]] = {
    "boolean": lambda scene: scene.dice.chance(0.2),
    "number": lambda scene: scene.dice.between(1, 20),
    "object": lambda scene: {"enabled": scene.dice.chance(0.5)},
    "text or object": lambda scene: {"enabled": scene.dice.chance(0.5)},
}


def _objects(record: type[Record], key: str, *, many: bool) -> Maker:
    if not many:
        return lambda scene: record_of(record, scene, inside=key)
    return lambda scene: [record_of(record, scene, inside=key) for scene.index in range(4)]


def _kind_of(facts: FieldFacts, name: str) -> str:
    """The kind of the thing whose id the field is; see `Scene.thing`."""
    key, of = facts.key, facts.marks.of
    if key in known.OF_ACTOR or f"{name}.{key}" in known.OF_ACTOR:
        return "actor"
    if key.startswith("root_account_"):
        return "root_account"
    return f"{key.partition('_')[0]}_{of}" if key.startswith(known.OTHER) else of


def _id(facts: FieldFacts, name: str) -> Maker:
    kind, of = facts.kind, _kind_of(facts, name)

    def write(scene: Scene) -> int:
        local = scene.number(of)
        # Where the type allows both, both occur.
        is_global = kind == "global id" or (kind == "id" and scene.dice.chance(0.5))
        return scene.university.global_id(local) if is_global else local

    if facts.many:
        return lambda scene: [str(write(scene))]
    if name.startswith(known.WITH_NUMBERS):
        return lambda scene: write(scene) if scene.dice.chance(0.7) else str(write(scene))
    return lambda scene: str(write(scene))


def _time(facts: FieldFacts, name: str) -> Maker:
    moment = _moment(facts.key, name)
    if facts.kind == "date":  # alone, or as its start
        return lambda scene: f"{moment(scene).date()}{scene.dice.pick(('', 'T00:00:00Z'))}"
    shape = known.SHAPES.get(f"{name}.{facts.key}")
    if shape is not None:
        return lambda scene: local_time(moment(scene), shape)
    return lambda scene: written(moment(scene), whole=scene.dice.chance(0.4))


def _moment(key: str, name: str) -> Callable[[Scene], datetime]:
    if key in known.IN_TERM:
        return lambda _: known.TERM_START + timedelta(days=known.IN_TERM[key])
    if key in known.AROUND_DUE:
        return lambda scene: (
            known.TERM_START
            + timedelta(7 * scene.thing("assignment").week + known.AROUND_DUE[key], seconds=-1)
        )
    if key in known.BEFORE or (key == "created_at" and not name.endswith("_created")):
        return lambda scene: scene.time - timedelta(seconds=scene.age)
    return lambda scene: scene.time


def written(time: datetime, *, whole: bool = False) -> str:
    """The usual form: UTC, to the second or to the millisecond."""
    return time.isoformat(timespec="seconds" if whole else "milliseconds")[:-6] + "Z"


def local_time(time: datetime, shape: str = known.LOCAL_TIME) -> str:
    """The time at the university, in one of the unusual forms."""
    return time.astimezone(_DENVER).strftime(shape)


def _opaque_id(key: str, of: str) -> Maker:
    """An id that is not one of Canvas's numbers, in the form that the field's name suggests."""
    if of == "sis":
        return lambda scene: f"SIS-{scene.number(of)}"
    if key.endswith(("uuid", "guid")) or "lti" in key:
        return lambda scene: scene.token(of)
    return lambda scene: str(scene.number(of))


def _text(key: str, about: str) -> Maker:
    if key in {"name", "title", "display_name", "subject"}:
        return lambda scene: scene.thing(about).name
    kind, _, last = key.rpartition("_")
    match last:
        case "name" | "title":
            return lambda scene: scene.thing(kind).name
        case "url":
            return lambda scene: f"https://tool.example.com/{key}/{scene.number(key)}"
        case "body" | "description" | "message" | "text":
            return lambda scene: words.html(scene.dice)
        case _:
            return lambda scene: scene.dice.pick(words.REMARKS)
