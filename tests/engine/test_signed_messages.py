"""Signed messages: opened before they are decoded, and handled as if they had come plain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.event_key import digest_of
from consumer.handlers.registering.registry import Registry
from consumer.queues.quarantine import DirectoryQuarantine
from consumer.signatures.keys import SigningKeys
from consumer.signatures.source import KeySource
from consumer.signatures.unsealing import Unsealing
from consumer.testing import canvas_body
from tests.cases import for_each
from tests.signatures.signing import jwk, jwks, private_key, signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.messages import Event
    from consumer.testing import ManualClock
    from tests.engine.conftest import Rig

    MakeRig = Callable[..., Rig]

EVENT = canvas_body("grade_change")
FORGED = signed(EVENT.encode(), key=private_key(3))


class Keys:
    """The keys of Canvas: what is published, and what the daemon knows."""

    def __init__(self, clock: ManualClock) -> None:
        self.published = jwks(jwk("k1"))
        keys = SigningKeys()
        self.source = KeySource(keys, lambda: self.published, clock=clock)
        assert self.source.run_once()
        self.accepted = Unsealing(keys, self.source, required=False)
        self.required = Unsealing(keys, self.source, required=True)


@pytest.fixture(name="keys")
def _keys(clock: ManualClock) -> Keys:
    return Keys(clock)


@pytest.fixture(name="seen")
def _seen(registry: Registry) -> list[Event]:
    seen: list[Event] = []

    @registry.on("*")
    def see(event: Event) -> None:
        seen.append(event)

    return seen


def test_a_signed_event_is_handled_as_if_it_had_come_plain(
    make_rig: MakeRig, registry: Registry, keys: Keys, seen: list[Event]
) -> None:
    """Name, body, key and text are those of what was signed; both messages are deleted."""
    rig = make_rig(registry, unsealing=keys.accepted)
    rig.queue.send(EVENT)
    rig.queue.send(signed(EVENT.encode()))

    rig.cycle()

    plain, opened = seen
    assert plain.raw == opened.raw == EVENT
    assert plain.body == opened.body
    assert plain.key == opened.key == digest_of(json.loads(EVENT), EVENT)
    assert 2 == len(rig.queue.deleted()) == rig.stats["handled"]
    assert not {"undecodable", "signature_refused"} & rig.stats.snapshot().keys()


def test_a_copy_of_a_signed_event_is_a_duplicate(
    make_rig: MakeRig, registry: Registry, keys: Keys, seen: list[Event]
) -> None:
    """Canvas posts again what was not answered in time; and the other way round."""
    rig = make_rig(registry, unsealing=keys.accepted, engine={"deduplicate": "window"})
    for body in (signed(EVENT.encode()), EVENT, signed(EVENT.encode(), "k1", typ="JOSE")):
        rig.queue.send(body)
        rig.cycle()

    assert 1 == len(seen)
    assert (3, 2) == (len(rig.queue.deleted()), rig.stats["duplicate_events"])


@for_each(
    "body, reason",
    [
        (FORGED, "whose signature is wrong"),
        (signed(EVENT.encode(), alg="HS256"), "not signed with RS256"),
        (EVENT, "not signed, and queue.signed requires it"),
        ("nonsense", "not signed, and queue.signed requires it"),
        (json.dumps({"Type": "Notification", "TopicArn": "a", "Message": EVENT}), "not signed"),
    ],
)
def test_what_is_not_signed_by_canvas_is_refused(
    make_rig: MakeRig,
    registry: Registry,
    *,
    keys: Keys,
    seen: list[Event],
    logs: list[Any],
    body: str,
    reason: str,
) -> None:
    """It stays in the queue for the redrive policy, and is counted by its own name."""
    rig = make_rig(registry, unsealing=keys.required)
    rig.queue.send(body)

    rig.cycle()

    assert not seen
    assert not rig.queue.deleted()
    assert reason in [log["reason"] for log in logs if log["event"] == "signature_refused"][-1]
    assert (1, 1, 0) == (
        rig.stats["signature_refused"], rig.stats["rejected"], rig.stats["undecodable"],
    )  # fmt: skip


def test_a_forged_message_is_refused_where_signatures_are_only_accepted(
    make_rig: MakeRig, registry: Registry, keys: Keys, seen: list[Event]
) -> None:
    """Otherwise it would be enough to sign with any key."""
    rig = make_rig(registry, unsealing=keys.accepted)
    rig.queue.send(FORGED)

    rig.cycle()

    assert not seen
    assert 1 == rig.stats["signature_refused"]


@for_each("body", [FORGED, signed(b'{"not": "an event"}')])
def test_the_quarantine_keeps_a_message_as_it_was_received(
    make_rig: MakeRig, clock: ManualClock, keys: Keys, tmp_path: Path, body: str
) -> None:
    """With its signature, which shows whether Canvas made it."""
    quarantine = DirectoryQuarantine(tmp_path, clock=clock)
    rig = make_rig(Registry(), unsealing=keys.required, quarantine=quarantine)
    message_id = rig.queue.send(body)

    rig.cycle()

    (path,) = tmp_path.rglob(f"{message_id}.json")
    kept: dict[str, Any] = json.loads(path.read_text())
    assert body == kept["Body"]
    assert [message_id] == rig.queue.deleted()


def test_a_message_waits_for_its_key(
    make_rig: MakeRig, registry: Registry, keys: Keys, seen: list[Event], clock: ManualClock
) -> None:
    """After a rotation, the new key is asked for; the message is handled when it comes again."""
    rig = make_rig(registry, unsealing=keys.required, clock=clock)
    keys.published = jwks(jwk("k1"), jwk("k2", private_key(2)))
    message_id = rig.queue.send(signed(EVENT.encode(), "k2", private_key(2)))

    rig.cycle()
    assert (1, 1, 0) == (
        rig.stats["signing_key_unknown"], rig.stats["failed"], rig.stats["rejected"],
    )  # fmt: skip
    clock.advance(60)
    assert keys.source.run_once()
    rig.cycle()
    assert not seen
    clock.advance(15)
    rig.cycle()

    assert EVENT == seen[0].raw
    assert [message_id] == rig.queue.deleted()


def test_without_the_setting_the_reason_names_it(
    make_rig: MakeRig, registry: Registry, seen: list[Event], logs: list[Any]
) -> None:
    """A signed message is no event then."""
    rig = make_rig(registry)
    rig.queue.send(signed(EVENT.encode()))

    rig.cycle()

    assert not seen
    assert "queue.signed: {mode: accepted}" in logs[-1]["reason"]
    assert 1 == rig.stats["undecodable"]
