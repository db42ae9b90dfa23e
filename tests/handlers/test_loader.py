"""From the configuration to the registry."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from consumer.config.entries import HandlerSettings
from consumer.errors import ConfigurationError
from consumer.handlers.loading import loader
from consumer.handlers.loading.loader import build_registry, parse_handler_spec
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context
from consumer.retry import RetryPolicy
from consumer.testing import make_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.handlers.loading.factories import HandlerEnvironment

SEEN: list[tuple[str, Mapping[str, Any], HandlerEnvironment]] = []


def sink(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """A third party's factory, with a handler of each kind."""
    SEEN.append((name, options, environment))
    registry = Registry()
    registry.add(lambda events: None, "*", name=name, batch=100)
    return registry


def no_registry(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> str:
    return "registry"


def empty(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    return Registry()


def caliper_only(
    name: str, options: Mapping[str, Any], environment: HandlerEnvironment
) -> Registry:
    registry = Registry()
    registry.add(lambda event: None, "*", name=name, format="caliper")
    return registry


def failing(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    raise KeyError(options["password"])


def panicking(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    raise GeneratorExit(options["password"])  # not an Exception, as extensions in Rust do


def short_of_arguments(name: str, options: Mapping[str, Any]) -> Registry:
    return Registry()


def saying_little(
    name: str, options: Mapping[str, Any], environment: HandlerEnvironment
) -> Registry:
    raise ConfigurationError("no such bucket")


def handler(event: object) -> None:
    """A function that can be named as a target."""


def batches(events: object) -> None:
    """A function for batches."""


NOT_CALLABLE = 5


@pytest.fixture(autouse=True)
def _entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEN.clear()
    named = [
        "sink",
        "no_registry",
        "empty",
        "caliper_only",
        "failing",
        "NOT_CALLABLE",
        "gone",
        "panicking",
        "short_of_arguments",
        "saying_little",
    ]
    points = [EntryPoint(n, f"{__name__}:{n}", loader.GROUP) for n in named]
    # A stale or hostile package may claim a name of ours.
    points.append(EntryPoint("archive", f"{__name__}:failing", loader.GROUP))
    points.append(EntryPoint("with_extras", f"{__name__}:sink [more]", loader.GROUP))
    points.append(EntryPoint("absent", "zz_absent:factory", loader.GROUP))
    monkeypatch.setattr(
        loader, "entry_points", lambda *, group: points if group == loader.GROUP else []
    )


def entry(
    name: str, kind: str, options: dict[str, Any] | None = None, **keys: Any
) -> HandlerSettings:
    return HandlerSettings(name=name, type=kind, options=options or {}, **keys)


def built(tmp_path: Path, *entries: HandlerSettings) -> Registry:
    return build_registry(entries, state_directory=tmp_path / "state")


def test_without_handlers_events_are_archived(tmp_path: Path) -> None:
    """No event is deleted without being handled: it goes to the state directory."""
    (found,) = built(tmp_path).handlers

    assert found.call_batch is not None
    found.call_batch([make_event()], Context(handler="archive", message_ids=("m",)))
    assert found.close is not None
    found.close()

    assert (found.name, found.patterns) == ("archive", ("*",))
    assert len(list((tmp_path / "state" / "archive").rglob("events-*.jsonl"))) == 1


def test_the_built_in_ones_need_no_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout without metadata, or with that of an older version, works the same."""
    monkeypatch.setattr(loader, "entry_points", lambda *, group: [])
    registry = built(
        tmp_path,
        entry("a", "archive"),
        entry("l", "log"),
        entry("p", "python", {"target": f"{__name__}:handler"}),
    )

    assert [h.name for h in registry.handlers] == ["a", "l", "p"]


def test_a_built_in_type_cannot_be_taken_over(tmp_path: Path) -> None:
    """Another package's type "archive" is not used."""
    assert [h.batch for h in built(tmp_path, entry("a", "archive")).handlers] == [100]


def test_a_third_party_gets_its_options_and_the_environment(tmp_path: Path) -> None:
    """The contract of a factory: name, options as configured, where and when."""
    built(tmp_path, entry("s", "sink", {"bucket": "b"}, batch_size=7))

    ((name, options, environment),) = SEEN
    assert (name, dict(options)) == ("s", {"bucket": "b"})
    assert environment.state_directory == tmp_path / "state"
    assert environment.batch_size == 7
    assert environment.clock.now().tzinfo is not None


def test_the_common_keys_are_applied_to_every_type(tmp_path: Path) -> None:
    """Events and format narrow; the limits replace what the handler was registered with."""
    registry = built(
        tmp_path,
        entry(
            "s", "sink", events=["submission_*"], format="canvas", timeout_seconds=5, concurrency=2,
            batch_size=7, linger_seconds=0.1, retry={"base_seconds": 2, "max_seconds": 8},
        ),
    )  # fmt: skip

    (found,) = registry.handlers
    assert (found.patterns, found.format) == (("submission_*",), "canvas")
    assert (found.timeout_seconds, found.concurrency) == (5, 2)
    assert (found.batch, found.linger_seconds) == (7, 0.1)
    assert found.retry == RetryPolicy(2, 8)
    assert registry.route("submission_created", "canvas") == (found,)
    assert registry.route("submission_created", "caliper") == ()
    assert registry.route("user_created", "canvas") == ()


def test_without_common_keys_the_handler_s_own_stay(tmp_path: Path) -> None:
    """What is not configured is left as it was registered."""
    (found,) = built(tmp_path, entry("a", "archive")).handlers

    assert (found.batch, found.linger_seconds, found.retry) == (100, 0.5, None)


def test_a_handler_of_the_command_line_may_name_its_events() -> None:
    """As "=EVENTS" after it; "*" means all, without a warning."""
    one, several, every = map(
        parse_handler_spec, ("m:f=grade_change", "m.n:f= grade_change , submission_*", "log=*")
    )

    assert one == {"name": "m.f", "python": {"target": "m:f"}, "events": ["grade_change"]}
    assert several["events"] == ["grade_change", "submission_*"]
    assert every == {"name": "log", "log": {}, "events": ["*"]}
    for wrong in ("m:f=", "m:f=a,,b", "log= "):
        with pytest.raises(ConfigurationError, match='has an empty name after "="'):
            parse_handler_spec(wrong)
    assert parse_handler_spec("archive:/a=b")["archive"] == {"directory": "/a=b"}


def test_a_function_becomes_a_batch_handler_by_configuration(tmp_path: Path) -> None:
    """A batch size makes it one; without, it gets single events."""
    target = {"target": f"{__name__}:batches"}
    registry = built(
        tmp_path, entry("b", "python", target, batch_size=9), entry("s", "python", target)
    )

    assert [(h.name, h.batch) for h in registry.handlers] == [("b", 9), ("s", None)]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("archiv", 'there is no type "archiv"; there are NOT_CALLABLE, .*; did you mean "archive"'),
        ("zzz", 'there is no type "zzz"; there are [^;]*$'),
        ("gone", 'has no "gone"'),
        ("absent", 'there is no module "zz_absent"'),
        ("NOT_CALLABLE", 'entry point "NOT_CALLABLE" is not a function'),
        ("no_registry", "must return a Registry, not str"),
        ("empty", 'handler "h" handles nothing: its registry is empty$'),
        ("panicking", r'factory of "panicking" failed with GeneratorExit \(.*test_loader\.py:'),
        (
            "short_of_arguments",
            r'handler "h": the factory of "short_of_arguments" must take \(name, options, env',
        ),
        ("saying_little", '^handler "h": no such bucket$'),
        ("failing", r'the factory of "failing" failed with KeyError \(.*test_loader\.py:'),
    ],
)
def test_a_type_that_cannot_be_used_is_an_error(tmp_path: Path, kind: str, sentence: str) -> None:
    """Before the first receive, and without a text that may hold a secret."""
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        built(tmp_path, entry("h", kind, {"password": "hunter2"}))

    assert "hunter2" not in str(caught.value)


def test_an_entry_point_may_name_extras(tmp_path: Path) -> None:
    """Its package knows what they need; they are no part of the function's name."""
    (found,) = built(tmp_path, entry("h", "with_extras", {"bucket": "b"})).handlers

    assert found.name == "h"


def test_a_format_that_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    """All of its events would be deleted without being handled."""
    with pytest.raises(
        ConfigurationError, match=r"handles nothing: its registry has no handler for canvas events$"
    ):
        built(tmp_path, entry("h", "caliper_only", format="canvas"))


def test_names_are_unique(tmp_path: Path) -> None:
    """The ledger distinguishes handlers by name."""
    with pytest.raises(ConfigurationError, match="two handlers are named 'l'"):
        built(tmp_path, entry("l", "log"), entry("l", "log"))


def test_a_batch_size_for_single_events_is_an_error(tmp_path: Path) -> None:
    """The log handler takes one event at a time."""
    with pytest.raises(ConfigurationError, match="takes one event at a time"):
        built(tmp_path, entry("l", "log", batch_size=5))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("archive", {"name": "archive", "archive": {}}),
        ("archive:/var/lib/x", {"name": "archive", "archive": {"directory": "/var/lib/x"}}),
        ("archive:a:b", {"name": "archive", "archive": {"directory": "a:b"}}),
        ("log", {"name": "log", "log": {}}),
        ("sink", {"name": "sink", "sink": {}}),
        ("m:f", {"name": "m.f", "python": {"target": "m:f"}}),
        (" m:f ", {"name": "m.f", "python": {"target": "m:f"}}),
        ("python:m:f", {"name": "m.f", "python": {"target": "m:f"}}),
        ("a.b_c:D.e", {"name": "a.b_c.D.e", "python": {"target": "a.b_c:D.e"}}),
        ("_p:f", {"name": "p.f", "python": {"target": "_p:f"}}),
        ("größe:f", {"name": "gr__e.f", "python": {"target": "größe:f"}}),
        ("é:é", {"name": "python", "python": {"target": "é:é"}}),
        ("m:" + "x" * 99, {"name": "x" * 64, "python": {"target": "m:" + "x" * 99}}),
    ],
)
def test_a_spec_of_the_command_line_is_an_entry(spec: str, expected: dict[str, Any]) -> None:
    """What follows --handler is what could stand in the configuration."""
    found = parse_handler_spec(spec)

    assert found == expected
    kind = next(key for key in found if key != "name")
    assert HandlerSettings(name=found["name"], type=kind, options=found[kind]).name


@pytest.mark.parametrize(
    "spec",
    ["", " ", ":", "archive:", "archive: ", "log:x", "python", "python:", "python:m", ":f", "m:",
     "m", "m:f:g", "s3://bucket", "m f:g", "1:2", "sink:x y"],
)  # fmt: skip
def test_a_wrong_spec_is_an_error(spec: str) -> None:
    """It says what can be written instead."""
    with pytest.raises(ConfigurationError, match="write archive:DIRECTORY, log, or package"):
        parse_handler_spec(spec)


def test_a_misspelt_spec_gets_the_nearest() -> None:
    """Such as archiv."""
    with pytest.raises(ConfigurationError, match='did you mean "archive"'):
        parse_handler_spec("archiv")
