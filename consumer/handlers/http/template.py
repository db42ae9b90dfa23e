"""Messages with values of the event in them, such as "Graded: {body.assignment_name}"."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from consumer.errors import ConfigurationError
from consumer.handlers.around.paths import Getter, getter_of
from consumer.handlers.records import utc_text
from consumer.messages import Event
from consumer.subject import CanvasId

#: A template with the values of an event in its texts.
Filled = Callable[[Event], Any]

#: In addition to the names of `getter_of`.
_MORE: Final[Mapping[str, Getter]] = {
    "time": lambda event: utc_text(event.time) if event.time else None,
    "event_key": lambda event: event.key,
}
#: "{{" and "}}" are braces; "{name}" is a value; any other brace is wrong.
_PARTS: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


def template_of(template: Any, label: str, *, escape: Callable[[str], str] = str) -> Filled:
    """Fills the texts of a template, which is a text, a mapping or a list, at any depth.

    A value is only ever inserted as text: nothing in it is looked up or run. Raises
    `ConfigurationError`, which begins with the label.

    Args:
        escape: what becomes of each value, where the receiver gives some characters a meaning.
    """
    match template:
        case str():
            return _text_of(template, label, escape)
        case Mapping():
            pairs = {
                str(name): template_of(value, f"{label}: {name}", escape=escape)
                for name, value in template.items()
            }
            return lambda event: {name: fill(event) for name, fill in pairs.items()}
        case list():
            items = [template_of(item, label, escape=escape) for item in template]
            return lambda event: [fill(event) for fill in items]
        case None | bool() | int() | float() if template is None or math.isfinite(template):
            return lambda _: template
    raise ConfigurationError(f"{label} must be text, numbers, lists and mappings; quote dates")


def paths_in(template: Any) -> Iterator[str]:
    """The names in the texts of a template."""
    match template:
        case str():
            yield from (found[1] for found in _PARTS.finditer(template) if found[1])
        case Mapping():
            yield from paths_in(list(template.values()))
        case list():
            for item in template:
                yield from paths_in(item)


def _text_of(text: str, label: str, escape: Callable[[str], str]) -> Filled:
    parts: list[str | Getter] = []
    for found in _PARTS.finditer(text):
        part, name = found[0], found[1]
        if part in {"{", "}"}:
            raise ConfigurationError(
                f'{label}: a "{part}" is alone: write "{part}{part}" for the character itself'
            )
        if name is None:
            parts.append({"{{": "{", "}}": "}"}.get(part, part))
        else:
            parts.append(_MORE.get(name) or getter_of(name, label))

    def fill(event: Event) -> str:
        return "".join(
            part if isinstance(part, str) else escape(_shown(part(event))) for part in parts
        )

    return fill


def _shown(value: Any) -> str:
    """A value as text; what is missing is empty."""
    match value:
        case None:
            return ""
        case str():
            return value
        case CanvasId():
            return str(value.global_id or value.local_id)
        case _:
            return json.dumps(value, ensure_ascii=False)
