"""config.example.yaml: it loads, it is complete, and what it says is true."""

from __future__ import annotations

import re
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from consumer.config import CaseSettings, HandlerSettings, Settings, load
from consumer.config.entries import RetryKeys
from consumer.config.fields import FIELDS
from consumer.config.handler_options import OPTIONS
from tests.cases import for_each

if TYPE_CHECKING:
    from tests.config.conftest import LoadText

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
#: A setting that is not in use: "#key: ...", or a line of a list entry, "#  key: ...".
COMMENTED = re.compile(r"^( *)#(?! \S)(.*\S)$", re.MULTILINE)


def _uncommented() -> str:
    return COMMENTED.sub(r"\1\2", TEXT)


def test_the_example_loads() -> None:
    """Unchanged, it is the defaults, a queue, and the archive, without a warning."""
    loaded = load(EXAMPLE, environ={}, overrides={}, require_queue=True)

    settings = loaded.settings
    assert settings.queue.model_copy(update={"url": None}) == Settings().queue
    assert settings.engine == Settings().engine
    assert settings.logging == Settings().logging
    assert settings.handlers == (
        HandlerSettings(name="archive", events=("*",), type="archive", options={}),
    )
    assert loaded.warnings == ()


def test_every_setting_is_in_the_example() -> None:
    """Each key of each section occurs in it, in use or not."""
    tree = yaml.safe_load(_uncommented())

    for key in FIELDS:
        *sections, name = key.split(".")
        assert name in reduce(getitem, sections, tree), key


def test_every_key_of_an_entry_is_in_the_example() -> None:
    """Each key of a handler, and of its retry, occurs in it; so does each built-in type."""
    entries = yaml.safe_load(_uncommented())["handlers"]

    keys = set().union(*entries)
    assert set(HandlerSettings.model_fields) - {"type", "options"} <= keys
    assert {"archive", "log", "python"} <= keys
    assert set(RetryKeys.model_fields) == set(entries[0]["retry"])


def test_every_key_of_a_test_is_in_the_example() -> None:
    """The one that replaces another key is a comment."""
    (test,) = yaml.safe_load(_uncommented())["tests"]

    assert set(CaseSettings.model_fields) == {*test, "payload"}
    assert "#payload: " in TEXT


@for_each("key", sorted(FIELDS))
def test_what_is_commented_out_is_the_default(key: str) -> None:
    """Where there is a default, the example shows it, so that removing the # changes nothing."""
    shown = reduce(getitem, key.split("."), yaml.safe_load(_uncommented()))

    default: Any = FIELDS[key].default
    if default is not None and key != "state_directory":
        assert (list(default) if isinstance(default, tuple) else default) == shown


def test_every_line_can_be_used(load_text: LoadText, tmp_path: Path) -> None:
    """Each commented setting, taken into use alone, is valid; a secret comes with its pair."""
    (tmp_path / "secret").write_text("sesame")
    lines = TEXT.splitlines()
    used = [i for i, line in enumerate(lines) if COMMENTED.match(line)]
    sections = [i for i in used if lines[i].startswith(" ") and not _is_entry(lines[i])]
    pairs = re.compile(
        r"secret|access_key|session_token|profile|url_file|certificate_file|key_file"
    )

    for index in [i for i in sections if not pairs.search(lines[i])]:
        changed = list(lines)
        changed[index] = COMMENTED.sub(r"\1\2", lines[index])
        if "#name:" in lines[index]:
            changed = [line for line in changed if not line.startswith("  url:")]
        load_text("\n".join(changed))

    assert len(sections) > 25


def _is_entry(line: str) -> bool:
    return line.startswith(("  #- ", "  #  "))


@pytest.mark.parametrize(
    "keys",
    [
        ("access_key_id_file", "secret_access_key_file", "session_token_file"),
        ("access_key_id", "secret_access_key", "session_token"),
        ("profile",),
    ],
)
def test_each_kind_of_credentials_can_be_used(
    load_text: LoadText, tmp_path: Path, keys: tuple[str, ...]
) -> None:
    """Each of the three ways to give credentials works when its lines are taken into use."""
    (tmp_path / "secret").write_text("sesame")
    pattern = re.compile(rf"^  #((?:{'|'.join(keys)}):.*)$", re.MULTILINE)
    text = pattern.sub(r"  \1", TEXT)
    text = re.sub(r"/run/credentials/\S+", str(tmp_path / "secret"), text)

    aws = load_text(text).settings.aws

    assert (aws.profile is None) == (aws.access_key_id is not None)


def test_all_handlers_of_the_example_can_be_used(load_text: LoadText) -> None:
    """With every entry in use there is one handler of each built-in type."""
    begin = TEXT.index("handlers:\n")
    text = COMMENTED.sub(r"\1\2", TEXT[begin : TEXT.index("logging:\n")])

    handlers = load_text(text).settings.handlers

    assert sorted(handler.type for handler in handlers) == sorted(OPTIONS)
    assert [] == [h.type for h in handlers if h.options.keys() - OPTIONS[h.type].keys()]
