"""The layers that can give a value (file, environment, command line), and which of them wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from consumer.config.fields import FIELDS, SECRETS, SECTIONS, SINGLE, takes_none
from consumer.config.problems import HIDDEN, did_you_mean, dotted, nearest, shown, shown_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.config.problems import Problems
    from consumer.config.yaml_file import Document

PREFIX: Final = "CONSUMER_"
HANDLERS: Final = "handlers"


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it, and where. Never logged: it may be a secret."""

    value: Any
    origin: str


#: Dotted key -> what a layer says of it.
Layer = dict[str, Given]

_VARIABLES: Final = {PREFIX + key.upper().replace(".", "__"): key for key in FIELDS}

_OPTIONS: Final = {
    "queue.url": "--queue-url",
    "queue.name": "--queue-name",
    "queue.format": "--format",
    "aws.region": "--region",
    "aws.endpoint_url": "--endpoint-url",
    "aws.profile": "--profile",
    "logging.format": "--log-format",
    "logging.level": "--log-level",
    HANDLERS: "--handler",
}

_STATIC: Final = tuple(key + end for key in SECRETS for end in ("", "_file"))
#: Ways to say the same thing: a higher layer that chooses one ends the others below it.
ALTERNATIVES: Final = (
    (("queue.url",), ("queue.name",)),
    (_STATIC, ("aws.profile",)),
    *(((key,), (key + "_file",)) for key in SECRETS),
)


def variable_of(key: str) -> str:
    """The environment variable that sets a dotted key."""
    return PREFIX + key.upper().replace(".", "__")


def file_layer(document: Document, problems: Problems) -> Layer:
    """What the file says; unknown keys and sections of the wrong shape go to `problems`."""
    layer: Layer = {}
    for name, value in document.values.items():
        where = document.where((name,))
        if name in SECTIONS:
            _section(document, name, value, layer, problems)
        elif name == HANDLERS or name in FIELDS:
            if value is not None:
                layer[name] = Given(value, where)
        else:
            valid = (*SECTIONS, HANDLERS, *SINGLE)
            problems.add(where, shown_key(name), _unknown(name, valid))
    return layer


def _section(
    document: Document, section: str, value: Any, layer: Layer, problems: Problems
) -> None:
    keys = SECTIONS[section].model_fields
    if value is None:  # all its lines are commented out
        return
    if not isinstance(value, dict):
        told = HIDDEN if section == "aws" else shown(value)
        fault = f"{told}: must be a mapping; each key in a line of its own, a space after the colon"
        problems.add(document.where((section,)), section, fault)
        return
    for key, inner in value.items():
        where = document.where((section, key))
        if key in keys:
            layer[f"{section}.{key}"] = Given(inner, where)
        else:
            # Not its value: a misspelt key may well be that of a secret.
            problems.add(where, dotted((section, shown_key(key))), _unknown(key, keys))


def _unknown(key: str, valid: Iterable[str]) -> str:
    name, colon, _ = key.partition(":")
    if colon and name in valid:
        return "put a space after the colon"
    elsewhere = [known for known in FIELDS if known.rpartition(".")[2] == name]
    if not nearest(name, valid) and elsewhere:
        return f"unknown key; did you mean {elsewhere[0]}?"
    return f"unknown key; {did_you_mean(name, valid)}"


def environment_layer(environ: Mapping[str, str], problems: Problems) -> Layer:
    """What variables that begin with CONSUMER_ say. An empty one counts as not set."""
    layer: Layer = {}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        where = f"environment {name}"
        key = _VARIABLES.get(name)
        if key is None:
            problems.add(where, "", _unknown_variable(name))
        elif text := environ[name].strip():
            none = text.lower() in ("null", "none") and takes_none(FIELDS[key])
            layer[key] = Given(None if none else text, where)
    return layer


def _unknown_variable(name: str) -> str:
    if name.startswith(PREFIX + "HANDLERS"):
        return "handlers can't be set by the environment; use the file, or --handler"
    # Without the prefix, which would make any two look alike.
    known = (variable.removeprefix(PREFIX).lower() for variable in _VARIABLES)
    near = nearest(name.removeprefix(PREFIX), known)
    shape = f"{PREFIX}{near.upper()}" if near else ""
    hint = f"did you mean {shape}?" if shape else f"the shape is {PREFIX}SECTION__KEY"
    return f"no such setting, and all variables that begin with {PREFIX} are settings; {hint}"


def command_line_layer(overrides: Mapping[str, Any], problems: Problems) -> Layer:
    """What the command line says. No secret is accepted there: every user could see it."""
    layer: Layer = {}
    for key, value in overrides.items():
        origin = f"command line {_OPTIONS.get(key, key)}"
        if key in SECRETS:
            fault = f"no secret on the command line, others can see it; set {variable_of(key)}"
            problems.add(origin, "", fault)
        elif key not in FIELDS and key != HANDLERS:
            problems.add(origin, "", f"unknown key; {did_you_mean(key, FIELDS)}")
        elif value is not None:
            layer[key] = Given(value, origin)
    return layer


def merge(layers: Iterable[Layer]) -> Layer:
    """One layer out of all, the lowest first: the highest that gives a key wins.

    And what contradicts the choice of a higher layer is left out: with --queue-name the file's
    queue.url does not count.
    """
    merged: Layer = {}
    for layer in layers:
        for alternatives in ALTERNATIVES:
            chosen = [a for a in alternatives if any(_given(layer, key) for key in a)]
            for other in alternatives if len(chosen) == 1 else ():
                for key in other if other not in chosen else ():
                    merged.pop(key, None)
        merged.update(layer)
    return merged


def _given(layer: Layer, key: str) -> bool:
    return key in layer and layer[key].value is not None
