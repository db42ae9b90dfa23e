"""The form of the file: what can't be read, and what YAML reads otherwise than a person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.config import Settings, load
from consumer.errors import EXIT_CONFIGURATION, ConfigurationError
from tests.cases import for_each

if TYPE_CHECKING:
    from tests.config.conftest import FaultsOf, LoadText


@for_each("text", ["", "\n# nothing\n", "---\n", "\ufeff", "queue:\naws:\n"])
def test_an_empty_file_is_the_defaults(load_text: LoadText, text: str) -> None:
    """A file without settings, or with empty sections, changes nothing."""
    assert Settings() == load_text(text).settings


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("queue:\n\turl: x\n", "FILE:2:1: not valid YAML: found character '\\t'"),
        ("queue: {url: x\n", "FILE:2:1: not valid YAML: expected ',' or '}'"),
        ("handlers:\n- {name: a, events: [*]}\n", "needs quotes"),
        ("handlers: *all\n", "FILE:1:11: not valid YAML: found undefined alias (a value that"),
        ("aws:\n  secret_access_key:sesame\n  region: x\n", "FILE:3:9: not valid YAML: mapping"),
        ("a: 1\n---\nb: 1\n", "only one document"),
        ("a: \x01\n", "FILE:1:4: a control character"),
        ("a: @x\n", "put quotes around the value"),
        ("- a\n- b\n", "FILE:1: the file must be a mapping of sections"),
        ("just words\n", "FILE:1: the file must be a mapping of sections"),
        (b"a: caf\xe9\n", "FILE:1: not UTF-8 text"),
        (b"# one\n\xff\xfea\x00", "FILE:2: not UTF-8 text"),
        ("[" * 5_000, "FILE: nested too deeply"),
        (f"a: {'[' * 60}{']' * 60}", "FILE: nested too deeply"),
        ("x: &a [*a]\n", "FILE:1: x[0]: aliases that repeat without end"),
        ("#" * 1_048_577, "FILE: larger than 1 MiB"),
    ],
)
def test_a_broken_file_says_where(faults_of: FaultsOf, text: str | bytes, fault: str) -> None:
    """A file that can't be read is one clear error, with line and column if possible."""
    (line,) = faults_of(text)

    assert fault in line
    assert "sesame" not in line


def test_aliases_of_aliases_are_bounded(faults_of: FaultsOf) -> None:
    """A file of a few lines that unfolds to billions of values is refused, not unfolded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    (line,) = faults_of("\n".join(lines))

    assert "aliases that repeat without end" in line


def test_an_alias_may_be_used(load_text: LoadText) -> None:
    """An alias is the value at its anchor."""
    text = """\
handlers:
  - {name: a, retry: &slow {base_seconds: 60}, log: {}}
  - {name: b, retry: *slow, log: {}}
"""

    one, other = load_text(text).settings.handlers

    assert one.retry == other.retry
    assert one.retry is not None
    assert one.retry.base_seconds == 60


@for_each(
    "text, fault",
    [
        ("on: 1", "FILE:1: YAML reads the key on as bool; put quotes around it"),
        (
            "queue:\n  1: x",
            "FILE:2: queue: YAML reads the key 1 as int; put quotes around it; a list: [1, 2]",
        ),
        ("queue:\n  ? [a]\n  : x", "FILE:2: queue: a key must be one word"),
        ("queue:\n  <<: {url: x}", "FILE:2: queue: merge keys (<<) are not supported"),
        ("queue: {name: no}", "FILE:1: queue.name: false: must be text, such as"),
        ("queue: {name: no}", "YAML reads yes, no, on and off as true or false: put quotes"),
        ("queue: {name: 123456789012}", "queue.name: 123456789012: must be text"),
        ("queue: {name: 123456789012}", "put quotes around it"),
        ("queue: {name: 2024-05-01}", "queue.name: 2024-05-01: must be text"),
        ("queue: {name: 2024-13-45}", "can't be read as a number or a date"),
        ("queue: {name: !!timestamp x}", "can't be read as a number or a date"),
        ("queue: {name: !!bool x}", "can't be read as a number or a date"),
        ("engine: {workers: yes}", "engine.workers: true: must be a whole number from 1 to 256"),
        ("engine: {workers: 010}", "engine.workers: 010: YAML reads a number with a leading zero"),
        ("engine: {drain_timeout_seconds: 1:30}", "1:30: YAML reads this as a number to the base"),
        ("engine: {workers: !!python/object:os.system x}", "YAML tags (!) are not supported here"),
        ("engine: !!python/object:os.system {a: x}", "YAML tags (!) are not supported here"),
        ("engine: {workers: !secret x}", "YAML tags (!) are not supported here"),
        ("aws: {session_token: 0123}", "aws.session_token: (not shown): YAML reads"),
    ],
)
def test_traps_of_yaml_are_errors(faults_of: FaultsOf, text: str, fault: str) -> None:
    """What YAML 1.1 reads otherwise than a person is an error, with what to write instead."""
    (line,) = faults_of(text)

    assert fault in line


def test_a_key_given_twice_names_both_lines(faults_of: FaultsOf) -> None:
    """In plain YAML the last one would win silently."""
    text = "queue:\n  name: a\n  wait_time_seconds: 1\n  name: b\n"

    assert faults_of(text) == ["FILE:4: queue.name: given twice, in line 2 and here; keep one"]


def test_a_section_given_twice_names_both_lines(faults_of: FaultsOf) -> None:
    """That goes for whole sections, too."""
    assert faults_of("queue:\n  name: a\nqueue:\n  name: b\n") == [
        "FILE:3: queue: given twice, in line 1 and here; keep one"
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error has the path, the system's reason, and exit code 78."""
    path = tmp_path / "none.yaml"

    with pytest.raises(ConfigurationError, match="can't be read: No such file") as caught:
        load(path, environ={}, overrides={})

    assert str(path) in str(caught.value)
    assert caught.value.exit_code == EXIT_CONFIGURATION


@pytest.mark.parametrize(("name", "reason"), [(".", "Is a directory"), ("a\0b", "not a file name")])
def test_what_is_not_a_file_is_named(tmp_path: Path, name: str, reason: str) -> None:
    """A directory, or a name that no file can have, is named as such."""
    with pytest.raises(ConfigurationError, match=reason):
        load(tmp_path / name, environ={}, overrides={})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    """The error has the system's reason."""
    path = tmp_path / "config.yaml"
    path.touch(0o000)

    with pytest.raises(ConfigurationError, match="can't be read: Permission denied"):
        load(path, environ={}, overrides={})


def test_a_pipe_can_be_read() -> None:
    """The file need not be a regular one: `-c <(generate)` works."""
    reader, writer = os.pipe()
    os.write(writer, b"engine: {workers: 3}\n")
    os.close(writer)
    try:
        loaded = load(Path(f"/dev/fd/{reader}"), environ={}, overrides={})
    finally:
        os.close(reader)

    assert loaded.settings.engine.workers == 3
    assert loaded.warnings == ()


def test_the_signs_of_yaml_are_texts(load_text: LoadText) -> None:
    """What YAML 1.1 has as special values is what it looks like."""
    for sign in ("=", "<<"):
        assert load_text(f"queue: {{name: {sign}}}").settings.queue.name == sign
