"""The entries of `handlers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.config import HandlerSettings, load
from consumer.config.entries import RetryKeys
from tests.cases import for_each

if TYPE_CHECKING:
    from tests.config.conftest import FaultsOf, LoadText


def test_an_entry_in_full(load_text: LoadText, tmp_path: object) -> None:
    """Common keys are read here; the options under the type are left to the handler."""
    text = """\
handlers:
  - name: grades
    events: [grade_change, "submission_*"]
    format: canvas
    timeout_seconds: 2.5
    concurrency: 2
    batch_size: 50
    linger_seconds: 1
    retry: {base_seconds: 1, max_seconds: 60}
    python:
      target: "my_handlers:on_grade"
      anything: [1, {a: null}]
"""

    loaded = load_text(text)

    assert loaded.settings.handlers == (
        HandlerSettings(
            name="grades",
            events=("grade_change", "submission_*"),
            format="canvas",
            timeout_seconds=2.5,
            concurrency=2,
            batch_size=50,
            linger_seconds=1,
            retry=RetryKeys(base_seconds=1, max_seconds=60),
            type="python",
            options={"target": "my_handlers:on_grade", "anything": [1, {"a": None}]},
        ),
    )
    origins = {k: v.removeprefix(f"{tmp_path}/") for k, v in loaded.origins.items()}
    assert origins["handlers[0].batch_size"] == "config.yaml:7"
    assert origins["handlers[0].retry.max_seconds"] == "config.yaml:9"
    assert origins["handlers[0].python.target"] == "config.yaml:11"


@for_each("entry", ["{name: a, log: {}}", "{name: a, log: }", "{name: a, log: null}"])
def test_a_type_without_options(load_text: LoadText, entry: str) -> None:
    """`log: {}` and `log:` are the same, and everything else has its default."""
    (handler,) = load_text(f"handlers: [{entry}]").settings.handlers

    assert handler == HandlerSettings(name="a", type="log")


@for_each("handlers", ["handlers:", "handlers: []", ""])
def test_no_handlers(load_text: LoadText, handlers: str) -> None:
    """An empty list is none: then the archive is used."""
    assert load_text(handlers).settings.handlers == ()


def test_one_event_needs_no_list(load_text: LoadText) -> None:
    """A single name or pattern may stand alone."""
    (handler,) = load_text("handlers: [{name: a, events: grade_*, log: }]").settings.handlers

    assert handler.events == ("grade_*",)


def test_any_other_name_is_an_entry_point(load_text: LoadText) -> None:
    """A type that is not built in comes from another package."""
    (handler,) = load_text("handlers: [{name: a, kafka: {topic: x}}]").settings.handlers

    assert handler.type == "kafka"
    assert handler.options == {"topic": "x"}


@for_each(
    "entry, fault",
    [
        ("{log: {}}", "handlers[0].name: is missing; must be a letter, then"),
        ("{name: 'a b', log: {}}", 'handlers[0].name: "a b": must be a letter, then'),
        ("{name: 1a, log: {}}", 'handlers[0].name: "1a": must be a letter, then'),
        ("{name: yes, log: {}}", "handlers[0].name: true: must be a letter, then"),
        ("{name: a, events: [], log: {}}", "an empty list: must be a list of at least one name"),
        ("{name: a, events: '', log: {}}", 'events[0]: "": must be the name of an event, or a'),
        (
            "{name: a, events: [3], log: {}}",
            "handlers[0].events[0]: 3: must be the name of an event, or a pattern; put q",
        ),
        ("{name: a, event: [x], log: {}}", "handlers[0].event: unknown key; did you mean events?"),
        ("{name: a, log: {}, format: auto}", '"auto": must be one of canvas, caliper'),
        ("{name: a, log: {}, timeout_seconds: 0}", "0: must be a number of seconds from 0.1"),
        ("{name: a, log: {}, timeout: 3}", "timeout: unknown key; did you mean timeout_seconds?"),
        ("{name: a, log: {}, retry: 3}", "retry: 3: must be a mapping with base_seconds, max_sec"),
        ("{name: a, log: {}, retry: {base: 3}}", "retry.base: unknown key; did you mean base_sec"),
        ("{name: a, log: {}, retry: {base_seconds: 0}}", "retry.base_seconds: 0: must be a number"),
        (
            "{name: a, log: {}, retry: {max_seconds: true}}",
            "max_seconds: true: must be a number",
        ),
        ("{name: a, log: {}, retry: {base_seconds: 901}}", "901: must not be more than max_second"),
        ("{name: a, archiv: {}}", "handlers[0].archiv: unknown key; did you mean archive?"),
        ("{name: a, archive: {}, log: {}}", "archive and log: one handler has one type; make two"),
        ("{name: a}", "handlers[0]: has no type; add one of archive, command, eventbridge"),
        ("{name: a, python: 'm:f'}", 'such as python: {target: "m:f"}'),
        ("{name: a, archive: /srv/x}", 'such as archive: {directory: "/srv/x"}'),
        ("{name: a, log: true}", "handlers[0].log: must be a mapping of options, such as log: {}"),
        ("{name: a, kafka: [x]}", "handlers[0].kafka: must be a mapping of options"),
        ("{name: a, type: archive}", "handlers[0].type: must be a mapping of options"),
        ("archive", 'handlers[0]: "archive": must be a mapping, such as - {name: archive,'),
        ("[archive]", "handlers[0]: a list: must be a mapping"),
    ],
)
def test_each_mistake_in_an_entry_has_its_error(
    faults_of: FaultsOf, entry: str, fault: str
) -> None:
    """Each mistake in an entry has its own sentence, with the line."""
    (line,) = faults_of(f"handlers:\n  - {entry}\n")

    assert line.startswith("FILE:2: handlers[0]")
    assert fault in line


def test_two_unknown_types(faults_of: FaultsOf) -> None:
    """Either of two unknown keys may be meant as the type, so both are named."""
    lines = faults_of("handlers: [{name: a, kafka: {}, redis: {}}]")

    assert len(lines) == 2
    assert all("unknown key" in line for line in lines)


@for_each("value", ["{name: a}", "archive", "3"])
def test_handlers_must_be_a_list(faults_of: FaultsOf, value: str) -> None:
    """A mapping in place of the list is a common slip."""
    (line,) = faults_of(f"handlers: {value}")

    assert "must be a list of entries" in line


def test_two_handlers_of_one_name(faults_of: FaultsOf) -> None:
    """Names distinguish handlers in the log, so each has its own."""
    text = "handlers:\n  - {name: a, log: {}}\n  - {name: b, log: {}}\n  - {name: a, log: {}}\n"

    assert faults_of(text) == [
        'FILE:4: handlers[2].name: "a": handlers[0] has this name, too; each needs its own'
    ]


def test_a_variable_in_options_draws_a_warning(load_text: LoadText) -> None:
    """It may be intended, so it is not an error; but it is not expanded."""
    loaded = load_text("handlers: [{name: a, archive: {directory: '${HOME}/x'}}]")

    (warning,) = loaded.warnings
    assert "handlers[0].archive.directory: ${HOME}: variables are not expanded here" in warning


def test_the_command_line_replaces_all_entries(load_text: LoadText) -> None:
    """--handler replaces the file's list."""
    entries = [{"name": "b", "log": {}}]
    loaded = load_text("handlers: [{name: a, archive: {}}]", {}, {"handlers": entries})

    assert loaded.settings.handlers == (HandlerSettings(name="b", type="log", options={}),)
    assert loaded.origins["handlers[0].name"] == "command line --handler"
    assert loaded.origins["handlers[0].events"] == "default"


def test_a_faulty_entry_of_the_command_line_says_so(faults_of: FaultsOf) -> None:
    """The place is the option, not a line of the file."""
    lines = faults_of("handlers: []", {}, {"handlers": [{"name": "b"}]})

    assert lines[0].startswith("command line --handler: handlers[0]: has no type")


def test_handlers_without_a_file() -> None:
    """A daemon can be configured without any file."""
    loaded = load(None, environ={}, overrides={"handlers": [{"name": "b", "log": None}]})

    assert loaded.settings.handlers == (HandlerSettings(name="b", type="log"),)
