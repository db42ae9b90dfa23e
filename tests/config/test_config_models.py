"""Single keys: what is unknown, of the wrong type or out of range, and that secrets stay secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr, ValidationError

from consumer.config import AwsSettings, HandlerSettings, QueueSettings, Settings
from consumer.config.fields import FIELDS, bare_type
from tests.cases import for_each

if TYPE_CHECKING:
    from tests.config.conftest import FaultsOf, LoadText


@for_each(
    "text, fault",
    [
        ("que: {}", "FILE:1: que: unknown key; did you mean queue?"),
        ("url: x", "FILE:1: url: unknown key; did you mean queue.url?"),
        (
            "zzz: x",
            "unknown key; valid here: aws, engine, handlers, logging, metrics, ping, ",
        ),
        ("queue:\n  visability_timeout: 3", "FILE:2: queue.visability_timeout: unknown key; did"),
        ("queue:\n  visability_timeout: 3", "did you mean visibility_timeout_seconds?"),
        ("queue: {region: x}", "queue.region: unknown key; did you mean aws.region?"),
        ("aws: {accessKeyId: x}", "did you mean access_key_id?"),
        ("engine: {drain-timeout-seconds: 3}", "did you mean drain_timeout_seconds?"),
        ("queue: https://x", 'queue: "https://x": must be a mapping'),
        ("queue: [a]", "queue: a list: must be a mapping"),
        ("queue: {wait_time_seconds: 25}", "25: must be a whole number from 0 to 20"),
        ("queue: {wait_time_seconds: -1}", "-1: must be a whole number from 0 to 20"),
        ("queue: {wait_time_seconds: 1.5}", "1.5: must be a whole number from 0 to 20"),
        ("queue: {wait_time_seconds: null}", "null: must be a whole number from 0 to 20; leave"),
        ("queue: {wait_time_seconds: null}", "leave the key out for the default (20)"),
        ("queue: {wait_time_seconds: [1]}", "a list: must be a whole number from 0 to 20"),
        (
            "queue: {visibility_timeout_seconds: 43201}",
            "must be a whole number from 1 to 43200, or",
        ),
        ("queue: {format: canvass}", '"canvass": must be one of auto, canvas, caliper; did you m'),
        ("queue: {allow_any_queue_name: 3}", "3: must be true or false"),
        ("queue: {unwrap: [sqs]}", 'FILE:1: queue.unwrap[0]: "sqs": must be a list of any of sns'),
        ("queue: {url: ''}", 'queue.url: "": must be text'),
        ("queue: {url: ''}", "leave the key out if there is none"),
        ("engine: {workers: 0}", "engine.workers: 0: must be a whole number from 1 to 256"),
        ("engine: {retry_base_seconds: 0}", "0: must be a number of seconds from 0.1 to 43200"),
        ("engine: {settle_linger_seconds: .nan}", "must be a number of seconds from 0 to 10"),
        ("engine: {drain_timeout_seconds: .inf}", "must be a number of seconds from 0 to 86400"),
        ("logging: {level: warn}", '"warn": must be one of debug, info, warning, error; did you m'),
        ("logging: {level: 3}", "3: must be one of debug, info, warning, error"),
        ("logging: {exception_messages: maybe}", '"maybe": must be true or false'),
        ("state_directory: [x]", "FILE:1: state_directory: a list: must be a path"),
        ("state_directory: ''", 'state_directory: "": must be a whole path'),
        ("state_directory: ~/x", 'state_directory: "~/x": must be a whole path; ~ is not expanded'),
    ],
)
def test_each_wrong_key_has_its_error(faults_of: FaultsOf, text: str, fault: str) -> None:
    """Each error has file and line, the key, the value, and what would be right."""
    (line,) = faults_of(text)

    assert fault in line
    assert line.startswith("FILE:")


def test_all_errors_are_reported_at_once_in_order(faults_of: FaultsOf) -> None:
    """One run of `config check` finds all: a line for each, in the order of the file."""
    text = """\
engine:
  workers: 0
queue:
  wait_time_seconds: 21
  frmat: auto
handlers:
  - {name: a, log: {}, concurrency: 0}
logging: {level: loud}
"""

    lines = faults_of(text, {"CONSUMER_ENGINE__MAX_POLLERS": "0"})

    places = [line.partition(": ")[0] for line in lines]
    assert places[:5] == ["FILE:2", "FILE:4", "FILE:5", "FILE:7", "FILE:8"]
    assert places[5:] == ["environment CONSUMER_ENGINE__MAX_POLLERS"]


SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@for_each(
    "text",
    [
        f"aws: {{secret_access_key: [{SECRET}]}}",
        f"aws: {{secret_access_key: {{a: {SECRET}}}}}",
        f"aws: {{secret_acess_key: {SECRET}}}",
        f"aws: {{secret_access_key:{SECRET}}}",
        f"aws: {SECRET}",
        f"aws:\n  secret_access_key:{SECRET}",
        f"aws: {{region: {SECRET}}}",
        f"aws: {{profile: [{SECRET}], secret_access_key: 12}}",
        f"queue: {{format: {SECRET}}}",
        f"queue: {{url: 'https://user:{SECRET}@sqs.us-east-1.amazonaws.com/1/canvas-live-events'}}",
        f"aws: {{endpoint_url: 'https://user:{SECRET}@example.com'}}",
        f"handlers: [{{name: a, kafka: {SECRET}}}]",
        f"handlers: [{{name: a, log: {{}}, timeout_seconds: {SECRET}}}]",
        f"aws: {{secret_access_key: '${{{SECRET}}}', access_key_id: x, region: us-east-1}}",
        f"aws: {{secret_access_key: {SECRET}}}",
        f"aws: {{secret_access_key: {SECRET}, secret_access_key: {SECRET}}}",
        f"{SECRET}",
        f"aws:\n  secret_access_key: {SECRET}\n bad: [",
    ],
)
def test_a_secret_is_never_shown(faults_of: FaultsOf, text: str) -> None:
    """Wherever it is by mistake, and with any error, its value stays out."""
    errors = "\n".join(faults_of(text))

    assert SECRET not in errors
    assert "FILE" in errors


def test_secrets_stay_out_of_repr(load_text: LoadText) -> None:
    """Neither the settings nor what load returns shows a secret, or a handler's options."""
    text = f"""\
aws: {{access_key_id: id-{SECRET}, secret_access_key: {SECRET}, session_token: {SECRET}}}
queue: {{url: "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events"}}
handlers: [{{name: a, kafka: {{password: {SECRET}}}}}]
"""

    loaded = load_text(text)

    assert loaded.settings.aws.secret_access_key == SecretStr(SECRET)
    assert SECRET not in repr(loaded) + str(loaded.settings) + repr(loaded.settings.handlers)


@for_each(
    "make",
    [
        lambda: AwsSettings.model_validate({"secret_access_key": [SECRET]}),
        lambda: AwsSettings.model_validate({"secret": SECRET}),
    ],
)
def test_secrets_stay_out_of_pydantics_errors(make: Any) -> None:
    """Also where a model is made without `load`."""
    with pytest.raises(ValidationError) as caught:
        make()

    assert SECRET not in str(caught.value)


def test_settings_are_frozen() -> None:
    """Settings can't be changed behind the back of the parts that were made from them."""
    settings = Settings()

    with pytest.raises(ValidationError):
        settings.queue.wait_time_seconds = 3


def test_numbers_carry_their_unit() -> None:
    """Every number says in its name what it counts."""
    counts = {"engine.workers", "engine.max_pollers", "engine.max_in_flight_messages"}
    counts |= {"engine.breaker_failures"}
    numbers = {key for key, f in FIELDS.items() if bare_type(f.annotation) in (int, float)}

    assert counts == {key for key in numbers if not key.endswith(("_seconds", "_bytes"))}


def test_every_number_has_a_range() -> None:
    """No number is unbounded on either side."""
    for key, field in FIELDS.items():
        if bare_type(field.annotation) in (int, float):
            assert any(hasattr(m, "ge") for m in field.metadata), key
            assert any(hasattr(m, "le") for m in field.metadata), key


@for_each("given, effective", [(None, 30.0), (25, 25.0)])
def test_read_timeout_follows_the_wait(given: float | None, effective: float) -> None:
    """Without one of its own, a receive may take the long poll and ten seconds."""
    assert effective == QueueSettings(read_timeout_seconds=given).effective_read_timeout_seconds


def test_a_handler_can_be_made_in_python() -> None:
    """The defaults of an entry: every event, either format."""
    handler = HandlerSettings(name="a", type="log")

    assert handler.events == ("*",)
    assert handler.options == {}
    assert handler.format is None
