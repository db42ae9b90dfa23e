"""Reads the YAML file: plain values, and the line of each key.

Knows nothing of the settings but in which of them values are compared with those of events.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, Final

import yaml

from consumer.config.problems import (
    HIDDEN,
    KeyPath,
    Problems,
    dotted,
    looks_secret,
    shown_key,
)
from consumer.errors import ConfigurationError

_MAX_BYTES: Final = 1_048_576
_MAX_DEPTH: Final = 50
_MAX_VALUES: Final = 20_000  # aliases of aliases grow without bound
_TAG: Final = "tag:yaml.org,2002:"
_KINDS: Final = ["str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value"]

#: What PyYAML's words for an error usually mean in a configuration file.
_HINTS: Final = (
    ("'\\t'", "indent with spaces, not tabs"),
    ("alias", 'a value that begins with * needs quotes, such as "*"'),
    ("mapping values are not allowed", "wrong indentation, or a value with a colon without quotes"),
    ("expected ':'", "a key needs a colon and a space after it"),
    ("cannot start any token", "put quotes around the value"),
    ("expected <block end>", "wrong indentation"),
    ("single document", "only one document may be in the file: remove the second ---"),
)


@dataclass(slots=True)
class Document:
    """The file's content. `mode` is that of a regular file, else None."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mode: int | None = None

    def where(self, path: KeyPath) -> str:
        """FILE:line of the key, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines[path]}" if path else self.name

    def warn_of_readable_secrets(self, problems: Problems) -> None:
        """Warn if others than the file's owner can read a secret in it. Only without errors."""
        if self.mode is None or not self.mode & 0o077:
            return
        tree: Any = self.values
        secrets = [
            path
            for path in self.lines
            if looks_secret(path)
            and isinstance(value := reduce(getitem, path, tree), str)
            and value
        ]
        if secrets:
            other = f"take it from a file ({secrets[0][-1]}_file) or the environment"
            if "environment" in secrets[0]:  # a program's: it has no twin with _file
                other = "give null and set it for the daemon"
            text = (
                f"a secret in a file that others can read; {other}; or chmod 600 {self.name}, "
                "if it is the daemon's own"
            )
            problems.warn(self.where(secrets[0]), ", ".join(map(dotted, secrets)), text)


def read_yaml(path: Path, problems: Problems) -> Document:
    """Read and check the form of the file.

    Raises: `ConfigurationError` if it can't be read, or is not a YAML mapping. Errors of single
    keys go to `problems`.
    """
    document = Document(str(path))
    text = _text(path, document)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None or node.tag == _TAG + "null":
            return document
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(
                f"{path}:{node.start_mark.line + 1}: the file must be a mapping of sections, "
                "such as queue:, aws:, handlers:"
            )
        document.values = _Reader(loader, document, problems).mapping(node, ())
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = f"{path}:{before.count(chr(10)) + 1}:{error.position - before.rfind(chr(10))}"
        raise ConfigurationError(
            f"{place}: a control character, which YAML does not allow; remove it"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(_syntax(path, error)) from None
    except RecursionError:
        raise ConfigurationError(f"{path}: nested too deeply") from None
    return document


def _text(path: Path, document: Document) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            document.mode = mode if stat.S_ISREG(mode) else None
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise ConfigurationError(f"{path}: the configuration can't be read: {reason}") from None
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than 1 MiB; not a configuration file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8 text; save it as UTF-8") from None


def _syntax(path: Path, error: yaml.MarkedYAMLError) -> str:
    # Never the snippet of the file that PyYAML offers: there may be a secret in that line.
    problem = re.sub(r"(alias|anchor|tag|handle) ['\"].*['\"]", r"\1", error.problem or "")
    mark = error.problem_mark or error.context_mark
    place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    said = f"{problem} {error.context or ''}"
    hint = next((f" ({hint})" for sign, hint in _HINTS if sign in said), "")
    return f"{path}{place}: not valid YAML: {problem}{hint}"


class _Reader:
    """Turns nodes into plain values and notes the line of each key."""

    def __init__(self, loader: yaml.SafeLoader, document: Document, problems: Problems) -> None:
        self._loader = loader
        self._document = document
        self._problems = problems
        self._left = _MAX_VALUES
        self._open: set[int] = set()

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            where, key = f"{self._document.name}:{line}", key_node.value
            if error := _key_error(key_node):
                self._problems.add(where, dotted(path), error)
            elif first := self._document.lines.get((*path, key)):
                error = f"given twice, in line {first} and here; keep one"
                self._problems.add(where, dotted((*path, shown_key(key))), error)
            else:
                self._document.lines[*path, key] = line
                for value in self._value(value_node, (*path, key)):
                    values[key] = value
        return values

    def _items(self, node: yaml.SequenceNode, path: KeyPath) -> Iterator[Any]:
        for index, child in enumerate(node.value):
            self._document.lines[*path, index] = child.start_mark.line + 1
            yield from self._value(child, (*path, index))

    def _value(self, node: yaml.Node, path: KeyPath) -> Iterator[Any]:
        """The value of the node; none if it has an error, which is reported."""
        where = self._document.where(path)
        self._left -= 1
        if id(node) in self._open or self._left < 0:
            raise ConfigurationError(f"{where}: {dotted(path)}: aliases that repeat without end")
        if len(path) > _MAX_DEPTH:
            raise RecursionError
        self._open.add(id(node))
        if error := _value_error(node, path):
            self._problems.add(where, dotted(path), error)
        elif isinstance(node, yaml.MappingNode):
            yield self.mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            yield list(self._items(node, path))
        elif node.tag in (_TAG + "merge", _TAG + "value"):
            yield node.value  # "<<" or "="
        else:
            try:
                yield self._loader.construct_object(node)
            except (ValueError, OverflowError, KeyError, AttributeError):  # PyYAML checks nothing
                error = "can't be read as a number or a date; put quotes around it"
                self._problems.add(where, dotted(path), error)
        self._open.discard(id(node))


def _key_error(node: yaml.Node) -> str | None:
    kind = node.tag.removeprefix(_TAG)
    if not isinstance(node, yaml.ScalarNode):
        return "a key must be one word; is there a brace or bracket without quotes?"
    if kind == "merge":
        return "merge keys (<<) are not supported; write the keys out"
    if kind != "str":
        key = shown_key(node.value)
        listed = "; a list: [1, 2]" if kind == "int" else ""  # {in: 1, 2}
        return f"YAML reads the key {key} as {kind}; put quotes around it{listed}"
    return None


def _value_error(node: yaml.Node, path: KeyPath) -> str | None:
    """What YAML 1.1 reads otherwise than a person does."""
    kind = node.tag.removeprefix(_TAG)
    value = HIDDEN if looks_secret(path) else node.value
    if kind not in _KINDS:
        return "YAML tags (!) are not supported here"
    of_events = path[0] == "tests" or path[2:3] == ("when",)
    if kind == "bool" and of_events and node.value.lower() not in ("true", "false"):
        return f"YAML reads {node.value} as true or false: write that, or put quotes around it"
    if kind == "timestamp" and of_events:
        return "YAML reads this as a time: put quotes around it"
    if kind == "int" and re.fullmatch(r"[-+]?0[0-7_]+", node.value):
        return (
            f"{value}: YAML reads a number with a leading zero as octal; "
            "leave out the zero, or put quotes around it if it is text"
        )
    if kind in ("int", "float") and ":" in node.value:
        return (
            f"{value}: YAML reads this as a number to the base of 60; "
            "write seconds, or put quotes around it if it is text"
        )
    return None
