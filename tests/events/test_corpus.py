"""Documented payloads, where they are at hand: each decodes, under its name, with nothing lost.

They lie beside the repository and are not part of it; elsewhere these tests are skipped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.events.decode import decode
from consumer.events.privacy import scrub_json
from consumer.events.timestamps import parse_time
from consumer.testing import make_message
from tests.cases import for_each

if TYPE_CHECKING:
    from consumer.messages import Event

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("canvas/*.json")) + sorted(CORPUS.glob("caliper/*.json"))
#: The documentation's own slip: this example of one event says the name of another.
MISNAMED = {"grade_override.says_grade_change": "grade_change"}

without = pytest.mark.skip(reason="there are no payloads in ../shared/corpus")
each_file = for_each("file", FILES) if FILES else without


def name_in(file: Path) -> str:
    """The name that a file is called after; several of one name are numbered."""
    name = file.stem
    if name.rpartition(".")[2].isdigit():
        name = name.rpartition(".")[0]
    return MISNAMED.get(name, name)


def event_in(file: Path) -> tuple[Event, Any, str]:
    text = file.read_text(encoding="utf-8")
    (event,) = decode(make_message(text))
    return event, json.loads(text), text


@each_file
def test_the_name_comes_out_of_the_payload(file: Path) -> None:
    """In Caliper format, too, where no payload says it and no attribute helps."""
    event, _, _ = event_in(file)

    assert name_in(file) == event.name
    assert file.parent.name == event.format


@each_file
def test_the_time_is_the_payload_s(file: Path) -> None:
    """In each of the shapes that occur."""
    event, payload, _ = event_in(file)
    written = (
        payload["metadata"]["event_time"]
        if event.format == "canvas"
        else payload["data"][0]["eventTime"]
    )

    assert written == event.time_text
    assert event.time is not None
    assert parse_time(written) == event.time


@each_file
def test_the_key_is_stable(file: Path) -> None:
    """Caliper's own id, or a hash that spacing and the message's id do not change."""
    event, payload, _ = event_in(file)
    compact = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)

    (again,) = decode(make_message(compact, message_id="another"))

    assert event.key == again.key
    if event.format == "caliper":
        assert payload["data"][0]["id"] == event.key
    else:
        assert len(event.key) == 64


@each_file
def test_nothing_is_lost(file: Path) -> None:
    """The text is kept as received, and metadata and body say all that it says."""
    event, payload, text = event_in(file)

    assert text == event.raw
    if event.format == "canvas":
        assert payload == {"metadata": event.metadata, "body": event.body}
    else:
        assert payload == {**event.metadata, "data": [event.body]}


@each_file
def test_scrubbing_takes_secrets_and_nothing_else(file: Path) -> None:
    """One strict line, which differs only where there was an access token or a feed's code."""
    _, _, text = event_in(file)
    secrets = re.findall(r"(?:access_token=|/feeds/[a-z]+/)([\w~]{8,})", text)
    expected = text
    for secret in secrets:
        expected = expected.replace(secret, "[scrubbed]")

    line = scrub_json(text)

    assert json.loads(expected) == json.loads(line)
    assert not any(secret in line for secret in secrets)
    assert all(character >= " " for character in line)
