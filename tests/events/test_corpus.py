"""Documented payloads, if available: each is decoded under its name, with nothing lost.

They are outside of the repository; without them these tests are skipped.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from consumer.events.decode import decode
from consumer.events.privacy import scrub_json
from consumer.events.timestamps import parse_time
from consumer.messages import Event
from consumer.testing import make_message
from tests.cases import for_each

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("canvas/*.json")) + sorted(CORPUS.glob("caliper/*.json"))
#: A mistake in the documentation: this example has the name of another event.
MISNAMED = {"grade_override.says_grade_change": "grade_change"}

without = pytest.mark.skip(reason="there are no payloads in ../shared/corpus")
each_file = for_each("file", FILES) if FILES else without


def name_in(file: Path) -> str:
    """The event name in the name of a file; files of the same event are numbered."""
    name = file.stem
    if name.rpartition(".")[2].isdigit():
        name = name.rpartition(".")[0]
    return MISNAMED.get(name, name)


def event_in(file: Path) -> tuple[Event, Any, str]:
    text = file.read_text(encoding="utf-8")
    (event,) = decode(make_message(text))
    return event, json.loads(text), text


@each_file
def test_the_name_follows_from_the_payload(file: Path) -> None:
    """Also in Caliper format, which does not contain it, without a message attribute."""
    event, _, _ = event_in(file)

    assert name_in(file) == event.name
    assert file.parent.name == event.format


@each_file
def test_the_time_is_that_of_the_payload(file: Path) -> None:
    """In all forms that occur."""
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
    """Caliper's id, or a hash that does not depend on white space and message id."""
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
    """The text is kept as received, and metadata and body contain all of it."""
    event, payload, text = event_in(file)

    assert text == event.raw
    if event.format == "canvas":
        assert payload == {"metadata": event.metadata, "body": event.body}
    else:
        assert payload == {**event.metadata, "data": [event.body]}


@each_file
def test_scrubbing_replaces_secrets_only(file: Path) -> None:
    """The strict line differs only where there was an access token or the code of a feed."""
    _, _, text = event_in(file)
    secrets = re.findall(r"(?:access_token=|/feeds/[a-z]+/)([\w~]{8,})", text)
    expected = text
    for secret in secrets:
        expected = expected.replace(secret, "[scrubbed]")

    line = scrub_json(text)

    assert json.loads(expected) == json.loads(line)
    assert not any(secret in line for secret in secrets)
    assert all(character >= " " for character in line)
