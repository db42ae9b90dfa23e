"""The layers that can give a value (file, environment, command line), and which of them wins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, Final

from consumer.config.fields import AWS_SECRETS, FIELDS, LISTS, SECRETS, SECTIONS, takes_none
from consumer.config.models import Settings
from consumer.config.problems import (
    HIDDEN,
    KeyPath,
    Problems,
    dotted,
    nearest,
    shown,
    shown_key,
    unknown_key,
)
from consumer.config.yaml_file import Document

PREFIX: Final = "CONSUMER_"
HANDLERS: Final = "handlers"


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written, and where. Never logged: it may be a secret."""

    value: Any
    origin: str


#: What one layer gives, by dotted key.
Layer = dict[str, Given]

_OPTIONS: Final = {
    "queue.url": "--queue-url",
    "queue.name": "--queue-name",
    "queue.format": "--format",
    "aws.region": "--region",
    "aws.endpoint_url": "--endpoint-url",
    "aws.profile": "--profile",
    "logging.format": "--log-format",
    "logging.level": "--log-level",
    "webhook.listen": "--listen",
    HANDLERS: "--handler",
}

_STATIC: Final = tuple(key + end for key in AWS_SECRETS for end in ("", "_file"))
#: Two ways to say the same thing: a layer with one of them drops the other from those below it.
_ALTERNATIVES: Final = (
    (("queue.url",), ("queue.name",)),
    (_STATIC, ("aws.profile",)),
    (("queue.signed.jwks_url",), ("queue.signed.jwks_file",)),
    *(((key,), (key + "_file",)) for key in SECRETS),
)


class Sources:
    """The values of all layers, and where each came from; errors are reported with their place."""

    def __init__(self, document: Document, given: Layer, problems: Problems) -> None:
        self._document = document
        self.given = given
        self._problems = problems

    def where(self, key: str | KeyPath) -> str:
        """Where the value of the key was given; the file itself if nowhere."""
        path = _path(key)
        given = self._given_for(path)
        if given is None:
            return self._document.name
        if path[0] in LISTS and given.origin == self._document.where(path[:1]):
            return self._document.where(path)
        return given.origin

    def origin(self, path: KeyPath) -> str:
        """As `where`, but "default" if the value was not given."""
        given = self._given_for(path)
        try:
            if given and path[0] in LISTS:
                reduce(getitem, path[1:], given.value)
        except KeyError:
            given = None
        return self.where(path) if given else "default"

    def _given_for(self, path: KeyPath) -> Given | None:
        keys = (dotted(path[:length]) for length in range(len(path), 0, -1))
        return next((self.given[key] for key in keys if key in self.given), None)

    def add(self, key: str | KeyPath, error: str) -> None:
        """Report an error of the key, at the place that gave it."""
        self._problems.add(self.where(key), dotted(_path(key)), error)

    def warn(self, key: str | KeyPath, text: str) -> None:
        """Report what is allowed, but probably not meant."""
        self._problems.warn(self.where(key), dotted(_path(key)), text)

    def tree(self) -> dict[str, Any]:
        """The raw values in the shape of the file."""
        tree: dict[str, Any] = {}
        for key, given in self.given.items():
            *sections, name = key.split(".")
            section = reduce(lambda outer, inner: outer.setdefault(inner, {}), sections, tree)
            section[name] = given.value
        return tree


def _path(key: str | KeyPath) -> KeyPath:
    return tuple(key.split(".")) if isinstance(key, str) else key


def variable_of(key: str) -> str:
    """The environment variable that sets a dotted key."""
    return PREFIX + key.upper().replace(".", "__")


_VARIABLES: Final = {variable_of(key): key for key in FIELDS}


def file_layer(document: Document, problems: Problems) -> Layer:
    """What the file gives; unknown keys and sections of the wrong shape go to `problems`."""
    layer: Layer = {}

    def read(values: Mapping[str, Any], outer: tuple[str, ...]) -> None:
        section = SECTIONS[dotted(outer)] if outer else Settings
        for name, value in values.items():
            path = (*outer, name)
            where, key = document.where(path), dotted(path)
            if name not in section.model_fields:
                # Without its value: a misspelt key may well be that of a secret.
                shown_path = dotted((*outer, shown_key(name)))
                problems.add(where, shown_path, _unknown(name, section.model_fields))
            elif value is None and (key in SECTIONS or not outer):
                continue  # all its lines are commented out
            elif key not in SECTIONS:
                layer[key] = Given(value, where)
            elif isinstance(value, dict):
                read(value, path)
            else:
                problems.add(where, key, _not_a_mapping(key, value))

    read(document.values, ())
    return layer


def _not_a_mapping(section: str, value: Any) -> str:
    secret = any(key.startswith(f"{section}.") for key in SECRETS)
    safe = HIDDEN if secret else shown(value)
    return f"{safe}: must be a mapping; each key on its own line, a space after the colon"


def _unknown(key: str, valid: Iterable[str]) -> str:
    name, colon, _ = key.partition(":")
    if colon and name in valid:
        return "put a space after the colon"
    elsewhere = [known for known in FIELDS if known.rpartition(".")[2] == name]
    if not nearest(name, valid) and elsewhere:
        return f"unknown key; did you mean {elsewhere[0]}?"
    return unknown_key(name, valid)


def environment_layer(environ: Mapping[str, str], problems: Problems) -> Layer:
    """What variables that begin with CONSUMER_ give. An empty one counts as not set."""
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


def systemd_layer(environ: Mapping[str, str]) -> Layer:
    """The default of `state_directory` in a unit: the first directory of $STATE_DIRECTORY."""
    first = environ.get("STATE_DIRECTORY", "").split(":")[0]
    return {"state_directory": Given(first, "environment STATE_DIRECTORY")} if first else {}


def command_line_layer(overrides: Mapping[str, Any]) -> Layer:
    """What the command line gives."""
    return {
        key: Given(value, f"command line {_OPTIONS.get(key, key)}")
        for key, value in overrides.items()
        if value is not None
    }


def merge(layers: Iterable[Layer]) -> Layer:
    """One layer out of all, the lowest first: the highest that gives a key wins."""
    merged: Layer = {}
    for layer in layers:
        given = {key for key, value in layer.items() if value.value is not None}
        for pair in _ALTERNATIVES:
            for chosen, other in (pair, pair[::-1]):
                if given.intersection(chosen) and given.isdisjoint(other):
                    for key in other:
                        merged.pop(key, None)
        merged.update(layer)
    return merged
