"""Defaults, file, environment and command line: which wins, and where a value came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.config import Settings, load
from consumer.config.fields import FIELDS
from tests.cases import for_each

if TYPE_CHECKING:
    from tests.config.conftest import FaultsOf, LoadText

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"


def test_without_anything_there_are_the_defaults() -> None:
    """Nothing given is the defaults, and each says so."""
    loaded = load(None, environ={}, overrides={})

    assert Settings() == loaded.settings
    assert dict.fromkeys(FIELDS, "default") == loaded.origins
    assert loaded.warnings == ()


def test_each_layer_wins_over_the_one_below(load_text: LoadText, tmp_path: Path) -> None:
    """Defaults < file < environment < command line, key by key, and each value has its origin."""
    text = "logging:\n  format: json\n  level: error\nengine:\n  workers: 2\n"
    environ = {"CONSUMER_LOGGING__FORMAT": "console", "CONSUMER_LOGGING__LEVEL": "warning"}

    loaded = load_text(text, environ, {"logging.level": "debug"})

    assert loaded.settings.engine.workers == 2
    assert loaded.settings.logging.format == "console"
    assert loaded.settings.logging.level == "debug"
    assert loaded.origins["engine.workers"] == f"{tmp_path / 'config.yaml'}:5"
    assert loaded.origins["logging.format"] == "environment CONSUMER_LOGGING__FORMAT"
    assert loaded.origins["logging.level"] == "command line --log-level"
    assert loaded.origins["logging.exception_messages"] == "default"


@for_each(
    "name, text, key, value",
    [
        ("CONSUMER_QUEUE__URL", URL, "queue.url", URL),
        ("CONSUMER_QUEUE__WAIT_TIME_SECONDS", " 5 ", "queue.wait_time_seconds", 5),
        (
            "CONSUMER_QUEUE__VISIBILITY_TIMEOUT_SECONDS",
            "null",
            "queue.visibility_timeout_seconds",
            None,
        ),
        (
            "CONSUMER_QUEUE__VISIBILITY_TIMEOUT_SECONDS",
            " None ",
            "queue.visibility_timeout_seconds",
            None,
        ),
        ("CONSUMER_QUARANTINE__DIRECTORY", "NULL", "quarantine.directory", None),
        ("CONSUMER_AWS__PROFILE", "none", "aws.profile", None),
        ("CONSUMER_STATE_DIRECTORY", "none", "state_directory", Path("none")),
        ("CONSUMER_QUEUE__ALLOW_ANY_QUEUE_NAME", "yes", "queue.allow_any_queue_name", True),
        ("CONSUMER_ENGINE__SETTLE_LINGER_SECONDS", "0.25", "engine.settle_linger_seconds", 0.25),
        ("CONSUMER_LOGGING__LEVEL", "DEBUG", "logging.level", "debug"),
        ("CONSUMER_STATE_DIRECTORY", "/var/lib/x", "state_directory", Path("/var/lib/x")),
        ("CONSUMER_ENGINE__WORKERS", "", "engine.workers", 8),
        ("CONSUMER_AWS__PROFILE", " \t", "aws.profile", None),
    ],
)
def test_environment_gives_any_type(
    load_text: LoadText, name: str, text: str, key: str, value: Any
) -> None:
    """As the type of their key; null and none are null; an empty variable is not set."""
    loaded = load_text("", {name: text, "PATH": "/bin", "CONSUMERS": "x"})

    found: Any = loaded.settings
    for part in key.split("."):
        found = getattr(found, part)
    assert value == found
    assert loaded.origins[key] == (f"environment {name}" if text.strip() else "default")


@for_each(
    "name, hint",
    [
        ("CONSUMER_QUEUE_URL", "did you mean CONSUMER_QUEUE__URL?"),
        ("CONSUMER_QUEUE__URI", "did you mean CONSUMER_QUEUE__URL?"),
        ("CONSUMER_queue__url", "did you mean CONSUMER_QUEUE__URL?"),
        ("CONSUMER_STATE_DIR", "did you mean CONSUMER_STATE_DIRECTORY?"),
        ("CONSUMER_X", "the shape is CONSUMER_SECTION__KEY"),
        ("CONSUMER_HANDLERS", "handlers can't be set by the environment"),
        ("CONSUMER_HANDLERS__0__NAME", "handlers can't be set by the environment"),
    ],
)
def test_an_unknown_variable_is_an_error(faults_of: FaultsOf, name: str, hint: str) -> None:
    """The error names the nearest variable, but not the value, which may be a secret."""
    (line,) = faults_of("", {name: "sesame"})

    assert line.startswith(f"environment {name}: ")
    assert hint in line
    assert "sesame" not in line


def test_a_bad_value_names_its_variable(faults_of: FaultsOf) -> None:
    """The error names the variable, the key, the value, and what would be right."""
    name = "CONSUMER_QUEUE__WAIT_TIME_SECONDS"
    fault = '"abc": must be a whole number from 0 to 20'

    assert faults_of("", {name: "abc"}) == [f"environment {name}: queue.wait_time_seconds: {fault}"]


def test_an_override_of_none_is_not_given(load_text: LoadText) -> None:
    """An option that was not used leaves the file's value alone."""
    loaded = load_text("logging: {level: error}", {}, {"logging.level": None})

    assert loaded.settings.logging.level == "error"


@for_each(
    "environ, overrides, url, name",
    [
        ({}, {"queue.name": "canvas-live-events-b"}, None, "canvas-live-events-b"),
        ({"CONSUMER_QUEUE__NAME": "canvas-live-events-b"}, {}, None, "canvas-live-events-b"),
        ({"CONSUMER_QUEUE__NAME": "canvas-live-events-b"}, {"queue.url": URL}, URL, None),
    ],
)
def test_a_higher_layer_chooses_between_url_and_name(
    load_text: LoadText,
    environ: dict[str, str],
    overrides: dict[str, str],
    url: str | None,
    name: str | None,
) -> None:
    """With --queue-name the file's queue.url does not count, and the other way round."""
    loaded = load_text(f"queue: {{url: '{URL}'}}", environ, overrides)

    assert (url, name) == (loaded.settings.queue.url, loaded.settings.queue.name)


def test_a_higher_layer_chooses_the_credentials(load_text: LoadText) -> None:
    """With --profile the key in the file does not count."""
    text = "aws: {access_key_id: id, secret_access_key: sesame, region: us-east-1}"

    loaded = load_text(text, {}, {"aws.profile": "mine"})

    assert loaded.settings.aws.profile == "mine"
    assert loaded.settings.aws.access_key_id is None
    assert loaded.settings.aws.secret_access_key is None
    assert loaded.origins["aws.access_key_id"] == "default"


@for_each(
    "value, directory",
    [("/var/lib/one", "/var/lib/one"), ("/var/lib/one:/var/lib/two", "/var/lib/one"), ("", "")],
)
def test_systemd_names_the_state_directory(load_text: LoadText, value: str, directory: str) -> None:
    """$STATE_DIRECTORY is the default; of several the first; without it there is a local one."""
    loaded = load_text("", {"STATE_DIRECTORY": value})

    assert loaded.settings.state_directory == Path(directory or "canvas-live-events")
    origin = "environment STATE_DIRECTORY" if directory else "default"
    assert origin == loaded.origins["state_directory"]


def test_the_file_wins_over_systemds_state_directory(load_text: LoadText) -> None:
    """What is configured is meant."""
    loaded = load_text("state_directory: /srv/events", {"STATE_DIRECTORY": "/var/lib/x"})

    assert loaded.settings.state_directory == Path("/srv/events")
