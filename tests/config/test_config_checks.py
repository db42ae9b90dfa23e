"""What must hold between keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.config import UNIT_STOP_TIMEOUT_SECONDS, EngineSettings, QueueSettings
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import FaultsOf, LoadText

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
SAME_BY_VPC = "https://vpce-1.sqs.us-east-1.vpce.amazonaws.com/123456789012/canvas-live-events-prod"
LEGACY = "https://queue.amazonaws.com/123456789012/canvas-live-events-prod"
NAME = "queue: {name: canvas-live-events}"
VPC = "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"
KEY = "access_key_id: id, secret_access_key: sesame"


@for_each(
    "queue, fault",
    [
        (
            f"url: '{URL}', name: canvas-live-events",
            "queue.name: queue.url is given, too (FILE:1);",
        ),
        (
            "url: canvas-live-events",
            'queue.url: "canvas-live-events": must be a valid URL, such as',
        ),
        ("url: 'ftp://example.com/q'", "must be a valid URL, such as https://"),
        ("url: 'https://host:port/q'", "must be a valid URL, such as https://"),
        ("url: 'https://user:pw@example.com/1/q'", "must not contain a user name or password"),
        ("read_timeout_seconds: 20", "20: must be more than wait_time_seconds (20)"),
        ("wait_time_seconds: 5, read_timeout_seconds: 5", "5: must be more than wait_time_seconds"),
        ("visibility_timeout_seconds: 29", "29: must be at least 30, the time a receive may take"),
        (
            "wait_time_seconds: 20, read_timeout_seconds: 45, visibility_timeout_seconds: 44",
            "44: must be at least 45, the time a receive may take",
        ),
        (
            "connect_timeout_seconds: 20, visibility_timeout_seconds: 41",
            "41: must be at least 42: the heartbeat renews at half of it",
        ),
    ],
)
def test_keys_of_the_queue_that_contradict_are_errors(
    faults_of: FaultsOf, queue: str, fault: str
) -> None:
    """Each rule between the keys of the queue has its own sentence, with the numbers."""
    (line,) = faults_of(f"queue: {{{queue}}}")

    assert line.startswith("FILE:1: queue.")
    assert fault in line


@for_each(
    "queue",
    [
        "visibility_timeout_seconds: 30",
        "wait_time_seconds: 0, read_timeout_seconds: 0.5, visibility_timeout_seconds: 12",
        "wait_time_seconds: 20, read_timeout_seconds: 20.5",
        "url: 'http://127.0.0.1:5000/123456789012/canvas-live-events'",
    ],
)
def test_a_queue_at_the_edge_is_fine(load_text: LoadText, queue: str) -> None:
    """The smallest numbers that fit are accepted; so is an emulator's URL."""
    assert load_text(f"queue: {{{queue}}}").warnings == ()


def test_the_heartbeats_minimum() -> None:
    """Half of the visibility timeout must hold a tick and a new connection."""
    assert QueueSettings().heartbeat_minimum_seconds == 12
    assert QueueSettings(connect_timeout_seconds=20).heartbeat_minimum_seconds == 42


@for_each("seconds", [90, 3600])
def test_a_drain_longer_than_systemd_waits_is_an_error(faults_of: FaultsOf, seconds: int) -> None:
    """The error names both remedies: a shorter drain, or a longer TimeoutStopSec."""
    (line,) = faults_of(f"engine: {{drain_timeout_seconds: {seconds}}}")

    assert line.startswith(f"FILE:1: engine.drain_timeout_seconds: {seconds}: must be less than 90")
    assert "lower it" in line
    assert "raise TimeoutStopSec" in line
    assert "engine.stop_timeout_seconds" in line


def test_a_drain_may_be_longer_where_the_unit_allows_it(load_text: LoadText) -> None:
    """The second remedy works: the unit's own number can be configured."""
    text = "engine: {drain_timeout_seconds: 100, stop_timeout_seconds: 120}"

    assert load_text(text).settings.engine.drain_timeout_seconds == 100


def test_the_default_drain_fits_the_shipped_unit() -> None:
    """Neither has to be set."""
    engine = EngineSettings()

    assert engine.drain_timeout_seconds < engine.stop_timeout_seconds == UNIT_STOP_TIMEOUT_SECONDS


def test_a_backoff_that_begins_beyond_its_end_is_an_error(faults_of: FaultsOf) -> None:
    """The base is at most the maximum, the default one, too."""
    (line,) = faults_of("engine: {retry_base_seconds: 901}")

    assert line.startswith("FILE:1: engine.retry_base_seconds: 901: must not be more than")
    assert line.endswith("engine.retry_max_seconds (900)")


@pytest.mark.parametrize(
    ("aws", "fault"),
    [
        ("access_key_id: id", "aws.access_key_id: aws.secret_access_key is missing; give both"),
        ("secret_access_key: s", "aws.secret_access_key: aws.access_key_id is missing; give both"),
        (
            "access_key_id_file: FILES/id",
            "aws.access_key_id_file: aws.secret_access_key is missing",
        ),
        ("session_token: t", "aws.session_token: belongs to a key"),
        (f"{KEY}, profile: p", 'aws.profile: "p": aws.access_key_id is given, too (FILE:2)'),
        (
            f"{KEY}, access_key_id_file: FILES/id",
            "aws.access_key_id_file: aws.access_key_id is given",
        ),
        ("role_arn: canvas", 'aws.role_arn: "canvas": must look like arn:aws:iam::'),
        ("endpoint_url: localhost", 'aws.endpoint_url: "localhost": must be a valid URL'),
        ("region: US East", 'aws.region: "US East": must be a region, such as us-east-1'),
        ("region: us-east-1a", 'aws.region: "us-east-1a": must be a region'),
        ("region: us-west-2", "us-west-2: the queue's URL says us-east-1 (FILE:1); leave it out"),
    ],
)
def test_wrong_credentials_are_errors(
    faults_of: FaultsOf, credentials: str, aws: str, fault: str
) -> None:
    """Each rule for credentials and region has its own sentence, without any secret."""
    text = f"queue: {{url: '{URL}'}}\naws: {{{aws.replace('FILES', credentials)}}}"

    (line,) = faults_of(text)

    assert line.startswith("FILE:2: aws.")
    assert fault in line
    assert "sesame" not in line


@pytest.fixture(name="credentials")
def _credentials(tmp_path: Path) -> str:
    """A directory with an id in a file."""
    (tmp_path / "id").write_text("AKIAEXAMPLE\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("text", "region", "origin"),
    [
        (f"queue: {{url: '{URL}'}}\naws: {{{KEY}}}", "us-east-1", "queue.url"),
        (f"queue: {{url: '{URL}'}}", "us-east-1", "queue.url"),
        (f"queue: {{url: '{URL}'}}\naws: {{region: us-east-1}}", "us-east-1", "FILE:2"),
        (f"{NAME}\naws: {{{KEY}, region: eu-west-1}}", "eu-west-1", "FILE:2"),
        (NAME, None, "default"),
        (f"{NAME}\naws: {{{KEY}, endpoint_url: 'http://localhost:1'}}", None, "default"),
        (
            f"queue: {{url: '{URL}'}}\naws: {{region: elasticmq, endpoint_url: 'http://h:1'}}",
            "elasticmq",
            "FILE:2",
        ),
        (f"{NAME}\naws: {{{KEY}, endpoint_url: '{VPC}'}}", "eu-west-1", "aws.endpoint_url"),
    ],
)
def test_the_region_is_given_or_in_the_url(
    load_text: LoadText, tmp_path: Path, text: str, region: str | None, origin: str
) -> None:
    """The region is known by key or URL; with an emulator any will do; else AWS's own is used."""
    loaded = load_text(text)

    assert region == loaded.settings.aws.region
    assert origin == loaded.origins["aws.region"].replace(f"{tmp_path}/config.yaml", "FILE")


@for_each(
    "text, environ, region, origin",
    [
        (NAME, {"AWS_REGION": "eu-west-1"}, "eu-west-1", "environment AWS_REGION"),
        (NAME, {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2", "environment AWS_DEFAULT_REGION"),
        (
            NAME,
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"},
            "eu-west-1",
            "environment AWS_REGION",
        ),
        (NAME, {"AWS_REGION": ""}, None, "default"),
        (f"{NAME}\naws: {{{KEY}}}", {"AWS_REGION": "eu-west-1"}, "eu-west-1", "AWS_REGION"),
        (f"{NAME}\naws: {{region: eu-west-3}}", {"AWS_REGION": "eu-west-1"}, "eu-west-3", "yaml:2"),
        (f"queue: {{url: '{URL}'}}", {"AWS_REGION": "eu-west-1"}, "us-east-1", "queue.url"),
        (f"queue: {{url: '{URL}'}}", {"AWS_REGION": "US East"}, "us-east-1", "queue.url"),
        (
            f"{NAME}\naws: {{endpoint_url: '{VPC}'}}",
            {"AWS_REGION": "us-east-1"},
            "eu-west-1",
            "aws.endpoint_url",
        ),
    ],
)
def test_the_region_may_be_the_environments(
    load_text: LoadText, text: str, environ: dict[str, str], region: str | None, origin: str
) -> None:
    """As for AWS's other SDKs; what names the queue's own region wins, without an error."""
    loaded = load_text(text, environ)

    assert region == loaded.settings.aws.region
    assert loaded.origins["aws.region"].endswith(origin)


def test_a_region_of_the_environment_must_be_one(faults_of: FaultsOf) -> None:
    """The error names the variable."""
    (line,) = faults_of(NAME, {"AWS_REGION": "US East"})

    assert line.startswith('environment AWS_REGION: aws.region: "US East": must be a region')


@for_each(
    "queue", ["name: canvas-live-events", "url: 'http://127.0.0.1:5000/1/canvas-live-events'"]
)
def test_with_a_key_the_region_must_be_known(faults_of: FaultsOf, queue: str) -> None:
    """A key alone does not show where the queue is."""
    (line,) = faults_of(f"queue: {{{queue}}}\naws: {{{KEY}}}")

    assert "with a key the region must be known: set aws.region" in line


def test_a_queue_is_needed_only_to_run(load_text: LoadText, faults_of: FaultsOf) -> None:
    """Without a queue a configuration can be shown, but not run."""
    load_text("logging: {level: debug}")

    (line,) = faults_of("logging: {level: debug}", require_queue=True)
    assert (
        "no queue is given; set queue.url in the file, CONSUMER_QUEUE__URL, or --queue-url" in line
    )


@for_each(
    "text, way",
    [
        (
            "queue: {url: '${QUEUE_URL}'}",
            "set the environment variable CONSUMER_QUEUE__URL instead",
        ),
        ("queue: {url: 'https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/q'}", "CONSUMER_QUEUE__URL"),
        ("queue: {url: $QUEUE_URL}", "CONSUMER_QUEUE__URL"),
        ("queue: {name: '${'}", "CONSUMER_QUEUE__NAME"),
        ("state_directory: ${HOME}/x", "CONSUMER_STATE_DIRECTORY"),
        (
            "aws: {access_key_id: x, secret_access_key: '${SECRET}', region: us-east-1}",
            "CONSUMER_AWS__SECRET_ACCESS_KEY or use aws.secret_access_key_file",
        ),
        (
            "aws: {access_key_id: x, secret_access_key: $SECRET, region: us-east-1}",
            "aws.secret_access_key: (not shown): variables are not expanded",
        ),
    ],
)
def test_variables_are_not_expanded(faults_of: FaultsOf, text: str, way: str) -> None:
    """${VAR} is an error that says how to do it: the file is not a template."""
    lines = faults_of(text)

    assert any("variables are not expanded in the configuration" in line for line in lines)
    assert any(way in line for line in lines)


@for_each(
    "quarantine, fault",
    [
        (
            f"directory: q, queue_url: '{VPC}/1/poison'",
            "quarantine.directory is given, too (FILE:2)",
        ),
        (f"queue_url: '{URL}'", "quarantine.queue_url: is queue.url itself"),
        (f"queue_url: '{URL}/'", "quarantine.queue_url: is queue.url itself"),
        (f"queue_url: '{LEGACY}'", "quarantine.queue_url: is queue.url itself"),
        (f"queue_url: '{SAME_BY_VPC}'", "is queue.url itself"),
        ("queue_url: poison", 'quarantine.queue_url: "poison": must be a valid URL, such as'),
        ("queue_url: 'https://a:b@example.com/1/q'", "must not contain a user name or password"),
    ],
)
def test_a_wrong_quarantine_is_an_error(faults_of: FaultsOf, quarantine: str, fault: str) -> None:
    """One place, that can be sent to, and another queue than the events come from."""
    text = f"queue: {{url: '{URL}'}}\nquarantine: {{{quarantine}}}"

    assert any(fault in line for line in faults_of(text))


def test_a_quarantine_in_the_queue_that_is_named_is_an_error(faults_of: FaultsOf) -> None:
    """Likewise where the queue is configured by its name."""
    text = f"queue: {{name: canvas-live-events-prod}}\nquarantine: {{queue_url: '{URL}'}}"

    assert any("is queue.name itself" in line for line in faults_of(text))


@for_each(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com/210987654321/canvas-live-events-prod",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/canvas-live-events-prod",
        "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-poison",
    ],
)
def test_another_queue_will_do_for_a_quarantine(load_text: LoadText, url: str) -> None:
    """Account, region and name are what makes it another."""
    text = f"queue: {{url: '{URL}'}}\nquarantine: {{queue_url: '{url}'}}"

    assert load_text(text, {}, {}).settings.quarantine.queue_url == url


@for_each(
    "listen, right",
    [
        ("127.0.0.1:9464", True),
        ("localhost:9464", True),
        ("[::1]:9464", True),
        (":9464", False),
        ("9464", False),
        ("::1:9464", False),
        ("[127.0.0.1]:9464", False),
        ("127.0.0.1", False),
        ("127.0.0.1:0", False),
        ("127.0.0.1:65536", False),
        ("metrics.example.org:9464", False),
        ("http://127.0.0.1:9464", False),
    ],
)
def test_the_address_of_the_metrics_is_an_ip_address_and_a_port(
    load_text: LoadText, faults_of: FaultsOf, listen: str, right: bool
) -> None:
    """Which interface is meant must not depend on a name server."""
    text = f"metrics: {{listen: '{listen}'}}"
    if right:
        loaded = load_text(text)
        assert (loaded.settings.metrics.listen, loaded.warnings) == (listen, ())
    else:
        (line,) = faults_of(text)
        assert line.startswith(f'FILE:1: metrics.listen: "{listen}": must be an IP address and a')


@for_each("listen", ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464"])
def test_an_address_that_others_can_reach_draws_a_warning(load_text: LoadText, listen: str) -> None:
    """There is no password: what they can see is said."""
    (warning,) = load_text(f"metrics: {{listen: '{listen}'}}").warnings
    assert f"metrics.listen: {listen}: not only this machine can reach it" in warning


def test_the_metrics_file_must_have_the_name_that_is_read(faults_of: FaultsOf) -> None:
    """node_exporter ignores all others without a word."""
    (line,) = faults_of("metrics: {textfile: /tmp/metrics.txt}")
    assert "metrics.textfile" in line
    assert "must end in .prom" in line
