"""Redaction in front of handlers: each handler gets what its entry says, others the event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from consumer.config.entries import HandlerSettings
from consumer.errors import BatchFailure, ConfigurationError, Reject, describe
from consumer.handlers.around import surrounded
from consumer.handlers.around.redacting import redacting
from consumer.handlers.loading.loader import build_registry
from consumer.handlers.registering.registry import Handler, Registry
from consumer.messages import Event
from consumer.testing import make_context, run, run_batch
from tests.cases import for_each
from tests.events.redacted import ANALYTICS, KEY, canvas

ID = "21070000000000123"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "pseudonyms.key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    return file


def redacted(
    registry: Registry, key_file: Path | None, profile: str = "analytics"
) -> tuple[Handler, list[str]]:
    """The only handler of a registry, redacted, and the warnings."""
    warnings: list[str] = []
    redact = {"profile": profile, "key_file": key_file}
    entry = HandlerSettings.model_validate({"name": "bi", "type": "python", "redact": redact})
    (handler,) = surrounded(registry.handlers, entry, warnings.append)
    return handler, warnings


def test_a_handler_gets_the_redacted_event_and_the_context(key_file: Path) -> None:
    """And others what was received."""
    registry, seen = Registry(), list[Any]()
    registry.add(lambda event, context: seen.append((event, context)), "*", name="bi")
    handler, warnings = redacted(registry, key_file)
    event, context = canvas(body={"score": 5}), make_context()
    before = event.raw

    assert handler.call is not None
    handler.call(event, context)

    ((got, given),) = seen
    assert given is context
    assert got.metadata["user_id"] == ANALYTICS(event).metadata["user_id"] != ID
    assert got.key == ANALYTICS(event).key
    assert (event.raw, event.metadata["user_id"], warnings) == (before, ID, [])
    assert handler.view is not None
    assert handler.view(event).raw == got.raw


def test_an_error_is_where_the_handler_raised_it(key_file: Path) -> None:
    """Not where redaction passed the event on."""
    registry = Registry()

    def fail(event: Event) -> None:
        raise LookupError(event.name)

    registry.add(fail, "*", name="bi")
    handler, _ = redacted(registry, key_file)

    assert handler.call is not None
    with pytest.raises(LookupError) as caught:
        handler.call(canvas(), make_context())
    frames = caught.value.__traceback__
    assert frames is not None
    error = caught.value.with_traceback(frames.tb_next)  # without this test
    assert describe(error)["error_at"].startswith("test_redacting.py:")
    assert describe(error)["error_at"].endswith("in fail")


def test_failures_of_a_batch_are_those_of_the_received_events(key_file: Path) -> None:
    """The others of the batch succeeded."""
    registry, events = Registry(), [canvas(body={"attempt": n}) for n in range(3)]

    def store(batch: Sequence[Event]) -> None:
        assert [event.body for event in batch] == [{"attempt": n} for n in range(3)]
        assert ID not in "".join(event.raw for event in batch)
        raise BatchFailure({batch[1]: Reject("bad row")})

    registry.add(store, "*", name="bi", batch=10)
    handler, _ = redacted(registry, key_file)
    narrowed = Registry()
    narrowed.adopt([handler])

    assert [ran.verdict for ran in run_batch(narrowed, events)] == ["ack", "reject", "ack"]
    assert handler.call_batch is not None
    with pytest.raises(BatchFailure) as caught:
        handler.call_batch(events, make_context())
    assert [*caught.value.failures] == [events[1]]


def test_a_batch_failure_without_a_mapping_is_passed_on(key_file: Path) -> None:
    """The engine decides what it means."""
    registry = Registry()

    class Odd(BatchFailure):
        def __init__(self) -> None:
            Exception.__init__(self, "odd")
            self.failures = None  # type: ignore[assignment]

    def store(batch: Sequence[Event]) -> None:
        raise Odd

    registry.add(store, "*", name="bi", batch=10)
    handler, _ = redacted(registry, key_file)

    assert handler.call_batch is not None
    with pytest.raises(Odd):
        handler.call_batch([canvas()], make_context())


def test_an_event_that_cannot_be_redacted_fails_alone() -> None:
    """The others of its batch are handled, and what the handler says of them counts."""
    bad, good, refused = (canvas(body={"score": score}) for score in range(3))
    got: list[Event] = []

    def view(event: Event) -> Event:
        if event is bad:
            raise ValueError
        return copy(event)

    def store(events: Sequence[Event]) -> None:
        got.extend(events)
        if len(events) > 1:
            raise BatchFailure({events[1]: Reject("bad row")})

    registry = Registry()
    registry.add(store, "*", name="bi", batch=10)
    handler = redacting(registry.handlers[0], view)
    assert handler.call_batch is not None

    def failures_of(*events: Event) -> dict[Event, type[BaseException]]:
        with pytest.raises(BatchFailure) as caught:
            handler.call_batch(events, make_context())  # type: ignore[misc]
        return {event: type(why) for event, why in caught.value.failures.items()}

    assert failures_of(bad, good, refused) == {bad: ValueError, refused: Reject}
    assert failures_of(bad, good) == {bad: ValueError}
    assert failures_of(bad) == {bad: ValueError}
    assert [event.body["score"] for event in got] == [1, 2, 1]


def test_conditions_see_the_event_as_it_was_received(key_file: Path) -> None:
    """Those of the code, too."""
    registry, seen = Registry(), list[Event]()
    registry.add(seen.append, "*", name="bi", when=lambda event: event.metadata["user_id"] == ID)
    handler, _ = redacted(registry, key_file)
    narrowed = Registry()
    narrowed.adopt([handler])

    assert run(narrowed, canvas()).verdict == "ack"
    assert [event.metadata["user_id"] == ID for event in seen] == [False]


@for_each(
    "content, sentence",
    [
        (None, r"key_file .*pseudonyms.key can't be read: No such file"),
        ("", "is empty"),
        ("two words", "more than one word"),
        ("secret-too-short", "is not a random key of 32 bytes; make one with: openssl rand"),
    ],
)
def test_a_key_that_cannot_be_used_is_reported_at_start(
    content: str | None, sentence: str, tmp_path: Path
) -> None:
    """With the handler's name, and never the key."""
    file = tmp_path / "pseudonyms.key"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)
    registry = Registry()
    registry.add(lambda event: None, "*", name="bi")

    with pytest.raises(ConfigurationError, match=f'handler "bi": redact: .*{sentence}') as caught:
        redacted(registry, file)
    assert "too-short" not in str(caught.value)


def test_analytics_without_a_key_is_refused_and_strict_is_not() -> None:
    """Strict then has no pseudonyms."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="bi")

    with pytest.raises(ConfigurationError, match="the profile analytics needs a key_file"):
        redacted(registry, None)
    handler, _ = redacted(registry, None, "strict")
    assert handler.view is not None
    assert "user_id" not in handler.view(canvas()).metadata


def test_a_key_that_everyone_can_read_is_reported(key_file: Path) -> None:
    """As a warning: the group may read it, as with systemd."""
    registry = Registry()
    registry.add(lambda event: None, "*", name="bi")
    key_file.chmod(0o640)
    assert redacted(registry, key_file)[1] == []
    key_file.chmod(0o644)

    (warning,) = redacted(registry, key_file)[1]
    assert warning == (
        'handler "bi": redact: everyone can read the key of the pseudonyms; '
        f"let only the daemon's user read it (chmod 600 {key_file}), "
        "or pass it as a credential of systemd"
    )


def test_each_entry_of_a_configuration_has_its_own_redaction(
    key_file: Path, tmp_path: Path
) -> None:
    """The archive keeps everything while another archive gets pseudonyms."""
    entries = [
        {"name": "all", "type": "archive", "options": {"directory": str(tmp_path / "all")}},
        {
            "name": "bi", "type": "archive", "options": {"directory": str(tmp_path / "bi")},
            "redact": {"profile": "analytics", "key_file": key_file},
        },
    ]  # fmt: skip
    registry = build_registry(
        [HandlerSettings.model_validate(entry) for entry in entries], state_directory=tmp_path
    )
    event = canvas()
    run_batch(registry, [event])
    for handler in registry.handlers:
        assert handler.close is not None
        handler.close()
    lines = {
        name: json.loads(next((tmp_path / name).rglob("*.jsonl")).read_text())
        for name in ("all", "bi")
    }

    assert lines["all"]["payload"] == event.payload
    assert lines["bi"]["payload"] == ANALYTICS(event).payload
    assert lines["all"]["event_key"] == event.key
    assert lines["bi"]["event_key"] == ANALYTICS(event).key


def test_what_a_handler_does_to_its_redacted_event_is_seen_by_no_other(key_file: Path) -> None:
    """Before and after it: the others have what was received, at any depth."""
    registry, seen = Registry(), list[Any]()

    def meddle(event: Event) -> None:
        body: Any = event.body
        body["user"]["name"], body["list"][0]["level"] = "changed", "changed"
        body["list"].append("changed")
        metadata: Any = event.metadata
        metadata.clear()

    def look(event: Event) -> None:
        seen.append((json.dumps(event.payload), event.raw, event.subject.user_id))

    registry.add(meddle, "*", name="bi")
    handler, _ = redacted(registry, key_file)
    everyone = Registry()
    everyone.add(look, "*", name="before")
    everyone.adopt([handler])
    everyone.add(look, "*", name="after")
    event = canvas("course_completed", {"user": {"name": "Ada"}, "list": [{"level": 1}]})
    before = (json.dumps(event.payload), event.raw, event.subject.user_id)

    assert run(everyone, event).verdict == "ack"
    assert seen == [before, before]
