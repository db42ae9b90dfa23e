"""Signed messages in files and in dead-letter queues are read as the daemon reads them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.clock import SystemClock
from consumer.config import Settings
from consumer.events.decode import decode
from consumer.handlers.records import line_of
from consumer.operations.decoding import Decoding, unsealing_of
from consumer.operations.dlq.contents import DECODES, grouped
from consumer.operations.replay.choice import Choice
from consumer.queues.quarantine import kept_message
from consumer.signatures.keys import KEYS_FILE
from consumer.signatures.unsealing import Unsealing
from consumer.testing import canvas_body, make_message
from tests.operations.replays import BEGAN, Replays, archived
from tests.operations.test_replay import Notes
from tests.signatures.signing import jwk, jwks, private_key, signed

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.messages import ReceivedMessage

CLOCK = SystemClock()
FORGED = "whose signature is wrong"
UNKNOWN = "whose signing key is not known"
UNSIGNED = "the event is not signed"


def event(number: int) -> str:
    return canvas_body("grade_change", body={"submission_id": str(number)})


MESSAGES = (
    make_message(signed(event(1).encode()), message_id="m-1"),
    make_message(signed(event(2).encode(), key=private_key(3)), message_id="m-2"),
    make_message(signed(event(3).encode(), "k9"), message_id="m-3"),
    make_message(event(4), message_id="m-4"),
)


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    """Only signed events; the daemon has kept their key, and the address does not answer."""
    (tmp_path / KEYS_FILE).write_bytes(jwks(jwk("k1")))
    queue = {"signed": {"mode": "required", "jwks_url": "http://127.0.0.1:1/jwks"}}
    return Settings.model_validate({"queue": queue, "state_directory": tmp_path})


@pytest.fixture(name="unsealing")
def _unsealing(settings: Settings) -> Unsealing | None:
    return unsealing_of(settings, clock=CLOCK)


def quarantined(message: ReceivedMessage) -> str:
    return json.dumps(kept_message(message, "no reason", "", CLOCK.now())) + "\n"


def test_messages_in_the_dead_letter_queue(settings: Settings, unsealing: Unsealing) -> None:
    """Each has its event, or the reason why the daemon refuses it; no file is written."""
    before = (settings.state_directory / KEYS_FILE).stat()

    groups = grouped(MESSAGES, Decoding.of(settings.queue, unsealing), now=CLOCK.now())

    assert DECODES == groups[0].reason
    assert "grade_change" == groups[0].event_name
    for group, reason in zip(groups[1:], (FORGED, UNKNOWN, UNSIGNED), strict=True):
        assert reason in group.reason
    assert before == (settings.state_directory / KEYS_FILE).stat()
    assert [KEYS_FILE] == [file.name for file in settings.state_directory.iterdir()]


def test_a_replay_opens_what_is_signed(
    replay: Replays, tmp_path: Path, unsealing: Unsealing
) -> None:
    """What the daemon refuses fails, at once; what it had opened and archived is no forgery."""
    (before,) = decode(make_message(event(5), message_id="m-5"))
    file = tmp_path / "messages.jsonl"
    file.write_text(
        "".join(map(quarantined, MESSAGES))
        + line_of(before, "2024-05-02T00:00:00Z", scrub_secrets=True)
    )
    failures, notes, again = tmp_path / "failed.jsonl", Notes(), Notes()

    first = replay(notes.registry, file, unsealing=unsealing, failures=failures)
    chosen = Choice(names=("grade_change",))
    second = replay(again.registry, file, unsealing=unsealing, choice=chosen)

    assert [1, 5] == sorted(notes.numbers) == sorted(again.numbers)
    for summary in (first, second):
        assert (2, 3, 1) == (summary.handled, summary.not_events, summary.exit_code)
        reasons = "\n".join(reason for _, reason in summary.reasons)
        assert all(reason in reasons for reason in (FORGED, UNKNOWN, UNSIGNED))
    kept = [json.loads(line) for line in failures.read_text().splitlines()]
    assert sorted(m.body for m in MESSAGES[1:]) == sorted(line["Body"] for line in kept)


def test_one_event_of_a_signed_envelope_is_replayed(
    replay: Replays, tmp_path: Path, unsealing: Unsealing
) -> None:
    """An envelope of Caliper has several; the one that was chosen is signed by the envelope."""
    envelope = json.loads(archived(0, format="caliper"))["payload"]
    (made,) = envelope["data"]
    whole = {"type": "Event", "action": "Created", "object": {"id": "urn:x", "type": "Entity"}}
    times = (BEGAN, BEGAN + timedelta(hours=1))
    envelope["data"] = [
        {**made, **whole, "id": f"urn:uuid:{n}", "eventTime": time.isoformat()}
        for n, time in enumerate(times)
    ]
    file = tmp_path / "messages.jsonl"
    file.write_text(quarantined(make_message(signed(json.dumps(envelope).encode()))))
    notes = Notes()

    chosen = Choice(until=BEGAN + timedelta(minutes=1))
    summary = replay(notes.registry, file, unsealing=unsealing, choice=chosen)

    assert 1 == summary.handled, summary
    assert ["urn:uuid:0"] == [event.key for event in notes.events]
